"""What an encoder is, and the list of those we have.

A new encoder is one file with a subclass of `Encoder`, and one line in `ENCODERS`.
"""

from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path

import numpy as np

from musical_roots.errors import InputError

ENCODERS = {
    "musicnn": "musical_roots.encoders.musicnn:Musicnn",
    "random": "musical_roots.encoders.musicnn:RandomMusicnn",
    "mfcc": "musical_roots.encoders.handcrafted:Mfcc",
    "mel": "musical_roots.encoders.handcrafted:Mel",
}


class Encoder(ABC):
    """Turns audio into feature vectors. Knows nothing of tracks, tables or the config file.

    Attributes
    ----------
    name : str
        Its key in `ENCODERS`.
    sample_rate : int
        Hz that `encode` expects.
    window : int
        Samples that it really hears of a clip. Longer input is cut to its first `window` samples,
        shorter input is padded with zeros.
    dim : int
        Length of a feature vector.
    standardise : bool
        Whether features want per-dimension statistics of the training clips before a cosine.
    fingerprint : str
        Changes with the weights and with the front end's version; vectors of two fingerprints are
        never compared.
    """

    name: str
    sample_rate: int
    window: int
    dim: int
    standardise: bool = False
    fingerprint: str

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
            Row i depends on clip i alone, to the last bit, whatever else is in the batch.
        """

    def heard(self, batch: np.ndarray) -> np.ndarray:
        """`batch` cut or zero-padded to `window` samples: float32 [n, window]."""
        batch = np.asarray(batch, dtype=np.float32)
        if batch.ndim != 2:
            raise ValueError(f"{self.name}: a batch is [n, samples], got shape {batch.shape}")
        short = max(0, self.window - batch.shape[1])
        return np.pad(batch[:, : self.window], ((0, 0), (0, short)))


def load(name: str, checkpoints: Path | str, seed: int = 0) -> Encoder:
    """The encoder called `name`.

    Parameters
    ----------
    name : str
        A key of `ENCODERS`.
    checkpoints : path
        Folder with converted weights (`encoders/checkpoints.py`); unused by untrained encoders.
    seed : int
        The config's seed, for encoders with random weights.

    Raises
    ------
    InputError
        If there is no such encoder, or its weights are missing or not what they should be.
    """
    if name not in ENCODERS:
        raise InputError(f"encoder {name!r} is unknown; there are: {', '.join(ENCODERS)}")
    module, cls = ENCODERS[name].split(":")
    return getattr(import_module(module), cls)(checkpoints=Path(checkpoints), seed=seed)
