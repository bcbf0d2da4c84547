"""Token evidence: a generator's own tokens as a witness, with a null of their own.

What an output's made-up tokens say for a track is `TokenIndex.evidence`: each tuple of the two
coarsest, by the logarithm of the track's share of it. The tracks are made of the very clips that
encoders search, so that both sides of a competition have as many frames.

The null are excerpts of control tracks, as long as an output, as the generator's codec hears them.
An excerpt counts at the frames that an output of the same setting has made up (its mask is drawn
among those of that setting), so that both are sums over frames of one kind.

What the evidence cannot tell: a generator that prefers frequent tokens lies nearer to all music
than music does, or less near; as of any view, its outputs are not exchangeable with real music.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.arrays import read_arrays
from musical_roots.corpus.split import blocks
from musical_roots.errors import InputError
from musical_roots.experiments.calibration import p_values
from musical_roots.experiments.competition import SIDES
from musical_roots.experiments.indexes import EXCLUDE, INDEXES
from musical_roots.experiments.token_share import CODEBOOKS, TokenIndex, merge
from musical_roots.seeding import rng

VIEW = "token_share"
FRAME_S = 0.02  # of openvamp's codec, whose module takes two seconds to import
PLANTED_SHARES = (0.1, 0.25, 0.5)  # of an excerpt's frames
PLANTED = 60  # tracks at most, drawn, of which something is planted


@dataclass(frozen=True)
class Query:
    """Tokens that are looked up, and what they are of.

    Attributes
    ----------
    output_id, setting, cluster, split : str
        As of `influence.best`.
    track_id : str
        Of the prompt; "" where it is not known.
    tokens, kept : ndarray, [codebooks, frames]
        kept is bool: tokens of the prompt.
    """

    output_id: str
    setting: str
    cluster: str
    split: str
    track_id: str
    tokens: np.ndarray
    kept: np.ndarray


def by_track(
    tokens: Mapping[str, np.ndarray], clips: pd.DataFrame, frame_s: float = FRAME_S
) -> dict[str, np.ndarray]:
    """Tokens of the clips of each track, one after the other.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        Of whole tracks by track_id, or of the clips by clip_id.
    clips : DataFrame
        A clip list.
    frame_s : float
        Seconds a frame, of whole tracks.

    Returns
    -------
    dict of str to ndarray
        track_id -> tokens, in the order of track_id.
    """

    def of(clip) -> np.ndarray:
        if clip.clip_id in tokens:
            return tokens[clip.clip_id]
        first, count = round(clip.start_s / frame_s), round(clip.duration_s / frame_s)
        return tokens[clip.track_id][:, first : first + count]

    return {
        track: np.concatenate([of(clip) for clip in part.itertuples()], axis=1)
        for track, part in clips.sort_values("start_s").groupby("track_id")
    }


def shard(
    tokens: Mapping[str, np.ndarray],
    clips: pd.DataFrame,
    indexes: pd.DataFrame,
    folder: Path,
    frame_s: float = FRAME_S,
) -> None:
    """The token indexes of a part of the corpus, a folder each in `folder`: `INDEXES`.

    Parameters
    ----------
    tokens, clips, frame_s
        As of `by_track`.
    indexes : DataFrame
        Of `influence.equal_indexes`.
    folder : Path
    """
    rows = clips.merge(indexes, on="clip_id")
    for name in INDEXES:
        TokenIndex.build(by_track(tokens, rows[rows[name]], frame_s), CODEBOOKS).write(
            folder / name
        )


def whole(shards: list[Path], folder: Path) -> None:
    """All shards as two indexes: train, and equal, which holds both sides of a competition."""
    merge([part / "train" for part in shards], folder / "train")
    merge([part / name for name in SIDES for part in shards], folder / "equal")


def opened(folder: Path, tracks: pd.DataFrame, split_artists: bool) -> "Witness":
    """The witness of the indexes that `whole` made; credits as of `corpus.split.blocks`."""
    indexes = [TokenIndex.open(Path(folder) / name) for name in ("train", "equal")]
    return Witness(*indexes, tracks, blocks(tracks.set_index("track_id"), split_artists))


def plants(
    tokens: Mapping[str, np.ndarray],
    clips: pd.DataFrame,
    indexes: pd.DataFrame,
    frame_s: float = FRAME_S,
) -> dict[str, np.ndarray]:
    """Tokens of tracks of the target, by track_id, of which some are planted; as of `shard`."""
    rows = clips.merge(indexes, on="clip_id")
    return by_track(tokens, rows[rows.train_equal], frame_s)


def of_outputs(vamps: pd.DataFrame) -> Iterator[Query]:
    """The outputs of a vamp list, one after the other."""
    for vamp in vamps.itertuples():
        made = read_arrays([vamp.tokens_path])
        cluster = vamp.prompt_group_id or vamp.output_id
        about = (vamp.output_id, vamp.setting, cluster, vamp.prompt_split, vamp.prompt_track_id)
        yield Query(*about, made["tokens"], made["kept"])


def of_excerpts(
    excerpts: pd.DataFrame, tokens: Mapping[str, np.ndarray], vamps: pd.DataFrame, seed: int
) -> Iterator[Query]:
    """Control music in every setting, with the mask of an output of that setting.

    Parameters
    ----------
    excerpts : DataFrame
        Of `generate.excerpts`.
    tokens : mapping of str to ndarray, int [codebooks, frames]
        output_id of an excerpt to its tokens.
    vamps : DataFrame
        The outputs: their masks are drawn by the seed.
    seed : int
        The config's seed.
    """
    for setting, some in vamps.groupby("setting", sort=False):
        paths = some.sort_values("output_id").tokens_path.to_numpy()
        for row in excerpts.itertuples():
            chance = rng(seed, "token_evidence.mask", f"{setting} {row.output_id}")
            kept, mine = read_arrays([chance.choice(paths)])["kept"], tokens[row.output_id]
            frames = min(kept.shape[1], mine.shape[1])  # of one length, but for the last frame
            about = (row.output_id, setting, row.prompt_group_id, row.prompt_split)
            cut = mine[:, :frames], kept[:, :frames]
            yield Query(*about, row.prompt_track_id, *cut)


def with_plants(
    excerpts: Iterable[Query], plants: Mapping[str, np.ndarray], seed: int
) -> Iterator[tuple[float, Query]]:
    """Control music of which a share of the frames is a training track's: (share, query).

    Parameters
    ----------
    excerpts : iterable of Query
        Hosts, one at least: one is drawn for each plant.
    plants : mapping of str to ndarray, int [codebooks, frames]
        Tokens of training tracks: `PLANTED` of them are drawn.
    seed : int
        The config's seed.
    """
    hosts = sorted(excerpts, key=lambda query: query.output_id)
    drawn = sorted(plants, key=lambda track: rng(seed, "token_evidence.plants", track).random())
    for track in sorted(drawn[:PLANTED]):
        chance = rng(seed, "token_evidence.planted", track)
        host, tokens = hosts[chance.integers(len(hosts))], plants[track][:CODEBOOKS]
        for share in PLANTED_SHARES:
            made = np.array(host.tokens[:CODEBOOKS])
            count = min(round(share * made.shape[1]), tokens.shape[1])
            start = chance.integers(tokens.shape[1] - count + 1)
            made[:, :count] = tokens[:, start : start + count]
            about = (f"{track} {share}", "", host.cluster, host.split, host.track_id)
            yield share, Query(*about, made, np.zeros(made.shape, bool))


class Witness:
    """Finds the tracks for which an output's tokens speak most.

    Parameters
    ----------
    train, equal : TokenIndex
        Of the training set; of both sides of a competition.
    tracks : DataFrame
        track_id, group_id, split.
    blocks : Series
        track_id -> block of tied artists.
    """

    def __init__(
        self, train: TokenIndex, equal: TokenIndex, tracks: pd.DataFrame, blocks: pd.Series
    ):
        known = tracks.set_index("track_id")
        self.blocks = blocks
        self.indexes = {"train": train, "equal": equal}
        self.about = {
            name: known.loc[index.tracks, ["group_id", "split"]].assign(
                artist_block=blocks.reindex(index.tracks).to_numpy()
            )
            for name, index in self.indexes.items()
        }

    def nearest(self, query: Query, prompt_tracks: Iterable[str] = EXCLUDE) -> list[dict]:
        """The best track of each of `INDEXES`, with and without the prompt's: rows of a table."""
        rows = []
        for name, index in self.indexes.items():
            evidence, about = index.evidence(query.tokens, query.kept), self.about[name]
            for prompt_track in prompt_tracks:
                there = self._there(query, about, prompt_track)
                parts = {"train": there}
                if name == "equal":
                    target = about.split.to_numpy() == "train"
                    parts = {"train_equal": there & target, "control": there & ~target}
                for where, mask in parts.items():
                    best = _best(evidence, mask, index.tracks)
                    rows.append({"index": where, "prompt_track": prompt_track, **best})
        named = {
            name: getattr(query, name) for name in ("output_id", "setting", "cluster", "split")
        }
        return [named | {"view": VIEW} | row for row in rows if "track_id" in row]

    def by_artist(self, query: Query) -> pd.DataFrame:
        """The best track of each block of artists but its own, on both sides."""
        index, about = self.indexes["equal"], self.about["equal"]
        evidence = pd.Series(index.evidence(query.tokens, query.kept))
        best = evidence.groupby(about.artist_block.to_numpy()).max()
        own = self.blocks.get(query.track_id, "")
        best = best.drop(own, errors="ignore").rename_axis("artist_block").reset_index(name="score")
        return best.assign(view=VIEW, output_id=query.output_id, own_block=own)

    def _there(self, query: Query, about: pd.DataFrame, prompt_track: str) -> np.ndarray:
        if prompt_track == "excluded":
            return about.group_id.to_numpy() != query.cluster
        if prompt_track == "artist_excluded":
            return about.artist_block.to_numpy() != self.blocks.get(query.track_id, "")
        return np.ones(len(about), bool)


