"""A perturbed clip is cut out of its track, with the track's own music beyond its edges."""

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from short_music import MIDDLE, RATE, lag_s, music, rms_db

from musical_roots import audio, perturbed
from musical_roots.errors import InputError
from musical_roots.perturb import PERTURBATIONS, render
from musical_roots.seeding import rng


@pytest.fixture(scope="module")
def track(tmp_path_factory):
    path = tmp_path_factory.mktemp("tracks") / "track.wav"
    audio.write(path, music(RATE, 8, seed=3), RATE)
    return path


@pytest.mark.parametrize("start_s", [0.0, 0.3, 2.5, 6.5])
@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_render_gives_the_clip(kind, start_s, track):
    one = PERTURBATIONS[kind]
    level = MIDDLE.get(kind, 1)
    other = (track, 1.0) if one.needs_partner else None
    clip, _ = audio.read(track, 22050, start_s, 1.5)
    generator = tiny_openvamp.load() if one.needs_generator else None
    altered = render(track, start_s, 1.5, kind, level, 22050, rng(0, ""), other, generator)
    assert altered.shape == (33075,)
    assert altered.dtype == np.float32
    if kind in ("noise", "mp3", "opus", "lowpass", "gain"):  # still the clip, at its place
        assert lag_s(clip, altered, 22050) == pytest.approx(0, abs=0.001)
    if one.identity is not None:
        same = render(track, start_s, 1.5, kind, one.identity, 22050, rng(0, ""))
        assert same.tobytes() == clip.tobytes()


@pytest.mark.parametrize("start_s", [0.0, 0.7, 3.0])
def test_render_has_music_up_to_the_edges(start_s, track):
    later, _ = audio.read(track, RATE, start_s + 1.2, 1.5)
    assert np.array_equal(render(track, start_s, 1.5, "crop", 1.2, RATE, rng(0, "")), later)
    if start_s > 1:
        faster = render(track, start_s, 3.0, "stretch", 20, RATE, rng(0, ""))
        for edge in (faster[: RATE // 4], faster[-RATE // 4 :]):
            assert rms_db(edge) > rms_db(faster) - 6


def test_render_mixes_the_partner_of_the_same_span(track):
    clip, _ = audio.read(track, RATE, 1.0, 1.5)
    partner, _ = audio.read(track, RATE, 4.0, 1.5)
    mixed = render(track, 1.0, 1.5, "mix", 30, RATE, rng(0, ""), (track, 4.0))
    assert np.corrcoef(mixed - clip, partner)[0, 1] > 0.99


def test_render_splices_the_same_time_of_both_clips(track):
    clip, _ = audio.read(track, RATE, 1.0, 1.5)
    partner, _ = audio.read(track, RATE, 4.0, 1.5)
    spliced = render(track, 1.0, 1.5, "splice_training", 40, RATE, rng(0, ""), (track, 4.0))
    cut = round(0.4 * len(clip))
    assert np.array_equal(spliced, np.concatenate([clip[:cut], partner[cut:]]))


def test_render_names_a_silent_clip(tmp_path):
    audio.write(tmp_path / "quiet.wav", np.zeros(RATE, np.float32), RATE)
    with pytest.raises(InputError, match=r"quiet.wav at 0.2 s: noise: the clip is silent"):
        render(tmp_path / "quiet.wav", 0.2, 0.5, "noise", 0, RATE, rng(0, ""))


def test_render_clips_points_at_what_render_gives(track, tmp_path):
    corpus = pd.DataFrame(
        {"clip_id": ["a", "b", "c"], "path": str(track), "start_s": [1.0, 2.0, 4]}
    )
    copies = pd.DataFrame(
        [
            (f"{parent}{level}", "mix", level, parent, partner, 0.5)
            for level in (-10, 10)
            for parent, partner in [("a", "c"), ("b", "a")]
        ],
        columns=["clip_id", "kind", "level", "parent_clip_id", "partner_clip_id", "duration_s"],
    )
    shuffled = copies.sample(frac=1, random_state=0)
    where = corpus.set_index("clip_id").start_s
    for given in (copies, shuffled):
        folder = tmp_path / f"{given.index[0]}"
        made = perturbed.render_clips(given, corpus, folder, RATE, seed=7)
        assert made.clip_id.tolist() == given.clip_id.tolist()
        for clip in made.itertuples():
            alone = render(
                *(track, where[clip.parent_clip_id], 0.5, "mix", clip.level, RATE),
                rng(7, "perturb.mashup", clip.parent_clip_id),
                (track, where[clip.partner_clip_id]),
            )
            written, _ = audio.read(clip.path, RATE, clip.start_s, 0.5)
            assert written.tobytes() == alone.tobytes()
