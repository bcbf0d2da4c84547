"""Audio that was made elsewhere."""

import os
from pathlib import Path

import pytest
import tiny_openvamp

from musical_roots import audio, external, generate
from musical_roots.errors import InputError

RATE = 24_000


@pytest.fixture
def elsewhere(tmp_path, corpus):
    """A folder with two good files, one that is none, and a manifest that knows one prompt."""
    folder = tmp_path / "made"
    folder.mkdir()
    for number, name in enumerate(["a.wav", "b.flac"]):
        audio.write(folder / name, tiny_openvamp.music(3, 10 + number), RATE)
    (folder / "broken.wav").write_text("no audio")
    prompt = corpus[0].path.iloc[0]
    (folder / "list.csv").write_text(
        f"path,prompt_path,prompt_start_s\na.wav,{prompt},2\nb.flac,,\nbroken.wav,,\ngone.wav,,\n"
    )
    return folder


def test_a_folder_of_audio_is_a_list_of_vamps(elsewhere, corpus):
    vamps, rejected = external.external(external.listed(elsewhere, None), corpus[0], 3.0)
    assert vamps.path.tolist() == [str(elsewhere / name) for name in ("a.wav", "b.flac")]
    assert rejected.path.tolist() == [str(elsewhere / "broken.wav")]
    assert "not audio that can be decoded" in rejected.reason[0]
    clips = generate.vamp_clips(vamps, 1.0)
    assert len(clips) == 6 == clips.clip_id.nunique()
    assert (clips[["track_id", "group_id", "parent_clip_id"]] == "").all(axis=None)
    prompts = generate.prompt_clips(vamps, 1.0)
    assert prompts.empty
    assert prompts.columns.tolist() == clips.columns.tolist()


def test_a_manifest_may_know_the_prompts(elsewhere, corpus):
    listed = external.listed(None, elsewhere / "list.csv")
    vamps, rejected = external.external(listed, corpus[0], 3.0)
    assert len(vamps) == 2
    assert [reason.split(": ")[1][:12] for reason in rejected.reason] == [
        "not audio th",
        "no such file",
    ]
    first = corpus[0].iloc[0]
    assert vamps.prompt_track_id.tolist() == [first.track_id, ""]
    prompts = generate.prompt_clips(vamps, 1.0)
    assert prompts.start_s.tolist() == [2.0, 3.0, 4.0]
    assert set(prompts.clip_id) <= set(corpus[0].clip_id)


def reasons(folder, corpus, rows, header="path,prompt_path,prompt_start_s"):
    """What is used of a manifest with such rows, and why the rest is not: row -> reason."""
    (folder / "rows.csv").write_text(f"{header}\n{rows}\n")
    vamps, rejected = external.external(external.listed(None, folder / "rows.csv"), corpus[0], 3.0)
    names = [Path(path).name for path in vamps.get("path", [])]
    return names, dict(zip(rejected.row, rejected.reason, strict=True))


@pytest.mark.parametrize("start", ["soon", "-1", "5.2", "8", "900", "inf"])
def test_a_prompt_that_starts_where_there_is_none_is_rejected_by_row(elsewhere, corpus, start):
    prompt = corpus[0].path.iloc[0]  # of 8 s
    rows = f"b.flac,{prompt},5\na.wav,{prompt},{start}"
    used, why = reasons(elsewhere, corpus, rows)
    assert used == ["b.flac"]
    assert list(why) == [3]
    assert why[3].startswith(f"{elsewhere}/a.wav: prompt_start_s, {start}")
    assert "(8.0 s), goes on for generation.duration_s, 3 s; mend it" in why[3]


def test_a_start_may_be_left_out(elsewhere, corpus):
    prompt = corpus[0].path.iloc[0]
    for rows, header in (
        (f"a.wav,{prompt},\nb.flac,,", "path,prompt_path,prompt_start_s"),
        (f"a.wav,{prompt}\nb.flac,", "path,prompt_path"),
    ):
        (elsewhere / "rows.csv").write_text(f"{header}\n{rows}\n")
        listed = external.listed(None, elsewhere / "rows.csv")
        vamps, rejected = external.external(listed, corpus[0], 3.0)
        assert rejected.empty
        assert vamps.prompt_start_s.fillna(-1).tolist() == [0, -1]


