"""Models that lack one track, and models of other music, held against the race."""

import numpy as np
import pandas as pd
import pytest
from test_race import HOW, TOLD, TRACKS, as_scores, linear_losses, members, outputs

from musical_roots.experiments.counterfactual import bounds
from musical_roots.experiments.counterfactual.halves import LEFT_OUT, OTHER_MUSIC
from musical_roots.experiments.counterfactual.removal import BY_HALVES
from musical_roots.experiments.counterfactual.standings import joined, standings

CONTROL = [f"control{number:02d}" for number in range(16)]
EACH = {"artist": TRACKS, "duration_s": np.linspace(60, 90, len(TRACKS))}


def left_out() -> pd.DataFrame:
    rows = [
        (f"left_out-{out:03d}-0", LEFT_OUT, out, 0, track, place != out)
        for out in range(len(TRACKS))
        for place, track in enumerate(TRACKS)
    ]
    return pd.DataFrame(rows, columns=list(members(halves=4)))


def other_music(halves=40) -> pd.DataFrame:
    """The same halves, with another track in each track's place."""
    table = members(halves=halves, second=0)
    names = dict(zip(TRACKS, CONTROL, strict=True))
    table = table.assign(track_id=table.track_id.map(names), design=OTHER_MUSIC)
    return table.assign(model=OTHER_MUSIC + table.model)


@pytest.fixture(scope="module")
def found():
    made = outputs()
    chance = np.random.default_rng(5)
    effect = chance.gamma(0.5, size=(len(made), len(TRACKS)))
    drawn = [members(), left_out(), other_music()]
    of_control = chance.gamma(0.5, size=effect.shape)
    apart, centred = (one - one.mean(axis=1, keepdims=True) for one in (of_control, effect))
    part = (apart * centred).sum(axis=1, keepdims=True) / (centred**2).sum(axis=1, keepdims=True)
    of_control = of_control - part * centred  # nothing of the train track whose place it takes
    losses = [
        linear_losses(part, made, of, seed=number)
        for number, (part, of) in enumerate(zip(drawn, (effect, effect, of_control), strict=True))
    ]
    scores = joined([as_scores("true", effect, made)])
    tracks = pd.DataFrame({"track_id": TRACKS} | EACH)
    drawn, losses = (pd.concat(tables, ignore_index=True) for tables in (drawn, losses))
    return effect, standings(scores, drawn, losses, made, tracks, TOLD, draws=20, **HOW)


def test_without_one_track_the_loss_rises_by_its_effect(found):
    effect, tables = found
    rows = tables["removal"].set_index(["design", "method", "prompts"])
    row = rows.loc[(LEFT_OUT, "true", "train")]
    relative = effect - effect.mean(axis=0)  # what all outputs lose together is not in it
    train = outputs().prompt_split.eq("train").to_numpy()
    top = effect[train].argmax(axis=1)
    named = relative[train][np.arange(len(top)), top].mean()
    # the others' mean holds, in each, what the rest lack
    assert row.named == pytest.approx(named, rel=0.1)
    assert row.named_less_random == pytest.approx(row.named - row.random)
    assert row.random_low > 0


def test_halves_find_the_track_that_is_missed_most_where_it_alone_is_left_out(found):
    effect, tables = found
    rows = tables["removal"].set_index(["design", "method", "prompts"])
    same = effect.argmax(axis=1) == (effect - effect.mean(axis=0)).argmax(axis=1)
    for prompts in ("train", "control"):
        truth, halves = (rows.loc[(LEFT_OUT, name, prompts)] for name in ("true", BY_HALVES))
        assert halves.kind == "ceiling" and halves.largest > 5 / len(TRACKS)  # by chance a fifth
        assert halves.largest_low <= halves.largest <= halves.largest_high
        assert truth.largest == pytest.approx(same[outputs().prompt_split == prompts].mean())
    said = tables["findings"].set_index("question").finding
    assert BY_HALVES in said["Do halves tell which single track counts most?"]


def test_no_track_left_out_and_no_other_music_is_a_design_of_the_race(found):
    _, tables = found
    assert set(tables["race"].design) == {"tracks"}
    assert list(dict.fromkeys(tables["removal"].design)) == ["tracks", LEFT_OUT]


def test_models_of_other_music_tell_nothing(found):
    _, tables = found
    rows = tables["race"].query("setting == 'all'").set_index(["method", "prompts"])
    mine = rows.loc[bounds.OTHER_MODELS]
    assert (mine.kind == "control").all() and (mine.n_models == 40).all()
    assert (mine.low_models <= 0).all() and (mine.high_models >= 0).all()
    assert (rows.loc["true"].lds > 0.9).all()
    said = tables["findings"].set_index("question").finding
    assert "learned from other music" in said["What is found where nothing is?"]
    removal = said["What does it lose where that track alone is left out?"]
    assert removal.startswith("Retrained without one track at a time, ")
    lost = said["What would an output lose without the track that is named?"]
    assert lost.startswith("Estimated from halves") and "; over halves " in lost
    assert "Retrained" not in lost


def test_what_lengths_alone_do_would_be_found_in_other_music(found):
    """Where the track in its place does what a track does, the control finds it, half by half."""
    effect, _ = found
    made, drawn = outputs(), pd.concat([members(), other_music()], ignore_index=True)
    losses = [
        linear_losses(part, made, effect, seed=number)
        for number, part in enumerate((members(), other_music()))
    ]
    scores = joined([as_scores("true", effect, made)])
    tracks = pd.DataFrame({"track_id": TRACKS} | EACH)
    table = standings(scores, drawn, pd.concat(losses), made, tracks, TOLD, draws=5, **HOW)["race"]
    rows = table[(table.method == bounds.OTHER_MODELS) & (table.setting == "all")]
    assert len(rows) == 2 and (rows.lds > 0.9).all() and (rows.low_models > 0.5).all()
    assert (rows.lds < rows.high_models).all() and (rows.high_models < 1.5).all()
