"""Concentration on equal terms, and the hubs behind it."""

import numpy as np
import pandas as pd
import pytest

from musical_roots import concentration
from musical_roots.experiments import hubs
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

MEASURES = ["gini", "top_1_percent_share", "effective_number", "effective_share"]


def items(count=60):
    """Clips of the training set: two a song, six an artist."""
    clips = np.arange(count)
    return pd.DataFrame(
        {
            "clip_id": [f"c{n:03d}" for n in clips],
            "group_id": [f"g{n // 2:03d}" for n in clips],
            "artist": [f"artist{n // 6:02d}" for n in clips],
        }
    )


def found(pick, clusters=20, queries=3, k=4, name="q"):
    """Matches of some queries a cluster: `pick` gives the positions of the k that one finds."""
    there, rows = items(), []
    for cluster in range(clusters):
        for query in range(queries):
            for place in pick(cluster, query, k):
                row = {"query_clip_id": f"{name}{cluster:02d}{query}", "cluster": f"t{cluster}"}
                rows.append(row | there.iloc[place].to_dict())
    return pd.DataFrame(rows)


def even(cluster, query, k):
    return [(7 * cluster + 3 * query + n) % 60 for n in range(k)]


def narrow(cluster, query, k):
    return range(k)


def named(**sources):
    """Sources of concentration, all searched for in one index."""
    return {(name, "train"): (part, items()) for name, part in sources.items()}


# -- concentration ---------------------------------------------------------------------------------


def test_a_source_that_finds_few_is_more_concentrated_than_one_that_finds_all():
    sources = named(even=found(even), narrow=found(narrow))
    table, _ = hubs.concentration_of(sources, 20, seed=0)
    table = table.set_index(["source", "granularity"])
    for granularity, n_items, effective in (("clip", 60, 4), ("song", 30, 2), ("artist", 10, 1)):
        one, other = (table.loc[(name, granularity)] for name in ("even", "narrow"))
        assert one.n_items == other.n_items == n_items
        assert other.gini > one.gini + 0.2
        assert other.gini == pytest.approx(1 - effective / n_items), "equal counts of so many"
        assert other.effective_number == pytest.approx(effective)
        assert other.effective_share == pytest.approx(effective / n_items)
        assert other.top_1_percent_share == pytest.approx(1 / effective)
        assert one.effective_number > 2 * effective


def test_every_source_is_given_as_many_queries_however_many_it_has():
    """Equal behaviour, four times the queries: equal concentration."""
    draw = rng(0, "test.hubs")

    def pick(cluster, query, k):
        return draw.choice(60, k, replace=False)

    many, few = found(pick, clusters=80, queries=5), found(pick, clusters=20)
    table, _ = hubs.concentration_of(named(many=many, few=few), 40, seed=0)
    assert (table.n_queries == 10).all(), "half of the clusters of the smallest"
    ginis = table[table.granularity == "clip"].set_index("source").gini
    assert ginis["many"] == pytest.approx(ginis["few"], abs=0.03)
    counts = [
        concentration.k_occurrence(part.clip_id.str[1:].astype(int), 60) for part in (many, few)
    ]
    whole = [concentration.gini(count) for count in counts]
    assert whole[0] < whole[1] - 0.1, "which is not so where all queries are counted"


def test_a_draw_holds_one_query_a_cluster():
    """Each cluster finds a clip of its own, and one of them has fifty queries."""

    def pick(cluster, query, k):
        return [cluster] * k

    part = found(pick, clusters=10, queries=1)
    crowd = pd.concat([part, found(pick, clusters=1, queries=50, name="r")])
    table, _ = hubs.concentration_of(named(crowd=crowd), 30, seed=0)
    clips = table.set_index("granularity").loc["clip"]
    assert clips.n_queries == 5
    assert (clips.effective_number_low, clips.effective_number_high) == pytest.approx((5, 5))


