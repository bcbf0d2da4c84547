"""What a coded index finds, on tables whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.experiments import calibration, coded_index, influence
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

HOW = {"fdr": 0.05, "draws": 20, "resamples": 50, "confidence": 0.9, "seed": 0}


# -- which clips are in which ----------------------------------------------------------------------


def test_coded_indexes_hold_the_same_clips_as_they_are_and_after_the_codec():
    splits = ["train"] * 6 + ["control"] * 4
    names = [f"c{number}" for number in range(10)]
    clips = pd.DataFrame({"clip_id": names, "track_id": names, "split": splits})
    some = clips.iloc[[0, 2, 3, 5, 6, 8]]
    coded = some.assign(parent_clip_id=some.clip_id, clip_id="k" + some.clip_id)
    found = coded_index.indexes(coded, influence.equal_indexes(clips, 0), seed=0)
    found = found.set_index("clip_id")
    held = {name: set(found.index[found[name]]) for name in found}
    assert held["train"] == {"c0", "c1", "c2", "c3", "c4", "c5"}
    assert held["uncoded_train"] == {"c0", "c2", "c3", "c5"}
    assert held["uncoded_control"] == {"c6", "c8"}
    assert held["uncoded_train_equal"] < held["uncoded_train"]
    assert len(held["uncoded_train_equal"]) == 2
    for name in ("train", "train_equal", "control"):
        assert held[f"coded_{name}"] == {f"k{clip}" for clip in held[f"uncoded_{name}"]}
    assert set(found.index) == set(names) | set(coded.clip_id)
    assert set(found.dtypes.astype(str)) == {"bool"}


def test_coded_indexes_hold_as_many_artists():
    splits, owner = ["train"] * 6 + ["control"] * 4, list("aabbccdddd")
    names = [f"c{number}" for number in range(10)]
    clips = pd.DataFrame({"clip_id": names, "track_id": owner, "split": splits})
    coded = clips.assign(parent_clip_id=clips.clip_id, clip_id="k" + clips.clip_id)
    blocks = pd.Series({name: name for name in "abcd"})
    whole = influence.equal_indexes(clips, 0, blocks=blocks)
    found = coded_index.indexes(coded, whole, 0, blocks).set_index("clip_id")
    for side in ("uncoded_train_equal", "coded_train_equal"):
        held = found.index[found[side]].str.strip("k")
        assert clips.set_index("clip_id").track_id[held].nunique() == 1 and len(held) == 2


# -- prompts ---------------------------------------------------------------------------------------


def at(degrees, **columns):
    angles = np.radians(np.asarray(degrees, float))
    vectors = np.c_[np.cos(angles), np.sin(angles)].astype(np.float16)
    return Embeddings(
        pd.DataFrame(columns), [vectors], {"encoder": "mfcc", "fingerprint": "abc", "dim": 2}
    )


def test_the_cosine_to_a_prompt_is_the_largest_of_the_same_time():
    vamps = at(
        [0, 90, 0], clip_id=["q0", "q1", "r0"], output_id=["q", "q", "r"],
        parent_clip_id=["p0", "p1", ""],
    )  # fmt: skip
    prompts = at([60, 60], clip_id=["p0", "p1"])
    coded = at([45, 90], clip_id=["k1", "k0"], parent_clip_id=["p1", "p0"])
    found = coded_index.prompt_cosines(vamps, prompts, coded).set_index("output_id")
    assert found.uncoded["q"] == pytest.approx(np.cos(np.pi / 6), abs=1e-3)
    assert found.coded["q"] == pytest.approx(np.cos(np.pi / 4), abs=1e-3), "k1, to q1"
    assert found.loc["r", ["uncoded", "coded"]].isna().all(), "its prompt is not known"
    assert set(found.encoder) == {"mfcc"}


# -- what is found ---------------------------------------------------------------------------------


def nearest(names, cosines, index, **columns):
    table = pd.DataFrame({"output_id": names, "cosine": cosines})
    told = {"encoder": "mfcc", "index": index, "prompt_track": "included", "of": "output"}
    told |= {"cluster": names, "split": "control", "setting": "x", "clip_id": "c0"}
    return table.assign(**told | columns)


def everywhere(names, shift, seed, **columns):
    """Cosines alike in every index, but for the coded one's `shift`."""
    cosine = rng(seed, "test.coded").normal(size=len(names))
    return pd.concat(
        [
            nearest(names, cosine + shift * (index == "coded_train"), index, **columns)
            for index in coded_index.COMPARED
        ],
        ignore_index=True,
    )


@pytest.fixture
def tables():
    """40 control tracks; 8 outputs of two settings; 10 copies at two levels, nearer once coded."""
    tracks = [f"t{number:02d}" for number in range(40)]
    null = everywhere(tracks, 0, 0)
    null = pd.concat([null, null.assign(of="clip")])
    vamps = [f"v{number}" for number in range(8)]
    groups = [f"g{number}" for number in range(8)]
    made = {"cluster": groups, "split": ["train"] * 6 + ["control"] * 2}
    made |= {"setting": ["x", "y"] * 4, "clip_id": [f"c{number}" for number in range(8)]}
    outputs = everywhere(vamps, 0, 1, **made)
    # of the coded index alone the nearest clip is of the prompt's track, for half of train prompts
    coded = outputs["index"] == "coded_train"
    outputs.loc[coded, "clip_id"] = [f"k{number}" for number in range(8)]
    outputs = pd.concat([outputs, outputs.assign(prompt_track="excluded")])
    copies = [f"p{number}" for number in range(10)]
    split = ["train"] * 6 + ["control"] * 4
    planted = everywhere(copies, 9, 2, of="clip", split=split)
    copied = pd.DataFrame({"clip_id": copies, "level": [1.0, 8.0] * 5})
    prompts = pd.DataFrame({"encoder": "mfcc", "output_id": vamps, "uncoded": -9.0, "coded": 9.0})
    names = [*(f"c{number}" for number in range(8)), *(f"k{number}" for number in range(8))]
    own = ["h"] * 8 + ["g0", "g1", "g2", "h", "h", "h", "g6", "g7"]
    clips = pd.DataFrame({"clip_id": names, "group_id": own})
    return [outputs, null, planted, copied, prompts, clips]


