"""CLAP as its authors run it: the package laion-clap itself, in a process of its own.

It is what `clap` is held against, and too slow for more. laion-clap 1.1.7 wants an older numpy and
much that audio never needs, so it lies in a folder of its own beside the checkpoint folder, made
by (envs/laion-clap.txt)::

    python -m pip install --no-deps --require-hashes --target resources/laion-clap \\
        -r envs/laion-clap.txt
"""

import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from musical_roots import stand_ins
from musical_roots.encoders import clap, laion_clap_worker
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.errors import InputError
from musical_roots.weights import files
from musical_roots.weights.formats import clap as layout
from musical_roots.weights.manifest import SOURCES

VERSION = "laion-clap-1.1.7"
WORKER = Path(laion_clap_worker.__file__)
# imported, but never called for audio; with them it would fetch three tokenizers and a text model
ABSENT = (
    *("braceexpand", "ftfy", "h5py", "torchaudio", "torchvision", "transformers"),
    *("webdataset", "wget"),
)


class LaionClap(Encoder):
    """laion-clap 1.1.7 with `630k-audioset-best.pt`, which lies in the checkpoint folder."""

    name = "laion_clap"
    sample_rate = clap.SAMPLE_RATE
    window = clap.SAMPLES
    dim = clap.DIM
    size = layout.TINY

    def __init__(self, checkpoints: Path, settings: Settings):
        source = SOURCES[self.size.encoder]
        path = Path(checkpoints) / source.file
        folder = Path(checkpoints).parent / "laion-clap"
        if not (folder / "laion_clap").is_dir():
            raise InputError(
                f"{folder} is missing, where laion-clap should be; make it with: python -m pip "
                f"install --no-deps --require-hashes --target {folder} -r envs/laion-clap.txt"
            )
        if not path.is_file():
            raise InputError(
                f"{path} is missing: laion-clap reads the published file itself; put it there from "
                f"{source.url}"
            )
        try:
            tensors, self.plumbing = layout.read(path, self.size)
        except ValueError as error:
            raise InputError(
                f"{path} is not what laion-clap needs: {error}; put {source.url} in its place"
            ) from error
        self.settings = settings
        self.fingerprint = f"{VERSION}-{files.digest(tensors)[:16]}"
        self._start(folder, tensors)

    def _start(self, folder: Path, tensors: files.Tensors) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        with tempfile.TemporaryDirectory() as scratch:
            file = f"{scratch}/weights.safetensors"
            save_file(tensors, file)
            told = [folder.resolve(), self.size.name, file, self.settings.device]
            self._process = subprocess.Popen(
                stand_ins.command(sys.executable, ABSENT, WORKER, *told),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
            weakref.finalize(self, _stop, self._process)
            self._answer(len(b"ready"))

    def heard(self, batch: np.ndarray) -> np.ndarray:
        """`batch` cut to 10 s; repeating it is left to laion-clap, which can not repeat nothing."""
        clips = self._cut(batch)
        return clips if clips.shape[1] else np.zeros((len(clips), self.window), np.float32)

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Embeddings of unit length: float32 [n, 512]. See `Encoder.encode`."""
        features = np.empty((len(batch), self.dim), np.float32)
        for i, clip in enumerate(self.heard(batch)):
            with suppress(BrokenPipeError):  # the lack of an answer tells why
                self._process.stdin.write(len(clip).to_bytes(8, "little"))
                self._process.stdin.write(clip.astype("<f4").tobytes())
                self._process.stdin.flush()
            features[i] = np.frombuffer(self._answer(4 * self.dim), "<f4")
        return features

    def _answer(self, size: int) -> bytes:
        answer = self._process.stdout.read(size)
        if len(answer) < size:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else "no reason given"
            raise InputError(f"laion-clap has stopped: {reason}; see envs/laion-clap.txt")
        return answer


def _stop(process: subprocess.Popen) -> None:
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.kill()  # it may still be starting, and does not look at its input before that is done
    process.wait()
    process.stdout.close()
