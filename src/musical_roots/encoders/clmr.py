"""CLMR: a convolutional network on raw samples, trained to tell which excerpts are of one track.

Spijkervet & Burgoyne (2021), "Contrastive learning of musical representations". Its encoder is
SampleCNN (Lee et al. 2018): eleven blocks of convolution over time, batch norm and ReLU; the first
takes every third sample, the next nine keep the maximum of three, so that 3^10 samples (2.678 s)
become one vector of 512. Features are what comes out of the last ReLU. They are never negative, so
cosines lie in [0, 1], and even unlike music has a high one.

A clip of 3 s is longer than what is heard: `Settings.part` says which part that is.

The numbers are the original's; batch norm has become part of the convolution before it.
"""

import io
import re
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

from musical_roots import seeding
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.weights import RANDOM, files, torch_pickle

VERSION = "clmr-2"  # raise the number whenever features change
SAMPLE_RATE, WINDOW = 22_050, 3**10
CHANNELS = (1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)
BLOCKS = range(len(CHANNELS) - 1)
BATCH_NORM_EPS = 1e-5

NO_DATASET = "none: random weights"  # in a file that `random_lightning` writes
PUBLISHED = re.compile(r"(model\.)?encoder\.(sequential\.|conv)(\d+)\.([01])\.(\w+)")


def shapes() -> dict[str, tuple[int, ...]]:
    """Tensors of a converted file: convolution 0 and batch norm 1 of each block."""
    found = {}
    for i, into, out in zip(BLOCKS, CHANNELS[:-1], CHANNELS[1:], strict=True):
        found[f"sequential.{i}.0.weight"] = (out, into, 3)
        found[f"sequential.{i}.0.bias"] = (out,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"sequential.{i}.1.{part}"] = (out,)
    return found


