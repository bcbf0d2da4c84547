"""Writes vampnet_recording.npz: what VampNet's worker was asked, and what it said.

The weights are random and tiny, those of `checkpoints.fetch_random` for `SEED`; the package itself
lies in a folder of its own:

    python -m pip install --no-deps --target resources/vampnet -r envs/vampnet.txt
    python tests/data/make_vampnet_recording.py

`conversation` is JSON: `weights`, the digests of the three files; `ready`, the worker's first line;
and `exchanges`, each with the request, the answer, and the SHA-256 of the prompt. Paths are cut to
names. The arrays that the worker wrote are `{exchange}.{name}`. recorded_vampnet_worker.py replays
it.
"""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
RECORDING = Path(__file__).with_name("vampnet_recording.npz")
PACKAGES = ROOT / "resources" / "vampnet"
SEED = 2023
RECONSTRUCTED = (1, 14)  # codebooks


def prompts() -> dict[str, np.ndarray]:
    """Short prompts by name, float32 at 44.1 kHz. Integers become them: the same everywhere."""
    rng = np.random.default_rng(SEED)
    noise = rng.integers(-(2**15), 2**15, 7000).astype(np.float32) / 2**16
    square = np.float32(np.arange(6000) // 50 % 2) / 2 - np.float32(0.25)
    bursts = noise * (np.arange(7000) % 3500 > 2000)
    return {"square": square, "bursts": bursts}


def settings() -> dict:
    """Settings by name."""
    from musical_roots.generators.base import VampSettings

    return {
        "periodic": VampSettings(periodic_prompt=4, periodic_prompt_width=3, steps=4),
        "everything but a gap": VampSettings(
            periodic_prompt=0, prefix_s=0.06, suffix_s=0.04, upper_codebook_mask=9, steps=2
        ),
        "onsets": VampSettings(
            periodic_prompt=0, onset_mask_width=1, upper_codebook_mask=1, temperature=0.7
        ),
    }


def asked() -> list[tuple[str, str, int]]:
    """Prompt, settings and seed of each vamp."""
    return [
        ("square", "periodic", 1),
        ("bursts", "periodic", 2),
        ("square", "periodic", 3),
        ("bursts", "everything but a gap", 4),
        ("bursts", "onsets", 5),
    ]


def without_paths(line: dict) -> dict:
    """A request or an answer with names in place of paths."""
    paths = ("audio", "output", "written")
    return {key: Path(said).name if key in paths else said for key, said in line.items()}


class Tapped(subprocess.Popen):
    """A process whose lines, and the files that they name, are noted as they pass."""

    ready, exchanges, arrays = None, [], {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asks, self.says = self.stdin.write, self.stdout.readline
        self.stdin, self.stdout = _Pipe(self.stdin), _Pipe(self.stdout)
        self.stdin.write, self.stdout.readline = self.ask, self.answer

    def ask(self, line: str) -> None:
        request = json.loads(line)
        audio = hashlib.sha256(np.load(request["audio"]).tobytes()).hexdigest()
        self.exchanges.append({"request": without_paths(request), "prompt_sha256": audio})
        self.asks(line)

    def answer(self) -> str:
        line = self.says()
        said = json.loads(line)
        if Tapped.ready is None:
            Tapped.ready = said
        else:
            with np.load(said["written"]) as arrays:
                at = len(self.exchanges) - 1
                self.arrays.update({f"{at}.{name}": array for name, array in arrays.items()})
            self.exchanges[-1]["answer"] = without_paths(said)
        return line


class _Pipe:
    """A pipe of which one method is replaced."""

    def __init__(self, pipe):
        self.flush, self.close = pipe.flush, pipe.close


def main() -> None:
    from musical_roots.generators import vampnet
    from musical_roots.weights import checkpoints, files

    vampnet.subprocess.Popen = Tapped
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vampnet").symlink_to(PACKAGES)
        weights = Path(folder) / "checkpoints"
        for name in vampnet.WEIGHTS:
            checkpoints.fetch_random(name, weights, SEED)
        digests = [
            files.read(weights / f"{n}.safetensors")[1]["tensors_sha256"] for n in vampnet.WEIGHTS
        ]
        generator = vampnet.VampNet(weights, "cpu")
        sounds, of = prompts(), settings()
        for sound in sounds.values():
            generator.tokens(sound)
        for codebooks in RECONSTRUCTED:
            generator.reconstruct(sounds["bursts"], codebooks)
        for prompt, name, seed in asked():
            list(generator.vamp([sounds[prompt]], of[name], [seed]))
    conversation = {
        "weights": digests,
        "ready": Tapped.ready,
        "exchanges": Tapped.exchanges,
    }
    np.savez_compressed(RECORDING, conversation=json.dumps(conversation), **Tapped.arrays)


if __name__ == "__main__":
    main()
