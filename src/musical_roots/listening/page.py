"""The page of a listening study: a folder that any web server can serve, and the study's manifest.

The page is plain HTML, CSS and JavaScript of ours in `web/`, with jsPsych as npm has it. What it
asks is in study.js, made here: it names trials and audio, and neither encoders nor which answers
are right. The manifest names the trials for who checks and reads the answers.
"""

import hashlib
import json
import math
from pathlib import Path

import pandas as pd
import soundfile

from musical_roots.arrays import write_text
from musical_roots.atomic import atomic
from musical_roots.listening.files import STATIC, WEB
from musical_roots.listening.session import SCHEMA
from musical_roots.listening.sound import HEADPHONES, headphone_answers
from musical_roots.listening.trials import AUDIO, practice

INSTRUCTIONS = "2"  # count up when a text that listeners read changes: answers to two never mix
HEADPHONES_TO_PASS = 5  # of six: Woods et al. 2017
SECONDS = 25  # a question takes, about: the paper's ten took four minutes
LEAST = 0.9  # of the time that three clips last: clocks of browsers and of sound cards differ
MINUTES_BEFORE = 2  # consent, headphone test, practice
# What the clips and their sound hang on beside their names, and what the stages call it.
SOUND = {"loudness_lufs": "lufs", "bin_width": "width"}
SOUND |= {name: name for name in ("sample_rate", "perturbed_rate", "fade_ms")}
CLIP_IDS = ["x_clip_id", "a_clip_id", "b_clip_id"]
TOLD = ["trial_id", "block", "position", "kind", "encoder", *CLIP_IDS]


def manifest(
    trials: pd.DataFrame,
    audio: Path,
    *,
    arm: str,
    headphones: str,
    contact: str,
    consent: str,
    confidence: bool,
    sound: dict,
    seed: int,
) -> dict:
    """What a study is, for the page and for whoever reads its answers.

    Parameters
    ----------
    trials : DataFrame
        `trials.COLUMNS`.
    audio : Path
        Folder of what listeners hear.
    arm : str
    headphones : {"required", "recorded", "none"}
    contact, consent : str
        For the text of the consent.
    confidence : bool
        Whether listeners are asked how sure they are.
    sound : dict
        What of the config decides which clips are heard, and how they sound.
    seed : int
        With which the audio was written.

    Returns
    -------
    dict
        schema, study_id, arm, instructions, asked (what of the config the page shows), sound,
        trials: trial_id, block, position, kind, encoder, clip ids, and least_s (the seconds in
        which its three clips can be heard at the least) of each; audio: the SHA-256 of each file.
        study_id hangs on all the rest but `audio`, which may differ in a bit between machines.
    """
    asked = {"headphones": headphones, "contact": contact, "consent": consent}
    asked |= {"confidence": confidence, "quiet_tones": headphone_answers(seed)}
    files = sorted(audio.glob("*.flac"))
    lasts = {path.stem: soundfile.info(path).duration for path in files}
    clips = trials[CLIP_IDS].values.tolist()
    least = [math.floor(100 * LEAST * sum(lasts[clip] for clip in row)) / 100 for row in clips]
    told = {
        "schema": SCHEMA,
        "arm": arm,
        "instructions": INSTRUCTIONS,
        "asked": asked | {"headphones_to_pass": HEADPHONES_TO_PASS},
        "sound": sound,
        "trials": trials[TOLD].assign(least_s=least).to_dict("records"),
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    heard = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {"study_id": digest[:16]} | told | {"audio": heard}


def study(manifest: dict, trials: pd.DataFrame, post_url: str | None) -> dict:
    """What the page is told: study.js, without its frame.

    Parameters
    ----------
    manifest : dict
        Of `manifest`.
    trials : DataFrame
        `trials.COLUMNS`.
    post_url : str or None
        Where it sends answers; None to let listeners save them.
    """
    asked, first = manifest["asked"], practice(trials)
    longest = max(trials.block.value_counts(), default=0)
    tones = enumerate(asked["quiet_tones"], 1)
    return {
        **{key: manifest[key] for key in ("schema", "study_id", "arm", "instructions")},
        **{key: asked[key] for key in ("headphones", "contact", "consent", "confidence")},
        "headphone_trials": [
            {"audio": _audio(f"{HEADPHONES}-{number}"), "quiet": quiet} for number, quiet in tones
        ],
        "headphones_to_pass": asked["headphones_to_pass"],
        "minutes": MINUTES_BEFORE + -(-int(longest) * SECONDS // 60),
        "sample": _audio(first.x_clip_id.iloc[0]) if len(first) else "",
        "practice": [_heard(row) for row in first.itertuples()],
        "blocks": {
            str(block): [_heard(row) for row in part.sort_values("position").itertuples()]
            for block, part in trials.groupby("block")
        },
        "post_url": post_url,
    }


def _heard(row) -> dict:
    clips = {one: _audio(getattr(row, f"{one}_clip_id")) for one in "xab"}
    return {"trial_id": row.trial_id, **clips}


def _audio(name: str) -> str:
    return f"{AUDIO.rpartition('/')[2]}/{name}.flac"


def study_js(told: dict) -> str:
    """The text of study.js; `<` is written so that no text in it ends a script."""
    return f"window.STUDY = {json.dumps(told, sort_keys=True)};\n".replace("<", "\\u003c")


def write(folder: Path, told: dict) -> None:
    """Write the page, but for its audio, into a folder."""
    for name in STATIC:
        with atomic(folder / name) as temporary:
            temporary.write_bytes((WEB / name).read_bytes())
    write_text(study_js(told), folder / "study.js")
