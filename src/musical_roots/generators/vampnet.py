"""VampNet as its authors run it: the packages vampnet and lac, in a process of their own.

Flores Garcia et al. (2023), "VampNet: music generation via masked acoustic token modeling". A codec
turns audio into tokens. One masked transformer makes up the four coarse codebooks in as many steps
as wanted, ten seconds at a time; another adds the fine ones in two steps, three seconds at a time.

The packages want an older numpy, torch and much that is never used here. So they lie in a folder of
their own beside the checkpoint folder, made by (envs/vampnet.txt)::

    python -m pip install --no-deps --target resources/vampnet -r envs/vampnet.txt

The rest comes from the main environment, or from that of another interpreter, which the environment
variable MUSICAL_ROOTS_VAMPNET_PYTHON names (envs/vampnet.yaml).
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from musical_roots import stand_ins
from musical_roots.audio import as_loud_as
from musical_roots.errors import InputError
from musical_roots.generators import vampnet_worker
from musical_roots.generators.base import Generator, Vamp, VampSettings
from musical_roots.weights import files

VERSION = "vampnet-1"  # raise the number whenever vamps change
WEIGHTS = ("vampnet_codec", "vampnet_coarse", "vampnet_c2f")
PACKAGES = ("vampnet", "lac", "audiotools", "einops", "julius", "loralib")
PYTHON = "MUSICAL_ROOTS_VAMPNET_PYTHON"
WORKER = Path(vampnet_worker.__file__)
ABSENT = (  # imported, but never called here
    *("ffmpy", "flatten_dict", "importlib_resources", "randomname", "torchaudio"),
    "torch.utils.tensorboard",
)


class VampNet(Generator):
    """VampNet with its published weights, or random ones in their place.

    VampNet hears a prompt at -24 LUFS, however loud it is; a vamp is brought back to the level of
    its prompt, so that similarity to the one and the other can be compared.
    """

    name = "vampnet"
    weights = WEIGHTS
    sample_rate = 44_100

    def __init__(self, checkpoints: Path, device: str):
        paths = [Path(checkpoints) / f"{name}.safetensors" for name in self.weights]
        digests = [files.read(path)[1]["tensors_sha256"] for path in paths]
        self.plumbing = any(files.is_random(path) for path in paths)
        self.fingerprint = (
            f"{VERSION}-{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:16]}"
        )
        folder = Path(checkpoints).parent / "vampnet"
        if missing := [name for name in PACKAGES if not (folder / name).is_dir()]:
            raise InputError(
                f"{folder / missing[0]} is missing, which VampNet needs; make the folder with: "
                f"python -m pip install --no-deps --target {folder} -r envs/vampnet.txt"
            )
        self._start(folder, paths, device)

    def _start(self, folder: Path, paths: list[Path], device: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        told = [folder.resolve(), *(path.resolve() for path in paths), device]
        python = os.environ.get(PYTHON) or sys.executable
        try:
            self._process = subprocess.Popen(
                stand_ins.command(python, ABSENT, WORKER, *told),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        except OSError as error:
            raise InputError(f"{PYTHON} names {python}, which does not run ({error})") from error
        weakref.finalize(self, _stop, self._process)
        ready = self._answer()
        if ready["sample_rate"] != self.sample_rate:
            raise InputError(
                f"{paths[0]} is a codec for {ready['sample_rate']} Hz, not {self.sample_rate}; "
                "delete the file and fetch it again"
            )
        self.frame_s = ready["hop"] / ready["sample_rate"]

    def vamp(
        self, prompts: Iterable[np.ndarray], settings: VampSettings, seeds: Iterable[int]
    ) -> Iterator[Vamp]:
        """One vamp of each prompt. See `Generator.vamp`.

        `Vamp.kept` tells what VampNet kept in fact. Beside what was asked for that is the first and
        the last frame of each ten seconds, in the coarse codebooks; an onset that is closer to the
        start than `onset_mask_width` is not kept at all.

        Raises
        ------
        InputError
            If a prompt is empty or not mono, or VampNet's process stops.
        """
        for prompt, seed in zip(prompts, seeds, strict=True):
            asked = {"settings": asdict(settings), "seed": int(seed)}
            made = self._ask(prompt, asked)
            yield Vamp(as_loud_as(prompt, made["audio"]), made["tokens"], made["kept"])

    def tokens(self, audio: np.ndarray) -> np.ndarray:
        """Tokens of some audio: int64 [14, frames]. See `Generator.tokens`.

        The last frame is filled up with silence.
        """
        return self._ask(audio, {})["tokens"]

    def reconstruct(self, audio: np.ndarray, codebooks: int) -> np.ndarray:
        """Audio through the codec alone. See `Generator.reconstruct`."""
        return as_loud_as(audio, self._ask(audio, {"codebooks": int(codebooks)})["audio"])

    def _ask(self, audio: np.ndarray, asked: dict) -> dict[str, np.ndarray]:
        """What the worker writes about some audio. Arrays travel as files."""
        audio = np.asarray(audio, np.float32)
        if audio.ndim != 1 or not len(audio):
            raise InputError(f"a prompt is mono and not empty; this one has shape {audio.shape}")
        with tempfile.TemporaryDirectory(prefix="vampnet-") as scratch:
            paths = {"audio": f"{scratch}/audio.npy", "output": f"{scratch}/output.npz"}
            np.save(paths["audio"], audio)
            with suppress(BrokenPipeError):  # the lack of an answer tells why
                self._process.stdin.write(json.dumps(paths | asked) + "\n")
                self._process.stdin.flush()
            self._answer()
            with np.load(paths["output"]) as arrays:
                return dict(arrays)

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            code = self._process.wait()
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else "no reason given"
            if code < 0:  # its last line was but a warning; too little memory is the usual cause
                reason = f"killed by signal {-code}"
            raise InputError(f"VampNet has stopped: {reason}; see envs/vampnet.txt")
        return json.loads(line)


class VampNetSmall(VampNet):
    """A second VampNet, trained on a smaller training set, with the codec of the first."""

    name = "vampnet_small"
    weights = ("vampnet_codec", "vampnet_small_coarse", "vampnet_small_c2f")


def _stop(process: subprocess.Popen) -> None:
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.wait()
    process.stdout.close()
