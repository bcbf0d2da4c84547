"""What an encoder is, and the list of those we have.

What a new encoder takes beside a subclass of `Encoder` and a line in `ENCODERS`, README lists
("Where things are").
"""

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from musical_roots.devices import settle
from musical_roots.errors import InputError
from musical_roots.weights import PLUMBING

ENCODERS = {
    "musicnn": "musical_roots.encoders.musicnn:Musicnn",
    "clap": "musical_roots.encoders.clap:Clap",
    "clap_music": "musical_roots.encoders.clap:ClapMusic",
    "laion_clap": "musical_roots.encoders.laion_clap:LaionClap",
    "clmr": "musical_roots.encoders.clmr:Clmr",
    "clmr_1550": "musical_roots.encoders.clmr:Clmr1550",
    "clmr_open": "musical_roots.encoders.clmr:ClmrOpen",
    "aisfx": "musical_roots.encoders.aisfx:Aisfx",
    "aisfx_8k": "musical_roots.encoders.aisfx:Aisfx8k",
    "random": "musical_roots.encoders.musicnn:RandomMusicnn",
    "mfcc": "musical_roots.encoders.handcrafted:Mfcc",
    "mel": "musical_roots.encoders.handcrafted:Mel",
}


@dataclass(frozen=True)
class Settings:
    """How encoders are run; each heeds what concerns it.

    Attributes
    ----------
    seed : int
        The config's seed, for encoders with random weights.
    device : {"auto", "cpu", "cuda"}
        Where encoders that run on torch compute; `load` settles what auto is.
    precision : {"fp32", "bf16"}
        What they compute in. Features come out as float32 in either.
    part : {"start", "centre", "end"}
        Which part of a clip is heard by an encoder whose window is shorter than the clip, where
        the encoder leaves the choice.
    features : {"encoder", "projector"}
        Which layer's features are given, where the encoder leaves the choice.
    """

    seed: int = 0
    device: str = "cpu"
    precision: str = "fp32"
    part: str = "centre"
    features: str = "encoder"


class Encoder(ABC):
    """Turns audio into feature vectors. Knows nothing of tracks, tables or the config file.

    Made by ``cls(checkpoints, settings)``: the folder with converted weights, and `Settings`.

    Attributes
    ----------
    name : str
        Its key in `ENCODERS`.
    sample_rate : int
        Hz that `encode` expects.
    window : int
        Samples that it hears at most. Longer input is cut to `span`, shorter input is filled up by
        `heard`.
    dim : int
        Length of a feature vector.
    standardise : bool
        Whether features want per-dimension statistics of the training clips before a cosine.
    fingerprint : str
        Changes with the weights and with the front end's version; vectors of two fingerprints are
        never compared.
    plumbing : bool
        Whether trained weights were replaced by random ones in the published format, to try the
        pipes. (Not so for the control called ``random``, which is what its name says.)
    features : str
        Which layer's features it gives, if it leaves the choice; otherwise "".
    settings : Settings
    """

    name: str
    sample_rate: int
    window: int
    dim: int
    standardise: bool = False
    fingerprint: str
    plumbing: bool = False
    features: str = ""
    settings: Settings = Settings()
    clip_bytes: int = 100_000_000

    @abstractmethod
    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Raw features of a batch of clips.

        Parameters
        ----------
        batch : ndarray, float32 [n, samples]
            Mono audio in [-1, 1] at `sample_rate`.

        Returns
        -------
        ndarray, float32 [n, dim]
            Row i depends on clip i alone, whatever else is in the batch: to the last bit on a CPU.
        """

    @property
    def label(self) -> str:
        """What tables and figures call it: they never show random weights as the real ones."""
        return f"{self.name} ({PLUMBING})" if self.plumbing else self.name

    def batch_size(self) -> int:
        """Clips a batch: 32, or as many as half of a GPU's free memory holds, 256 at most.

        More would want gigabytes of the job's own memory, and have layers of more numbers than 31
        bits count, which not every kernel is made for.
        """
        if self.settings.device != "cuda":
            return 32
        free, _ = sys.modules["torch"].cuda.mem_get_info()
        return int(min(max(free // 2 // self.clip_bytes, 1), 256))

    def span(self, samples: int) -> tuple[int, int]:
        """Part of a clip of `samples` that is heard: (first sample, number of samples)."""
        return 0, min(samples, self.window)

    def heard(self, batch: np.ndarray) -> np.ndarray:
        """`batch` cut to its `span`, and zero-padded to `window` samples: float32 [n, window]."""
        batch = self._cut(batch)
        return np.pad(batch, ((0, 0), (0, self.window - batch.shape[1])))

    def _cut(self, batch: np.ndarray) -> np.ndarray:
        batch = np.asarray(batch, dtype=np.float32)
        if batch.ndim != 2:
            raise ValueError(f"{self.name}: a batch is [n, samples], got shape {batch.shape}")
        first, count = self.span(batch.shape[1])
        return batch[:, first : first + count]


def load(name: str, checkpoints: Path | str, **settings) -> Encoder:
    """The encoder called `name`.

    Parameters
    ----------
    name : str
        A key of `ENCODERS`.
    checkpoints : path
        Folder with converted weights (`weights/files.py`); unused by untrained encoders.
    **settings
        Fields of `Settings`.

    Raises
    ------
    InputError
        If there is no such encoder, or its weights are missing or not what they should be.
    """
    if name not in ENCODERS:
        raise InputError(f"encoder {name!r} is unknown; there are: {', '.join(ENCODERS)}")
    module, cls = ENCODERS[name].split(":")
    encoder = getattr(import_module(module), cls)
    settings["device"] = settle(settings.get("device", "cpu"))
    return encoder(Path(checkpoints), Settings(**settings))