def test_bounds_hold_the_mean_and_curves_belong_to_the_ginis():
    sources = named(even=found(even), narrow=found(narrow))
    table, curves = hubs.concentration_of(sources, 20, seed=0)
    for name in MEASURES:
        assert (table[f"{name}_low"] <= table[name] + 1e-12).all()
        assert (table[name] <= table[f"{name}_high"] + 1e-12).all()
    ginis = table.set_index(["source", "granularity"]).gini
    for key, curve in curves.groupby(["source", "granularity"]):
        assert len(curve) == 101
        assert (curve.matches.iloc[0], curve.matches.iloc[-1]) == pytest.approx((0, 1))
        assert (np.diff(curve.matches, 2) >= -1e-9).all()
        area = np.trapezoid(curve["items"] - curve.matches, curve["items"])
        assert 2 * area == pytest.approx(ginis[key], abs=0.02)


def test_concentration_does_not_depend_on_the_order_of_rows():
    part = found(even)
    shuffled = [table.sample(frac=1, random_state=0) for table in (part, items())]
    one = hubs.concentration_of(named(even=part), 5, seed=0)
    other = hubs.concentration_of({("even", "train"): tuple(shuffled)}, 5, seed=0)
    for mine, theirs in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(mine, theirs)
    draws = hubs.concentration_of(named(even=part), 5, seed=1)[0]
    assert not draws.equals(one[0])


def test_draws_are_those_of_a_sources_old_name():
    """Numbers of 0.1 stay: a source was drawn by the name that it had there."""
    part = (found(even), items())
    new, _ = hubs.concentration_of({("outputs", "control"): part}, 5, seed=0)
    old, _ = hubs.concentration_of({("vamps,", "control index"): part}, 5, seed=0)
    other, _ = hubs.concentration_of({("outputs", "train_equal"): part}, 5, seed=0)
    measured = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    assert new[measured].equals(old[measured])
    assert not new[measured].equals(other[measured])


def test_sources_take_their_index_and_prompt_track_and_nothing_else():
    there = items(4).assign(
        train_equal=[True, True, False, False], control=[False, False, True, True]
    )
    matches = pd.DataFrame(
        [
            ("q0", "c000", "", "train_equal", "excluded"),
            ("q0", "c001", "", "train_equal", "included"),
            ("q0", "c001", "parent", "train_equal", "excluded"),
            ("q1", "c001", "", "train_equal", "excluded"),
            ("q1", "c002", "", "control", "excluded"),
            ("q1", "c003", "", "train", "excluded"),
        ],
        columns=["query_clip_id", "clip_id", "target", "index", "prompt_track"],
    )
    clips = pd.DataFrame({"clip_id": ["q0", "q1"], "group_id": ["g9", ""], "output_id": ["v", "w"]})
    control = matches[:2].assign(query_clip_id="h0", prompt_track=["excluded", "included"])
    control_clips = pd.DataFrame({"clip_id": ["h0"], "group_id": ["g8"], "output_id": ["h"]})
    made = hubs.sources(matches, clips, control, control_clips, there)
    names = [("outputs", "train_equal"), ("control", "train_equal"), ("outputs", "control")]
    assert list(made) == names
    pairs = [list(zip(part.query_clip_id, part.clip_id, strict=True)) for part, _ in made.values()]
    assert pairs == [[("q0", "c000"), ("q1", "c001")], [("h0", "c001")], [("q1", "c002")]]
    assert made[names[0]][0].cluster.tolist() == ["g9", "w"], "no track known: on its own"
    assert made[names[0]][0].group_id.tolist() == ["g000", "g000"]
    assert [part.clip_id.tolist() for _, part in made.values()] == [
        ["c000", "c001"],
        ["c000", "c001"],
        ["c002", "c003"],
    ]


# -- hubs ------------------------------------------------------------------------------------------


def of_vectors(vectors, groups=None):
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"c{n}" for n in range(len(vectors))]
    clips = pd.DataFrame({"clip_id": names, "group_id": groups or names})
    about = {"encoder": "test", "fingerprint": "abc", "dim": vectors.shape[1]}
    return Embeddings(clips, [vectors.astype(np.float16)], about)


def cone(count, name, dim=50):
    """Unit vectors around an axis; the first of them is the axis, near to all."""
    vectors = rng(0, "test.cone", name).normal(size=(count, dim))
    vectors[:, 0] += 4
    vectors[0] = np.eye(dim)[0]
    return of_vectors(vectors)


