"""From prompts to vamps to clip lists."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from musical_roots import audio, cli, generate
from musical_roots import prompts as prompts_of
from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError
from musical_roots.generators.base import VampSettings, load
from musical_roots.seeding import rng

RATE = 24_000
SETTINGS = {
    "coarse": VampSettings(periodic_prompt=1, upper_codebook_mask=1, steps=2),
    "ends": VampSettings(periodic_prompt=0, prefix_s=0.5, suffix_s=0.5, steps=2),
}


@pytest.fixture
def prompts(corpus):
    return prompts_of.choose_prompts(*corpus, 4, 2.0, seed=0)


@pytest.fixture
def planned(prompts):
    return generate.plan(prompts, tiny_openvamp.load(), SETTINGS, seed=0, vamps_per_prompt=1)


def made(planned, folder):
    return generate.vamps(planned, tiny_openvamp.load(), SETTINGS, folder)


# -- prompts ---------------------------------------------------------------------------------------


def test_prompts_come_from_every_split_and_from_as_many_tracks_as_there_are(corpus, prompts):
    assert prompts.split.tolist() == ["control"] * 2 + ["train"] * 2
    assert prompts.track_id.nunique() == 4
    assert (prompts.start_s + prompts.duration_s <= 8).all()
    assert set(prompts.start_s) <= set(corpus[0].start_s)


def test_prompts_do_not_depend_on_the_order_of_the_clips(corpus, prompts):
    clips, tracks = corpus
    shuffled = prompts_of.choose_prompts(clips.sample(frac=1, random_state=0), tracks, 4, 2.0, 0)
    pd.testing.assert_frame_equal(shuffled, prompts)
    assert not prompts_of.choose_prompts(clips, tracks, 4, 2.0, seed=1).equals(prompts)


def test_a_split_with_too_few_places_gives_them_all_and_one_with_none_is_named(corpus):
    clips, tracks = corpus
    every = prompts_of.choose_prompts(clips, tracks, 1000, 2.0, 0)
    # of 7 places a track as many as lie apart: 4 at most, 3 at least
    assert every.groupby("track_id").size().between(3, 4).all()
    gaps = every.sort_values(["track_id", "start_s"]).groupby("track_id").start_s.diff().dropna()
    assert (gaps >= 2).all()
    assert len(prompts_of.choose_prompts(clips[clips.split == "train"], tracks, 3, 2.0, 0)) == 3
    with pytest.raises(InputError, match=r"generation.duration_s: no control track has 9 s"):
        prompts_of.choose_prompts(clips, tracks, 4, 9.0, 0)


@settings(max_examples=30, deadline=None)
@given(
    starts=st.lists(st.integers(0, 40), min_size=1, max_size=20, unique=True),
    duration_s=st.sampled_from([0.5, 1.0, 3.7, 10.0]),
    count=st.integers(1, 30),
    seed=st.integers(0, 2**32),
)
def test_no_prompt_lies_over_another(starts, duration_s, count, seed):
    """On a grid of half seconds, so that clips overlap in every way."""
    clips = [(track, start / 2) for track in ("a", "b") for start in starts]
    clips = pd.DataFrame(clips, columns=["track_id", "start_s"]).assign(
        split="train", group_id="", path="", duration_s=1.0
    )
    clips["clip_id"] = [clip_id(row.track_id, row.start_s, 1.0) for row in clips.itertuples()]
    tracks = pd.DataFrame({"track_id": ["a", "b"], "duration_s": 40.0})
    chosen = prompts_of.choose_prompts(clips, tracks, count, duration_s, seed)
    assert 1 <= len(chosen) <= count
    for _, mine in chosen.groupby("track_id"):
        ordered = np.sort(mine.start_s)
        assert (np.diff(ordered) >= duration_s - 1e-6).all()
    if len(chosen) < count:  # and no place for one more is left
        for clip in clips.itertuples():
            mine = chosen.start_s[chosen.track_id == clip.track_id]
            assert (mine - clip.start_s).abs().min() < duration_s - 1e-6


def test_another_stage_draws_others(corpus, prompts):
    excerpts = prompts_of.choose_prompts(*corpus, 4, 2.0, 0, "excerpts")
    assert not excerpts.equals(prompts)
    assert excerpts.columns.tolist() == prompts.columns.tolist()


# -- vamps -----------------------------------------------------------------------------------------


def test_every_vamp_says_what_it_was_made_from(planned, prompts, tmp_path):
    vamps = made(planned, tmp_path)
    assert len(vamps) == len(prompts) * len(SETTINGS) == vamps.output_id.nunique()
    assert vamps.seed.nunique() == len(vamps)
    generator = tiny_openvamp.load()
    for row in vamps.itertuples():
        assert row.fingerprint == generator.fingerprint
        wanted = SETTINGS[row.setting]
        for field in VampSettings.__dataclass_fields__:
            assert getattr(row, field) == getattr(wanted, field)
        sound, rate = audio.read(row.path)
        assert (len(sound), rate) == (2 * RATE, row.sample_rate)
        prompt, _ = audio.read(row.prompt_path, RATE, row.prompt_start_s, 2.0)
        (again,) = generator.vamp([prompt], wanted, [row.seed])
        stored = np.load(row.tokens_path)
        assert np.array_equal(stored["tokens"], again.tokens)
        assert np.array_equal(stored["kept"], again.kept)
        assert row.tokens_digest == generate.tokens_digest(**stored)
        assert np.abs(sound - again.audio).max() < 1e-6 or np.abs(again.audio).max() > 1
    kept = vamps.groupby("setting")[["kept_s", "kept_share"]].first()
    assert kept.kept_share["coarse"] == 0.25
    assert kept.kept_s["coarse"] == pytest.approx(2.02)  # 101 frames
    assert kept.kept_s["ends"] == pytest.approx(1.0)


def test_one_token_or_one_kept_place_makes_another_digest():
    tokens, kept = np.arange(12).reshape(3, 4), np.eye(3, 4, dtype=bool)
    digests = {generate.tokens_digest(tokens, kept)}
    for changed in (np.where(tokens == 7, 0, tokens), tokens.reshape(4, 3)):
        digests.add(generate.tokens_digest(changed, kept))
    digests |= {generate.tokens_digest(tokens, ~kept)}
    assert len(digests) == 4
    assert generate.tokens_digest(tokens.astype("uint8"), kept) in digests


def test_a_run_that_was_killed_goes_on_and_gives_the_same(planned, tmp_path):
    whole = made(planned, tmp_path / "whole")
    asked = []

    class Dying(type(tiny_openvamp.load())):
        def __init__(self):
            vars(self).update(vars(tiny_openvamp.load()))

        def vamp(self, prompts, settings, seeds):
            for number, vamp in enumerate(super().vamp(prompts, settings, seeds)):
                asked.append(number)
                if len(asked) == 3:
                    raise KeyboardInterrupt
                yield vamp

    with pytest.raises(KeyboardInterrupt):
        generate.vamps(planned, Dying(), SETTINGS, tmp_path / "killed")
    assert len(list((tmp_path / "killed").glob("*.npz"))) == 2
    done = []
    resumed = generate.vamps(
        planned, tiny_openvamp.load(), SETTINGS, tmp_path / "killed", done.append
    )
    assert done[0] == 2
    assert sum(done) == len(planned)
    for one, two in zip(whole.path, resumed.path, strict=True):
        assert Path(one).read_bytes() == Path(two).read_bytes()


def test_what_a_vamp_depends_on_is_in_its_name(prompts):
    plans = [
        generate.plan(prompts, tiny_openvamp.load(), settings, seed, 1)
        for settings, seed in (
            (SETTINGS, 0),
            (SETTINGS, 1),
            ({"coarse": VampSettings(periodic_prompt=1, upper_codebook_mask=2, steps=2)}, 0),
        )
    ]
    names = [set(plan.output_id) for plan in plans]
    assert not names[0] & names[1]
    assert not names[0] & names[2]


def test_parts_give_the_same_vamps(prompts, planned):
    parts = [
        generate.plan(prompts.iloc[part::2], tiny_openvamp.load(), SETTINGS, 0, 1)
        for part in (0, 1)
    ]
    together = pd.concat(parts).sort_values("output_id", ignore_index=True)
    pd.testing.assert_frame_equal(together, planned.sort_values("output_id", ignore_index=True))


def test_more_vamps_of_a_prompt_leave_the_first_as_they_are(prompts, planned):
    many = generate.plan(prompts, tiny_openvamp.load(), SETTINGS, 0, vamps_per_prompt=3)
    first = many[many.vamp == 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, planned)
    assert (planned.vamp == 0).all()
    for _, part in many.groupby(["setting", "prompt_id"]):
        assert part.vamp.tolist() == [0, 1, 2]
    assert many.seed.nunique() == many.output_id.nunique() == many.stem.nunique() == len(many)
    assert generate.first_of_each(many, 8).prompt_id.value_counts().tolist() == [2, 2, 2, 2]
    assert (generate.first_of_each(many, 8).vamp == 0).all(), "other prompts before second vamps"


def test_the_seed_of_the_first_vamp_is_drawn_as_when_there_was_but_one():
    drawn = rng(7, "vamp", "coarse abc").integers(2**31)
    assert generate.vamp_seed(7, "coarse", "abc", 0) == drawn
    assert len({generate.vamp_seed(7, "coarse", "abc", number) for number in range(9)}) == 9


def test_vamps_of_two_generators_are_pairs(prompts, tmp_path):
    """One seed and one mask, whatever the weights: what differs is what the model learned."""
    tiny_openvamp.save(tmp_path)
    tiny_openvamp.save(tmp_path, seed=1, network="openvamp_small.safetensors")
    plans, kept = [], []
    for name in ("openvamp", "openvamp_small"):
        model = load(name, tmp_path)
        plans.append(generate.plan(prompts, model, SETTINGS, 0, 2))
        made = generate.vamps(plans[-1], model, SETTINGS, tmp_path / name)
        kept.append([np.load(path)["kept"] for path in made.tokens_path])
    what = ["setting", "prompt_id", "vamp", "seed"]
    pd.testing.assert_frame_equal(plans[0][what], plans[1][what])
    assert not set(plans[0].output_id) & set(plans[1].output_id)
    assert all(np.array_equal(one, two) for one, two in zip(*kept, strict=True))


# -- clip lists ------------------------------------------------------------------------------------


def test_vamps_become_clips_with_the_prompts_as_parents(corpus, planned, tmp_path):
    vamps = made(planned, tmp_path)
    clips, prompts = generate.vamp_clips(vamps, 1.0), generate.prompt_clips(vamps, 1.0)
    assert len(clips) == 2 * len(vamps) == clips.clip_id.nunique()
    assert len(prompts) == 2 * 4 == prompts.clip_id.nunique()
    assert set(clips.parent_clip_id) == set(prompts.clip_id)
    assert set(prompts.clip_id) <= set(corpus[0].clip_id)
    for row in clips.itertuples():
        parent = prompts.set_index("clip_id").loc[row.parent_clip_id]
        assert (row.track_id, row.split) == (parent.track_id, parent.split)
        sound, _ = audio.read(row.path, None, row.start_s, row.duration_s)
        assert len(sound) == RATE
    assert len(generate.vamp_clips(vamps, 1.5)) == len(vamps), "a vamp of 2 s holds one such clip"


# -- control music ---------------------------------------------------------------------------------


@pytest.fixture
def excerpts(prompts):
    return prompts_of.excerpts(prompts)


def test_an_excerpt_is_a_vamp_that_is_its_own_prompt(prompts, excerpts):
    assert excerpts.output_id.tolist() == excerpts.prompt_id.tolist() == prompts.prompt_id.tolist()
    assert excerpts.path.tolist() == excerpts.prompt_path.tolist() == prompts.path.tolist()
    assert excerpts.prompt_start_s.tolist() == prompts.start_s.tolist()
    assert set(excerpts.setting) == {"control"}


def test_clips_of_excerpts_are_those_of_the_corpus_by_another_role(corpus, excerpts):
    clips = generate.prompt_clips(excerpts, 1.0, "control_excerpt")
    assert len(clips) == 2 * len(excerpts)
    assert set(clips.role) == {"control_excerpt"}
    assert set(clips.output_id) == set(excerpts.output_id), "what belongs together"
    assert set(clips.setting) == {"control"}
    there = corpus[0].set_index("clip_id").loc[clips.clip_id]
    for column in ("track_id", "split", "path", "start_s"):
        assert clips[column].tolist() == there[column].tolist()
    plain = generate.prompt_clips(excerpts, 1.0)
    assert set(plain.role) == {"prompt"}
    assert (plain[["output_id", "setting", "parent_clip_id"]] == "").all(axis=None)
    assert plain.clip_id.tolist() == clips.clip_id.tolist()


class Codec:
    """A generator that is a codec alone: softer the fewer codebooks are decoded."""

    name = label = "codec"
    sample_rate = RATE
    asked = 0

    def __init__(self, fingerprint="one", gain=0.25):
        self.fingerprint, self.gain = fingerprint, gain

    def reconstruct(self, audio, codebooks):
        self.asked += 1
        return self.gain * codebooks * audio


def test_round_trips_are_what_the_codec_gives(excerpts, tmp_path):
    generator = tiny_openvamp.load()
    made = generate.control_roundtrips(excerpts, generator, 2, tmp_path)
    assert set(made.setting) == {"control_roundtrip"}
    assert made.drop(columns=["output_id", "setting", "path", "sample_rate"]).equals(
        excerpts.drop(columns=["output_id", "setting", "path"])
    )
    # another generator's round trip of the same excerpt is other audio
    assert made.output_id.is_unique and not set(made.output_id) & set(excerpts.output_id)
    for row in made.itertuples():
        original, _ = audio.read(row.prompt_path, RATE, row.prompt_start_s, 2.0)
        expected = generator.reconstruct(original, 2)
        expected = expected / max(1, np.abs(expected).max())
        sound, rate = audio.read(row.path)
        assert rate == row.sample_rate == RATE
        np.testing.assert_allclose(sound, expected, atol=1e-6)
        assert np.abs(sound - original).max() > 0.01, "and not the original"


def test_round_trips_that_are_there_are_kept(excerpts, tmp_path):
    codec, told = Codec(), []
    first = generate.control_roundtrips(excerpts, codec, 2, tmp_path, told.append)
    assert codec.asked == sum(told) == len(excerpts) == first.path.nunique()
    contents = [Path(path).read_bytes() for path in first.path]
    Path(first.path[1]).unlink()
    again = generate.control_roundtrips(excerpts, codec, 2, tmp_path, told.append)
    assert codec.asked == len(excerpts) + 1, "only the one that was gone"
    assert sum(told) == 2 * len(excerpts)
    pd.testing.assert_frame_equal(again, first)
    assert [Path(path).read_bytes() for path in again.path] == contents


def test_a_round_trip_is_named_by_all_that_it_depends_on(excerpts, tmp_path):
    made = [
        generate.control_roundtrips(excerpts, codec, codebooks, tmp_path)
        for codec, codebooks in ((Codec(), 2), (Codec("other weights", 0.1), 2), (Codec(), 3))
    ]
    assert len(set(pd.concat(made).path)) == 3 * len(excerpts)
    sounds = [audio.read(table.path[0])[0] for table in made]
    peaks = [np.abs(sound).max() for sound in sounds]
    assert np.array(peaks) / peaks[0] == pytest.approx([1, 0.4, 1.5], rel=1e-3)


def test_round_trips_too_loud_for_a_file_are_brought_to_its_bounds(excerpts, tmp_path):
    made = generate.control_roundtrips(excerpts, Codec(gain=100), 1, tmp_path)
    for row in made.itertuples():
        sound, _ = audio.read(row.path)
        original, _ = audio.read(row.prompt_path, RATE, row.prompt_start_s, 2.0)
        np.testing.assert_allclose(sound, original / np.abs(original).max(), atol=1e-4)


def test_clips_of_round_trips_have_the_originals_as_parents(corpus, excerpts, tmp_path):
    made = generate.control_roundtrips(excerpts, Codec(), 2, tmp_path)
    clips, originals = (
        generate.vamp_clips(made, 1.0, "control_roundtrip"),
        generate.prompt_clips(excerpts, 1.0, "control_excerpt"),
    )
    assert set(clips.role) == {"control_roundtrip"}
    assert set(clips.path) == set(made.path)
    assert clips.parent_clip_id.tolist() == originals.clip_id.tolist()
    assert clips.output_id.nunique() == originals.output_id.nunique()
    assert not set(clips.clip_id) & set(corpus[0].clip_id)
    assert set(generate.vamp_clips(made, 1.0).role) == {"vamp"}


def test_coarsest_tokens_are_those_of_the_codec_of_clips_and_of_excerpts(corpus, excerpts):
    model, told, clips = tiny_openvamp.load(), [], corpus[0].head(3)
    found = generate.coarsest_tokens(clips, model, told.append)
    assert list(found) == clips.clip_id.tolist() and sum(told) == 3
    for row in clips.itertuples():
        heard, _ = audio.read(row.path, model.sample_rate, row.start_s, row.duration_s)
        np.testing.assert_array_equal(found[row.clip_id], model.tokens(heard)[:4])
    whole = generate.coarsest_tokens(excerpts.head(1), model)
    (row,) = excerpts.head(1).itertuples()
    heard, _ = audio.read(row.path, model.sample_rate, row.prompt_start_s, row.duration_s)
    np.testing.assert_array_equal(whole[row.output_id], model.tokens(heard)[:4])


@pytest.mark.parametrize("stage", ["generate vamp", "influence control-roundtrips"])
def test_audio_that_other_code_made_is_not_kept(stage, prompts, tmp_path):
    """The stage tells its code's digest; the same digest keeps what is there."""
    lists = tmp_path / "lists.parquet"
    weights = tiny_openvamp.save(tmp_path)
    words = [*stage.split(), "--generator", "openvamp", "--checkpoints", weights, "--device", "cpu"]
    words += ["--seed", 0, "--vamps-per-prompt", 1] if stage == "generate vamp" else []
    words += ["--shard", 0, 1, "--audio-out", tmp_path / "audio", "--out", tmp_path / "out.parquet"]
    if stage == "generate vamp":
        chosen, option = prompts.iloc[:1], "--prompts"
        words += ["--settings", json.dumps({"coarse": {"steps": 1}})]
    else:
        chosen, option = prompts_of.excerpts(prompts.iloc[:1]), "--excerpts"
        words += ["--clip-duration-s", 1]
    chosen.to_parquet(lists)

    def run(code):
        line = [str(word) for word in [*words, option, lists, "--code", code]]
        CliRunner().invoke(cli.stages, line, catch_exceptions=False)
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "audio").iterdir()}

    first = run("a")
    assert first == run("a")
    assert len(run("b")) == 2 * len(first) > 0
