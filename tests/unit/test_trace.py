"""`trace` as a person runs it, on a small study of tones: copies, music of its own, faults."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner
from finished_study import RATE, of_tones, tune

from musical_roots import arrays, audio, cli, harmony
from musical_roots.errors import InputError
from musical_roots.experiments.token_share import TokenIndex
from musical_roots.trace import asked, report, run, searched
from musical_roots.trace import study as studies

ANSWER = {
    *("file", "verdict", "tests", "songs", "artists", "seconds", "tokens", "power", "cannot_know")
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return of_tones(tmp_path_factory.mktemp("study"))


def call(*words):
    return CliRunner().invoke(cli.stages, ["trace", *map(str, words)], standalone_mode=False)


def music(finished, number):
    return finished.parent / "music" / f"{number:02d}.wav"


@pytest.fixture(scope="module")
def spliced(finished, tmp_path_factory):
    """Six seconds of nobody's music, then what training track 1 has from 3 to 9 s."""
    path = tmp_path_factory.mktemp("asked") / "spliced.wav"
    copied, _ = soundfile.read(music(finished, 1), dtype="float32")
    whole = np.concatenate([tune(99, 6), copied[3 * RATE : 9 * RATE]])
    soundfile.write(path, whole, RATE)
    return path


def test_a_splice_is_found_where_it_is(finished, spliced, tmp_path):
    answer = tmp_path / "answer.json"
    shown = call(spliced, "--study", finished, "--json", answer, "--jobs", 1)
    assert shown.exception is None
    told = json.loads(answer.read_text())
    (one,) = told["files"]
    assert set(one) == ANSWER
    assert one["verdict"]["found"] is True
    assert one["songs"][0]["title"] == "Tune 1"
    (run_,) = one["songs"][0]["passages"]
    assert [run_[name] for name in ("start_s", "from_s", "clips")] == [6, 3, 2]
    assert run_["cosine"] == pytest.approx(1, abs=1e-3)
    # 4 clips where control tracks have 2: two chances
    passage = next(row for row in one["tests"] if row["test"] == "passage")
    assert passage["p"] == passage["smallest_p"] == pytest.approx(2 / 25, abs=1e-4)
    placed = [row for row in one["seconds"] if row["place"] == 1 and row["start_s"] >= 6]
    assert [row["from_s"] for row in placed] == [3, 6]
    assert all(row["title"] == "Tune 1" for row in placed)
    assert "Above chance" in shown.output and "0:06-0:12 -> 0:03" in shown.output
    assert "noise 1 of 2" in shown.output, "the power is the table's"


def test_music_of_its_own_is_nothing_above_chance(finished, tmp_path):
    # a control track is no training music; as itself among the control music it is never the first
    shown = call(music(finished, 12), "--study", finished, "--jobs", 1)
    assert "Nothing above chance" in shown.output
    assert "This very file is in the corpus: 'Tune 12' (control)" in shown.output
    assert "What this cannot know" in shown.output


def test_numbers_are_the_same_in_processes_and_alone(finished, spliced):
    study = studies.opened(finished)
    assert run.trace([spliced], study, jobs=1) == run.trace([spliced], study, jobs=2)


def test_one_file_against_another(finished, spliced):
    told = run.trace([spliced], studies.opened(finished), against=music(finished, 1))
    (one,) = told["files"]
    assert one["verdict"]["found"] is True
    (song,) = one["songs"]
    assert song["title"] == "01.wav"
    assert [(row["start_s"], row["from_s"]) for row in song["passages"]] == [(6, 3)]
    assert {row["competition_q"] for row in one["seconds"]} == {None}
    other = run.trace([music(finished, 12)], studies.opened(finished), against=music(finished, 1))
    assert other["files"][0]["verdict"]["found"] is False


def test_the_page_needs_nothing_else(finished, spliced, tmp_path):
    page = tmp_path / "page.html"
    assert call(spliced, "--study", finished, "--html", page, "--jobs", 1).exception is None
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|//[a-z]+\.|url\(|@import|<link|<script src", text)
    sources = re.findall(r'<(?:img|audio)[^>]*src="([^"]{0,30})', text)
    assert sources and all(source.startswith("data:") for source in sources)
    assert text.count("<audio") == text.count("<img") >= 2
    assert text.count("<rect") == 4 and text.count("<circle") == 2
    assert "By 1, CC-BY-4.0" in text


