"""The paper's tables 2 and 3 and its most frequent songs, on vamps worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musical_roots import config
from musical_roots.errors import InputError
from musical_roots.experiments import influence, paper_tables
from musical_roots.study import Study

PAPER = Path(__file__).parents[2] / "config/paper"
TABLE2, TABLE3 = (pd.read_csv(PAPER / f"table{number}.csv") for number in (2, 3))
INTERVAL = {"resamples": 50, "confidence": 0.9, "seed": 0}


def vamp_clips(vamps=4, clips=3):
    """Vamps of some clips: v0 and v1 of one prompt of train, v2 of another, v3 of control."""
    prompts = ["p0", "p0", "p2", "p3"]
    tracks = ["t0", "t0", "t1", "t9"]
    rows = [
        {
            "clip_id": f"{vamp}-{clip}",
            "track_id": tracks[vamp],
            "group_id": f"g{tracks[vamp]}",
            "split": "control" if vamp == 3 else "train",
            "parent_clip_id": f"{prompts[vamp]}-{clip}",
            "output_id": f"v{vamp}",
            "setting": "x" if vamp < 2 else "y",
            "start_s": 3.0 * clip,
        }
        for vamp in range(vamps)
        for clip in range(clips)
    ]
    return pd.DataFrame(rows)


def found(*rows, **columns):
    names = ["query_clip_id", "rank", "clip_id", "cosine", "target"]
    table = pd.DataFrame(rows, columns=names)
    table["track_id"] = table.clip_id.str[:2]
    where = {"encoder": "clmr", "index": "train", "prompt_track": "included"}
    return table.assign(**where).assign(**columns)


def some_matches():
    """The nearest clip of each vamp is .9, .8, .7, .6; the nearest prompt clip .5, .3, .1, -.1."""
    rows = []
    for vamp in range(4):
        for clip in range(3):
            query, off = f"{vamp}-{clip}", 0.1 * clip
            rows.append((query, 1, f"s{vamp}a", 0.9 - 0.1 * vamp - off, ""))
            rows.append((query, 2, f"s{vamp}b", 0.4 - off, ""))
            parent = f"{[0, 0, 2, 3][vamp]}"
            rows.append(
                (query, 40 if vamp else 4, f"p{parent}-{clip}", 0.5 - 0.2 * vamp - off, "parent")
            )
    return found(*rows)


# -- table 2 ---------------------------------------------------------------------------------------


def test_table_2_by_hand():
    table = paper_tables.table_2(some_matches(), vamp_clips(), TABLE2, "openvamp", **INTERVAL)
    assert table.columns.tolist() == paper_tables.TABLE_2
    whole = table[(table.setting == "all") & (table.prompts == "all")]
    pd.testing.assert_frame_equal(table.head(len(whole)), whole)
    whole = whole.set_index(["measure", "statistic"])
    prompt, nearest = paper_tables.MEASURES
    assert whole.value[nearest].to_dict() == pytest.approx(
        {"mean": 0.75, "median": 0.75, "sd": np.std([0.9, 0.8, 0.7, 0.6], ddof=1), "max": 0.9}
    )
    assert whole.value[prompt]["mean"] == pytest.approx(0.2)
    assert whole.value[prompt]["max"] == pytest.approx(0.5)
    # v0 alone has its prompt within its ten nearest
    assert whole.value["prompt_in_top_10", "share"] == 0.25
    assert whole.n_vamps.eq(4).all() and whole.n_prompts.eq(3).all()
    bounded = whole[whole.low.notna()].index.get_level_values("statistic")
    assert set(bounded) == {"mean", "median", "share"}
    inside = whole.dropna(subset=["low"])
    assert (inside.low <= inside.value).all() and (inside.value <= inside.high).all()
    assert whole.paper_clap[nearest]["mean"] == 0.795
    assert whole.paper_clmr[prompt]["median"] == 0.153
    assert np.isnan(whole.paper_clmr["prompt_in_top_10", "share"])


def test_table_2_of_each_setting_and_split():
    table = paper_tables.table_2(some_matches(), vamp_clips(), TABLE2, "openvamp", **INTERVAL)
    mean = table[(table.statistic == "mean") & (table.measure == paper_tables.MEASURES[1])]
    values = mean.set_index(["setting", "prompts"]).value
    assert values.to_dict() == pytest.approx(
        {
            ("all", "all"): 0.75,
            ("all", "train"): 0.8,
            ("all", "control"): 0.6,
            ("x", "all"): 0.85,
            ("x", "train"): 0.85,
            ("y", "all"): 0.65,
            ("y", "train"): 0.7,
            ("y", "control"): 0.6,
        }
    )


@pytest.mark.parametrize(
    ("generator", "mean"),
    [("vampnet", 0.846), ("vampnet_small", 0.85), ("openvamp_small", 0.85), ("external", np.nan)],
)
def test_a_generator_stands_beside_the_model_that_it_is_or_stands_for(generator, mean):
    table = paper_tables.table_2(some_matches(), vamp_clips(), TABLE2, generator, **INTERVAL)
    nearest = table[(table.measure == paper_tables.MEASURES[1]) & (table.statistic == "mean")]
    np.testing.assert_equal(nearest.paper_clmr.tolist(), [mean] * len(nearest))


def test_without_prompts_what_is_said_of_them_is_blank():
    matches = some_matches()
    clips = vamp_clips().assign(parent_clip_id="", split="", group_id="")
    table = paper_tables.table_2(
        matches[matches.target == ""], clips, TABLE2, "external", **INTERVAL
    )
    assert set(table.prompts) == {"all"}
    of_prompts = table[table.measure != paper_tables.MEASURES[1]]
    assert of_prompts.value.isna().all() and of_prompts.n_vamps.eq(0).all()
    assert table.n_prompts.eq(0).all()
    assert table[table.measure == paper_tables.MEASURES[1]].value.notna().all()


def test_the_part_that_the_small_model_saw_is_a_second_index():
    both = pd.concat(
        [
            some_matches(),
            some_matches().assign(index="train_small", cosine=some_matches().cosine - 0.1),
            some_matches().assign(index="control", cosine=1.0),
            some_matches().assign(prompt_track="excluded", cosine=1.0),
        ]
    )
    table = paper_tables.table_2(both, vamp_clips(), TABLE2, "openvamp_small", **INTERVAL)
    assert list(dict.fromkeys(table["index"])) == ["train", "train_small"]
    maxima = table[(table.statistic == "max") & (table.measure == paper_tables.MEASURES[1])]
    whole = maxima[(maxima.setting == "all") & (maxima.prompts == "all")].set_index("index").value
    assert whole.to_dict() == pytest.approx({"train": 0.9, "train_small": 0.8})


def test_clips_that_come_once_an_encoder_count_once():
    clips = pd.concat([vamp_clips().assign(encoder=name) for name in ("clmr", "mfcc")])
    pd.testing.assert_frame_equal(
        paper_tables.table_2(some_matches(), clips, TABLE2, "openvamp", **INTERVAL),
        paper_tables.table_2(some_matches(), vamp_clips(), TABLE2, "openvamp", **INTERVAL),
    )


# -- table 3 ---------------------------------------------------------------------------------------


def bins(encoder="clmr", first=0.5, sd=0.1):
    return pd.DataFrame(
        {"encoder": encoder, "quantity": ["bin_1", "nearest_sd"], "value": [first, sd]}
    )


def many_matches(encoder="clmr"):
    """Twelve matches of each clip; two clips of a vamp find the same, the third finds others."""
    rows = []
    for vamp in range(4):
        for clip in range(3):
            for rank in range(1, 13):
                name = f"s{vamp}-{'same' if clip < 2 else 'other'}-{rank}"
                cosine = 0.96 - 0.01 * rank - 0.1 * clip - 0.02 * vamp
                rows.append((f"{vamp}-{clip}", rank, name, cosine, ""))
    return found(*rows, encoder=encoder)


def test_thresholds_are_the_papers_and_by_its_recipe():
    table = paper_tables.thresholds(bins(), TABLE3, "clmr").set_index(["threshold_from", "step"])
    assert table.threshold["paper"].tolist() == [0.875, 0.895, 0.915, 0.935, 0.955]
    own = 0.5 + np.arange(5) * 0.1 * 0.02 / 0.091
    np.testing.assert_allclose(table.threshold["recipe"], own, atol=1e-6)
    # the paper's own bin and SD give the paper's own thresholds
    same = paper_tables.thresholds(bins(first=0.875, sd=0.091), TABLE3, "clmr")
    np.testing.assert_allclose(*(part.threshold for _, part in same.groupby("threshold_from")))
    other = paper_tables.thresholds(bins("mfcc"), TABLE3, "mfcc")
    assert set(other.threshold_from) == {"recipe"}
    with pytest.raises(InputError, match="bin_1 of musicnn"):
        paper_tables.thresholds(bins(), TABLE3, "musicnn")


def test_table_3_counts_distinct_clips_once():
    """v0's nearest are .95, .94 ... .86 (its first clip's), then lower; v1's start .02 below."""
    table = paper_tables.table_3(many_matches(), vamp_clips(), bins(), TABLE3, **INTERVAL)
    assert table.columns.tolist() == paper_tables.TABLE_3
    paper = table[(table.setting == "all") & (table.prompts == "all")]
    paper = paper[paper.threshold_from == "paper"].set_index(["k", "threshold"])
    assert paper.n[1].eq(4).all() and paper.n[10].eq(40).all()
    expected = {}
    for k in (1, 5, 10):
        cosines = [0.96 - 0.01 * rank - 0.02 * v for v in range(4) for rank in range(1, k + 1)]
        for threshold in (0.875, 0.895, 0.915, 0.935):
            # half a step off every cosine, so that rounding decides nothing
            expected[k, threshold] = sum(cosine >= threshold for cosine in cosines)
    assert paper.clips_at_or_above.drop(0.955, level=1).to_dict() == expected
    assert expected[1, 0.935] == 1 and expected[10, 0.875] == 8 + 6 + 4 + 2
    np.testing.assert_allclose(paper.share, paper.clips_at_or_above / paper.n)
    assert (paper.low <= paper.share).all() and (paper.share <= paper.high).all()
    beside = paper.loc[1, 0.875]
    assert (beside.paper_threshold, beside.paper_share) == (0.875, 0.3201)
    assert beside.step == 0 and paper.loc[10, 0.955].paper_share == 0.00254


