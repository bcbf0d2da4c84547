from pathlib import Path

import pytest

from musical_roots.encoders.checkpoints import fetch


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    """Folder with the published weights, fetched once a checkout."""
    folder = Path(__file__).parents[1] / "resources" / "checkpoints"
    fetch("musicnn", folder)
    return folder
