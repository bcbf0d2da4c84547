"""The same trials for two other programs: webMUSHRA (served by pymushra), and ReSEval.

Audio is linked, not copied, where the disk allows. Neither program asks how sure listeners are, and
neither counts what was heard in full.
"""

import os
import shutil
from pathlib import Path

import pandas as pd
import yaml

from musical_roots.arrays import write_text

QUESTION = "Which of the two clips is more similar to the reference?"
INSTRUCTION = "Listen to the reference and to both clips to their ends. Then choose."
# webMUSHRA's page for pairs ends with a line of its own, which cannot be set.
ITS_LINE = 'Where it says "Which item is the reference?", choose the more similar clip.'
PEOPLE = 90  # whom ReSEval asks: the paper's plan
# What ReSEval calls the two clips: whichever wins, its own tables say how often.
CONDITIONS = {"nearer": True, "farther": False}


def webmushra(trials: pd.DataFrame, audio: Path, folder: Path, name: str) -> None:
    """A configuration a session, and the audio: to be laid over webMUSHRA's own folder.

    Parameters
    ----------
    trials : DataFrame
        `trials.COLUMNS`.
    audio : Path
        Folder of the page's audio.
    folder : Path
        That is there: gets `configs/<name>-<block>.yaml` and `configs/resources/audio/<name>/`.
    name : str
        Of the study, without spaces.
    """
    place = f"configs/resources/audio/{name}"
    (folder / place).mkdir(parents=True)
    for clip in sorted({clip for one in "xab" for clip in trials[f"{one}_clip_id"]}):
        _link(audio / f"{clip}.flac", folder / place / f"{clip}.flac")
    for block, part in trials.groupby("block"):
        pages = [
            {
                "type": "paired_comparison",
                "id": row.trial_id,
                "name": f"Question {place_in} of {len(part)}",
                "unforced": "",
                "content": f"{QUESTION} {INSTRUCTION} {ITS_LINE}",
                "showWaveform": False,
                "enableLooping": False,
                "reference": f"{place}/{row.x_clip_id}.flac",
                "stimuli": {
                    side.upper(): f"{place}/{getattr(row, f'{side}_clip_id')}.flac" for side in "ab"
                },
            }
            for place_in, row in enumerate(part.sort_values("position").itertuples(), 1)
        ]
        end = {"type": "finish", "name": "Thank you", "content": "Thank you for taking part."}
        told = {
            "testname": "A listening study on similar music",
            "testId": f"{name}-{block}",
            "bufferSize": 2048,
            "stopOnErrors": True,
            "showButtonPreviousPage": False,
            "remoteService": "service/write.php",
            "pages": [*pages, end | {"showResults": False, "writeResults": True}],
        }
        write_text(_yaml(told), folder / f"configs/{name}-{block}.yaml")


def reseval(trials: pd.DataFrame, audio: Path, folder: Path, name: str, seed: int) -> None:
    """An ABX test an encoder, and its files: reference, nearer and farther, by trial.

    ReSEval counts how often each condition wins, over all of a test: of one encoder alone.

    Parameters
    ----------
    trials, audio
        As of `webmushra`. ReSEval deals trials out by itself: repeats are left out.
    folder : Path
        That is there: gets `<name>-<encoder>.yaml` and
        `files-<encoder>/<condition>/<trial_id>.flac`.
    name : str
    seed : int
    """
    longest = int(max(trials.block.value_counts(), default=0))
    for encoder, part in trials[trials.kind != "repeat"].groupby("encoder"):
        _abx_files(part, audio, folder / f"files-{encoder}")
        told = _abx(f"{name}-{encoder}", min(longest, len(part)), seed)
        write_text(_yaml(told), folder / f"{name}-{encoder}.yaml")


def _abx_files(trials: pd.DataFrame, audio: Path, folder: Path) -> None:
    for row in trials.itertuples():
        clips = {"reference": row.x_clip_id}
        for condition, nearer in CONDITIONS.items():
            clips[condition] = row.a_clip_id if (row.nearer == "a") == nearer else row.b_clip_id
        for condition, clip in clips.items():
            _link(audio / f"{clip}.flac", folder / f"{condition}/{row.trial_id}.flac")


def _abx(name: str, samples: int, seed: int) -> dict:
    return {
        **{"name": name, "test": "abx", "datatype": "audio"},
        **{"storage": "aws", "database": "aws", "server": "aws"},
        "crowdsource": {
            "platform": "mturk",
            "title": "Which music is more similar?",
            "description": "Listen to short clips of music over headphones, and compare them.",
            "keywords": "audio, music, listening, research",
            "filter": {"countries": ["US"], "approved_tasks": 1000, "approval_rating": 98},
            # pay by the minutes that a pilot took: docs/listening.md
            "payment": {"base": 0.5, "completion": 1.0},
            "duration": {"total": 86400, "assignment": 1800, "autoapprove": 172800},
        },
        "participants": PEOPLE,
        "samples_per_participant": samples,
        "random_seed": seed,
        "welcome_text": "# **Welcome**\n\nPut the text of your consent here: docs/listening.md.",
        "prescreen_questions": [],
        "survey_instructions": f"{QUESTION} {INSTRUCTION}",
        "followup_questions": [],
    }


def _yaml(told: dict) -> str:
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
