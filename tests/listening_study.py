"""A small listening study, as the workflow would make it, without its audio."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from musical_roots.listening import page as pages
from musical_roots.listening.trials import trials


def pairs(count: int, x: int | None = None) -> pd.DataFrame:
    """So many pairs, of `x` X's: each near to a clip called near and far from one called far."""
    rows = [
        {
            **{"encoder": "mfcc", "x_clip_id": f"x{n % (x or count)}", "x_kind": "training"},
            **{"a_clip_id": f"near{n}", "b_clip_id": f"far{n}", "a_cosine": 0.9, "b_cosine": 0.1},
            **{"a_rank": 1, "b_rank": 9, "a_bin": 1, "b_bin": 4, "gap_stratum": 1},
            **{"a_drawn": "bin_1", "b_drawn": "bin_4"},
        }
        for n in range(count)
    ]
    return pd.DataFrame(rows)


SOUND = {"loudness_lufs": -23.0, "fade_ms": 20.0}


def write(folder: Path, arm: str, asked: pd.DataFrame, **about) -> dict:
    """Write a study's page and manifest into a folder, and its audio if there is none."""
    audio = sounds(folder / "page/audio", asked)
    manifest = of(asked, audio, arm=arm, **about)
    pages.write(folder / "page", pages.study(manifest, asked, None))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return manifest


def of(asked: pd.DataFrame, audio: Path, **about) -> dict:
    """The manifest of a study."""
    about = {"headphones": "required", "contact": "", "consent": "", "confidence": False} | about
    return pages.manifest(asked, audio, sound=SOUND, seed=0, **about)


def sounds(folder: Path, asked: pd.DataFrame, seconds: float = 3.0) -> Path:
    """Silent clips of trials, in a folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in {clip for one in "xab" for clip in asked[f"{one}_clip_id"]}:
        if not (folder / f"{clip}.flac").exists():
            soundfile.write(folder / f"{clip}.flac", np.zeros(round(seconds * 8000)), 8000)
    return folder


def some(arm: str, count: int, questions: int) -> pd.DataFrame:
    """Trials of so many pairs."""
    return trials(pairs(count), arm, questions, 0, 0, mixed=True, seed=0)


def session(manifest: dict, block: int = 1, **changes) -> dict:
    """What the page sends of a block."""
    asked = [trial for trial in manifest["trials"] if trial["block"] == block]
    answers = [
        {
            **{"trial_id": trial["trial_id"], "choice": "a", "confidence": None, "order": "ba"},
            **{"seconds": 12.5, "decided": 2.5, "at": "2026-01-01T10:01:00Z"},
            "heard": {"x": 1, "a": 1, "b": 2},
        }
        for trial in asked
    ]
    return {
        **{"schema": manifest["schema"], "study_id": manifest["study_id"]},
        **{"arm": manifest["arm"], "listener_id": "aabbccdd", "consent": True},
        **{"started": "2026-01-01T10:00:00Z", "finished": "2026-01-01T10:04:00Z"},
        **{"headphones": {"passed": True, "correct": 6, "trials": 6}, "trials": answers},
    } | changes