def test_a_threshold_that_no_cosine_can_reach_stays_with_a_share_of_0():
    limits = bins("mfcc", first=0.99, sd=0.3)
    table = paper_tables.table_3(many_matches("mfcc"), vamp_clips(), limits, TABLE3, **INTERVAL)
    above = table[table.threshold > 1]
    assert set(above.step) == {1, 2, 3, 4} and above.share.eq(0).all()
    assert above.paper_share.notna().all()


def test_a_k_above_the_matches_that_were_kept_is_left_out():
    few = many_matches()
    few = few[few["rank"] <= 7]
    table = paper_tables.table_3(few, vamp_clips(), bins(), TABLE3, **INTERVAL)
    assert set(table.k) == {1, 5}


def test_table_3_has_the_papers_share_from_as_many_clips():
    """Vamps whose nearest clips stand as the paper counted them: 3,201 of 10,000 at .875, ..."""
    first = TABLE3[TABLE3.k == 1].sort_values("threshold")
    counts = -np.diff(np.append(first.clips_at_or_above, 0))  # between one threshold and the next
    cosines = np.repeat([0.5, *(first.threshold + 0.001)], [10_000 - counts.sum(), *counts])
    clips = pd.DataFrame({"clip_id": [f"{n}-0" for n in range(10_000)], "split": "train"})
    clips = clips.assign(group_id=clips.index.astype(str), output_id=clips.clip_id, setting="x")
    matches = found(*[(clip, 1, "s0", c, "") for clip, c in zip(clips.clip_id, cosines)])  # noqa: B905
    table = paper_tables.table_3(matches, clips, bins(), TABLE3, **INTERVAL)
    whole = table[(table.setting == "all") & (table.prompts == "all")]
    whole = whole[whole.threshold_from == "paper"]
    np.testing.assert_allclose(whole.share, whole.paper_share)
    assert whole.clips_at_or_above.tolist() == [3201, 1929, 924, 317, 89]


