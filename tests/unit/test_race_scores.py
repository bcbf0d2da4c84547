"""Cheap attribution: each score beside the slowest way to count it."""

from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest

from musical_roots.experiments import songs
from musical_roots.experiments.counterfactual import scores, token_scores
from musical_roots.statistics import conformal_p
from musical_roots.tables import Embeddings

K = 3


def embeddings(names, column, seed, dim=6) -> Embeddings:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(len(names), dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    clips = pd.DataFrame({"clip_id": [f"{seed} {row}" for row in range(len(names))]})
    clips[column] = names
    return Embeddings(clips, [vectors], {"encoder": "mel", "dim": dim, "fingerprint": "x"})


@pytest.fixture
def heard():
    """Clips of three outputs and of four tracks, one of which is not asked after."""
    made = embeddings(list("QPPRQ"), "output_id", 1)
    return made, embeddings(list("bacabdcaab"), "track_id", 2), list("abc")


@pytest.fixture
def null():
    chance = np.random.default_rng(3)
    table = pd.DataFrame({"cosine": chance.uniform(-1, 1, 12), "cluster": np.repeat(range(6), 2)})
    other = table.assign(cosine=5.0)
    return pd.concat(
        [
            table.assign(of="clip", index="train"),
            other.assign(of="output", index="train"),
            other.assign(of="clip", index="control"),
        ]
    )


def cosines(made, corpus) -> np.ndarray:
    a, b = (part.rows(0, len(part)).astype(np.float64) for part in (made, corpus))
    a, b = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (a, b))
    return a @ b.T


def test_embeddings_are_added_up_as_it_is_written(heard, null):
    made, corpus, asked = heard
    found = scores.of_embeddings(made, corpus, asked, K, null)
    found = found.set_index(["method", "output_id", "track_id"]).score
    corpus = corpus.where(corpus.clips.track_id.isin(asked).to_numpy())
    similar = cosines(made, corpus)
    within = cosines(corpus, corpus)
    np.fill_diagonal(within, -np.inf)
    dense = np.sort(within, axis=1)[:, -K:].mean(axis=1)
    used = np.sort(similar, axis=1)[:, -K:].mean(axis=1)
    null = null[(null.of == "clip") & (null["index"] == "train")]
    assert len(found) == 5 * 3 * 3
    for output in "PQR":
        for track in asked:
            rows = np.flatnonzero(made.clips.output_id == output)
            columns = np.flatnonzero(corpus.clips.track_id == track)
            pairs = similar[np.ix_(rows, columns)]
            near = sum(
                similar[row, column]
                for row in rows
                for column in columns
                if column in np.argsort(-similar[row])[:K]
            )
            csls = 2 * pairs - used[rows][:, None] - dense[columns]
            p = conformal_p(pairs.max(axis=1), null.cosine, null.cluster)
            wanted = {
                "max": pairs.max(),
                "sum of the nearest": near,
                "mean exp": np.exp(20 * pairs).mean(),
                "csls": csls.max(),
                "evidence": -np.log10(p).sum(),
            }
            for how, value in wanted.items():
                got = found[f"mel: {how}", output, track]
                assert got == pytest.approx(value, rel=2e-4, abs=1e-5), (how, output, track)


def test_evidence_is_that_of_experiment_c(heard, null):
    made, corpus, asked = heard
    corpus = corpus.where(corpus.clips.track_id.isin(asked).to_numpy())
    base = null[(null.of == "clip") & (null["index"] == "train")]
    similar = cosines(made, corpus)
    rows = [
        ("mel", "included", "train", "", made.clips.clip_id[i], corpus.clips.clip_id[j], value)
        for (i, j), value in np.ndenumerate(similar)
    ]
    names = ["encoder", "prompt_track", "index", "target", "query_clip_id", "clip_id", "cosine"]
    asked_of = made.clips.assign(split="train", setting="")
    wanted = songs.songs(pd.DataFrame(rows, columns=names), asked_of, corpus.clips, base)
    wanted = wanted.set_index(["output_id", "track_id"]).evidence
    found = scores.of_embeddings(made, corpus, asked, K, null)
    found = found[found.method == "mel: evidence"].set_index(["output_id", "track_id"]).score
    pd.testing.assert_series_equal(found.sort_index(), wanted.sort_index(), check_names=False)


def test_a_coded_index_says_so_and_needs_no_null(heard):
    made, corpus, asked = heard
    found = scores.of_embeddings(made, corpus, asked, K, index=scores.CODED)
    assert {method.partition(": ")[0] for method in found.method} == {"mel, coded index"}
    assert found.method.nunique() == 4
    assert scores.of_embeddings(made, corpus, [], K).empty


def test_together_keeps_columns_and_types_where_nothing_is(heard):
    made, corpus, asked = heard
    nothing = scores.together([scores.of_embeddings(made, corpus, [], K)])
    some = scores.together([scores.of_embeddings(made, corpus, asked, K)])
    assert list(nothing) == scores.COLUMNS and nothing.dtypes.equals(some.dtypes)