def test_what_is_shown_is_escaped(finished, tmp_path):
    odd = tmp_path / "<b>&.wav"
    soundfile.write(odd, tune(99, 3), RATE)
    page = tmp_path / "page.html"
    assert call(odd, "--study", finished, "--html", page, "--jobs", 1).exception is None
    assert "<b>" not in page.read_text() and "&lt;b&gt;" in page.read_text()


def test_json_may_be_printed(finished, spliced):
    shown = call(spliced, "--study", finished, "--json", "-", "--jobs", 1)
    assert json.loads(shown.stdout)["files"][0]["file"]["clips"] == 4


def test_a_folder_goes_on_past_what_is_no_audio(finished, spliced, tmp_path):
    soundfile.write(tmp_path / "good.wav", tune(98, 3), RATE)
    (tmp_path / "bad.mp3").write_text("no audio")
    (tmp_path / "notes.txt").write_text("not asked")
    told = run.trace([tmp_path, spliced], studies.opened(finished))
    assert [one["file"]["path"] for one in told["files"]] == [
        str(tmp_path / "good.wav"),
        str(spliced),
    ]
    (bad,) = told["rejected"]
    assert bad["path"] == str(tmp_path / "bad.mp3") and "bad.mp3" in bad["reason"]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("none.wav", None, "no such file"),
        ("text.wav", b"hello", "not audio"),
        ("empty.wav", b"", "empty"),
        ("silent.wav", np.zeros(3 * RATE), "silent"),
        ("short.wav", 0.1 * np.ones(RATE // 10), "too short"),
        ("nan.wav", np.r_[0.1 * np.ones(3 * RATE), np.nan, 0.1 * np.ones(RATE)], "not numbers"),
        ("folder", "", "no audio files"),
    ],
)
def test_bad_input_is_one_line(finished, tmp_path, name, content, what):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.mkdir()
    elif content is not None:
        soundfile.write(path, content, RATE, "FLOAT")
    error = call(path, "--study", finished, "--jobs", 1).exception
    assert isinstance(error, InputError)
    assert str(path) in str(error) and what in str(error) and "\n" not in str(error)


def test_a_short_file_is_held_against_parts_of_control_tracks(finished, tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, tune(77, 3), RATE)
    study = studies.opened(finished)
    (told,) = run.trace([path], study)["files"]
    where = searched.of_study(study, study.encoders, None, None)
    null = where.nulls[study.encoders[0]]
    song = next(row for row in told["tests"] if row["test"] == "song")
    expected = null.of_song([song["value"] - 1e-6], 1)[0]
    assert told["file"]["clips"] == 1 and song["p"] == pytest.approx(expected, abs=1e-5)
    assert expected != null.of_song([song["value"] - 1e-6], null.clips)[0]
    first = told["songs"][0]
    rows = len(harmony.pitch_classes(*audio.read(path)))
    parts = where.harmony.null(rows)
    assert not np.array_equal(parts, where.harmony.whole)
    reached = 1 + (parts >= first["harmony"] - 1e-6).sum()
    assert first["harmony_p"] == pytest.approx(reached / (1 + len(parts)), abs=1e-5)