# -- songs -----------------------------------------------------------------------------------------


def test_the_most_frequent_songs_beside_chance():
    """Of 4 vamps three have s9 in their top 10, one s8 as well; the index is 20 clips."""
    rows = []
    for vamp, songs in enumerate(["s9 s9 s8", "s9 s7 s7", "s9 s7 s6", "s5 s5 s5"]):
        for rank, song in enumerate(songs.split(), 1):
            rows.append((f"{vamp}-0", rank, f"{song}{rank}", 1 - 0.1 * rank, ""))
    corpus = pd.DataFrame({"clip_id": [f"c{n}" for n in range(24)]})
    names = ["s9"] * 5 + ["s8", "s7", "s6", "s5", "s4"] * 3 + ["s9"] * 4
    corpus["track_id"] = names
    indexes = pd.DataFrame({"clip_id": corpus.clip_id, "train": corpus.index < 20})
    table = paper_tables.top_songs(found(*rows), vamp_clips(), corpus, indexes)
    assert table.columns.tolist() == paper_tables.TOP_SONGS
    whole = table[(table.setting == "all") & (table.prompts == "all")].set_index("rank")
    # as many vamps, more places; then by name
    assert whole.track_id.tolist() == ["s9", "s7", "s5", "s6", "s8"]
    assert whole.share_of_vamps.tolist() == [0.75, 0.5, 0.25, 0.25, 0.25]
    assert whole.share_of_places.tolist() == pytest.approx([4 / 12, 3 / 12, 3 / 12, 1 / 12, 1 / 12])
    assert whole.places_by_chance[1] == 5 / 20
    not_one = np.prod([(15 - n) / (20 - n) for n in range(10)])
    assert whole.vamps_by_chance[1] == pytest.approx(1 - not_one)
    np.testing.assert_equal(whole.paper_share_of_vamps.tolist(), [0.02] + [np.nan] * 4)
    assert (table.share_of_places <= table.share_of_vamps).all()


