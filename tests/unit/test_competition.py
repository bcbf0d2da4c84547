"""Target-decoy competition: closed forms, and that no more is false than was promised."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.experiments import competition, competitors
from musical_roots.experiments.relabelling import Relabelled, relabelled
from musical_roots.statistics import competition_q as q_values
from musical_roots.statistics import sign_flip

NONE = -np.inf


# -- q ---------------------------------------------------------------------------------------------


def test_q_by_hand():
    # from the largest score down: target, target, target, decoy, target
    target, decoy = [9, 8, 7, 0, 5], [1, 2, 3, 6, 4]
    # (1 + 0) / 3 at 7 and above, (1 + 1) / 4 at 5 and above; a decoy is no discovery
    np.testing.assert_allclose(q_values(target, decoy), [1 / 3, 1 / 3, 1 / 3, 1, 1 / 2])


def test_q_in_any_order_of_outputs():
    generator = np.random.default_rng(0)
    target, decoy = generator.integers(0, 9, (2, 60))
    order = generator.permutation(60)
    np.testing.assert_array_equal(
        q_values(target[order], decoy[order]), q_values(target, decoy)[order]
    )


def test_without_a_decoy_the_smallest_q_is_one_of_all_wins():
    assert q_values(np.arange(1, 41), np.zeros(40)).tolist() == [1 / 40] * 40


def test_equal_scores_are_found_together_and_an_equal_pair_wins_for_nobody():
    # a decoy of the same score as the best target stands among those at or above it
    assert q_values([5, 0, 3], [0, 5, 3]).tolist() == [1, 1, 1]
    tied = q_values([9, 8, 7], [1, 8, 2])
    np.testing.assert_allclose(tied, [1 / 2, 1, 1 / 2])


def test_who_found_nothing_on_a_side_loses_there():
    assert q_values([1, NONE, NONE], [NONE, 1, NONE]).tolist() == [1, 1, 1]
    assert q_values([2, 3, NONE], [NONE, NONE, 1]).tolist() == [1 / 2, 1 / 2, 1]
    assert len(q_values([], [])) == 0


def test_odds_weigh_every_decoy():
    target, decoy = [9, 8, 7, 0, 5], [1, 2, 3, 6, 4]
    np.testing.assert_allclose(q_values(target, decoy, 1.5), [1.5 / 3, 1.5 / 3, 1.5 / 3, 1, 3 / 4])


@pytest.mark.parametrize("odds", [1.0, 2.0])
def test_no_more_is_false_than_was_asked_for(odds):
    """1,000 families: 60 outputs that owe something, 140 that do not."""
    generator = np.random.default_rng(1)
    levels, true = (0.05, 0.1, 0.2), np.arange(200) < 60
    shares, power, blind = ({level: [] for level in levels} for _ in range(3))
    for _ in range(1000):
        best = generator.normal(size=200) + 2 * true
        win = generator.random(200) < np.where(true, 0.98, odds / (1 + odds))
        target, decoy = np.where(win, best, NONE), np.where(win, NONE, best)
        for level in levels:
            for told, kept in ((odds, shares), (1.0, blind)):
                found = q_values(target, decoy, told) <= level
                kept[level].append((found & ~true).sum() / max(1, found.sum()))
            power[level].append((q_values(target, decoy, odds) <= level)[true].mean())
    for level in levels:
        error = np.std(shares[level]) / np.sqrt(1000)
        assert np.mean(shares[level]) <= level + 3 * error
        if odds > 1 and level == 0.2:  # of sides that are not of one size, as if they were
            assert np.mean(blind[level]) > level + 3 * error
    assert np.mean(power[0.2]) > 0.5


def test_where_there_is_nothing_hardly_anything_is_found():
    generator = np.random.default_rng(2)
    any_found = []
    for _ in range(1000):
        found = q_values(*generator.normal(size=(2, 100)))
        any_found.append((found <= 0.2).any())
    assert 0 < np.mean(any_found) <= 0.2


# -- control music under random labels -------------------------------------------------------------


def artists(count=20, seed=0):
    """A track an artist, as many on either side: `competition.sizes`."""
    clips = np.random.default_rng(seed).integers(5, 40, count)
    names = [f"artist {number:02d}" for number in range(count)]
    target = np.where(np.arange(count) % 2 == 0, clips, 0)
    rows = {"track_id": names, "group_id": names, "artist_block": names}
    return pd.DataFrame(rows | {"target": target, "decoy": clips - target})


def scores(sizes, queries=80, seed=0, hub=0.0):
    """Best of each block for music of these artists, its own left out."""
    generator = np.random.default_rng(seed)
    names = sizes.artist_block.to_numpy()
    rows = []
    for query in range(queries):
        own = names[query % len(names)]
        drawn = generator.normal(size=len(names)) + hub * (names == names[0])
        rows += [
            (f"q{query}", own, *pair) for pair in zip(names, drawn, strict=True) if pair[0] != own
        ]
    return pd.DataFrame(rows, columns=["output_id", "own_block", "artist_block", "score"])


def test_labels_are_fair_and_both_sides_of_about_one_size():
    of_block = artists().set_index("artist_block")[["target", "decoy"]].sum(axis=1)
    labels = relabelled(of_block, 400, 0)
    sizes = labels @ of_block.to_numpy()
    assert (np.abs(2 * sizes - of_block.sum()) <= of_block.max()).all()
    assert (np.abs(labels.mean(axis=0) - 0.5) < 0.1).all()
    assert (relabelled(of_block, 400, 0) == labels).all()
    assert (relabelled(of_block, 400, 1) != labels).any()


def test_music_never_finds_its_own_artist_and_the_odds_are_those_of_what_is_left():
    sizes = artists(4)
    null = Relabelled(scores(sizes, 4), sizes, 3, 0)
    clips = (sizes.target + sizes.decoy).to_numpy()
    for label in null.labels:
        target, decoy, own, odds = null.compete(label)
        assert own.tolist() == label.tolist()
        for query in range(4):
            left = np.arange(4) != query
            mine = null.scores[query]
            assert mine[query] == NONE
            assert target[query] == mine[left & label].max(initial=NONE)
            assert decoy[query] == mine[left & ~label].max(initial=NONE)
            assert odds[query] == clips[left & label].sum() / clips[left & ~label].sum()


def test_control_music_finds_no_more_than_the_level_and_one_hub_shows():
    sizes = artists(40)
    rates = Relabelled(scores(sizes, 200), sizes, 300, 0).false_rates((0.05, 0.2), 0.95)
    assert (rates.false_rate_low <= rates.fdr).all(), rates
    assert set(rates.prompts) == {"all", "train", "control"}
    # an artist is on either side in half of the draws
    size = rates.drop_duplicates("prompts").set_index("prompts").n_null
    assert size["all"] == 200 == pytest.approx(size.train + size.control, abs=1)
    assert 90 < size.train < 110
    # all win or lose with one artist: the coins are one coin
    hub = Relabelled(scores(sizes, 200, hub=9.0), sizes, 300, 0).false_rates((0.05,), 0.95)
    assert (hub.false_rate_low > 0.2).all(), hub


def test_planted_copies_are_found_among_control_music():
    sizes = artists(40)
    null = Relabelled(scores(sizes, 100), sizes, 60, 0)
    copies = pd.DataFrame({"kind": "mp3", "target": np.full(40, 9.0), "decoy": 0.0})
    lost = pd.DataFrame({"kind": "noise", "target": np.full(40, -9.0), "decoy": 0.0})
    found = null.planted(pd.concat([copies, lost]), (0.05,)).set_index("kind")
    assert found.power["mp3"] == 1 and found.power["noise"] == 0
    assert found.false_share["mp3"] <= 0.05
    assert found.n_planted.tolist() == [40, 40]


# -- what competes ---------------------------------------------------------------------------------


def nearest(*rows):
    """Rows of (output_id, index, score, track_id)."""
    table = pd.DataFrame(rows, columns=["output_id", "index", "score", "track_id"])
    about = {"view": "mfcc", "prompt_track": "artist_excluded", "setting": "x", "split": "control"}
    return table.assign(cluster=table.output_id, **about)


def test_sides_are_the_best_of_either_index_and_the_track_is_the_winners():
    found = competition.sides(
        nearest(
            ("a", "train_equal", 0.9, "t"),
            ("a", "control", 0.8, "c"),
            ("a", "train", 1.0, "elsewhere"),
            ("b", "train_equal", 0.1, "t"),
            ("b", "control", 0.2, "c"),
            ("d", "control", 0.2, "c"),
        )
    ).set_index("output_id")
    assert found.target.tolist() == [0.9, 0.1, NONE]
    assert found.decoy.tolist() == [0.8, 0.2, 0.2]
    assert found.track_id.tolist() == ["t", "c", "c"]


def test_odds_are_of_the_clips_that_are_left():
    rows = [("t0", "g0", "A", 4, 0), ("t1", "g1", "A", 2, 0), ("t2", "g2", "B", 4, 0)]
    rows += [("c0", "g3", "C", 0, 5), ("c1", "g4", "D", 0, 5)]
    names = ["track_id", "group_id", "artist_block", "target", "decoy"]
    sizes = pd.DataFrame(rows, columns=names)

    def odds(prompt_track, *clusters):
        return competition.largest_odds(pd.DataFrame({"cluster": clusters}), sizes, prompt_track)

    assert odds("included", "g0", "g3") == 1
    assert odds("excluded", "g0") == 6 / 10
    assert odds("artist_excluded", "g0") == 4 / 10
    assert odds("artist_excluded", "g0", "g3") == 10 / 5  # the largest of the family
    assert odds("artist_excluded", "an output without a prompt") == 1


def test_where_nothing_is_left_nothing_is_discovered_and_others_still_are():
    names = ["track_id", "group_id", "artist_block", "target", "decoy"]
    rows = [("t", "t", "A", 4, 0), ("c", "c", "A", 0, 4)]
    sizes = pd.DataFrame(rows, columns=names)
    none, some = pd.DataFrame({"cluster": ["t"]}), pd.DataFrame({"cluster": ["t", "unknown"]})
    assert competition.largest_odds(none, sizes, "artist_excluded") == np.inf
    assert competition.largest_odds(some, sizes, "artist_excluded") == 1
    assert competition.largest_odds(none, sizes.iloc[:0], "included") == np.inf
    assert q_values([9, 8], [1, 2], np.inf).tolist() == [1, 1]
    # music of the only artist, under any labels
    music = pd.DataFrame({"output_id": ["q"], "own_block": "A", "artist_block": "B", "score": 1.0})
    alone = Relabelled(music, sizes.iloc[:1], 5, 0)
    drawn, size = alone.discoveries(alone.labels, (0.5,), np.ones_like)
    assert not drawn.any() and (size == 1).all()


def test_sizes_count_the_clips_of_either_side():
    clips = pd.DataFrame(
        {"clip_id": list("abcd"), "track_id": list("ttuv"), "group_id": list("ttuv")}
    )
    indexes = pd.DataFrame({"clip_id": list("abcd"), "train": [True, True, False, False]})
    indexes["train_equal"], indexes["control"] = (
        [True, False, False, False],
        [False, False, True, False],
    )
    found = competition.sizes(clips, indexes, pd.Series({"t": "A", "u": "B", "v": "B"}))
    assert found.set_index("track_id").target.to_dict() == {"t": 1, "u": 0, "v": 0}
    assert found.set_index("track_id").decoy.to_dict() == {"t": 0, "u": 1, "v": 0}


def test_a_planted_clip_counts_where_its_original_can_be_found():
    table = pd.DataFrame(
        {
            "encoder": "mfcc",
            "of": "clip",
            "output_id": ["p", "p", "q", "q"],
            "index": ["train_equal", "control"] * 2,
            "cosine": [0.9, 0.1, 0.8, 0.2],
        }
    )
    clips = pd.DataFrame({"clip_id": ["p", "q"], "kind": "mp3", "parent_clip_id": ["a", "b"]})
    indexes = pd.DataFrame({"clip_id": ["a", "b"], "train_equal": [True, False]})
    found = competitors.planted(table, clips, indexes)
    assert found.to_dict("records") == [
        {"view": "mfcc", "kind": "mp3", "target": 0.9, "decoy": 0.1}
    ]


def test_of_control_music_the_best_of_each_artist_competes():
    matches = pd.DataFrame(
        {
            "query_clip_id": ["q0", "q0", "q1", "q1"],
            "track_id": ["t", "u", "t", "v"],
            "index": ["train_equal", "control", "train_equal", "control"],
            "cosine": [0.1, 0.2, 0.5, 0.3],
            "target": "",
            "encoder": "mfcc",
            "prompt_track": "artist_excluded",
        }
    )
    clips = pd.DataFrame({"clip_id": ["q0", "q1"], "output_id": "e", "track_id": "w"})
    blocks = pd.Series({"t": "A", "u": "B", "v": "B", "w": "C"})
    found = competitors.by_artist(matches, clips, blocks)
    assert (found.own_block == "C").all()
    assert found.set_index("artist_block").score.to_dict() == {"A": 0.5, "B": 0.3}


# -- all of it -------------------------------------------------------------------------------------


def competed(heard=None, **more):
    sizes = artists(20)
    rows = []
    for number in range(30):
        wins = number < 25
        rows.append((f"v{number}", "train_equal", 5.0 if wins else 0.0, "artist 00"))
        rows.append((f"v{number}", "control", 1.0, "artist 01"))
    outputs = competition.sides(nearest(*rows).assign(**more))
    # the outputs' best of each artist: all are nearest to one, and then to another
    own = [(row[0], "artist 01", row[3], row[2]) for row in rows if row[3] != "artist 01"]
    own += [(row[0], "artist 01", "artist 03", 1.0) for row in rows[::2]]
    own = pd.DataFrame(own, columns=["output_id", "own_block", "artist_block", "score"])
    music = pd.concat([scores(sizes, 60).assign(of="control"), own.assign(of="outputs")])
    copies = pd.DataFrame({"view": "mfcc", "kind": "mp3", "target": np.full(30, 9.0), "decoy": 0.0})
    return competition.compete(
        outputs, music.assign(view="mfcc"), copies, sizes, 0.05, 40, 99, 0.95, 0, heard
    )


def test_what_the_tables_say():
    found = competed()
    table = found["table"].set_index(["prompts", "fdr"])
    row = table.loc["control", 0.05]
    assert (row.n_outputs, row.target_wins, row.decoy_wins, row.discoveries) == (30, 25, 5, 25)
    assert row.decoy_wins_above == 0 and row.lowest_q == row.odds / 25
    # all wins are of one artist, and all losses of another: two coins prove little
    assert row.sign_flip_p > 0.2
    # and labels of these two give as many in about one draw of four or more
    assert row.relabelled_p > 0.1
    assert row.planted_power == 1 and 0 <= row.false_rate <= row.false_rate_high
    assert table.index.get_level_values("fdr").unique().tolist() == [0.05, 0.1, 0.2]
    each = found["outputs"].set_index("output_id")
    assert (each.q <= 0.05).sum() == 25 and (each.q[each.target < each.decoy] == 1).all()
    assert found["planted"].power.tolist() == [1, 1, 1]


def test_the_check_speaks_of_no_more_than_what_it_checked():
    table = competed(prompt_track="included")["table"]
    assert table.false_rate.isna().all() and table.planted_power.isna().all()
    assert (table.odds == table.odds.iloc[0]).all()


def test_outputs_without_a_known_prompt_are_a_family_of_their_own():
    table = competed(split="")["table"]
    assert set(table.prompts) == {"all", "unknown"} and table.false_rate.notna().all()


def test_without_planted_clips_nothing_is_said_of_power():
    sizes = artists(20)
    rows = [("v", "train_equal", 5.0, "artist 00"), ("v", "control", 1.0, "artist 01")]
    music = scores(sizes, 10).assign(view="mfcc")
    music = pd.concat([music.assign(of="control"), music.assign(of="outputs")])
    none = pd.DataFrame(columns=["view", "kind", "target", "decoy"])
    found = competition.compete(
        competition.sides(nearest(*rows)), music, none, sizes, 0.05, 5, 9, 0.95, 0
    )
    assert found["table"].planted_power.isna().all() and found["planted"].empty
    assert found["table"].false_rate.notna().all()


def test_of_what_is_discovered_the_share_that_the_generator_has_heard():
    table = competed({"artist 00", "artist 02"})["table"]
    sizes = artists(20).set_index("track_id").target
    assert (table.heard_share == 1).all()
    by_chance = sizes[["artist 00", "artist 02"]].sum() / sizes.sum()
    np.testing.assert_allclose(table.heard_by_chance, by_chance)
    assert (competed({"artist 02"})["table"].heard_share == 0).all()
    assert competed()["table"].heard_share.isna().all()


def test_as_many_discoveries_as_by_one_artist_alone_are_no_wonder():
    sizes = artists(40)
    music = scores(sizes, 100)
    one = Relabelled(scores(sizes, 100, hub=9.0), sizes, 200, 0)
    (p,) = one.p_of_as_many(one.names.tolist(), (0.05,), [97])
    assert 0.3 < p < 0.7, "the label of one artist decides"
    many = Relabelled(music, sizes, 200, 0)
    (p,) = many.p_of_as_many(many.names.tolist(), (0.05,), [97])
    assert p == 1 / 201
    assert many.p_of_as_many(many.names.tolist(), (0.05, 0.2), [0, 0]) == [1, 1]


def test_labels_that_are_held_stay_and_the_rest_makes_both_sides_of_one_size():
    of_block = artists().set_index("artist_block")[["target", "decoy"]].sum(axis=1)
    labels = relabelled(of_block, 50, 0, {0: True, 3: True, 5: False})
    assert labels[:, [0, 3]].all() and not labels[:, 5].any()
    assert (np.abs(2 * (labels @ of_block.to_numpy()) - of_block.sum()) <= of_block.max()).all()
    free = np.delete(labels, [0, 3, 5], axis=1)
    assert (free.any(axis=0) & ~free.all(axis=0)).all()


@pytest.mark.parametrize("side", [True, False])
def test_p_of_prompts_from_one_split_is_no_smaller_than_it_should_be(side):
    """Labels are all that is random; one artist has many clips, and all are nearest to another."""
    sizes = artists(30).assign(target=lambda table: table.target + table.decoy, decoy=0)
    sizes.loc[1, "target"] = 150
    clips = sizes.set_index("artist_block").target
    music = scores(sizes, 600, hub=9.0)
    music = music[music.own_block.isin(clips.index[1:4])]  # 60 pieces of three artists
    labels = relabelled(clips, 800, 1)
    p = []
    for label in labels[(labels[:, 1:4] == side).all(axis=1)]:
        real = sizes.assign(target=clips.to_numpy() * label, decoy=clips.to_numpy() * ~label)
        mine = Relabelled(music, real, 19, 0)
        ((found,),), _ = mine.discoveries([label], (1 / 60,), np.ones_like)
        p += mine.p_of_as_many(mine.names.tolist(), (1 / 60,), [found])
    assert len(p) > 50
    for level in (0.1, 0.2, 0.3):
        assert np.mean(np.array(p) <= level) <= level + 2 * np.sqrt(level * (1 - level) / len(p))


def test_flips_are_at_the_odds_of_the_family():
    """20 control prompts of an artist each, that win by chance at odds of 3."""
    chance, clusters = np.random.default_rng(3), np.arange(20)
    fair, weighed = [], []
    for number in range(200):
        won = np.where(chance.random(20) < 0.75, 1.0, -1.0)
        for odds, p in ((1.0, fair), (3.0, weighed)):
            p.append(sign_flip(won, clusters, 99, rng=np.random.default_rng(number), odds=odds))
    assert np.mean(np.array(weighed) <= 0.1) <= 0.15 < 0.5 < np.mean(np.array(fair) <= 0.1)
    flip = np.random.default_rng(0)
    assert sign_flip([1.0, 1.0], [0, 1], 9, rng=flip, odds=np.inf) == 1
    assert sign_flip([1.0, 1.0], [0, 1], 9, rng=flip, odds=0.0) == 0.1


def test_where_the_control_side_is_smaller_many_wins_prove_less():
    sizes = artists(20)
    sizes.loc[1, "decoy"] = sizes.decoy.sum() * 2
    rows = []
    for number in range(20):
        track = f"artist {number:02d}"
        at = ("train_equal", 5.0) if number % 2 == 0 or number == 3 else ("control", 5.0)
        rows.append((f"v{number}", *at, track))
    mine = competition.sides(nearest(*rows).assign(cluster="artist 01"))
    table, _ = competition.competed(mine, sizes, (0.05,), 99, 0)
    fair, _ = competition.competed(mine.assign(cluster="unknown"), sizes, (0.05,), 99, 0)
    assert table.odds.iloc[0] > 1 > fair.odds.iloc[0]
    assert table.sign_flip_p.iloc[0] > fair.sign_flip_p.iloc[0]
