"""What a generator is, and the list of those we have.

What a new generator takes beside a subclass of `Generator` and a line in `GENERATORS`, README lists
("Where things are"). Audio that was made elsewhere needs none: `external.py` lists it.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from musical_roots.devices import settle
from musical_roots.errors import InputError
from musical_roots.weights import PLUMBING

GENERATORS = {
    "openvamp": "musical_roots.generators.openvamp.generator:OpenVamp",
    "openvamp_small": "musical_roots.generators.openvamp.generator:OpenVampSmall",
    "vampnet": "musical_roots.generators.vampnet:VampNet",
    "vampnet_small": "musical_roots.generators.vampnet:VampNetSmall",
}
# One that learned from a smaller training set -> the one that it is held against. They have one
# codec, and the same prompts and seeds.
FULL = {"openvamp_small": "openvamp", "vampnet_small": "vampnet"}


@dataclass(frozen=True)
class VampSettings:
    """What of a prompt is kept, and how the rest is made up: in VampNet's terms.

    A prompt is tokens, [codebooks, frames]. A token is kept if its frame is in the periodic prompt,
    the prefix, the suffix or at an onset, and its codebook is below `upper_codebook_mask`; the
    generator makes up all others (Flores Garcia et al., "VampNet: music generation via masked
    acoustic token modeling", ISMIR 2023, section 3.3).

    Attributes
    ----------
    periodic_prompt : int
        Every n-th frame is kept; 1 keeps all, 0 none.
    periodic_prompt_width : int
        Frames that are kept each time.
    prefix_s, suffix_s : float
        Seconds that are kept at the start and at the end (inpainting).
    onset_mask_width : int
        Frames that are kept before and after each onset; 0 leaves onsets alone.
    upper_codebook_mask : int
        First codebook of which nothing is kept (compression): 1 keeps the coarsest alone.
    steps : int
        Sampling steps, 1 or more.
    temperature : float
        Of the tokens that are drawn, above 0.
    mask_temperature : float
        Of the choice of tokens that a step settles; 0 settles those that are the most probable.
    """

    periodic_prompt: int = 7
    periodic_prompt_width: int = 1
    prefix_s: float = 0.0
    suffix_s: float = 0.0
    onset_mask_width: int = 0
    upper_codebook_mask: int = 3
    steps: int = 36
    temperature: float = 1.0
    mask_temperature: float = 1.5


@dataclass(frozen=True)
class Vamp:
    """What a generator made of one prompt.

    Attributes
    ----------
    audio : ndarray, float32 [samples]
        As long and as loud (RMS) as its prompt, at the generator's sample rate.
    tokens : ndarray, int [codebooks, frames]
        What the audio was decoded from.
    kept : ndarray, bool [codebooks, frames]
        The tokens that are the prompt's own.
    """

    audio: np.ndarray
    tokens: np.ndarray
    kept: np.ndarray


class Generator(ABC):
    """Makes music from a prompt. Knows nothing of tracks, tables or the config file.

    Made by ``cls(checkpoints, device)``: the folder with its weights, and "cpu" or "cuda".

    Attributes
    ----------
    name : str
        Its key in `GENERATORS`.
    sample_rate : int
        Hz of prompts and vamps.
    frame_s : float
        Seconds that a frame of tokens stands for.
    fingerprint : str
        Changes with the weights and with the version of the format. The stages add a digest of
        the code.
    plumbing : bool
        Whether trained weights were replaced by random ones in the published format, to try the
        pipes.
    """

    name: str
    sample_rate: int
    frame_s: float
    fingerprint: str
    plumbing: bool = False

    @property
    def label(self) -> str:
        """What tables and figures call it: they never show random weights as the real ones."""
        return f"{self.name} ({PLUMBING})" if self.plumbing else self.name

    @abstractmethod
    def vamp(
        self, prompts: Iterable[np.ndarray], settings: VampSettings, seeds: Iterable[int]
    ) -> Iterator[Vamp]:
        """One vamp of each prompt, in their order, each handed out when it is there.

        Parameters
        ----------
        prompts : iterable of ndarray, float32 [samples]
            Mono audio in [-1, 1] at `sample_rate`; taken one by one.
        settings : VampSettings
        seeds : iterable of int
            In [0, 2**31): the only source of chance. Vamp i depends on prompt i and seed i alone.
        """

    @abstractmethod
    def tokens(self, audio: np.ndarray) -> np.ndarray:
        """Tokens of some audio, float32 [samples]: int [codebooks, frames], coarsest first."""

    @abstractmethod
    def reconstruct(self, audio: np.ndarray, codebooks: int) -> np.ndarray:
        """Audio through the codec alone, as loud as before.

        Parameters
        ----------
        audio : ndarray, float32 [samples]
        codebooks : int
            So many are decoded, the coarsest first; all if there are fewer.

        Returns
        -------
        ndarray, float32 [samples]
        """


def settings(told: str) -> dict[str, VampSettings]:
    """Vamp settings by name, of JSON that gives the fields of each."""
    return {name: VampSettings(**fields) for name, fields in json.loads(told).items()}


def load(
    name: str, checkpoints: Path | str, device: str = "cpu", code: str | None = None
) -> Generator:
    """The generator called `name`.

    Parameters
    ----------
    name : str
        A key of `GENERATORS`.
    checkpoints : path
        Folder with converted weights.
    device : {"auto", "cpu", "cuda"}
    code : str, optional
        Digest of the code that runs it, for its fingerprint: audio of other code is not kept.

    Raises
    ------
    InputError
        If there is no such generator, or its weights are missing or not what they should be.
    """
    if name not in GENERATORS:
        raise InputError(f"generator {name!r} is unknown; there are: {', '.join(GENERATORS)}")
    import torch  # noqa: F401  # every generator computes with it, if in another process: settle asks

    module, cls = GENERATORS[name].split(":")
    generator = getattr(import_module(module), cls)(Path(checkpoints), settle(device))
    if code is not None:
        generator.fingerprint += f"+{code}"
    return generator
