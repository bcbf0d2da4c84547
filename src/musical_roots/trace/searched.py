"""What is searched, as it is read of a finished study, or of one other file."""

from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import harmony
from musical_roots.arrays import read_arrays
from musical_roots.errors import InputError
from musical_roots.experiments.token_share import TokenIndex
from musical_roots.generators.base import FULL
from musical_roots.tables import Embeddings, read_table
from musical_roots.trace import found
from musical_roots.trace.asked import Asked
from musical_roots.trace.report import Harmony, Searched, Tokens, token_null
from musical_roots.trace.study import Finished

POWER = ["kind", "level", "unit", "n_planted", "power_at_05", "perturbed_false_at_05"]
FRAMES = 150  # of openvamp's codec in 3 s: where a study's own are others, fewer are compared


def of_study(
    study: Finished, encoders: list[str], codec: str | None, made_by: str | None
) -> Searched:
    """A study's training set, with control music as the null.

    Parameters
    ----------
    study : Finished
    encoders : list of str
        The first decides.
    codec : str or None
        Whose tokens are counted.
    made_by : str or None
        The generator that made the file, if it is known: control music goes through its codec.
    """
    every = dict.fromkeys([*encoders, *study.of_songs])
    indexes = {name: study.corpus(name) for name in every}
    within, seed = study.clips, study.config["seed"]
    nulls = {}
    for name in encoders:
        corpus = indexes[name]
        train = corpus.where(found.masks(within, corpus)["train"])
        nulls[name] = found.Null(found.drawn(study.control(name, made_by), seed), train)
    by_harmony = _harmony(study)
    by_tokens = _tokens(study, codec) if codec else None
    power = power_of(study, encoders[0], made_by)
    tracks = study.tracks
    return Searched(indexes, nulls, study.of_songs, tracks, within, by_harmony, by_tokens, power)


def of_file(
    study: Finished, other: Asked, vectors: dict[str, Embeddings], rows: np.ndarray
) -> Searched:
    """One other file, with a study's control music as the null."""
    nulls = {
        name: found.Null(found.drawn(study.control(name, None), study.config["seed"]), index)
        for name, index in vectors.items()
        if name in study.encoders
    }
    about = {"title": other.path.name, "artist": "", "licence": "", "attribution": "", "split": ""}
    about |= {"sha256": other.sha256, "file": str(other.path)}
    tracks = pd.DataFrame([about], index=pd.Index([other.sha256[:16]], name="track_id"))
    _, control = _pitch_classes(study)
    by_harmony = None
    if control and len(rows):
        gallery = harmony.Gallery({other.sha256[:16]: rows})
        near = harmony.null(control, gallery, study.config["seed"])
        by_harmony = Harmony(gallery, control, study.config["seed"], near.similarity.to_numpy())
    return Searched(vectors, nulls, study.of_songs, tracks, harmony=by_harmony)


def power_of(study: Finished, encoder: str, made_by: str | None) -> pd.DataFrame:
    """How many planted copies an encoder finds: the study's own table, columns `POWER`."""
    table = study.table("planted", ["encoder", "generator", *POWER])
    mine = table[table.encoder.str.split(" (", regex=False).str[0] == encoder]
    full = FULL.get(made_by, made_by) if made_by else mine.generator.iloc[0] if len(mine) else ""
    mine = mine[mine.generator.str.split(" (", regex=False).str[0] == full.partition(" (")[0]]
    return mine.reindex(columns=POWER).reset_index(drop=True)


def _pitch_classes(study: Finished) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pitch classes of train and control tracks; none where the study has none."""
    read = sorted((study.folder / "corpus/probed").glob("*.pitch_classes.npz"))
    return harmony.of_splits(read_arrays(read), study.tracks.split)


def _harmony(study: Finished) -> Harmony | None:
    (train, control), null = _pitch_classes(study), study.folder / "trace/harmony_null.csv"
    if not train or not control or not null.is_file():
        return None
    whole = read_table(null).similarity.to_numpy()
    return Harmony(harmony.Gallery(train), control, study.config["seed"], whole)


def _tokens(study: Finished, codec: str) -> Tokens:
    index = TokenIndex.open(study.folder / "tokens/index" / codec / "whole/train")
    path = study.folder / "influence" / codec / "excerpt_tokens.npz"
    null = pd.DataFrame(columns=["output_id", "cluster", "share"])
    if path.is_file():
        excerpts = read_table(study.folder / "influence/excerpts.parquet").set_index("output_id")
        null = token_null(read_arrays([path]), excerpts.prompt_group_id, index, FRAMES)
    return Tokens(codec, index, null)


def chosen_codec(study: Finished, wanted: str | None) -> str | None:
    """The codec whose tokens are counted: of the generator that is named, else the study's first.

    Raises
    ------
    InputError
        If the study has no such generator.
    """
    if wanted is None:
        return next(iter(study.codecs), None)
    name = FULL.get(wanted, wanted)
    there = sorted(Path(study.folder).glob(f"embeddings/*/control_roundtrip-{name}"))
    if not there:
        known = ", ".join(study.codecs) or "none"
        raise InputError(
            f"--generator {wanted}: the study in {study.folder} has no control music through its "
            f"codec; there are: {known}"
        )
    return name if name in study.codecs else None