def test_what_is_no_file_is_called_what_it_is(finished, spliced, tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub.wav").mkdir(parents=True)
    (folder / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    os.mkfifo(folder / "pipe.wav")
    odd = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.wav")
    shutil.copy(spliced, odd)
    shutil.copy(spliced, folder / "good.wav")
    answer = tmp_path / "answer.json"
    assert call(folder, "--study", finished, "--json", answer, "--jobs", 1).exception is None
    told = json.loads(answer.read_text())
    assert [Path(one["file"]["path"]).name for one in told["files"]] == ["good.wav"]
    reasons = {Path(one["path"]).name: one["reason"] for one in told["rejected"]}
    assert set(reasons) == {"pipe.wav", "gone.wav", "caf\\xe9.wav"}
    assert "not valid UTF-8; rename it" in reasons["caf\\xe9.wav"]
    assert "pipe" in reasons["pipe.wav"]
    answer.unlink()
    both = [folder / "good.wav", odd, "--study", finished, "--json", answer, "--jobs", 1]
    assert call(*both).exception is None
    assert [one["path"][-11:] for one in json.loads(answer.read_text())["rejected"]] == [
        "caf\\xe9.wav"
    ]
    error = call(odd, "--study", finished).exception
    assert isinstance(error, InputError) and "UTF-8" in str(error)
    error = call(spliced, "--study", finished, "--against", folder).exception
    assert isinstance(error, InputError) and str(error) == f"{folder}: a folder; name one file"


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_no_answer_is_written_over_music(finished, spliced, tmp_path, option):
    mine, other = tmp_path / "mine", tmp_path / "other.flac"
    shutil.copy(spliced, mine)
    kept = mine.read_bytes()
    for words in (
        [mine, option, mine],
        [mine, option, other],
        [spliced, "--against", mine, option, tmp_path / "." / "mine"],
    ):
        error = call(*words, "--study", finished, "--jobs", 1).exception
        assert isinstance(error, InputError) and str(error).startswith(f"{option} ")
        assert "audio, which an answer would replace; name another file" in str(error)
    error = call(mine, option, tmp_path, "--study", finished).exception
    assert isinstance(error, InputError) and "a folder; name a file" in str(error)
    os.link(mine, tmp_path / "linked")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for words in ([mine, option, tmp_path / "linked"], [tmp_path / "loop", option, other]):
        error = call(*words, "--study", finished, "--jobs", 1).exception
        assert isinstance(error, InputError), error
    error = call(spliced, "--json", answer := tmp_path / "x", "--html", answer).exception
    assert isinstance(error, InputError) and "name one file" in str(error)
    assert mine.read_bytes() == kept and not other.exists()


def test_no_study_there_or_none_such(finished, spliced, tmp_path):
    error = call(spliced, "--study", tmp_path).exception
    assert isinstance(error, InputError) and "no finished study" in str(error)
    arrays.write_json({"results": "x"}, tmp_path / "config.json")
    error = call(spliced, "--study", tmp_path).exception
    assert isinstance(error, InputError) and "not finished" in str(error)
    error = call(spliced, "--study", finished, "--generator", "other").exception
    assert isinstance(error, InputError) and "--generator other" in str(error)


def test_other_statistics_than_the_studys_are_refused(finished, spliced):
    study = studies.opened(finished)
    with pytest.raises(InputError, match="mfcc"):
        study.vectors("mfcc", np.zeros((1, 80), np.float32), "mfcc-0")


def test_the_last_second_of_a_file_is_heard():
    assert asked.starts(3, 3, 3) == asked.starts(1, 3, 3) == [0.0]
    assert asked.starts(9, 3, 3) == asked.starts(9.9, 3, 3) == [0.0, 3.0, 6.0]
    assert asked.starts(10, 3, 3) == [0.0, 3.0, 6.0, 7.0]


def test_few_control_tracks_cannot_tell():
    tests = pd.DataFrame({"p": [0.2, 0.4], "smallest_p": 0.2, "track_id": "a"})
    songs = pd.DataFrame({"title": ["T"], "artist": ["A"], "track_id": ["a"]})
    told = report.verdict(tests, songs, type("Null", (), {"tracks": 4}))
    assert told["found"] is None and told["text"].startswith("Cannot tell: with 4 control tracks")


def test_token_shares_name_the_track_that_holds_the_tokens():
    index = TokenIndex.build({"a": np.ones((2, 9), int), "b": np.full((2, 9), 2)}, codebooks=2)
    noise = {f"c{n}": np.full((2, 300), 3 + n) for n in range(19)}
    clusters = pd.Series({name: name for name in noise})
    null = report.token_null(noise, clusters, index, searched.FRAMES)
    clip = np.concatenate([np.full((2, 6), 2), np.full((2, 4), 50)], axis=1)
    found = report.token_shares({"q": clip}, report.Tokens("g", index, null))
    (row,) = found.to_dict("records")
    assert row == {"clip_id": "q", "track_id": "b", "share": 0.6, "known": 0.6, "p": 0.05}
    assert found.attrs["by_track"].to_dict() == {"a": 0, "b": 0.6}
