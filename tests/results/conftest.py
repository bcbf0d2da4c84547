"""What more than one check of the results reads."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(os.environ.get("MUSICAL_ROOTS_RESULTS", "results"))
TEXT = {"track_id": str, "group_id": str, "clip_id": str, "artist": str}


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "corpus/clips.csv", dtype=TEXT)


@pytest.fixture(scope="module")
def config() -> dict:
    return json.loads((RESULTS / "config.json").read_text())