def rows(found, measure):
    part = found[found.measure == measure]
    assert len(part), measure
    return part.set_index("index")


def test_the_prompts_own_track_comes_first_where_it_does(tables):
    found = rows(coded_index.compare(*tables, **HOW), "own_track_first")
    of_all = found[found.setting == "all"]
    assert of_all.value.to_dict() == {"train": 0, "uncoded_train": 0, "coded_train": 0.5}
    assert (of_all.n == 6).all() and (of_all.n_tracks == 6).all()
    coded = of_all.loc["coded_train"]
    assert coded.difference == 0.5 and coded.difference_low <= 0.5 <= coded.difference_high
    assert of_all.difference[["train", "uncoded_train"]].isna().all()
    assert found.value[found.setting == "x"]["coded_train"] == pytest.approx(2 / 3)
    assert found.value[found.setting == "y"]["coded_train"] == pytest.approx(1 / 3)


def test_an_output_is_held_against_the_prompt_that_is_as_the_index_is(tables):
    found = rows(coded_index.compare(*tables, **HOW), "nearer_than_prompt")
    assert set(found.prompts) == {"train", "control"} and set(found.prompt_track) == {"excluded"}
    assert (found.value[["train", "uncoded_train"]] == 1).all()
    assert (found.value["coded_train"] == 0).all()


def test_planted_copies_are_counted_as_in_the_table_of_the_planted(tables):
    found = coded_index.compare(*tables, **HOW)
    _, null, planted, copied, *_ = tables
    for index in coded_index.COMPARED:
        base, mine = (part[(part.of == "clip") & (part["index"] == index)]
                      for part in (null, planted))  # fmt: skip
        told = copied.assign(kind="codec", unit="codebooks")
        wanted = calibration.planted(mine, told, base, base, 0.05, HOW["draws"], HOW["seed"])
        rows_of = rows(found, "planted_at_05").loc[[index]]
        assert rows_of.codebooks.tolist() == wanted.level.tolist()
        assert rows_of.value.tolist() == pytest.approx(wanted.power_at_05.tolist())
        assert rows_of.n.tolist() == wanted.n_planted.tolist()
    coded = rows(found, "planted_at_05").loc["coded_train"]
    assert (coded.value == 1).all() and (coded.difference > 0.5).all()
    falsely = rows(found, "planted_control_at_05")
    assert falsely.n.sum() == 3 * 4 and (falsely.value["coded_train"] == 1).all()


def test_control_music_has_as_many_false_positives_as_its_calibration_says(tables):
    found = rows(coded_index.compare(*tables, **HOW), "false_positives_at_05")
    null = tables[1]
    for index in coded_index.COMPARED:
        base = null[(null.of == "output") & (null["index"] == index)]
        wanted, _ = calibration.uniformity(base, HOW["draws"], HOW["seed"])
        assert found.value[index] == pytest.approx(wanted["false_positives_at_05"])
    assert found.difference["coded_train"] == 0, "the same cosines in all"
    assert (found.low <= found.value).all() and (found.value <= found.high).all()
    assert (found.n_tracks == 40).all()


def test_p_values_are_those_of_each_index_against_its_own_null(tables):
    outputs, null, *rest = tables
    # whatever lifts outputs and null alike is no evidence
    lifted = [part.assign(cosine=part.cosine + 5.0 * (part["index"] == "coded_train"))
              for part in (outputs, null)]  # fmt: skip
    found = rows(coded_index.compare(*lifted, *rest, **HOW), "p_at_05")
    assert (found.difference.dropna() == 0).all()
    alone = rows(coded_index.compare(lifted[0], null, *rest, **HOW), "p_at_05")
    assert (alone.value["coded_train"] == 1).all()
    discovered = rows(coded_index.compare(lifted[0], null, *rest, **HOW), "discovered")
    assert (discovered.value["coded_train"] == 1).all()
    assert set(discovered.prompt_track) == {"included", "excluded"}


def test_encoders_stay_apart_and_without_copies_nothing_is_said_of_them(tables):
    outputs, null, _, _, prompts, clips = tables
    twice = [pd.concat([part, part.assign(encoder="mel")]) for part in (outputs, null, prompts)]
    found = coded_index.compare(twice[0], twice[1], None, None, twice[2], clips, **HOW)
    assert found.columns.tolist() == coded_index.COLUMNS
    assert found.encoder.drop_duplicates().tolist() == ["mfcc", "mel"]
    assert not found.measure.str.startswith("planted").any()
    values = ["index", "measure", "prompts", "prompt_track", "setting", "value", "n"]
    one, other = (
        found.loc[found.encoder == name, values].reset_index(drop=True) for name in ("mfcc", "mel")
    )
    pd.testing.assert_frame_equal(one, other)
