"""The paper's bins of cosine: known answers, and what must not change them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musical_roots.errors import InputError
from musical_roots.experiments import bins
from musical_roots.tables import Embeddings, read_table
from musical_roots.weights import PLUMBING

FOLDER = Path(__file__).parents[2] / "config/paper"


@pytest.fixture(scope="module")
def paper():
    return bins.published(read_table(FOLDER / "bins.csv"), read_table(FOLDER / "neighbours.csv"))


def embeddings(vectors, shards=1, order=None, **provenance):
    """Unit vectors in shards, in any order; clip_ids go with the vectors."""
    vectors = np.asarray(vectors, np.float64)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    ids = pd.Series([f"{i:016x}" for i in range(len(vectors))])
    order = np.arange(len(vectors)) if order is None else order
    clips = pd.DataFrame({"clip_id": ids[order], "track_id": "t", "group_id": "t"})
    how = {"encoder": "toy", "fingerprint": "1", "dim": vectors.shape[1]} | provenance
    return Embeddings(clips.reset_index(drop=True), np.array_split(vectors[order], shards), how)


def cloud(n=80, dim=6, seed=0, **provenance):
    return embeddings(np.random.default_rng(seed).standard_normal((n, dim)), **provenance)


def of(table, encoder="toy"):
    return table[table.encoder == encoder].set_index("quantity").value


def found(nearest, random, encoder="toy", features="", n_nearest=2):
    return bins.Cosines(encoder, features, np.array(nearest), np.array(random), 9, n_nearest)


def test_known_answers(paper):
    # of the two nearest: .2 .4 .6 .8, median .5, variance (.09 + .01 + .01 + .09) / 4
    nearest = [[0.8, 0.6, 0.1], [0.4, 0.2, 0.0]]
    values = of(bins.summarise([found(nearest, np.linspace(-1, 1, 41))], paper))
    sd = np.sqrt(0.05)
    wanted = {"bin_3": 0.5, "bin_2": 0.5 + sd, "bin_1": 0.5 + 2 * sd, "bin_4": 0.0}
    wanted |= {"nearest_sd": sd, "random_low": -0.9, "random_sd": np.linspace(-1, 1, 41).std()}
    assert values[list(wanted)].to_dict() == pytest.approx(wanted)
    assert values[["nearest_5_mean", "nearest_100_mean"]].isna().all()


def test_a_circle_has_the_cosines_of_its_angles(paper):
    """Sixty clips, six degrees apart: the k-th nearest is 6 * ceil(k / 2) degrees away."""
    angles = np.radians(6 * np.arange(60))
    measured = bins.measure(embeddings(np.stack([np.cos(angles), np.sin(angles)], axis=1)), 7, 0)
    ranks = np.arange(1, 60)
    wanted = np.cos(np.radians(6 * np.ceil(ranks / 2)))
    np.testing.assert_allclose(measured.nearest, np.tile(wanted, (7, 1)), atol=1e-3)
    assert (measured.n_index, measured.n_nearest) == (60, 10)
    values = of(bins.summarise([measured], paper))
    assert values["bin_3"] == pytest.approx(np.median(wanted[:10]), abs=1e-3)
    assert values["nearest_5_mean"] == pytest.approx(np.cos(np.radians(18)), abs=1e-3)


def test_as_many_are_nearest_as_in_the_paper_and_ten_at_least(monkeypatch):
    assert round(bins.SHARE * 5_000_000) == 10_000
    for n, wanted in ((2, 1), (8, 7), (200, 10)):
        assert bins.measure(cloud(n), 3, 0).n_nearest == wanted
    monkeypatch.setattr(bins, "SHARE", 0.1)
    assert bins.measure(cloud(200), 3, 0).n_nearest == 20


def test_no_clip_meets_itself():
    """Of two orthogonal clips all cosines are 0, and with itself a clip has 1."""
    measured = bins.measure(embeddings(np.eye(2)), 1000, 0)
    assert measured.nearest.shape == (2, 1) and measured.random.shape == (2 * bins.PARTNERS,)
    assert not measured.nearest.any() and not measured.random.any()
    assert np.abs(bins.measure(embeddings(np.eye(40)), 1000, 0).random).max() == 0


def test_a_copy_of_a_clip_is_another_clip():
    twice = np.repeat(np.eye(30), 2, axis=0)
    assert (bins.measure(embeddings(twice), 5, 0).nearest[:, 0] == 1).all()


def test_random_pairs_are_of_all_clips_alike():
    """Each place of the sorted list is as likely a partner, first and last alike."""
    index = cloud(5)
    places = np.arange(5)
    drawn = [bins._pairs(index, places, places, seed) for seed in range(20)]
    met = {pair for rows, others in drawn for pair in zip(rows, others, strict=True)}
    assert met == {(a, b) for a in range(5) for b in range(5) if a != b}


def test_shards_and_their_order_change_nothing(paper):
    vectors = np.random.default_rng(3).standard_normal((120, 5))
    vectors[50:60] = vectors[40:50]  # ties
    mixed = np.random.default_rng(4).permutation(120)
    tables = []
    for shards, order in ((1, None), (7, None), (4, mixed)):
        measured = [bins.measure(embeddings(vectors, shards, order), 30, 1)]
        table = bins.summarise(measured, paper)
        tables.append((table.to_csv(), bins.histogram(measured, table).to_csv()))
    assert tables[0] == tables[1] == tables[2]


def test_queries_taken_in_parts_are_the_same(monkeypatch):
    whole = bins.measure(cloud(), 50, 0)
    monkeypatch.setattr(bins, "AT_ONCE", 7)
    np.testing.assert_array_equal(bins.measure(cloud(), 50, 0).nearest, whole.nearest)


def test_the_seed_draws_and_no_encoder_changes_the_draw():
    one, same, other = (bins.measure(cloud(encoder=e), 20, s) for e, s in
                        (("a", 0), ("b", 0), ("a", 1)))  # fmt: skip
    np.testing.assert_array_equal(one.random, same.random)
    np.testing.assert_array_equal(one.nearest, same.nearest)
    assert (one.random != other.random).any() and (one.nearest != other.nearest).any()
    assert len(bins.measure(cloud(), 1000, 0).nearest) == 80


def test_one_clip_makes_no_pair():
    with pytest.raises(InputError, match="two make a pair"):
        bins.measure(embeddings(np.eye(1)), 5, 0)


def test_the_papers_numbers_stand_beside_those_of_its_encoders(paper):
    measured = [found([[0.5]], [0.1], name) for name in ("clap", "clmr", "clap_music", "mfcc")]
    table = bins.summarise(measured, paper)
    assert table.columns.tolist() == [
        *("encoder", "quantity", "value", "paper", "n_sampled", "n_index", "n_nearest")
    ]
    beside = table.dropna(subset="paper").set_index(["encoder", "quantity"]).paper.to_dict()
    names = ["bin_1", "bin_2", "bin_3", "bin_4", "nearest_5_mean", "nearest_100_mean"]
    wanted = {"clap": [0.955, 0.885, 0.815, 0.513, 0.912, 0.878]}
    wanted["clmr"] = [0.875, 0.784, 0.693, 0.151, 0.872, 0.8]
    assert beside == {(e, q): v for e in wanted for q, v in zip(names, wanted[e], strict=True)}


def test_the_histogram_holds_all_cosines_and_the_bins(paper):
    measured = [found([[1.0, 0.9], [0.9, -1.0]], [0.0, 1.0], "clmr")]
    table = bins.histogram(measured, bins.summarise(measured, paper))
    counted = table[table.share.notna()]
    assert counted.groupby("of").share.sum().to_dict() == pytest.approx({"nearest": 1, "random": 1})
    nearest = counted[(counted.of == "nearest") & (counted.share > 0)]
    assert nearest[["low", "high", "share"]].to_numpy().tolist() == [
        *([-1.0, -0.98, 0.25], [0.9, 0.92, 0.5], [0.98, 1.0, 0.25])
    ]
    edges = table[table.share.isna()].set_index("of")
    assert len(edges) == 8 and (edges.high - edges.low).to_numpy() == pytest.approx(0.04)
    assert edges.low["paper_bin_4"] == pytest.approx(0.131)
    assert edges.low["bin_4"] == pytest.approx(0.48)


def verdicts(paper, *measured):
    table = bins.summarise(measured, paper)
    layers = {each.encoder: each.features for each in measured}
    return bins.paper_encoders(table, paper, layers).set_index("of_paper")


def test_what_matches_the_paper_is_said_by_the_median_of_random_pairs(paper):
    said = verdicts(
        paper,
        found([[0.5]], [0.5], "clap"),
        found([[0.5]], [0.6], "clmr", "encoder"),
        found([[0.5]], [0.5], "mfcc"),
    )
    assert said.verdict.to_dict() == {"CLAP": "matches", "CLMR": "does not match"}
    assert said.encoder.to_dict() == {"CLAP": "clap", "CLMR": "clmr"}
    assert "encoders.clmr.features: projector" in said.finding["CLMR"]
    assert "0.600" in said.finding["CLMR"] and "0.151" in said.finding["CLMR"]
    said = verdicts(
        paper, found([[0.5]], [0.9], "clap"), found([[0.5]], [0.2], "clmr", "projector")
    )
    assert said.verdict.to_dict() == {"CLAP": "does not match", "CLMR": "matches"}
    assert "clap_music" in said.finding["CLAP"]
    assert said.features.to_dict() == {"CLAP": "", "CLMR": "projector"}


def test_the_papers_own_medians_match(paper):
    own = paper[paper.quantity == "bin_4"].set_index("encoder").value
    measured = [found([[0.5]], [own[name]], encoder) for encoder, name in bins.PAPER.items()]
    assert (verdicts(paper, *measured).verdict == "matches").all()


def test_every_candidate_in_the_study_is_judged(paper):
    said = verdicts(paper, found([[0.5]], [0.9], "clap"), found([[0.5]], [0.52], "clap_music"))
    assert said.loc["CLAP"].verdict.tolist() == ["does not match", "matches"]


def test_without_the_papers_encoders_it_was_not_asked(paper):
    said = verdicts(paper, found([[0.5]], [0.151], "musicnn"))
    assert said.verdict.to_dict() == {"CLAP": "not asked", "CLMR": "not asked"}
    assert said.finding.str.startswith("Not asked").all() and (said.encoder == "").all()


def test_random_weights_say_nothing(paper):
    said = verdicts(paper, found([[0.5]], [0.151], f"clmr ({PLUMBING})", "projector"))
    assert said.verdict["CLMR"] == "says nothing"
    assert "matches" not in said.finding["CLMR"]