def test_rows_that_name_no_file_say_what_to_mend(elsewhere, corpus):
    rows = "gone.wav,,\n,x.wav,\na.wav,gone.wav,\nb.flac,,\n"
    used, why = reasons(elsewhere, corpus, rows + 300 * "x" + ".wav,,")
    assert f"{300 * 'x'}.wav: no such file; mend its path" in why.pop(6)
    assert used == ["b.flac"]
    assert why == {
        2: f"{elsewhere}/gone.wav: no such file; mend its path in the manifest, or remove the row",
        3: "path is blank; name the output's file, or remove the row",
        4: f"{elsewhere}/a.wav: prompt_path, {elsewhere}/gone.wav, is no file; mend it, or leave "
        "it blank",
    }


def test_a_prompt_that_cannot_be_used_is_said_to_be_the_prompt(elsewhere, corpus):
    audio.write(elsewhere / "short.wav", tiny_openvamp.music(1, 12), RATE)
    _, why = reasons(elsewhere, corpus, "a.wav,broken.wav,\nb.flac,short.wav,")
    assert why[2].startswith(f"{elsewhere}/a.wav: prompt_path, {elsewhere}/broken.wav: not audio")
    assert why[3] == (
        f"{elsewhere}/b.flac: prompt_path, {elsewhere}/short.wav: 1.0 s of audio are less than "
        "generation.duration_s, 3 s; leave prompt_path blank"
    )


def test_files_in_a_folder_that_may_not_be_entered_are_rejected(elsewhere, corpus, monkeypatch):
    """By a stand-in for the system's answer: root may enter every folder."""
    look = Path.stat

    def refuse(path, **how):
        if "locked" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", refuse)
    used, why = reasons(elsewhere, corpus, "locked/a.wav,,\na.wav,locked/p.wav,\nb.flac,,")
    assert used == ["b.flac"]
    right = "may not be read; give yourself the right to"
    assert why == {
        2: f"{elsewhere}/locked/a.wav: {right}",
        3: f"{elsewhere}/a.wav: prompt_path, {elsewhere}/locked/p.wav: {right}",
    }
    assert external.state(external.listed(None, elsewhere / "rows.csv"))


def test_an_output_counts_once_and_what_repeats_it_is_listed(elsewhere, corpus):
    """Byte-equal files, and one file with two prompts."""
    (elsewhere / "c.wav").write_bytes((elsewhere / "a.wav").read_bytes())
    prompts = corpus[0].path.unique()
    rows = f"a.wav,{prompts[0]},\na.wav,{prompts[1]},\nb.flac,,\nc.wav,,"
    used, why = reasons(elsewhere, corpus, rows)
    assert used == ["a.wav", "b.flac"]
    assert list(why) == [3, 5]
    for reason in why.values():
        assert f"the same audio as {elsewhere}/a.wav, which is listed before" in reason


@pytest.mark.parametrize("column", ["prompt_pth", "Prompt_path", "promt_path", "prompt"])
def test_a_misspelt_column_is_no_unknown_prompt(elsewhere, column):
    (elsewhere / "rows.csv").write_text(f"path,{column},note\na.wav,x.wav,loud\n")
    with pytest.raises(InputError) as error:
        external.listed(None, elsewhere / "rows.csv")
    assert f"rows.csv: column {column!r} is not known; call it prompt_path" in str(error.value)


@pytest.mark.parametrize("end", [",", ",,"])
def test_commas_at_the_end_of_a_row_shift_nothing(elsewhere, corpus, end):
    prompt = corpus[0].path.iloc[0]
    used, why = reasons(elsewhere, corpus, f"a.wav,{prompt}{end}\nb.flac,{end}", "path,prompt_path")
    assert (used, why) == (["a.wav", "b.flac"], {})
    listed = external.listed(None, elsewhere / "rows.csv")
    assert listed.prompt_path.tolist() == [prompt, ""]


