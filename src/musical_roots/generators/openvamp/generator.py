"""openvamp as a generator: codec, network and sampling together."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from musical_roots.audio import as_loud_as
from musical_roots.errors import InputError
from musical_roots.generators.base import Generator, Vamp, VampSettings
from musical_roots.generators.openvamp import codec, model, sampling
from musical_roots.generators.openvamp.onsets import onsets
from musical_roots.seeding import rng
from musical_roots.weights import files

VERSION = "openvamp-2"  # raise the number whenever vamps of the same seeds become others
CODEC, NETWORK = "openvamp-codec.safetensors", "openvamp.safetensors"
SMALL_NETWORK = "openvamp_small.safetensors"
# What comes with the repository -> its curve, and the name of its card.
SHIPPED = {
    CODEC: ("", ""),
    NETWORK: ("openvamp_training.csv", "README.md"),
    SMALL_NETWORK: ("openvamp_small_training.csv", "openvamp_small.md"),
}


class OpenVamp(Generator):
    """A masked acoustic token model whose training set is known: the train split."""

    name = "openvamp"
    network = NETWORK
    sample_rate = codec.SAMPLE_RATE
    frame_s = codec.FRAME_S

    def __init__(self, checkpoints_folder: Path, device: str):
        paths = [Path(checkpoints_folder) / file for file in (CODEC, self.network)]
        for path in paths:
            if not path.is_file():
                raise InputError(
                    f"{path} is missing: the workflow trains it; set generators.{self.name}."
                    "activate, and run it"
                )
        self.codec = codec.load(paths[0])
        self.model, about = model.load(paths[1])
        _check_pair(paths, self.codec, about)
        digest = files.digest(self.codec.tensors() | self.model.tensors())
        self.model.to(device, torch.float64)  # see sampling.py
        self.fingerprint = f"{VERSION}-{codec.VERSION}-{digest[:16]}"

    def vamp(
        self, prompts: Iterable[np.ndarray], settings: VampSettings, seeds: Iterable[int]
    ) -> Iterator[Vamp]:
        """One vamp of each prompt. See `Generator.vamp`."""
        for audio, seed in zip(prompts, seeds, strict=True):
            tokens, chance = self.tokens(audio), rng(seed, "openvamp.vamp")
            onsets = self._onsets(audio) if settings.onset_mask_width else np.empty(0, int)
            kept = sampling.kept(settings, *tokens.shape, self.frame_s, onsets, chance)
            made = sampling.fill(self.model, tokens, kept, settings, chance)
            decoded = self.codec.decode(made, len(audio))
            yield Vamp(as_loud_as(audio, decoded), made, kept)

    def tokens(self, audio: np.ndarray) -> np.ndarray:
        """Tokens of some audio: int [codebooks, frames]. See `Generator.tokens`."""
        return self.codec.encode(audio)

    def reconstruct(self, audio: np.ndarray, codebooks: int) -> np.ndarray:
        """Audio through the codec alone. See `Generator.reconstruct`."""
        return self.codec.reconstruct(audio, codebooks)

    def _onsets(self, audio: np.ndarray) -> np.ndarray:
        """Frames at which something begins, found as VampNet does."""
        return onsets(audio, self.sample_rate, codec.HOP)


class OpenVampSmall(OpenVamp):
    """The same, with a network that was trained on a part of the train split."""

    name = "openvamp_small"
    network = SMALL_NETWORK


def check(folder: Path, size: model.Size, train: set[str]) -> None:
    """Whether a folder holds an openvamp of some size that was trained on these tracks alone.

    Of another training set nothing could be said: its music might lie in the control split.

    Parameters
    ----------
    folder : Path
        With codec and network.
    size : Size
        That the config names.
    train : set of str
        track_id of the train split.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the model is of another size or training set.
    """
    key = "generators.openvamp.checkpoint"
    codec_path, path = paths = [Path(folder) / file for file in (CODEC, NETWORK)]
    if missing := [path for path in paths if not path.is_file()]:
        raise InputError(f"{missing[0]} is missing; mend {key}, or set it to null")
    network, about = model.load(path)
    if network.size != size:
        raise InputError(
            f"{key}: {path} holds {network.size}, the config says {size}; mend the sizes in "
            "generators.openvamp"
        )
    _check_pair(paths, codec.load(codec_path), about)
    heard = set(about.get("trained_on", ()))
    if heard != train:
        raise InputError(
            f"{key}: {path} was trained on {len(heard)} tracks, of which {len(heard - train)} are "
            f"not in this train split of {len(train)}; take the corpus and seed that it was "
            "trained with, or set it to null to train anew"
        )


def _check_pair(paths: list[Path], of: codec.Codec, about: dict) -> None:
    """Whether the network was trained on the tokens of this codec."""
    if about.get("codec") != of.digest():
        raise InputError(
            f"{paths[1]} was trained on tokens of another codec than {paths[0]}; take the two of "
            "one training"
        )