def _best(evidence: np.ndarray, mask: np.ndarray, tracks: list[str]) -> dict:
    """The track of the most evidence, the first by track_id of equal ones; nothing if none may."""
    if not mask.any():
        return {}
    most = evidence[mask].max()
    ties = np.flatnonzero(mask & (evidence == most))
    return {"track_id": min(tracks[at] for at in ties), "score": float(most)}


def testify(
    witness: Witness,
    vamps: pd.DataFrame,
    excerpts: pd.DataFrame,
    tokens: Mapping[str, np.ndarray],
    plants: Mapping[str, np.ndarray],
    seed: int,
) -> dict[str, pd.DataFrame]:
    """All that tokens say of a generator's outputs, of control music, and of what is planted.

    Parameters
    ----------
    witness : Witness
    vamps : DataFrame
        Vamp list of one generator.
    excerpts, tokens
        As of `of_excerpts`.
    plants : mapping of str to ndarray
        As of `with_plants`.
    seed : int
        The config's seed.

    Returns
    -------
    dict of str to DataFrame
        nearest: as of `competition.sides`, of `INDEXES`. p_values: rows of the index train with
        p and q, as of `calibration.p_values`. by_artist, planted: as of `competition.compete`.

    Raises
    ------
    InputError
        If there are no excerpts.
    """
    if excerpts.empty:
        raise InputError(
            "excerpts: there are none, so tokens have no control music to be held against; add "
            "recordings, or raise corpus.control_share"
        )
    made, null = list(of_outputs(vamps)), list(of_excerpts(excerpts, tokens, vamps, seed))
    nearest = pd.DataFrame([row for query in made for row in witness.nearest(query)])
    # an excerpt competes in each setting by itself
    alone = [replace(query, output_id=f"{query.output_id} {query.setting}") for query in null]
    by_artist = [witness.by_artist(query).assign(of="outputs") for query in made]
    by_artist += [witness.by_artist(query).assign(of="control") for query in alone]
    of_null = pd.DataFrame([row for one in null for row in witness.nearest(one, ["included"])])
    hidden = []
    for share, query in with_plants(null, plants, seed):
        best = {row["index"]: row["score"] for row in witness.nearest(query, ["artist_excluded"])}
        sides = {side: best.get(index, -np.inf) for index, side in SIDES.items()}
        hidden.append({"view": VIEW, "kind": f"{share:.0%} of frames"} | sides)
    return {
        "nearest": nearest,
        "p_values": _p_values(nearest, of_null),
        "by_artist": pd.concat(by_artist, ignore_index=True),
        "planted": pd.DataFrame(hidden, columns=["view", "kind", *SIDES.values()]),
    }


def _p_values(nearest: pd.DataFrame, null: pd.DataFrame) -> pd.DataFrame:
    """p and q of each output in the training set, against the null of its own setting."""
    said, base = (
        table[table["index"] == "train"].rename(columns={"score": "cosine"})
        for table in (nearest, null)
    )
    parts = [
        p_values(part, base[base.setting == setting])
        for (setting, _), part in said.groupby(["setting", "prompt_track"], sort=False)
    ]
    return pd.concat(parts, ignore_index=True).rename(columns={"cosine": "score"})