class Clmr(Encoder):
    """Release 2.0: trained on MagnaTagATune for 10,000 epochs."""

    name = "clmr"
    sample_rate = SAMPLE_RATE
    window = WINDOW
    dim = CHANNELS[-1]
    clip_bytes = 40_000_000

    def __init__(self, checkpoints: Path, settings: Settings):
        path = Path(checkpoints) / f"{self.name}.safetensors"
        tensors = files.load(path, shapes())
        self.plumbing = files.is_random(path)
        self.settings = settings
        self.fingerprint = f"{VERSION}-{settings.part}-{files.digest(tensors)[:16]}"
        self._network = Network(tensors, settings)

    def span(self, samples: int) -> tuple[int, int]:
        """Part of a clip that is heard, as `Settings.part` wants it. See `Encoder.span`."""
        spare = max(0, samples - self.window)
        first = {"start": 0, "centre": spare // 2, "end": spare}[self.settings.part]
        return first, samples - spare

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Output of the last ReLU, float32 [n, 512]. See `Encoder.encode`.

        On a CPU in single precision whatever the settings say: bf16 leaves 8 bits of a sample.
        """
        return self._network(self.heard(batch))


class Clmr1550(Clmr):
    """Release 1.0: trained on MagnaTagATune for 1,550 epochs, of smaller batches."""

    name = "clmr_1550"


class ClmrOpen(Clmr):
    """The same network, trained by `clmr_training` on this corpus's own train split."""

    name = "clmr_open"


class Network:
    """The encoder itself with these weights, batch norms folded into convolutions."""

    def __init__(self, tensors: files.Tensors, settings: Settings):
        self.on_cpu = settings.device == "cpu"
        half = settings.precision == "bf16" and not self.on_cpu
        self.to = {"device": settings.device, "dtype": torch.bfloat16 if half else torch.float32}
        self.blocks = [
            [torch.from_numpy(part).to(**self.to) for part in block] for block in _folded(tensors)
        ]

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """float32 [n, 512] of [n, 59049].

        On a CPU clip by clip: no clip depends on the others, and what a layer makes of one is
        still in the cache when the next layer reads it.
        """
        features = np.empty((len(clips), CHANNELS[-1]), np.float32)
        size = 1 if self.on_cpu else max(len(clips), 1)
        for at in range(0, len(clips), size):
            features[at : at + size] = self._features(clips[at : at + size])
        return features

    def _features(self, clips: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(clips).to(**self.to)[:, None]
            for i, (kernel, bias) in enumerate(self.blocks):
                stride, padding = (1, 1) if i else (3, 0)
                x = torch.conv1d(x, kernel, bias, stride, padding)
                if i not in (BLOCKS[0], BLOCKS[-1]):
                    x = torch.max_pool1d(x, 3)
                x = x.relu_()
            return x[:, :, 0].float().cpu().numpy()


def _folded(tensors: files.Tensors) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel [out, in, 3] and bias [out] of each block with its batch norm, float64."""
    blocks = []
    for i in BLOCKS:
        kernel, bias, gamma, beta, mean, variance = (
            np.float64(tensors[f"sequential.{i}.{part}"])
            for part in (
                *("0.weight", "0.bias"),
                *("1.weight", "1.bias", "1.running_mean", "1.running_var"),
            )
        )
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPS)
        blocks.append((kernel * scale[:, None, None], (bias - mean) * scale + beta))
    return blocks


# The published files


def convert(published: Path) -> files.Converted:
    """The tensors of ``clmr.safetensors`` and its like, of a checkpoint in one of three layouts.

    - a PyTorch Lightning checkpoint: ``state_dict["model.encoder.sequential.{block}.{0|1}.*"]``;
    - a state dict: ``encoder.sequential.{block}.{0|1}.*``;
    - an older one, blocks counted from 1: ``encoder.conv{block}.{0|1}.*`` (the branch v1 of CLMR
      still reads it).

    Any of them may lie in a zip, as release 2.0 does, alone or beside its optimiser. Which of the
    layouts a release has could not be seen here. The projector and a dense layer are left out.

    Raises
    ------
    ValueError
        If it is another network.
    """
    with tempfile.TemporaryDirectory() as folder:
        content = torch_pickle.read(_unpacked(Path(published), Path(folder)))
        yield _converted(content), _is_random(content)


def _converted(content: object) -> files.Tensors:
    if isinstance(content, dict) and "pytorch-lightning_version" in content:
        content = content.get("state_dict")
    if not isinstance(content, dict):
        raise ValueError("it holds no state dict")
    names = {str(name): PUBLISHED.fullmatch(str(name)) for name in content}
    tensors = {}
    for name, found in names.items():
        # Lightning holds the encoder twice
        if found and (found[1] or f"model.{name}" not in content):
            block = int(found[3]) - (found[2] == "conv")
            tensors[f"sequential.{block}.{found[4]}.{found[5]}"] = content[name]
    if missing := [name for name in shapes() if name not in tensors]:
        raise ValueError(
            f"it is no SampleCNN of CLMR: it has no tensor encoder.{missing[0]}"
            + f" (and lacks {len(missing) - 1} more)" * (len(missing) > 1)
        )
    for name, shape in shapes().items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(
                f"it is no SampleCNN of CLMR: tensor encoder.{name} has shape "
                f"{tuple(tensors[name].shape)}, not {shape}"
            )
    return {name: tensors[name].numpy().astype(np.float32) for name in shapes()}


def _is_random(content: dict) -> bool:
    """Whether `random_lightning` or `random_plain` wrote it."""
    hyperparameters = content.get("hyper_parameters")
    if isinstance(hyperparameters, dict) and hyperparameters.get("dataset") == NO_DATASET:
        return True
    return content.get("name") == RANDOM


def _unpacked(published: Path, folder: Path) -> Path:
    """The checkpoint itself: `published`, or what it is the archive of, put into `folder`."""
    if not zipfile.is_zipfile(published):
        return published
    with zipfile.ZipFile(published) as archive:
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        if any(name.endswith("data.pkl") for name in names):  # torch's own format is a zip too
            return published
        # release 2.0 was saved with its optimiser beside it
        inner = [n for n in names if n.endswith((".pt", ".ckpt")) and "_optim." not in n]
        if len(inner) != 1:
            raise ValueError(f"it should hold one .pt file, and holds {len(inner)}")
        path = folder / "checkpoint.pt"
        path.write_bytes(archive.read(inner[0]))
    return path


def random_lightning(path: Path, seed: int) -> None:
    """Writes a checkpoint that has learned nothing, laid out as release 2.0: Lightning, in a zip.

    Filters are normal with a variance of 2 / fan-in (He et al. 2015). Those of all blocks but the
    first sum to zero, lest what all sounds share drown what they do not. Every tensor is drawn from
    the seed and its published name.
    """
    model = _random("clmr.random", seed, "model.")
    encoder = {k.removeprefix("model."): v for k, v in model.items() if "encoder" in k}
    checkpoint = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": "1.3.8",
        "state_dict": encoder | model,
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hparams_name": "args",
        "hyper_parameters": {"seed": seed, "dataset": NO_DATASET, "supervised": 0},
    }
    content = io.BytesIO()
    torch.save(checkpoint, content)
    with zipfile.ZipFile(path, "w") as archive:
        # a name alone has a time of its own, and the file should repeat to the bit
        name = zipfile.ZipInfo("clmr_checkpoint_10000/clmr_checkpoint_10000.pt")
        archive.writestr(name, content.getvalue())


def random_plain(path: Path, seed: int) -> None:
    """As `random_lightning`, laid out as release 1.0: a state dict, and a name that marks it."""
    content = io.BytesIO()  # a path would leave its name in the file
    torch.save(_random("clmr_1550.random", seed, "") | {"name": RANDOM}, content)
    Path(path).write_bytes(content.getvalue())


def _random(stage: str, seed: int, prefix: str) -> dict:
    """State dict of encoder and projector, torch tensors under their published names."""
    wanted = {f"{prefix}encoder.{name}": shape for name, shape in shapes().items()}
    wanted |= {f"{prefix}projector.0.weight": (512, 512), f"{prefix}projector.2.weight": (64, 512)}
    state = {}
    for name, shape in wanted.items():
        drawn = seeding.rng(seed, stage, name).standard_normal(shape, np.float32)
        if len(shape) > 1:
            drawn *= np.sqrt(2 / np.prod(shape[1:]))
            if len(shape) == 3 and shape[1] > 1:
                drawn -= drawn.mean(axis=(1, 2), keepdims=True)
        elif name.endswith("running_var"):
            # about what music has there
            drawn = (1 + drawn / 10) ** 2 * (0.02 if ".sequential.0." in name else 1)
        else:
            drawn = drawn / 10 + name.endswith("1.weight")
        state[name] = torch.from_numpy(np.float32(drawn))
        if name.endswith("running_var"):
            state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(0)
    return state
