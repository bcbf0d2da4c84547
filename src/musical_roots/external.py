"""Audio that was made elsewhere, by any generator, as a list of vamps (`generate.py`)."""

import hashlib
import logging
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from musical_roots import audio, folders, manifests, soundness
from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError

log = logging.getLogger("musical_roots")


def listed(root: Path | str | None, manifest: Path | str | None) -> pd.DataFrame:
    """Audio files of a folder, or the rows of a manifest.

    Returns
    -------
    DataFrame
        path; of a folder, if there are files or folders that cannot be read, problem ("" if none);
        of a manifest row, counted as a spreadsheet does, and if it has them prompt_path ("" if
        unknown) and prompt_start_s (text as it stands; NaN if blank).

    Raises
    ------
    InputError
        If both are given, or none; if there is no such folder or manifest; if the manifest is not
        readable (`manifests.read`), lacks the column `path`, or has one that is meant to tell of
        the prompt and is not known; if a path could be one of several files.
    """
    if bool(root) == bool(manifest):
        raise InputError("external: give either --root, a folder, or --manifest, a table")
    if root is not None:
        root = Path(root)
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; mend generators.external.root in the config")
        files, problems = folders.audio_files(root)
        paths = sorted({*files, *problems}, key=PurePosixPath)
        table = pd.DataFrame({"path": [str(root / folders.as_listed(path)) for path in paths]})
        wrong = [problems.get(path, "") for path in paths]
        return table.assign(problem=wrong) if any(wrong) else table
    manifest = Path(manifest)
    if not manifest.is_file():
        raise InputError(
            f"{manifest}: no such table; mend generators.external.manifest in the config"
        )
    namer = manifests.Namer(manifest.parent)
    # misspelt, a column would be left out: the output would pass for one whose prompt is not known
    rows = manifests.read(manifest, ["path"], ["prompt_path", "prompt_start_s"], family="prompt")
    for number, row in rows:
        row["row"] = number
        for column in {"path", "prompt_path"} & set(row):
            try:
                named = namer.find(row[column])
            except InputError as error:
                raise InputError(f"{manifest}, row {number}: {error}") from error
            row[column] = str(manifest.parent / named) if named else ""
        if "prompt_start_s" in row:
            row["prompt_start_s"] = row["prompt_start_s"] or np.nan
    return pd.DataFrame([row for _, row in rows])


def check_some(outputs: pd.DataFrame, where: Path | str) -> None:
    """Raise an InputError that names `where` they should be, if there are no outputs."""
    if outputs.empty:
        raise InputError(
            f"{where}: no audio that can be used; mend generators.external in the config"
        )


