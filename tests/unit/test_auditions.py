"""Pages to hear: what is shown beside a vamp, and that a page needs nothing else."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import soundfile

from musical_roots import perturb
from musical_roots.auditions import page, perturbations, sounds, vamps
from musical_roots.auditions.vamps import Span

RATE = 24000
TRACKS = ["t0", "t1", "c0"]


def tone(hertz, seconds, loud=0.1):
    return (loud * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


@pytest.fixture
def study(tmp_path):
    """A study of three tracks, four vamps and what was found, in files of a few tones."""
    for number, name in enumerate([*TRACKS, "v"]):
        soundfile.write(tmp_path / f"{name}.wav", tone(300 + 200 * number, 9), RATE)
    tracks = pd.DataFrame({"track_id": TRACKS, "title": ["<One>", "Two", "Three"], "artist": "A"})
    tracks.loc[2, "artist"] = "B & C"
    corpus = pd.DataFrame(
        [
            (f"{track}-{start}", track, "control" if track == "c0" else "train", start)
            for track in TRACKS
            for start in (0.0, 3.0)
        ],
        columns=["clip_id", "track_id", "split", "start_s"],
    )
    corpus = corpus.assign(
        path=[str(tmp_path / f"{t}.wav") for t in corpus.track_id], duration_s=3.0
    )
    made = pd.DataFrame(
        {
            "output_id": ["o0", "o1", "o2", "o3"],
            "setting": ["keep", "invent", "keep", "invent"],
            "prompt_id": ["p0", "p0", "p1", "p1"],
            "prompt_split": ["train", "train", "control", "control"],
            "prompt_track_id": ["t0", "t0", "c0", "c0"],
            "prompt_path": [str(tmp_path / f"{t}.wav") for t in ("t0", "t0", "c0", "c0")],
            **{"prompt_start_s": 3.0, "duration_s": 6.0, "vamp": 0, "kept_share": 0.5},
            **{"path": str(tmp_path / "v.wav"), "periodic_prompt": 3, "prefix_s": 0.0},
            **{"suffix_s": 1.0, "onset_mask_width": 0, "upper_codebook_mask": 1, "steps": 4},
            "temperature": 1.0,
        }
    )
    clips = pd.DataFrame(
        [(f"{o}-{s}", o, float(s)) for o in made.output_id for s in (0, 3)],
        columns=["clip_id", "output_id", "start_s"],
    ).assign(duration_s=3.0)
    return made, clips, corpus, tracks


def near(output, index, clip, cosine, prompt_track="excluded", encoder="mfcc"):
    there = {"output_id": output, "index": index, "clip_id": clip, "cosine": cosine}
    return there | {
        "query_clip_id": f"{output}-3",
        "prompt_track": prompt_track,
        "encoder": encoder,
        "of": "output",
    }


@pytest.fixture
def found():
    """Every vamp is nearest to t1, but that o3 is nearest to t0; tokens name t0 for all."""
    nearest, p_values = [], []
    for number in range(4):
        output, clip = f"o{number}", "t0-3.0" if number == 3 else "t1-3.0"
        nearest += [
            near(output, "train", clip, 0.9 - number / 10),
            near(output, "control", "c0-0.0", 0.4),
            near(output, "train", "t0-0.0", 1.0, "included"),
        ]
        for encoder in ("mfcc", "random"):
            one = near(output, "train", clip, 0.9 - number / 10, encoder=encoder)
            p_values.append(one | {"p": [0.5, 0.25, 0.75, 0.125][number]})
    songs = [
        {"encoder": "mfcc", "prompt_track": "excluded", "output_id": "o0", "track_id": "t0"}
        | {"clip_id": "t0-3.0"}
    ]
    tokens = [
        {"output_id": f"o{n}", "track_id": "t0", "score": 2.0, "p": 0.5}
        | {"prompt_track": "excluded", "index": "train"}
        for n in range(4)
    ]
    outputs = pd.DataFrame({"output_id": [f"o{n}" for n in range(4)], "tier": "nothing found"})
    null = [
        near("x0", "train", "t1-3.0", 0.5, "included"),
        near("x1", "train", "t0-0.0", 0.5, "included"),
    ]
    tables = [pd.DataFrame(part) for part in (nearest, p_values, songs)]
    return vamps.found(*tables, outputs, pd.DataFrame(null), pd.DataFrame(tokens))


def test_each_prompt_has_a_row_and_settings_take_turns(study):
    made, *_ = study
    more = pd.concat([made, made.assign(prompt_id=made.prompt_id + "b")], ignore_index=True)
    rows = vamps.chosen(more, 9)
    assert rows.prompt_id.is_unique and len(rows) == 4
    assert rows.groupby("prompt_split").setting.nunique().tolist() == [2, 2]
    assert set(vamps.chosen(more, 2).prompt_split) == {"train", "control"}


def test_what_stands_beside_a_vamp(study, found):
    rows = vamps.rows(vamps.chosen(study[0], 9), *study[1:], found)
    assert [row.p for row in rows] == sorted(row.p for row in rows)
    row = next(row for row in rows if row.output_id == "o0")
    assert list(row.spans) == [
        "Prompt", "Vamp", "Nearest training clip", "Nearest control clip", "Tokens' first track",
    ]  # fmt: skip
    assert row.spans["Vamp"].inside == (3.0, 6.0)
    training = row.spans["Nearest training clip"]
    assert (training.title, training.start_s) == ("Two", 3.0)  # not the prompt's own track
    assert training.facts[:2] == ("cosine 0.900", "matches 3-6 s of the vamp")
    assert training.facts[2].startswith("p 0.500")
    assert row.spans["Nearest control clip"].artist == "B & C"
    assert row.spans["Tokens' first track"].start_s == 3.0  # the encoder's clip of that track
    assert [view[0] for view in row.views] == ["mfcc", "random"]
    other = next(row for row in rows if row.output_id != "o0")
    assert other.spans["Tokens' first track"].start_s == 0.0  # its first clip


def test_without_experiment_c_there_are_prompt_and_vamp(study):
    rows = vamps.rows(study[0], *study[1:], None)
    assert [list(row.spans) for row in rows] == [["Prompt", "Vamp"]] * 4
    unknown = study[0].assign(prompt_track_id="", kept_share=np.nan)
    assert list(vamps.rows(unknown, *study[1:], None)[0].spans) == ["Vamp"]


def test_songs_that_recur_are_told_beside_control_music(study, found):
    first, second = vamps.recurring(study[0], *study[2:], found)
    assert (first.span.title, first.outputs, first.control, first.clips) == ("Two", 0.75, 0.5, 0.5)
    assert first.for_whom == ("A (2)", "B & C (1)") and first.more == 0
    assert (second.span.title, second.outputs) == ("<One>", 0.25)


def test_settings_are_told_in_words(study):
    vamp = next(study[0].itertuples())
    said = vamps.in_words(vamp)
    assert said.startswith(
        "Keeps one frame in 3 and the last 1 s of the prompt, of the coarsest codebook"
    )
    all_of_it = next(study[0].assign(periodic_prompt=1, suffix_s=0.0).itertuples())
    assert vamps.in_words(all_of_it).startswith("Keeps every frame of the prompt")
    none = next(study[0].assign(periodic_prompt=0, suffix_s=0.0).itertuples())
    assert vamps.in_words(none).startswith("Keeps nothing of the prompt")


def test_a_page_holds_each_sound_once_and_asks_for_nothing_outside(study, found, tmp_path):
    made, _, *corpus = study
    rows = vamps.rows(vamps.chosen(made, 9), *study[1:], found)
    recurring = vamps.recurring(made, *corpus, found)
    how = ["a <paragraph>"], made, rows, recurring, "mfcc"
    page.write_vamps(tmp_path / "one.html", "A & B", *how)
    page.write_vamps(tmp_path / "other.html", "A & B", *how)
    text = (tmp_path / "one.html").read_text()
    assert text == (tmp_path / "other.html").read_text()
    kept = json.loads(re.search(r'id="sounds">(.*?)</script>', text)[1])
    asked = re.findall(r'data-sound="(\w+)"', text)
    assert set(asked) == set(kept) and len(asked) > len(kept)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "&lt;One&gt;" in text and "<One>" not in text and "a &lt;paragraph&gt;" in text
    assert len(re.findall("<img ", text)) == len(re.findall(r' alt="Spectrogram of ', text))


def test_a_sound_is_small_and_as_loud_as_any_other():
    soft, loud = (sounds.made(tone(440, 3, level)) for level in (0.01, 0.9))
    assert len(soft.mp3) < 13000 and len(soft.picture) < 4000
    heard = [sounds.levelled(tone(440, 1, level)) for level in (0.01, 0.9)]
    np.testing.assert_allclose(heard[0], heard[1], atol=1e-6)
    click = np.zeros(RATE, np.float32)
    click[5] = 1.0
    assert np.abs(sounds.levelled(click)).max() == pytest.approx(0.98)  # as loud as it can be
    assert sounds.made(np.zeros(RATE, np.float32)).duration_s == 1.0
    assert loud.name != soft.name or loud.mp3 == soft.mp3


def test_a_sound_decodes_to_what_it_was(tmp_path):
    (tmp_path / "a.mp3").write_bytes(sounds.made(tone(1000, 2)).mp3)
    samples, rate = soundfile.read(tmp_path / "a.mp3")
    assert rate == RATE and len(samples) / RATE == pytest.approx(2, abs=0.1)
    peak = np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)
    assert peak == pytest.approx(1000, abs=5)


def perturbed_list(kind, levels, parents=("t0-3.0", "t1-3.0", "t0-0.0")):
    """A clip list of one kind, without audio."""
    rows = [
        (f"{kind}{level}{parent}", kind, float(level), parent)
        for level in levels
        for parent in parents
    ]
    table = pd.DataFrame(rows, columns=["clip_id", "kind", "level", "parent_clip_id"])
    return table.assign(
        partner_clip_id="c0-0.0",
        generator="",
        duration_s=3.0,
        unit=perturb.PERTURBATIONS[kind].unit,
    )


def test_levels_are_spread_and_the_ends_are_heard():
    some = perturbations.some(
        [perturbed_list("noise", range(-30, 31, 3)), perturbed_list("mp3", [32])]
    )
    heard = some[some.kind == "noise"]
    assert sorted(heard.level.unique())[0] == -30 and heard.level.max() == 30
    assert heard.level.nunique() == perturbations.LEVELS
    assert set(some.parent_clip_id) == {"t0-0.0", "t0-3.0"}  # the first by name, of every kind
    assert (some.kind == "mp3").sum() == 2


def test_what_is_heard_of_a_perturbation(study, tmp_path):
    made, _, corpus, tracks = study
    some = perturbations.some([perturbed_list("splice_training", [25, 75])])
    known = perturbations.known(corpus, [made], some)
    assert len(known) == len(corpus) + len(made)
    rendered = perturbations.render(some, known, tmp_path / "audio", RATE, 0, {})
    ranks = pd.DataFrame(
        {"query_clip_id": some.clip_id, "rank": 4, "cosine": 0.5, "target": "original"}
    ).assign(encoder="mfcc")
    rates = pd.DataFrame(
        {"encoder": "mfcc", "kind": "splice_training", "generator": "", "level": [25.0, 75.0]}
    ).assign(n_queries=3, recall_at_1=0.5, recall_at_1_low=0.25, recall_at_1_high=0.75)
    (kind,) = perturbations.kinds(rendered, known, tracks, ranks, rates)
    assert (kind.paper, kind.unit, kind.encoder, len(kind.clips)) == (True, "%", "mfcc", 2)
    spans = kind.clips[0]
    assert list(spans) == ["Original", "The other clip", "25 %", "75 %"]
    assert spans["25 %"].facts == (
        "the original is at rank 4, cosine 0.500",
        "of 3 clips 50% are found first (25% to 75%)",
    )
    samples, _ = soundfile.read(spans["75 %"].path, start=0, stop=3 * RATE)
    original, _ = soundfile.read(spans["Original"].path, start=0, stop=3 * RATE)
    np.testing.assert_allclose(samples[: 2 * RATE], original[: 2 * RATE], atol=1e-3)
    page.write_perturbed(tmp_path / "p.html", "Perturbed", [], [kind])
    text = (tmp_path / "p.html").read_text()
    assert text.count('class="player"') == 8 and "+" not in "".join(spans)


def test_minutes_and_seconds():
    assert [page.clock(value) for value in (0, 59.6, 3600)] == ["0:00", "1:00", "60:00"]
    placed = page.placed(Span("a", 61.0, 3.0, "T", "A", facts=("x",)))
    assert placed.facts == ("1:01-1:04 of the track", "x")
    assert page.placed(Span("a", 61.0, 3.0)).facts == ()