def test_a_row_with_a_field_too_many_is_refused(elsewhere):
    (elsewhere / "rows.csv").write_text("path,prompt_path\na.wav,p.wav,b.wav\n")
    with pytest.raises(InputError, match=r"rows\.csv, row 2: fields: 3"):
        external.listed(None, elsewhere / "rows.csv")


def test_a_manifest_from_a_spreadsheet_names_its_files_in_its_own_way(elsewhere, corpus):
    (elsewhere / "Prompt.wav").write_bytes(Path(corpus[0].path.iloc[0]).read_bytes())
    text = (
        "\ufeffpath; prompt_path;prompt_start_s\r\nA.WAV ;.\\prompt.wav;2;\r\n;;\r\nb.flac;;;\r\n"
    )
    (elsewhere / "rows.csv").write_text(text, newline="")
    vamps, rejected = external.external(
        external.listed(None, elsewhere / "rows.csv"), corpus[0], 3.0
    )
    assert rejected.empty
    assert vamps.path.tolist() == [str(elsewhere / "a.wav"), str(elsewhere / "b.flac")]
    assert vamps.prompt_path.tolist() == [str(elsewhere / "Prompt.wav"), ""]
    assert vamps.prompt_start_s.fillna(-1).tolist() == [2, -1]


def test_a_name_that_could_be_two_files_is_refused_by_row(elsewhere):
    (elsewhere / "A.wav").touch()
    (elsewhere / "rows.csv").write_text("path,prompt_path\nb.flac,./a.WAV\n")
    with pytest.raises(InputError, match=r"rows\.csv, row 2: './a.WAV' could be"):
        external.listed(None, elsewhere / "rows.csv")


def test_what_a_folder_holds_that_cannot_be_read_is_rejected(elsewhere, corpus):
    (elsewhere / "more").mkdir()
    (elsewhere / "more/c.dsf").touch()
    (elsewhere / os.fsdecode(b"caf\xe9.wav")).touch()
    (elsewhere / "link").symlink_to(elsewhere.parent)
    (elsewhere / "broken.wav").unlink()
    listed = external.listed(elsewhere, None)
    assert external.state(listed) == external.state(listed)
    vamps, rejected = external.external(listed, corpus[0], 3.0)
    assert len(vamps) == 2
    assert rejected.path.tolist() == [
        str(elsewhere / name) for name in ("caf\\xe9.wav", "link", "more/c.dsf")
    ]
    for reason, part in zip(
        rejected.reason, ["UTF-8", "a link to", "suffix not read"], strict=True
    ):
        assert part in reason


def test_the_state_changes_with_the_files_that_are_listed(elsewhere):
    def state():
        return external.state(external.listed(elsewhere, None))

    states = [state(), state()]
    for change in (
        lambda: (elsewhere / "new.wav").write_bytes(b"1"),
        lambda: (elsewhere / "new.wav").write_bytes(b"12"),
        lambda: os.utime(elsewhere / "new.wav", (1, 1)),
        lambda: (elsewhere / "a.wav").unlink(),
        lambda: (elsewhere / "notes.txt").write_text("of no concern"),
    ):
        change()
        states.append(state())
    assert states[0] == states[1]
    assert states[-1] == states[-2]
    assert len(set(states)) == 5
    # a file that a manifest names and that is not there is rejected by its row, and no error here
    assert external.state(external.listed(None, elsewhere / "list.csv"))


def test_what_external_cannot_use_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone: no such folder; mend generators.external.root"):
        external.listed(tmp_path / "gone", None)
    with pytest.raises(InputError, match=r"gone.csv: no such table; .*generators.external.manif"):
        external.listed(None, tmp_path / "gone.csv")
    (tmp_path / "list.csv").write_text("file\na.wav\n")
    with pytest.raises(InputError, match=r"list.csv: column path is missing"):
        external.listed(None, tmp_path / "list.csv")