@pytest.fixture(scope="module")
def measured():
    queries = {"outputs": cone(300, "v"), "control": cone(120, "h")}
    return hubs.hubness(queries, cone(200, "c"), k=5, most=1000, seed=0)


def test_hubness_has_a_row_for_all_queries_and_corrections(measured):
    assert len(measured) == 3 * 4
    names = {"none", "centring", "csls", "mutual proximity"}
    for queries, count in (("train", 200), ("outputs", 120), ("control", 120)):
        part = measured[measured.queries == queries]
        assert set(part.correction) == names
        assert (part.n_queries == count).all(), "as many of each source as the smallest has"
    assert (measured.n_items == 200).all()
    assert (measured.k == 5).all()
    assert (measured.encoder == "test").all()
    assert measured.biggest_hub.between(5 / 200, 1).all()
    assert measured.anti_hubs.between(0, 1).all()


def test_hubs_are_seen_and_every_correction_makes_less_of_them(measured):
    for _, part in measured.groupby("queries"):
        part = part.set_index("correction")
        assert part.biggest_hub["none"] > 0.5, "one clip is among the nearest of most"
        assert part.skewness["none"] > 7
        for correction in ("centring", "csls", "mutual proximity"):
            for column in ("skewness", "biggest_hub", "gini"):
                assert part.loc[correction, column] < 0.8 * part.loc["none", column]


def test_no_clip_of_the_training_set_is_its_own_neighbour():
    """Families far from each other: two find their middle one, which finds the nearer of them."""
    middle, aside = np.eye(60)[:20], np.eye(60)[20:40]
    index = of_vectors(np.concatenate([middle, middle + 0.2 * aside, middle - 0.3 * aside]))
    table = hubs.hubness({"outputs": index}, index, k=1, most=99, seed=0)
    for row in table.itertuples():
        if row.queries == "train":
            assert (row.biggest_hub, row.anti_hubs) == pytest.approx((2 / 60, 1 / 3))
        else:  # which are not known to be the same clips
            assert (row.biggest_hub, row.anti_hubs) == pytest.approx((1 / 60, 0))


def test_where_all_are_found_as_often_nobody_is_a_hub():
    """Pairs far from each other: each finds the other."""
    middle, aside = np.eye(40)[:20], np.eye(40)[20:]
    index = of_vectors(np.concatenate([middle, middle + 0.2 * aside]))
    table = hubs.hubness({"outputs": index}, index, k=1, most=99, seed=0)
    plain = table[table.correction == "none"]
    assert set(plain.queries) == {"train", "outputs"}
    for row in plain.itertuples():
        assert (row.biggest_hub, row.anti_hubs, row.gini) == pytest.approx((1 / 40, 0, 0))
        assert row.skewness == 0


def test_no_more_clips_are_drawn_than_asked_for_and_k_fits():
    table = hubs.hubness({"outputs": cone(90, "v")}, cone(200, "c"), k=50, most=40, seed=0)
    assert (table.n_items == 40).all()
    assert (table.n_queries == 40).all()
    assert (table.k == 39).all()
    plain = table[(table.queries == "train") & (table.correction == "none")]
    assert plain.biggest_hub.item() == 39 / 40, "all but itself are neighbours"
    assert plain.gini.item() == pytest.approx(0)
    one, other = (
        hubs.hubness({"outputs": cone(90, "v")}, cone(200, "c"), k=5, most=40, seed=seed)
        for seed in (0, 1)
    )
    assert not one.equals(other)


def test_many_vamps_of_one_prompt_are_not_many_queries():
    """A prompt with forty clips, all at one place, beside forty with one: it counts as one."""
    apart, together = np.eye(60)[:40], np.repeat(np.eye(60)[50:51], 40, axis=0)
    groups = [f"g{n}" for n in range(40)] + ["often"] * 40
    queries = {
        "outputs": of_vectors(np.concatenate([apart, together]), groups),
        "control": of_vectors(np.eye(60)[:41]),
    }
    table = hubs.hubness(queries, of_vectors(np.eye(60)), k=1, most=99, seed=0)
    plain = table[(table.correction == "none") & (table.queries == "outputs")]
    assert plain.n_queries.item() == 41
    assert plain.biggest_hub.item() == pytest.approx(1 / 41), "once, as every other"
