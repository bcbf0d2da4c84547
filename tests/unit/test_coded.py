"""Clips that went through a generator's codec are clip sets like any other."""

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from musical_roots import audio, cli, coded
from musical_roots.generate import EVERY_CODEBOOK

RATE = 24_000


# -- which clips -----------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**32), st.sets(st.integers(0, 19)), st.randoms())
def test_some_clips_of_each_track_are_chosen_and_those_that_come_first(count, seed, first, random):
    clips = pd.DataFrame(
        {
            "clip_id": [f"c{number:02d}" for number in range(20)],
            "track_id": [f"t{number % 3}" for number in range(20)],
        }
    )
    asked = clips.iloc[sorted(first)]
    chosen = coded.choose(clips, asked, count, seed)
    assert chosen.clip_id.is_monotonic_increasing
    for track, mine in clips.groupby("track_id"):
        got = set(chosen.clip_id[chosen.track_id == track])
        wanted = set(asked.clip_id[asked.track_id == track])
        assert len(got) == min(count, len(mine))
        assert got <= wanted if len(wanted) >= count else wanted <= got
    more = coded.choose(clips, asked, count + 1, seed)
    assert set(chosen.clip_id) <= set(more.clip_id), "more are the same, and others"
    shuffled = clips.iloc[random.sample(range(20), 20)]
    assert set(coded.choose(shuffled, asked, count, seed).clip_id) == set(chosen.clip_id)


def test_another_seed_chooses_others(corpus):
    clips, _ = corpus
    one, other = (coded.choose(clips, clips[:0], 3, seed) for seed in (0, 1))
    assert set(one.clip_id) != set(other.clip_id)


def test_parts_hold_every_track_once(corpus):
    clips, _ = corpus
    parts = [coded.part(clips, shard, 3) for shard in range(3)]
    together = pd.concat(parts).sort_index()
    pd.testing.assert_frame_equal(together, clips)
    assert [part.track_id.nunique() for part in parts] == [2, 1, 1]


# -- what becomes of them --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rendered(corpus, tmp_path_factory):
    """Three clips of each track, and what became of them."""
    chosen = coded.choose(corpus[0], corpus[0][:0], 3, seed=0)
    folder = tmp_path_factory.mktemp("coded") / "000"
    told = []
    made = coded.render(chosen, tiny_openvamp.load(), folder, told.append)
    assert sum(told) == len(chosen)
    return chosen.reset_index(drop=True), made


def test_a_coded_clip_is_what_the_generator_gives_of_the_clip(rendered):
    generator = tiny_openvamp.load()
    for before, after in zip(*(table.itertuples() for table in rendered), strict=True):
        heard, _ = audio.read(before.path, RATE, before.start_s, before.duration_s)
        wanted = generator.reconstruct(heard, EVERY_CODEBOOK)
        found, rate = audio.read(after.path, None, after.start_s, after.duration_s)
        assert rate == RATE
        np.testing.assert_array_equal(found, wanted)


def test_it_has_an_id_of_its_own_and_names_the_clip_that_it_was(rendered):
    before, after = rendered
    assert after.columns.tolist() == coded.COLUMNS
    assert after.parent_clip_id.tolist() == before.clip_id.tolist()
    assert after.clip_id.is_unique and not set(after.clip_id) & set(before.clip_id)
    same = ["track_id", "group_id", "split", "duration_s"]
    pd.testing.assert_frame_equal(after[same], before[same])
    assert set(after["transform"]) == {"codec"} and set(after.generator) == {"openvamp"}
    other = coded.plan(before, "vampnet")
    assert not set(other.clip_id) & set(after.clip_id), "another codec, another clip"
    assert coded.plan(before, "openvamp").clip_id.tolist() == after.clip_id.tolist()


def test_no_clip_is_no_work(corpus, tmp_path):
    made = coded.render(corpus[0][:0], tiny_openvamp.load(), tmp_path / "none")
    assert made.empty and made.columns.tolist() == coded.COLUMNS


def test_the_stage_renders_a_part_of_the_tracks_and_the_chosen_of_their_clips(corpus, tmp_path):
    clips, _ = corpus
    lists = [tmp_path / f"{split}.parquet" for split in ("train", "control")]
    for path in lists:
        clips[clips.split == path.stem].to_parquet(path, index=False)
    first, out = tmp_path / "first.parquet", tmp_path / "out.parquet"
    clips.iloc[[5]].to_parquet(first, index=False)
    words = ["coded", "render", "--generator", "openvamp", "--device", "cpu", "--seed", "0"]
    words += ["--checkpoints", tiny_openvamp.save(tmp_path), "--audio-out", tmp_path / "audio"]
    words += ["--shard", "0", "2", "--out", out]
    chosen = ["--per-track", "1", "--first", first]
    for more, count in ((chosen, 2), ([], 16)):
        done = CliRunner().invoke(cli.stages, [*map(str, [*words, *more, *lists])])
        assert done.exit_code == 0, done.output
        made = pd.read_parquet(out)
        assert len(made) == count and made.track_id.nunique() == 2
        assert clips.clip_id[5] in set(made.parent_clip_id)
        assert sorted(path.stem for path in (tmp_path / "audio").iterdir()) == sorted(
            set(made.track_id)
        )
