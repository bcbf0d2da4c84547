"""The paper's published numbers, as they lie in config/paper."""

from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "config/paper"


@pytest.fixture(scope="module")
def figure() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "figure1.csv")


def test_every_point_of_figure_1_is_there_once(figure):
    keys = ["kind", "level", "encoder", "k"]
    assert not figure.duplicated(keys).any()
    # each encoder and k has the same levels of a kind
    of_kind = figure.groupby("kind")["level"].nunique()
    points = figure.groupby(["kind", "encoder", "k"]).size().unstack(["encoder", "k"])
    assert points.shape[1] == 6 and points.eq(of_kind, axis=0).all(axis=None), points


def test_recall_of_figure_1_grows_with_k(figure):
    """To the precision of the reading: 1.5 points on either side."""
    wide = figure.pivot_table(
        index=["kind", "encoder", "level"], columns="k", values="recall_percent"
    )
    assert wide.ge(0).all(axis=None) and wide.le(100).all(axis=None)
    assert (wide[1] <= wide[5] + 3).all() and (wide[5] <= wide[10] + 3).all()


def test_table_3_is_what_the_text_says_of_it():
    table = pd.read_csv(FOLDER / "table3.csv").set_index(["threshold", "k"])
    share = 100 * table.clips_at_or_above / table.n
    assert share[0.875, 1] == pytest.approx(32.01, abs=0.005)
    assert share[0.935, 1] == pytest.approx(3.17, abs=0.005)
    # fewer clips reach more, and no top 10 holds fewer than the top 1
    assert (share.unstack("k").diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
    counts = table.clips_at_or_above.unstack("k")
    assert (counts.diff().iloc[1:] < 0).all(axis=None) and (counts[1] < counts[10]).all()


def test_bins_stand_in_order():
    bins = pd.read_csv(FOLDER / "bins.csv").pivot(
        index="bin", columns="encoder", values="centre_cosine"
    )
    assert bins.index.tolist() == [1, 2, 3, 4] and (bins.diff().iloc[1:] < 0).all(axis=None)
    # + 1 SD and + 2 SD: equal steps, to the rounding of three digits
    steps = bins.diff().iloc[1:3].abs()
    assert (steps.loc[2] - steps.loc[3]).abs().max() < 0.002


def test_answers_of_the_listening_study_add_up_as_the_cells_say():
    table = pd.read_csv(FOLDER / "table1.csv")
    assert table.groupby("encoder").n_trials.sum().to_dict() == {"CLAP": 922, "CLMR": 893}
    nearest = table[table.nearer_bin == 1]
    of_all = (nearest.chose_nearer_percent * nearest.n_trials).groupby(nearest.encoder).sum()
    of_all /= nearest.groupby("encoder").n_trials.sum()
    assert of_all.round(1).to_dict() == pytest.approx({"CLAP": 97.4, "CLMR": 93.2}, abs=0.11)
