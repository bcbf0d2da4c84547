"""Audio to tokens and back: a residual vector quantiser over log-mel frames, and the way back.

All but training is in double precision, for the same tokens and audio on any processor; float32
comes in and goes out.

Codebooks and decoder (`decoder.py`) are learned, on the train split alone. The last part of the way
back is not: it solves for the spectrum that a mel frame stands for, and for phases that go with it.

References
----------
Zeghidour et al. (2021), SoundStream, section III.C (residual vector quantisation).
Griffin and Lim (1984); Perraudin, Balazs, Sondergaard (2013), "A fast Griffin-Lim algorithm".
Lee and Seung (2001), "Algorithms for non-negative matrix factorization" (the mel filters' inverse).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy import sparse

from musical_roots import mel
from musical_roots.audio import as_loud_as, fit, rms
from musical_roots.errors import InputError
from musical_roots.generators.openvamp.decoder import Decoder
from musical_roots.generators.openvamp.decoder import train as train_decoder
from musical_roots.generators.openvamp.quantiser import BEAM, Search
from musical_roots.seeding import rng
from musical_roots.weights import files

logging.getLogger("faiss").setLevel(logging.WARNING)  # it tells of every build that it lacks
VERSION = "mel-rvq-2"
SAMPLE_RATE = 24_000
WINDOW, HOP, MELS = 2048, 480, 128
FLOOR = 1e-4  # of a mel band; -80 dB of full scale
LEVEL = 10 ** (-24 / 20)  # RMS that audio is brought to, VampNet's -24 dBFS
FRAMES = 65_536  # that the codebooks are fitted to, 256 an entry of 256
SPECTRUM_STEPS, PHASE_STEPS, MOMENTUM = 10, 16, 0.99
AT_ONCE = 32  # frames whose spectra stay in a core's cache
FRAME_S = HOP / SAMPLE_RATE


@dataclass(frozen=True)
class Codec:
    """A trained codec.

    Attributes
    ----------
    codebooks : ndarray, float32 [codebooks, entries, MELS]
        Coarsest first. A frame is the sum of one entry of each.
    decoder : Decoder
        What makes such frames better.
    """

    codebooks: np.ndarray
    decoder: Decoder

    def encode(self, audio: np.ndarray) -> np.ndarray:
        """Tokens of some audio, the same ones on any processor.

        Parameters
        ----------
        audio : ndarray, float32 [samples]
            Mono at `SAMPLE_RATE`, at any level.

        Returns
        -------
        ndarray, int64 [codebooks, 1 + samples // HOP]
        """
        return self._search(log_mel(levelled(audio)))

    @cached_property
    def _search(self) -> Search:
        return Search(self.codebooks)

    def decode(self, tokens: np.ndarray, samples: int) -> np.ndarray:
        """Audio of the first codebooks' tokens: [codebooks, frames] -> float32 [samples].

        The same tokens give the same audio. Its level is that which `encode` works at.
        """
        return to_audio(self._precise_decoder.refine(self.frames(tokens)), samples)

    @cached_property
    def _precise_decoder(self) -> Decoder:
        return deepcopy(self.decoder).double()

    def frames(self, tokens: np.ndarray) -> np.ndarray:
        """Mel frames that tokens stand for: int [codebooks, frames] -> float32 [frames, MELS]."""
        entries = [book[row] for book, row in zip(self.codebooks, tokens, strict=False)]
        return np.sum(entries, axis=0)

    def reconstruct(self, audio: np.ndarray, codebooks: int) -> np.ndarray:
        """Audio as it comes back from its tokens, at its own level: float32 [samples]."""
        return as_loud_as(audio, self.decode(self.encode(audio)[:codebooks], len(audio)))

    def save(self, path, about: dict) -> None:
        """Writes the codec as `load` reads it."""
        files.save(path, self.tensors(), about | {"version": VERSION})

    def tensors(self) -> files.Tensors:
        """What a file holds."""
        decoder = {name: value.numpy() for name, value in self.decoder.state_dict().items()}
        return {"codebooks": self.codebooks} | decoder

    def digest(self) -> str:
        """Of the codebooks: what tokens mean, and what a network that was trained on them needs."""
        return files.digest({"codebooks": self.codebooks})


def load(path) -> Codec:
    """The codec that `Codec.save` wrote.

    Raises
    ------
    InputError
        If it is missing, damaged, no codec, or of another version.
    """
    tensors, about = files.read(path)
    if about.get("version") != VERSION:
        raise InputError(
            f"{path} is no codec of version {VERSION}, but {about.get('version', 'something else')}"
            "; train it anew"
        )
    decoder = Decoder(MELS)
    codebooks = tensors.pop("codebooks")
    decoder.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return Codec(codebooks, decoder.eval())


def described(
    trained_on: Iterable[str], seed: int, decoder_steps: int, codebooks: int, entries: int
) -> dict:
    """What the file of a codec that is trained so says of itself: track_ids, sizes, steps, seed."""
    about = {"source": f"trained here, seed {seed}", "trained_on": sorted(trained_on)}
    size = {"codebooks": codebooks, "entries": entries}
    return about | size | {"decoder_steps": decoder_steps, "version": VERSION}


def train(
    tracks: list[np.ndarray],
    codebooks: int,
    entries: int,
    *,
    seed: int,
    decoder_steps: int,
    progress: Callable[[int], object] = lambda done: None,
) -> Codec:
    """A codec for music like this: k-means of what the codebooks before have left, and a decoder.

    Parameters
    ----------
    tracks : list of ndarray, float32 [frames, MELS]
        `log_mel` of excerpts.
    codebooks, entries : int
        How many, and of how many entries (a power of two).
    seed : int
        The config's seed. The same tracks and seed give the same bytes on one machine.
    decoder_steps : int
        Training steps of the decoder.
    progress : callable
        Told of every such step.

    Raises
    ------
    InputError
        If there are fewer frames than entries.
    """
    frames = np.concatenate(tracks)
    if len(frames) < entries:
        raise InputError(
            f"generators.openvamp.entries: {entries} entries want as many frames, and there are "
            f"{len(frames)}; lower it or add tracks"
        )
    quantiser = _quantiser(codebooks, entries)
    chance = rng(seed, "openvamp.codec")
    quantiser.cp.seed = int(chance.integers(2**31))
    fitted = chance.choice(len(frames), min(FRAMES, len(frames)), replace=False)
    quantiser.train(np.ascontiguousarray(frames[fitted], np.float32))
    import faiss

    books = faiss.vector_to_array(quantiser.codebooks).reshape(codebooks, entries, MELS).copy()
    search = Search(books)
    tokens = [search(track) for track in tracks]
    decoder = train_decoder(
        tracks, tokens, books, seed=seed, steps=decoder_steps, progress=progress
    )
    return Codec(books, decoder)


def _quantiser(codebooks: int, entries: int):
    """faiss's residual quantiser, untrained."""
    import faiss

    faiss.omp_set_num_threads(1)  # sums in one order
    quantiser = faiss.ResidualQuantizer(MELS, codebooks, entries.bit_length() - 1)
    quantiser.train_type = faiss.ResidualQuantizer.Train_default
    quantiser.max_beam_size = BEAM
    return quantiser


def levelled(audio: np.ndarray) -> np.ndarray:
    """`audio` [samples] brought to `LEVEL`; silence stays."""
    level = rms(audio)
    return audio * np.float32(LEVEL / level) if level > 1e-6 else audio


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Natural logarithm of mel magnitudes: float32 [samples] -> [1 + samples // HOP, MELS]."""
    windows = _windows(fit(audio, max(len(audio), HOP)))[: 1 + len(audio) // HOP]
    filters, _ = _sparse_filters()
    frames = np.empty((len(windows), MELS), np.float32)
    for part in _parts(len(windows)):
        with np.errstate(invalid="ignore"):  # what is not finite is refused by the search
            magnitude = np.sqrt(_power(np.fft.rfft(windows[part] * _window())))
            frames[part] = np.log((filters @ magnitude.T).clip(FLOOR)).T
    return frames


def to_audio(frames: np.ndarray, samples: int) -> np.ndarray:
    """Audio whose `log_mel` is near `frames` [frames, MELS]: float32 [samples]."""
    frames = np.resize(frames, (max(2, len(frames)), MELS))  # a window wants a neighbour
    magnitude = np.ascontiguousarray(_spectrum(frames).T)
    weights = _weights(len(frames))
    audio = _overlapped([magnitude * _first_phases(*magnitude.shape)], weights)
    before = np.zeros(magnitude.shape, complex)
    for _ in range(PHASE_STEPS):
        audio = _overlapped(_turned(_windows(audio), before, magnitude), weights)
    return fit(audio.astype(np.float32), samples)


def _turned(windows: np.ndarray, before: np.ndarray, magnitude: np.ndarray) -> Iterator[np.ndarray]:
    """Spectra with the wanted magnitudes, and phases that go together; `before` is brought up."""
    for part in _parts(len(windows)):
        consistent = np.fft.rfft(windows[part] * _window())
        turned = consistent - MOMENTUM / (1 + MOMENTUM) * before[part]
        before[part] = consistent
        turned *= magnitude[part] / np.sqrt(_power(turned) + 1e-16)
        yield turned


def _spectrum(frames: np.ndarray) -> np.ndarray:
    """Magnitudes whose logarithm in mel bands is near `frames`: float64 [bins, frames]."""
    mel = np.exp(np.ascontiguousarray(frames.T, np.float64))
    filters, spread = _sparse_filters()
    magnitude = (_inverse().numpy() @ mel).clip(1e-6)
    wanted = spread @ mel
    for _ in range(SPECTRUM_STEPS):
        magnitude *= wanted / (spread @ (filters @ magnitude) + 1e-9)
    return magnitude


@lru_cache(maxsize=1)  # clips follow each other that are as long as the one before
def _first_phases(frames: int, bins: int) -> np.ndarray:
    """Random phases, the same for all audio: what is decoded depends on its tokens alone."""
    turns = rng(0, "openvamp.phases").random((frames, bins), dtype=np.float32).astype(float)
    return np.exp(2j * np.pi * turns)


@lru_cache(maxsize=1)
def _weights(frames: int) -> np.ndarray:
    """What the windows over each sample weigh in all: see `_added`."""
    squares = (np.tile(_window() ** 2, (part.stop - part.start, 1)) for part in _parts(frames))
    return _added(squares, frames)


def _parts(count: int) -> list[slice]:
    """Of so many frames, some at a time."""
    return [slice(at, min(at + AT_ONCE, count)) for at in range(0, count, AT_ONCE)]


def _windows(audio: np.ndarray) -> np.ndarray:
    """Views of what frames see, zeros beyond both ends: float64 [1 + samples // HOP, WINDOW]."""
    return sliding_window_view(np.pad(audio.astype(float), WINDOW // 2), WINDOW)[::HOP]


def _overlapped(spectra: Iterable[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Audio of frames' spectra, some at a time, as long as what their windows weigh in all."""
    windows = (np.fft.irfft(part, WINDOW) * _window() for part in spectra)
    return _added(windows, 1 + len(weights) // HOP) / weights


def _added(windows: Iterable[np.ndarray], frames: int) -> np.ndarray:
    """Windows laid over each other, less half of one at both ends: float64 [(frames - 1) * HOP]."""
    hops, at = -(-WINDOW // HOP), 0
    audio = np.zeros((frames + hops - 1, HOP))
    for some in windows:
        for hop in range(hops):
            piece = some[:, hop * HOP : (hop + 1) * HOP]
            audio[at + hop : at + hop + len(some), : piece.shape[1]] += piece
        at += len(some)
    return audio.ravel()[WINDOW // 2 :][: (frames - 1) * HOP]


def _power(spectrum: np.ndarray) -> np.ndarray:
    """Squared magnitudes: abs takes far longer."""
    return spectrum.real**2 + spectrum.imag**2


@cache
def _window() -> np.ndarray:
    return torch.hann_window(WINDOW, dtype=torch.float64).numpy()


@cache
def _filters() -> torch.Tensor:
    """[MELS, bins]."""
    return torch.from_numpy(mel.filters(SAMPLE_RATE, WINDOW, MELS, 20).T.astype(np.float64))


@cache
def _sparse_filters() -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """The same, [MELS, bins], and its transpose: all but one number in sixty are zero."""
    filters = sparse.csr_matrix(_filters().numpy())
    return filters, filters.T.tocsr()


@cache
def _inverse() -> torch.Tensor:
    return torch.linalg.pinv(_filters())
