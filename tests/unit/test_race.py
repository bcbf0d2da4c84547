"""Attribution against the truth by retraining, on linear models whose truth is known."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual import bounds, correlations, race, removal
from musical_roots.experiments.counterfactual.race_findings import findings
from musical_roots.experiments.counterfactual.standings import joined, standings
from musical_roots.experiments.counterfactual.truth import relative

GOLDEN = Path(__file__).parents[1] / "data/dattri_lds.npz"
TRACKS = [f"track{number:02d}" for number in range(16)]
SETTINGS = ("inpaint", "periodic")
TOLD = {"reason": "", "outputs": 20, "outputs_here": 22}
HOW = {"resamples": 200, "confidence": 0.95, "seed": 1}


def outputs(prompts=10) -> pd.DataFrame:
    """Vamps of some prompts in two settings, the prompts of train and control in turns."""
    rows = [
        (
            f"{setting} {number:02d}",
            setting,
            ["train", "control"][number % 2],
            f"prompt{number:02d}",
        )
        for setting in SETTINGS
        for number in range(prompts)
    ]
    table = pd.DataFrame(rows, columns=["output_id", "setting", "prompt_split", "prompt_group_id"])
    return table.assign(prompt_track_id=table.prompt_group_id)


def members(halves=40, second=10, artists=0, seed=0) -> pd.DataFrame:
    """Random halves of the tracks, some with a second seed; and of pairs of tracks, as artists."""
    chance, rows = np.random.default_rng(seed), []
    for design, count, size in (("tracks", halves, 1), ("artists", artists, 2)):
        for half in range(count):
            units = chance.permutation(len(TRACKS) // size) < len(TRACKS) // size // 2
            inside = np.repeat(units, size)
            for number in range(1 + (design == "tracks" and half < second)):
                name = f"{design}-{half:03d}-{number}"
                rows += [
                    (name, design, half, number, *pair) for pair in zip(TRACKS, inside, strict=True)
                ]
    columns = ["model", "design", "half", "seed_number", "track_id", "inside"]
    return pd.DataFrame(rows, columns=columns)


def linear_losses(drawn, made, effect, noise=0.0, seed=0) -> pd.DataFrame:
    """loss = 5 - what is inside, with a level of its own for each model, seed and output."""
    chance = np.random.default_rng(seed)
    inside = drawn.pivot(index="model", columns="track_id", values="inside").to_numpy(float)
    loss = 5 - inside @ effect.T + noise * chance.normal(size=(len(inside), len(made)))
    loss += chance.normal(size=(len(inside), 1))  # how well a model learned at all
    names = sorted(set(drawn.model))
    again = np.array([name.endswith("1") for name in names])
    loss += again[:, None] * chance.normal(size=len(made))  # what another beginning does
    table = pd.DataFrame(loss, names, made.output_id.tolist()).rename_axis("model")
    return relative(
        table.melt(ignore_index=False, var_name="output_id", value_name="loss").reset_index()
    )


@pytest.fixture(scope="module")
def linear():
    """A linear truth without noise: vamps, members, losses, effects."""
    made, drawn = outputs(), members(artists=24)
    effect = np.random.default_rng(5).gamma(0.5, size=(len(made), len(TRACKS)))
    return made, drawn, linear_losses(drawn, made, effect), effect


def as_scores(method, values, made, kind="tokens", tracks=TRACKS) -> pd.DataFrame:
    pairs = pd.MultiIndex.from_product([made.output_id, tracks], names=["output_id", "track_id"])
    table = pd.DataFrame({"score": np.ravel(values)}, pairs).reset_index()
    return table.assign(method=method, kind=kind)


def less_mean(effect) -> np.ndarray:
    """Against the mean output, in the order of output_id, which the truth is in."""
    return effect - effect.mean(axis=0)


def test_a_linear_truth_is_taken_apart_from_how_well_each_model_learned(linear):
    made, drawn, losses, effect = linear
    truth = race.truth_of(drawn, losses, "tracks")
    assert list(truth.outputs) == sorted(made.output_id) == list(made.output_id)
    assert (truth.n_models, *truth.inside.shape) == (50, 40, len(TRACKS))
    wanted = -truth.inside.astype(float) @ less_mean(effect).T
    got = truth.loss - truth.loss.mean(axis=0)
    np.testing.assert_allclose(got, wanted - wanted.mean(axis=0), atol=1e-12)


def test_true_effects_have_an_lds_of_1_and_a_fitted_model_finds_them(linear):
    _, drawn, losses, effect = linear
    truth = race.truth_of(drawn, losses, "tracks")
    found = race.measured(truth, less_mean(effect))
    np.testing.assert_allclose(found.lds, 1)
    fitted = -bounds.datamodel(truth.inside, truth.loss)
    # each track inside leaves one place less for others: weights are known but for a constant
    centred = less_mean(effect) - less_mean(effect).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted, centred, atol=0.1)  # a penalty shrinks them a little
    assert (race.measured(truth, fitted).lds > 0.99).all()
    assert (race.measured(truth, -less_mean(effect)).lds < -0.99).all()


def test_every_measure_is_held_against_effects_counted_by_hand(linear):
    made, drawn, losses, effect = linear
    truth = race.truth_of(drawn, losses, "tracks")
    scores = np.random.default_rng(1).normal(size=effect.shape)
    found = race.measured(truth, scores)
    for row in range(0, len(made), 7):
        loss = truth.loss[:, row]
        mine = [loss[~inside].mean() - loss[inside].mean() for inside in truth.inside.T]
        order = np.argsort(mine)[::-1]
        top = int(scores[row].argmax())
        assert found.top_agreement[row] == (top == order[0])
        assert found.top_in_five[row] == (top in order[:5])
        assert found.effect_correlation[row] == pytest.approx(spearmanr(mine, scores[row])[0])
        sums = [scores[row][inside].sum() for inside in truth.inside]
        assert found.lds[row] == pytest.approx(spearmanr(sums, -loss)[0])


def test_the_scale_of_scores_says_nothing(linear):
    _, drawn, losses, effect = linear
    truth = race.truth_of(drawn, losses, "tracks")
    found = race.measured(truth, effect)
    for scale in (1e-20, 1e20):
        pd.testing.assert_frame_equal(race.measured(truth, scale * effect), found)


def test_equal_scores_say_nothing_and_are_right_as_often_as_chance(linear):
    _, drawn, losses, effect = linear
    truth = race.truth_of(drawn, losses, "tracks")
    found = race.measured(truth, np.full(effect.shape, 0.1))
    assert (found[["lds", "effect_correlation"]] == 0).all(axis=None)
    np.testing.assert_allclose(found.top_agreement, 1 / len(TRACKS))
    np.testing.assert_allclose(found.top_in_five, 5 / len(TRACKS))


def test_tracks_that_are_always_together_are_one(linear):
    made, drawn, losses, effect = linear
    truth = race.truth_of(drawn, losses, "artists")
    assert len(set(truth.unit)) == len(TRACKS) // 2
    assert (truth.unit[::2] == truth.unit[1::2]).all()
    found = race.measured(truth, less_mean(effect))
    assert (found.lds > 0.999).all()  # two halves may be the same, and their losses round apart
    # of a pair the one track has all of the score, whichever has the effect
    pair = less_mean(effect).reshape(len(made), -1, 2)
    moved = np.stack([pair.sum(axis=2), np.zeros(pair.shape[:2])], axis=2).reshape(effect.shape)
    pd.testing.assert_frame_equal(race.measured(truth, moved), found)


def test_of_some_outputs_the_truth_is_the_same(linear):
    made, drawn, losses, _ = linear
    some = made.output_id[:7].tolist()
    whole = race.truth_of(drawn, losses, "tracks")
    part = race.truth_of(drawn, losses[losses.output_id.isin(some)], "tracks")
    np.testing.assert_array_equal(part.loss, whole.loss[:, whole.outputs.isin(some)])


def test_a_model_that_lacks_an_output_is_named(linear):
    _, drawn, losses, _ = linear
    with pytest.raises(InputError, match="tracks-003-0 lacks the loss"):
        gone = (losses.model == "tracks-003-0") & (losses.output_id == "inpaint 00")
        race.truth_of(drawn, losses[~gone], "tracks")
    with pytest.raises(InputError, match="two losses"):
        race.truth_of(drawn, pd.concat([losses, losses[~gone].tail(1)]), "tracks")


def test_rank_correlation_is_scipys_with_ties_and_0_of_a_constant():
    chance = np.random.default_rng(0)
    one, other = chance.integers(5, size=(2, 30, 6)).astype(float)
    wanted = [spearmanr(a, b)[0] for a, b in zip(one.T, other.T, strict=True)]
    np.testing.assert_allclose(correlations.rank_correlation(one, other), wanted)
    assert (correlations.rank_correlation(np.ones((30, 6)), other) == 0).all()


def test_a_resample_is_ranked_anew():
    chance = np.random.default_rng(0)
    one, other = chance.integers(9, size=(2, 20, 4)).astype(float)
    times = correlations.drawn_halves(20, 25, 1, "any")
    assert (times.sum(axis=1) == 20).all()
    found = correlations.resampled_correlation(other, times)(one)
    for row, drawn in zip(found, times, strict=True):
        rows = np.repeat(np.arange(20), drawn)
        wanted = [spearmanr(a, b)[0] for a, b in zip(one[rows].T, other[rows].T, strict=True)]
        np.testing.assert_allclose(row, wanted, atol=1e-5)


def test_lds_is_what_dattri_says():
    """`tests/data/make_dattri_golden.py` asked its own."""
    with np.load(GOLDEN) as file:
        golden = dict(file)
    inside, loss, scores = golden["inside"], golden["loss"], golden["scores"]
    names = [pd.Index([str(number) for number in range(size)]) for size in scores.shape[::-1]]
    truth = race.Truth(inside, loss, np.arange(inside.shape[1]), *names, len(inside))
    np.testing.assert_allclose(race.measured(truth, scores).lds, golden["lds"], atol=1e-6)


def test_the_penalty_is_the_one_of_least_error_when_each_half_is_left_out():
    chance = np.random.default_rng(3)
    inside = chance.random((14, 9)) < 0.5
    loss = inside @ chance.normal(size=(9, 4)) + chance.normal(size=(14, 4))

    def fit(rows, penalty):
        x, y = inside[rows] - inside[rows].mean(axis=0), loss[rows] - loss[rows].mean(axis=0)
        return np.linalg.solve(x.T @ x + penalty * np.eye(9), x.T @ y)

    def error(penalty):
        total = 0.0
        for out in range(14):
            rows = np.arange(14) != out
            there = (inside[out] - inside[rows].mean(axis=0)) @ fit(rows, penalty)
            total += ((loss[out] - loss[rows].mean(axis=0) - there) ** 2).sum()
        return total

    wanted = fit(np.arange(14), min(bounds.PENALTIES, key=error))
    np.testing.assert_allclose(bounds.datamodel(inside, loss), wanted.T, atol=1e-9)


def test_another_seed_is_as_good_as_the_noise_lets_it_be(linear):
    made, drawn, losses, effect = linear
    one, other = bounds.second_seeds(drawn, losses, "tracks")
    assert one.shape == (10, len(made))
    np.testing.assert_allclose(correlations.rank_correlation(one, other), 1)
    noisy = linear_losses(drawn, made, effect, noise=100.0)
    seeds = bounds.second_seeds(drawn, noisy, "tracks")
    assert abs(correlations.rank_correlation(*seeds).mean()) < 0.3
    assert bounds.second_seeds(drawn, losses, "artists")[0].size == 0


def test_exchanged_members_are_right_as_often_as_wrong():
    """Were no half allowed its own, others would tell of it: -1 / 7 by a method that is right."""
    inside = np.repeat([[True, False], [False, True]], 4, axis=0)
    names = pd.Index(["a", "b"]), pd.Index(["x"])
    truth = race.Truth(inside, -inside[:, :1].astype(float), np.arange(2), *names, 8)
    scores = np.array([[1.0, 0.0]])
    assert race.measured(truth, scores).lds.tolist() == [1]
    others = bounds.exchanged(truth, 1000, 1, "any")
    assert all(sorted(map(tuple, o.inside)) == sorted(map(tuple, inside)) for o in others)
    assert abs(np.mean([race.measured(other, scores).lds[0] for other in others])) < 0.05


def test_an_output_is_held_against_one_of_another_prompt(linear):
    made, drawn, losses, _ = linear
    truth = race.truth_of(drawn, losses, "tracks")
    listed = made.set_index("output_id").loc[truth.outputs].reset_index()
    for order in bounds.other_prompts(truth, made, 5, 1, "tracks"):
        other = listed.iloc[order].reset_index(drop=True)
        assert sorted(order) == list(range(len(made)))
        assert (other.prompt_group_id != listed.prompt_group_id).all()
        assert (other.setting == listed.setting).all()
        assert (other.prompt_split == listed.prompt_split).all()
        # the same other prompt in every setting
        assert other.groupby(listed.prompt_group_id).prompt_group_id.nunique().eq(1).all()


def test_prompts_with_unlike_numbers_of_vamps_are_never_their_own_other():
    prompts = np.repeat(list("abcdef"), [1, 2, 1, 3, 2, 1])
    made = pd.DataFrame({"output_id": [f"v{row}" for row in range(10)], "setting": "periodic"})
    made = made.assign(prompt_split="train", prompt_group_id=prompts)
    truth = SimpleNamespace(outputs=pd.Index(made.output_id))
    for order in bounds.other_prompts(truth, made, 50, 1, "tracks"):
        assert sorted(order) == list(range(10)) and (prompts[order] != prompts).all()


def test_intervals_of_1000_null_races_hold_their_level():
    """Scores that know nothing: 0 lies outside of 95 % intervals in about one of twenty."""
    outside, halves = [], 40
    for draw in range(1000):
        chance = np.random.default_rng(draw)
        inside = chance.random((halves, 12)) < 0.5
        common = chance.normal(size=(halves, 1))  # outputs' losses go together
        loss = common + chance.normal(size=(halves, 6))
        scores = chance.normal(size=(1, 12)) + chance.normal(size=(6, 12))
        sums = inside @ scores.T
        times = correlations.drawn_halves(halves, 100, draw, "null")
        spread = correlations.resampled_correlation(-loss, times)(sums).mean(axis=1)
        middle = correlations.rank_correlation(sums, -loss).mean()
        low, high = correlations.moved_interval(spread, middle, 0.95)
        outside.append(not low <= 0 <= high)
    assert 0.03 < np.mean(outside) < 0.09


def test_intervals_over_halves_hold_what_more_halves_would_say():
    chance = np.random.default_rng(1)
    effect = chance.gamma(0.5, size=(8, 12))
    scores = effect + 0.7 * chance.normal(size=effect.shape)

    def correlated(chance, halves):
        inside = chance.permuted(np.tile(np.arange(12) < 6, (halves, 1)), axis=1)
        noise = 0.5 * chance.normal(size=(halves, 8))
        return inside @ scores.T, inside @ effect.T + noise

    true = correlations.rank_correlation(*correlated(chance, 20_000)).mean()
    held = []
    for draw in range(200):
        sums, loss = correlated(np.random.default_rng(draw), 40)
        times = correlations.drawn_halves(40, 100, draw, "more")
        spread = correlations.resampled_correlation(loss, times)(sums)
        middle = correlations.rank_correlation(sums, loss).mean()
        low, high = correlations.moved_interval(spread.mean(axis=1), middle, 0.95)
        held.append(low <= true <= high)
    assert true > 0.5 and 0.88 < np.mean(held) < 0.99


@pytest.fixture(scope="module")
def table(linear):
    """A whole race: what is true, a half-truth, what knows nothing, and what says too little."""
    made, drawn, _, effect = linear
    losses = linear_losses(drawn, made, effect, noise=0.5)
    chance = np.random.default_rng(2)
    random = chance.normal(size=effect.shape)
    scores = [
        as_scores("true", effect, made),
        as_scores("half true", effect + 2 * random, made, "embedding"),
        as_scores("knows nothing", random, made, "embedding"),
        as_scores("constant", np.ones(effect.shape), made, "baseline"),
        as_scores("of some", effect, made)[lambda rows: rows.output_id < "inpaint 05"].drop(
            columns="kind"
        ),
    ]
    tracks = pd.DataFrame({"track_id": TRACKS, "artist": np.repeat(TRACKS[::2], 2)})
    tracks["duration_s"] = np.linspace(60, 200, len(TRACKS))
    scores = joined(scores)
    return standings(scores, drawn, losses, made, tracks, TOLD, draws=20, **HOW)


def test_the_race_puts_methods_in_their_order(table):
    rows = table["race"].query("setting == 'all' and design == 'tracks'")
    wide = rows.pivot(index="method", columns="prompts", values="lds").mean(axis=1)
    assert wide["true"] > 0.75 > wide["half true"] > 0.2 > abs(wide["knows nothing"])
    assert wide[bounds.DATAMODEL] > 0.5 and wide[bounds.SECOND_SEED] > 0.5
    assert "constant" not in wide.index
    assert set(rows.kind) == {"tokens", "embedding", "gradient", "ceiling", "control"}


def test_negative_controls_find_nothing(table):
    controls = table["race"].query("kind == 'control'")
    nothing = controls[controls.method.isin([bounds.RANDOM, bounds.EXCHANGED])]
    assert len(nothing) == 2 * 2 * 2 * 3  # controls, designs, prompts, settings and all
    assert (nothing.low_models <= 0).all() and (nothing.high_models >= 0).all()
    assert (nothing.lds.abs() < 0.15).all()
    chance = nothing[(nothing.method == bounds.RANDOM) & (nothing.design == "tracks")]
    # of 16, in 20 draws of 10 outputs
    assert chance[chance.setting == "all"].top_agreement.between(0.02, 0.12).all()


def test_intervals_hold_their_mean_and_designs_stand_apart(table):
    rows = table["race"]
    assert (rows.low <= rows.lds + 1e-9).all() and (rows.lds <= rows.high + 1e-9).all()
    top = rows.dropna(subset="top_agreement")
    assert (top.top_low <= top.top_agreement + 1e-9).all()
    assert (top.top_agreement <= top.top_high + 1e-9).all()
    assert rows[rows.method == bounds.SECOND_SEED].top_low.isna().all()
    assert list(dict.fromkeys(rows.design)) == ["tracks", "artists"]
    assert (rows[rows.design == "artists"].n_models == 24).all()
    assert set(rows[rows.method == "true"].n_models) == {50, 24}
    keys = ["design", "method", "prompts", "setting"]
    assert not rows.duplicated(keys).any()


def test_a_method_counts_with_the_outputs_that_it_was_asked_of(table):
    rows = table["race"].query("design == 'tracks'").set_index(["method", "prompts", "setting"])
    assert rows.loc[("of some", "train", "all")].n_outputs == 3
    assert ("of some", "train", "periodic") not in rows.index
    same = rows.loc[("true", "train", "inpaint")].n_outputs
    assert same == 5 and rows.loc[("of some", "train", "inpaint")].kind == "gradient"


def test_removal_is_counted_by_hand(table, linear):
    made, drawn, _, effect = linear
    losses = linear_losses(drawn, made, effect, noise=0.5)
    truth = race.truth_of(drawn, losses, "tracks")
    rows = table["removal"].set_index(["method", "prompts"])
    mine = rows.loc[("true", "train")]
    found = race.effects(truth.inside, truth.loss)
    named, others, like = [], [], []
    for row in np.flatnonzero(made.prompt_split == "train"):
        top = int(effect[row].argmax())
        named.append(found[row, top])
        others.append(np.delete(found[row], top).mean())
        # two tracks an artist, lengths rise: in ratio, the next longer one is the nearest
        like.append(found[row, top + 1 if top + 1 < len(TRACKS) else top - 1])
    assert mine.n_outputs == 10
    assert mine.named == pytest.approx(np.mean(named))
    assert mine.random == pytest.approx(np.mean(others))
    assert mine.matched == pytest.approx(np.mean(like))
    assert mine.random_low <= mine.named_less_random <= mine.random_high
    assert ("constant", "train") not in rows.index  # it names none
    assert mine.named_less_matched > 5 * abs(rows.loc[("knows nothing", "train")].named)


def test_sentences_say_what_the_tables_say(table):
    told = table["findings"].set_index("question").finding
    rows = table["race"].query("setting == 'all' and design == 'tracks'")
    embedding = told["What do resemblances tell of influence?"]
    assert embedding.startswith(
        "Of 2 methods that go by an encoder, the best on average, chosen after the fact and so a"
        " maximum of 2, is half true, with an LDS of "
    )
    for prompts in ("train", "control"):
        row = rows[(rows.method == "half true") & (rows.prompts == prompts)].iloc[0]
        assert f"{row.lds:.2f} [{row.low:.2f}, {row.high:.2f}; over halves" in embedding
    assert "One method goes by gradients: of some, with" in told["What do gradients tell of it?"]
    held = told["What was it held against?"]
    assert "; over halves " in told["What would an output lose without the track that is named?"]
    assert "50 models" in held and "speak of 20 of the 22 outputs here" in held
    assert "24 models" in told["Does it hold where whole artists are left out?"]
    assert "What tells of it without hearing anything?" not in told.index
    assert not told.str.contains("nan").any()


@pytest.mark.filterwarnings("error")
def test_a_race_of_four_halves_is_held_and_of_two_is_not():
    made, drawn = outputs(), members(halves=4, second=2, artists=2)
    effect = np.random.default_rng(1).gamma(0.5, size=(len(made), len(TRACKS)))
    losses, scores = linear_losses(drawn, made, effect), joined([as_scores("true", effect, made)])
    tracks = pd.DataFrame({"track_id": TRACKS, "artist": TRACKS, "duration_s": 1.0})
    found = standings(scores, drawn, losses, made, tracks, TOLD, draws=5, **HOW)
    assert set(found["race"].design) == {"tracks"}
    assert found["race"].lds.between(-1, 1).all()


def test_another_prompt_is_no_nothing_and_of_no_known_track_nothing_is_said(table):
    rows = table["race"].assign(top_agreement=np.nan)
    told = findings(rows, table["removal"], TOLD).set_index("question").finding
    assert "another prompt" not in told["What is found where nothing is?"]
    assert "another prompt" in told["What do all outputs have in common?"]
    assert "Who names the track of the largest effect?" not in told.index
    assert not told.str.contains("nan").any()


def test_without_a_truth_there_is_its_reason_alone(linear):
    made, drawn, losses, effect = linear
    scores = joined([as_scores("true", effect, made)])
    tracks = pd.DataFrame({"track_id": TRACKS, "artist": TRACKS, "duration_s": 1.0})
    reason = "The truth speaks of other outputs."
    told = TOLD | {"reason": reason}
    found = standings(scores, drawn[:0], losses[:0], made, tracks, told, draws=2, **HOW)
    assert found["race"].empty and list(found["race"]) == race.COLUMNS
    assert found["removal"].empty and list(found["removal"]) == removal.COLUMNS
    assert found["findings"].finding.tolist() == [reason]