def state(listed: pd.DataFrame) -> str:
    """Digest of the list, and of size and time of its files: another, if one of these is."""
    told = [listed.to_csv(index=False)]
    for path in map(Path, listed.path):
        try:
            there = path.stat() if path.is_file() else None
        except OSError:
            there = None
        told.append(f"{there.st_size} {there.st_mtime_ns}" if there else "")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def external(
    listed: pd.DataFrame, clips: pd.DataFrame, duration_s: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Audio that was made elsewhere, as a list of vamps; what cannot be used, with the reason.

    Of outputs that are equal to the byte the first is used: counted twice, one output would pass
    for more evidence than it is.

    Parameters
    ----------
    listed : DataFrame
        Of `listed`.
    clips : DataFrame
        The corpus's clip list: a prompt that is a track of the corpus is recognised by its path.
    duration_s : float
        Length of an output, in seconds, as of the excerpts that it is held against: of what is
        longer the start is taken, what is shorter cannot be used.

    Returns
    -------
    vamps : DataFrame
        As `vamps` gives them, as far as it is known.
    rejected : DataFrame
        path, row (of a manifest), reason.
    """
    by_path = clips.drop_duplicates("path").set_index("path")[["track_id", "group_id", "split"]]
    by_path.index = [str(Path(path).resolve()) for path in by_path.index]
    good, bad = {}, []
    for row in listed.to_dict("records"):
        try:
            if row.get("problem"):
                raise InputError(f"{row['path']}: {row['problem']}")
            digest, rate = _output(row["path"], duration_s)
            prompt, start_s = _prompt_of(row, duration_s)
            if digest in good:
                raise InputError(
                    f"{row['path']}: the same audio as {good[digest]['path']}, which is listed "
                    "before; list an output once"
                )
        except InputError as error:
            bad.append({"path": row["path"], "row": row.get("row"), "reason": str(error)})
            continue
        known = str(Path(prompt).resolve()) if prompt else ""
        track, group, split = by_path.loc[known] if known in by_path.index else ("", "", "")
        good[digest] = {
            "output_id": digest,
            "generator": "external",
            "fingerprint": "",
            "setting": "external",
            "prompt_id": f"{track}" and clip_id(track, start_s, duration_s),
            "prompt_track_id": track,
            "prompt_group_id": group,
            "prompt_split": split,
            "prompt_path": prompt,
            "prompt_start_s": start_s,
            "duration_s": duration_s,
            "path": str(row["path"]),
            "tokens_path": "",
            "sample_rate": rate,
        }
    return pd.DataFrame(list(good.values())), pd.DataFrame(bad, columns=["path", "row", "reason"])


def _output(path: str, duration_s: float) -> tuple[str, int]:
    """Digest and sample rate of an output that can be used."""
    if not path:
        raise InputError("path is blank; name the output's file, or remove the row")
    if not folders.is_file(path):
        raise InputError(f"{path}: no such file; mend its path in the manifest, or remove the row")
    found = audio.decode(Path(path), duration_s=duration_s)  # a header can promise too much
    rate, length = found.sample_rate, len(found.samples) / found.sample_rate
    if length < duration_s - 0.01:
        raise InputError(
            f"{path}: {length:.1f} s of audio are less than generation.duration_s, "
            f"{duration_s:g} s; lower that, or leave the file out"
        )
    soundness.checked(path, found.samples, rate, soundness.SILENCE_LUFS)
    if note := audio.header(Path(path)).note:
        log.info("%s: %s", path, note)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16], rate


def _prompt_of(row: dict, duration_s: float) -> tuple[str, float]:
    """Prompt of an output, and where in it: ("", nan) if it is not known."""
    prompt, told = row.get("prompt_path", ""), row.get("prompt_start_s", 0.0)
    if not prompt:
        return "", np.nan
    if not folders.is_file(prompt):
        raise InputError(
            f"{row['path']}: prompt_path, {prompt}, is no file; mend it, or leave it blank"
        )
    told = 0.0 if pd.isna(told) else told
    try:
        start_s = float(told)
    except ValueError:
        start_s = np.nan
    try:
        length = audio.probe(prompt).duration_s
    except InputError as error:
        raise InputError(f"{row['path']}: prompt_path, {error}") from error
    if length < duration_s - 0.01:
        raise InputError(
            f"{row['path']}: prompt_path, {prompt}: {length:.1f} s of audio are less than "
            f"generation.duration_s, {duration_s:g} s; leave prompt_path blank"
        )
    good = 0 <= start_s <= length - duration_s + 0.01
    if good:
        found = audio.decode(Path(prompt), start_s, duration_s)
        good = len(found.samples) >= (duration_s - 0.02) * found.sample_rate
    if not good:
        raise InputError(
            f"{row['path']}: prompt_start_s, {told}, is not a number of seconds from which the "
            f"prompt, {prompt} ({length:.1f} s), goes on for generation.duration_s, "
            f"{duration_s:g} s; mend it, or leave prompt_path blank"
        )
    try:
        soundness.checked(prompt, found.samples, found.sample_rate, soundness.SILENCE_LUFS)
    except InputError as error:
        raise InputError(f"{row['path']}: prompt_path, {error}") from error
    return prompt, start_s
