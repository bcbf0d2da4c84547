"""What a generator made: how much of it the training set has, and what its codec does to audio.

A generated token overlaps with the training set if it stands in an n-gram, a run of n tokens of its
codebook, n frames long, that occurs somewhere there. A held note or a pause gives such a run to any
music, so the share is read against the same share in control music, which the generator never saw.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from musical_roots import audio
from musical_roots.arrays import read_arrays
from musical_roots.generators.openvamp.codec import Codec, levelled, log_mel, to_audio
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap

NGRAM = 8  # frames
RESOLUTIONS = (512, 1024, 2048)  # samples of a window


def runs(tokens: np.ndarray, length: int) -> np.ndarray:
    """A number for each run of `length` tokens of a codebook, the same for equal runs.

    Parameters
    ----------
    tokens : ndarray, int [codebooks, frames]
    length : int

    Returns
    -------
    ndarray, uint64 [codebooks, max(0, frames - length + 1)]
        A run that is not among the 2**30 of a training set shares a number with one of them with
        probability 2**-34. That any two of these share one has a probability of about 2**-5.
    """
    count = max(0, tokens.shape[1] - length + 1)
    numbers = np.zeros((len(tokens), count), np.uint64)
    factors = rng(0, "generation.runs").integers(2**63, size=length, dtype=np.uint64) * 2 + 1
    for place, factor in enumerate(factors):
        part = tokens[:, place : place + count].astype(np.uint64) + np.uint64(1)
        numbers = (numbers ^ (part * factor)) * np.uint64(0x9E3779B97F4A7C15)
        numbers ^= numbers >> np.uint64(29)
    return numbers


class KnownRuns:
    """The runs of a training set, and whose they are.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        track_id to tokens.
    group_of : mapping of str to str
        track_id to group_id: a track and its near duplicates count as one.
    length : int
        Tokens a run.
    """

    def __init__(self, tokens: Mapping[str, np.ndarray], group_of: Mapping, length: int = NGRAM):
        self.length = length
        self.groups = {group: code for code, group in enumerate(sorted(set(group_of.values())))}
        numbers = [runs(tokens[track], length) for track in tokens]
        owners = np.concatenate(
            [
                np.full(part.shape[1], self.groups[group_of[track]])
                for track, part in zip(tokens, numbers, strict=True)
            ]
        )
        self.books = [_with_owners(book, owners) for book in np.concatenate(numbers, axis=1)]

    def overlap(self, tokens: np.ndarray, but: str = "") -> np.ndarray:
        """The tokens that stand in a known run.

        Parameters
        ----------
        tokens : ndarray, int [codebooks, frames]
        but : str
            A group_id: runs that no other group has are not looked at.

        Returns
        -------
        ndarray, bool [codebooks, frames]
        """
        left_out = self.groups.get(but, -1)
        marked = np.zeros(tokens.shape, bool)
        for mine, (known, lowest, highest), row in zip(
            runs(tokens, self.length), self.books, marked, strict=True
        ):
            place = np.searchsorted(known, mine).clip(max=len(known) - 1)
            found = known[place] == mine
            if but:
                found &= (lowest[place] != left_out) | (highest[place] != left_out)
            for start in np.flatnonzero(found):
                row[start : start + self.length] = True
        return marked


def ngram_overlap(
    vamps: pd.DataFrame,
    train: Mapping[str, np.ndarray],
    control: Mapping[str, np.ndarray],
    tracks: pd.DataFrame,
    seed: int,
) -> pd.DataFrame:
    """Share of each vamp's tokens that the training set has, and of as many excerpts of real music.

    Parameters
    ----------
    vamps : DataFrame
        A vamp list with tokens_path, of one generator.
    train, control : mapping of str to ndarray, int [codebooks, frames]
        Tokens of the tracks.
    tracks : DataFrame
        track_id, group_id.
    seed : int
        The config's seed: it draws the excerpts of real music, one a prompt and as long.

    Returns
    -------
    DataFrame
        generator, setting, prompts (train, control, or "" if not known), output_id, cluster (the
        prompt's group_id), kept_share (of the prompt's tokens), n_tokens (generated), overlap_share
        (of these), overlap_elsewhere_share (by runs of other tracks than the prompt's and its
        duplicates), overlap_coarsest_share (in the first codebook, elsewhere). Rows with the
        setting "real music" hold the same for excerpts of real tracks, every token of which counts
        as generated; their overlap_share has no meaning where they are the training set's own.
    """
    group_of = dict(zip(tracks.track_id, tracks.group_id, strict=True))
    known = KnownRuns(train, group_of)
    rows = []
    for vamp in vamps.itertuples():
        made = read_arrays([vamp.tokens_path])
        about = (vamp.setting, vamp.prompt_split, vamp.output_id, vamp.prompt_group_id)
        rows.append((*about, *_shares(known, made["tokens"], ~made["kept"], about[-1])))
    frames = made["tokens"].shape[1]
    for split, tokens in {"train": train, "control": control}.items():
        names = [name for name in sorted(tokens) if tokens[name].shape[1] >= frames]
        if not names:
            continue
        chance = rng(seed, "generation.real", split)
        for number, name in enumerate(chance.choice(names, size=vamps.prompt_id.nunique())):
            start = chance.integers(tokens[name].shape[1] - frames + 1)
            excerpt = tokens[name][:, start : start + frames]
            about = ("real music", split, f"{split} {number}", group_of[name])
            whole = np.ones(excerpt.shape, bool)
            rows.append((*about, *_shares(known, excerpt, whole, about[-1])))
    names = ["setting", "prompts", "output_id", "cluster", "kept_share", "n_tokens"]
    names += ["overlap_share", "overlap_elsewhere_share", "overlap_coarsest_share"]
    table = pd.DataFrame(rows, columns=names)
    table.insert(0, "generator", vamps.generator.iloc[0])
    return table


def ngram_overlap_by_setting(
    overlap: pd.DataFrame, resamples: int, confidence: float, seed: int
) -> pd.DataFrame:
    """What `ngram_overlap` says, by setting and by where the prompts are from.

    Returns
    -------
    DataFrame
        generator, setting, prompts, n_outputs, and means over vamps that have generated tokens:
        kept_share, overlap_share, overlap_elsewhere_share with overlap_elsewhere_low and _high
        (bootstrap clustered by the prompt's track), overlap_coarsest_share; n_tokens in all.
    """
    rows = []
    for key, part in overlap[overlap.n_tokens > 0].groupby(
        ["generator", "setting", "prompts"], sort=False
    ):
        low, high = cluster_bootstrap(
            part.overlap_elsewhere_share,
            part.cluster,
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "generation.copies", " ".join(key)),  # its name in 0.1: numbers stay
        )
        rows.append(
            {
                **dict(zip(["generator", "setting", "prompts"], key, strict=True)),
                "n_outputs": len(part),
                "kept_share": part.kept_share.mean(),
                "n_tokens": part.n_tokens.sum(),
                "overlap_share": part.overlap_share.mean(),
                "overlap_elsewhere_share": part.overlap_elsewhere_share.mean(),
                "overlap_elsewhere_low": low,
                "overlap_elsewhere_high": high,
                # none of the coarsest is generated where all of it is kept
                "overlap_coarsest_share": part.overlap_coarsest_share.mean(),
            }
        )
    return pd.DataFrame(rows)


def drawn_clips(clips: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """At most `count` clips of a clip list, drawn by the seed: what a codec is measured on."""
    clips = clips.sort_values("clip_id")
    order = rng(seed, "codec-quality").permutation(len(clips))[:count]
    return clips.iloc[sorted(order)]


def codec_quality(codec: Codec, clips: pd.DataFrame, rate: int) -> pd.DataFrame:
    """What is lost on the way through the codec, step by step.

    Parameters
    ----------
    codec : Codec
    clips : DataFrame
        Clip list of control music.
    rate : int
        Hz of the codec.

    Returns
    -------
    DataFrame
        what ("mel, not quantised", "n codebooks", or "n codebooks, no decoder": the mel frames that
        tokens stand for, as they are), codebooks, n_clips, spectral_convergence and log_magnitude
        (nats): the two parts of the multi-resolution STFT distance to the original, means over
        clips, both brought to the codec's level.
    """
    rows = []
    for clip in clips.itertuples():
        original, _ = audio.read(clip.path, rate, clip.start_s, clip.duration_s)
        original = levelled(original)
        tokens = codec.encode(original)
        whole = to_audio(log_mel(original), len(original))
        rows.append(("mel, not quantised", 0, *stft_distance(original, whole)))
        for count in range(1, len(tokens) + 1):
            coded = codec.decode(tokens[:count], len(original))
            rows.append((f"{count} codebooks", count, *stft_distance(original, coded)))
        plain = to_audio(codec.frames(tokens), len(original))
        rows.append((f"{count} codebooks, no decoder", count, *stft_distance(original, plain)))
    names = ["what", "codebooks", "spectral_convergence", "log_magnitude"]
    table = pd.DataFrame(rows, columns=names).groupby(names[:2], as_index=False).mean()
    table.insert(2, "n_clips", len(clips))
    return table.sort_values(["codebooks", "what"], ignore_index=True)


def stft_distance(original: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Multi-resolution STFT distance of two signals [samples], in its two parts.

    Returns
    -------
    spectral_convergence, log_magnitude : float
        Norm of the difference of magnitudes over that of the original's; mean difference of their
        logarithms, floored at -80 dB. Means over windows of 512, 1024 and 2048 samples (Yamamoto,
        Song, Kim 2020, "Parallel WaveGAN", equations 3 to 6).
    """
    distances = []
    for size in RESOLUTIONS:
        window = torch.hann_window(size)
        one, two = (
            torch.stft(torch.from_numpy(x), size, size // 4, window=window, return_complex=True)
            .abs()
            .clamp(min=1e-4)
            for x in (original, other)
        )
        convergence = torch.linalg.norm(one - two) / torch.linalg.norm(one)
        distances.append((convergence.item(), (one.log() - two.log()).abs().mean().item()))
    return tuple(np.mean(distances, axis=0))


def _shares(known: KnownRuns, tokens: np.ndarray, generated: np.ndarray, group: str) -> tuple:
    """kept_share, n_tokens and the shares of `ngram_overlap`, of one vamp."""
    other = known.overlap(tokens, but=group)
    marked = (known.overlap(tokens)[generated], other[generated], other[0][generated[0]])
    shares = [float(part.mean()) if len(part) else np.nan for part in marked]
    return 1 - generated.mean(), int(generated.sum()), *shares


def _with_owners(numbers: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sorted unique runs, with the lowest and the highest of the codes of those who have them."""
    order = np.lexsort((owners, numbers))
    numbers, owners = numbers[order], owners[order]
    first = np.append(True, numbers[1:] != numbers[:-1])
    last = np.append(first[1:], True)
    return numbers[first], owners[first], owners[last]
