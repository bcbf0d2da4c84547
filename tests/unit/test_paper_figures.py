"""The paper's own numbers, drawn as if a study had found them: they lie on the paper's own."""

import numpy as np
import paper_as_a_study
import pytest
from matplotlib.colors import to_hex

from musical_roots.figures import influence, robustness
from musical_roots.figures.looks import look, tint


def ks(encoder):
    """Colours of figure 1 -> k."""
    color = look(encoder)["color"]
    return {tint(color, strength).lower(): k for k, (strength, _) in robustness.FIRST.items()}


@pytest.mark.parametrize("encoder", paper_as_a_study.ENCODERS)
def test_figure_1_of_the_papers_numbers_is_the_papers_figure_1(encoder):
    paper = paper_as_a_study.numbers()["figure1"]
    table = paper_as_a_study.tables()["robustness"]
    table = table[table.encoder == encoder]
    figure = robustness.robustness(table, paper)
    kinds = list(dict.fromkeys(paper.kind))
    assert len(figure.axes) == len(kinds) == 6
    for axis in figure.axes:
        ours, theirs = {}, {}
        for line in axis.lines:
            drawn = theirs if line.get_linestyle() == "--" else ours
            drawn[ks(encoder)[to_hex(line.get_color())]] = line.get_xydata()
        assert set(ours) == set(theirs) == {1, 5, 10}
        for k, points in ours.items():
            np.testing.assert_allclose(points, theirs[k])


def test_exceedance_of_the_papers_vamps_goes_through_the_points_of_its_table_3():
    """A study whose share at each threshold is the paper's: its curve meets the stars."""
    paper = paper_as_a_study.numbers()["table3"]
    shares = paper_as_a_study.tables()["paper_table3"]
    shares = shares[(shares.k == 1) & (shares.threshold_from == "paper")].sort_values("threshold")
    where = {"source": "outputs", "index": "train", "prompt_track": "included"}
    curve = shares[["encoder", "threshold", "share"]].assign(
        **where, low=shares.share, high=shares.share
    )
    (axis,) = influence.exceedance(curve, paper).axes
    (stars,) = [line for line in axis.lines if line.get_marker() == "*"]
    (drawn,) = [line for line in axis.lines if len(line.get_xdata()) and line is not stars]
    np.testing.assert_allclose(drawn.get_xydata(), stars.get_xydata())