def test_baselines_know_the_prompt_alone():
    tracks = pd.DataFrame(
        {"track_id": list("abcz"), "group_id": list("aacz"), "artist": list("xxyw")}
    ).assign(duration_s=[10.0, 20.0, 30.0, 40.0])
    made = pd.DataFrame({"output_id": ["P", "Q"], "prompt_track_id": ["b", "z"]})
    found = scores.baselines(made.assign(prompt_group_id=["a", "z"]), tracks, list("abc"))
    wide = found.pivot(index=["method", "output_id"], columns="track_id", values="score")
    assert wide.loc[("the prompt's own track", "P")].tolist() == [1, 1, 0]  # and its duplicate
    assert wide.loc[("the prompt's artist", "P")].tolist() == [1, 1, 0]
    assert (wide.loc[("the prompt's own track", "Q")] == 0).all()
    assert wide.loc[("length of the track", "Q")].tolist() == [10, 20, 30]
    # what is the same for all tracks has no row in the race
    assert found.groupby("method").score.nunique().gt(1).all()


@pytest.fixture
def tokens():
    """Three tracks and two outputs of few tokens, so that runs occur again."""
    chance = np.random.default_rng(4)
    tracks = {name: chance.integers(3, size=(3, 40 + 9 * row)) for row, name in enumerate("abc")}
    made = {}
    for name in "PQ":
        kept = chance.random((3, 25)) < 0.5
        kept[1:] &= kept[:1]  # as masks do: what is kept is kept from the coarsest on
        made[name] = chance.integers(4, size=(3, 25)), kept
    return made, tracks


def test_runs_weigh_more_the_fewer_tracks_hold_them(tokens):
    made, tracks = tokens
    held = {
        name: {tuple(part[0, at : at + 4]) for at in range(part.shape[1] - 3)}
        for name, part in tracks.items()
    }
    found = token_scores.ngram_scores(made, tracks)
    for row, (output, kept) in enumerate(made.values()):
        mine = {tuple(output[0, at : at + 4]) for at in range(22) if not kept[0, at : at + 4].all()}
        for column, name in enumerate(tracks):
            both = mine & held[name]
            weights = [np.log(3 / sum(run in other for other in held.values())) for run in both]
            assert found[row, column] == pytest.approx(sum(weights))
    assert found.max() > 0


def test_a_share_is_backed_off_to_coarser_tokens(tokens):
    made, tracks = tokens
    counts = defaultdict(Counter)
    for name, part in tracks.items():
        for frame in part.T:
            for depth in range(4):
                counts[tuple(frame[:depth])][name] += 1

    def share(context):
        mine = counts.get(context, Counter())
        n, d = sum(mine.values()), len(mine)
        if not context:
            return np.array([mine[name] / n for name in tracks])
        coarser = share(context[:-1])
        if not n:
            return coarser
        return (np.array([mine[name] for name in tracks]) + d * coarser) / (n + d)

    found = token_scores.backed_off_share(made, tracks)
    for row, (output, kept) in enumerate(made.values()):
        shares = [
            share(tuple(output[: depth + 1, at]))
            for depth, at in zip(*np.nonzero(~kept), strict=True)
        ]
        np.testing.assert_allclose(found[row], np.mean(shares, axis=0))
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_what_is_kept_of_the_prompt_is_no_evidence(tokens):
    made, tracks = tokens
    output, kept = made["P"]
    changed = np.where(kept[:1].all(axis=0), 0, output)  # frames that are the prompt's
    kept = np.broadcast_to(kept[:1], kept.shape)
    one, other = ({"P": (each, kept)} for each in (output, changed))
    for found in (token_scores.backed_off_share, lambda *both: token_shares(*both)):
        np.testing.assert_array_equal(found(one, tracks), found(other, tracks))


def token_shares(made, tracks):
    table = token_scores.of_tokens(made, tracks)
    return table[table.method.str.startswith("token ")].score.to_numpy()


def test_every_token_method_scores_every_pair(tokens):
    made, tracks = tokens
    found = token_scores.of_tokens(made, tracks)
    assert (found.groupby("method").size() == 6).all()
    assert set(found.kind) == {"tokens"} and found.score.notna().all()
    assert sum(found.method.str.startswith("token share")) == 3 * 6
    assert token_scores.of_tokens(made, {}).empty


def test_tokens_of_outputs_are_read(tmp_path, tokens):
    made, _ = tokens
    for name, (output, kept) in made.items():
        np.savez(tmp_path / f"{name}.npz", tokens=output, kept=kept)
    paths = [str(tmp_path / f"{name}.npz") for name in made]
    table = pd.DataFrame({"output_id": list(made), "tokens_path": paths})
    for name, (output, kept) in token_scores.read(table).items():
        np.testing.assert_array_equal(output, made[name][0])
        np.testing.assert_array_equal(kept, made[name][1])
