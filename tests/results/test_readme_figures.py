"""README's figures are of the run that they claim to be: the study of config/config.yaml alone."""

import os
from pathlib import Path

import pytest

from musical_roots import comparison
from musical_roots import config as configuration
from musical_roots.figures.carried import carried

RESULTS = Path(os.environ.get("MUSICAL_ROOTS_RESULTS", "results"))
SHOWN = {"docs/robustness.png": "robustness", "docs/exceedance.png": "exceedance_of_openvamp"}
ATOL = 0.05  # another processor may move a clip over an edge: two of the fewest queries


@pytest.mark.parametrize("shown", SHOWN)
def test_a_figure_of_the_readme_is_of_this_study(config, shown):
    if config != configuration.load({}):
        pytest.skip("README shows the study of config/config.yaml; this is another")
    if not Path(shown).is_file():
        pytest.skip(f"{shown} is not here: this is no copy of the whole repository")
    found = RESULTS / f"figures/{SHOWN[shown]}.png"
    numbers = carried(Path(shown))
    assert numbers is not None, f"{shown} carries no numbers; copy {found} there"
    difference = comparison.tables(numbers, carried(found), rtol=0, atol=ATOL)
    assert difference.same, f"{shown} is of another run: {difference}; copy {found} there"