def test_songs_with_and_without_the_prompts_own():
    own = found(("0-0", 1, "t0", 0.9, ""), ("0-0", 2, "s1", 0.5, ""))
    other = found(("0-0", 1, "s1", 0.5, ""), prompt_track="excluded")
    corpus = pd.DataFrame({"clip_id": ["t0", "s1"], "track_id": ["t0", "s1"]})
    indexes = corpus.assign(train=True)[["clip_id", "train"]]
    table = paper_tables.top_songs(pd.concat([own, other]), vamp_clips(1), corpus, indexes)
    whole = table[(table.setting == "all") & (table.prompts == "all")]
    assert whole.groupby("prompt_track").track_id.agg(set).to_dict() == {
        "included": {"t0", "s1"},
        "excluded": {"s1"},
    }


# -- from vectors ----------------------------------------------------------------------------------


def test_a_vamp_that_repeats_its_prompt_is_found_at_once(made_vectors):
    matches, clips = made_vectors
    table = paper_tables.table_2(matches, clips, TABLE2, "openvamp", **INTERVAL)
    whole = table[(table.setting == "all") & (table.prompts == "train")]
    value = whole.set_index(["measure", "statistic"]).value
    assert value["cosine_to_prompt", "mean"] == pytest.approx(1)
    assert value["cosine_to_nearest_training_clip", "mean"] == pytest.approx(1)
    assert value["prompt_in_top_10", "share"] == 1


@pytest.fixture
def made_vectors():
    """The matches of a vamp whose clips are those of its prompt, as `attribute` finds them."""
    from musical_roots.tables import Embeddings

    about = {"encoder": "test", "fingerprint": "abc", "dim": 4}
    vectors = np.eye(4, dtype=np.float16)
    names = [f"p0-{clip}" for clip in range(3)] + ["s1"]
    corpus = pd.DataFrame({"clip_id": names, "track_id": ["t0"] * 3 + ["t1"]})
    corpus = corpus.assign(group_id=corpus.track_id, split="train")
    clips = vamp_clips(1)
    queries = Embeddings(clips, [vectors[:3]], about)
    there = Embeddings(corpus, [vectors], about)
    indexes = influence.equal_indexes(corpus, 0)
    return influence.attribute(queries, there, indexes, 2, there), clips


def test_each_table_is_made_for_every_generator():
    tables = {table.rpartition("/")[2] for table, _, _ in Study(config.load({})).pieces()}
    assert {"paper_table2.csv", "paper_table3.csv", "top_songs.csv"} <= tables
