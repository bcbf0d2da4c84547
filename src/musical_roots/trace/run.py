"""Files in, answers out: what the command does."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import audio, folders, harmony
from musical_roots.arrays import write_text
from musical_roots.errors import InputError
from musical_roots.tables import Embeddings
from musical_roots.trace import asked, report, searched
from musical_roots.trace.study import Finished

AGAINST_HOP_S = 1.0  # between clips of the one file that is searched


def cut_all(paths: list[Path], study: Finished) -> tuple[list[asked.Asked], list[dict]]:
    """Clips of all files, and those that cannot be used: path, reason.

    Raises
    ------
    InputError
        If none can be used.
    """
    clips, kept = study.config["clips"], []
    found, rejected = asked.files(paths)
    for path in found:
        try:
            kept.append(asked.cut(path, clips["duration_s"], clips["silence_lufs"]))
        except InputError as error:
            rejected.append({"path": folders.as_listed(str(path)), "reason": str(error)})
    if not kept and len(rejected) == 1:
        raise InputError(rejected[0]["reason"])
    if not kept:
        raise InputError(f"none of {len(rejected)} files can be used; {rejected[0]['reason']}")
    return kept, rejected


def trace(
    paths: list[Path],
    study: Finished,
    made_by: str | None = None,
    against: Path | None = None,
    jobs: int = 1,
    progress: Callable = lambda total, what, unit: nullcontext(),
) -> dict:
    """What files resemble, in a study or in one other file.

    Parameters
    ----------
    paths : list of Path
        Files and folders.
    study : Finished
    made_by : str, optional
        The generator that made the files.
    against : Path, optional
        The one file that is searched, instead of the study's training set.
    jobs : int
        Processes.
    progress : callable
        Of `cli.progress`.

    Returns
    -------
    dict
        study, encoders, against, files (of `report.answer`), rejected.

    Raises
    ------
    InputError
        If no file can be used, or the study has no such generator.
    """
    files, rejected = cut_all(paths, study)
    encoders, codec = study.encoders, searched.chosen_codec(study, made_by)
    clips, other = [one.clips for one in files], None
    if against is not None:
        codec, told = None, study.config["clips"]
        other = asked.cut(against, told["duration_s"], told["silence_lufs"], AGAINST_HOP_S)
        clips.append(other.clips)
    every = pd.concat(clips).drop_duplicates("clip_id")
    asked_all = list(dict.fromkeys([*encoders, *study.of_songs]))
    count = len(every) * (len(asked_all) + bool(codec))
    with asked.hearing(every, study, asked_all, codec, jobs) as listen:
        if other is None:  # while the others are at work
            where = searched.of_study(study, encoders, codec, made_by)
        rows = [_rows(one.path) for one in files]
        with progress(count, "hearing", "clips") as bar:
            heard = listen(*([bar.update] if bar else []))
    if other is not None:
        where = searched.of_file(study, other, _of(heard.vectors, other), _rows(other.path))
    answers = []
    for one, mine in zip(files, rows, strict=True):
        tokens = {clip: heard.tokens[clip] for clip in one.clips.clip_id if clip in heard.tokens}
        answers.append(report.answer(one, _of(heard.vectors, one), mine, tokens, where))
    return {
        "study": str(study.folder),
        "encoders": encoders,
        "of_songs": study.of_songs,
        "codec": codec,
        "against": None if against is None else str(against),
        "files": answers,
        "rejected": rejected,
    }


def _of(vectors: dict[str, Embeddings], one: asked.Asked) -> dict[str, Embeddings]:
    wanted = set(one.clips.clip_id)
    return {name: all_.where(all_.clips.clip_id.isin(wanted)) for name, all_ in vectors.items()}


def _rows(path: Path) -> np.ndarray:
    return harmony.pitch_classes(*audio.read(path))


def check_outputs(paths: list[Path], against: Path | None, outs: dict[str, Path | None]) -> None:
    """Refuse to write an answer over what is asked after.

    Parameters
    ----------
    paths, against
        As of `trace`.
    outs : dict of str to Path or None
        Where answers are to be written, by the option that says so.

    Raises
    ------
    InputError
        If one of these is a file that is asked after, or has the name of audio, or is a folder.
    """
    asked_after = [path for path in [*paths, against] if path and path.exists()]
    for option, out in outs.items():
        if out is None:
            continue
        if out.is_dir():
            raise InputError(f"--{option} {out}: a folder; name a file")
        same = out.exists() and any(out.samefile(path) for path in asked_after)
        if same or out.suffix.lower() in audio.SUFFIXES:
            raise InputError(
                f"--{option} {out}: audio, which an answer would replace; name another file"
            )
    named = [str(out) for out in outs.values() if out]
    if len(set(named)) < len(named):
        raise InputError(f"--{' and --'.join(outs)} name one file, {named[0]}; name two")


def write(told: dict, study: Finished, json_out: Path | None, html_out: Path | None) -> None:
    """Write an answer as JSON (to standard output for "-") and as a page, where they are wanted."""
    if json_out is not None:
        text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
        print(text) if str(json_out) == "-" else write_text(text + "\n", json_out)
    if html_out is not None:
        from musical_roots.trace import page  # matplotlib takes a second

        page.write(told, study.tracks, html_out)
