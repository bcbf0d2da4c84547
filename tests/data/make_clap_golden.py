"""Writes clap_golden.npz: what laion-clap 1.1.7 itself says of clips, with random weights.

The weights are those of `weights.formats.clap.write_random` for `SEED`, so that nothing needs
fetching but the corpus' package noiz2sa-data (BSD-2-Clause; Kenta Cho). laion-clap lies in a folder
of its own:

    python -m pip install --no-deps --require-hashes --target resources/laion-clap \
        -r envs/laion-clap.txt
    python tests/data/make_clap_golden.py

Arrays: `names` [clips]; `clap` and `clap_music` [clips, 512], float32 of unit length.
"""

import tempfile
from pathlib import Path

import numpy as np
import synthetic_audio

from musical_roots import audio
from musical_roots.corpus import debian

ROOT = Path(__file__).parents[2]
SEED = 2023
RATE = 48_000
PACKAGE, TRACK = "noiz2sa-data", "usr/share/games/noiz2sa/sounds/stg2.ogg"


def recording(folder: Path) -> np.ndarray:
    """A track of the corpus, mono at 48 kHz; unpacked to `folder` if the corpus is not."""
    path = ROOT / "resources" / "recordings" / PACKAGE / TRACK
    if not path.is_file():
        deb = ROOT / "resources" / "packages" / f"{PACKAGE}.deb"
        packages = debian.manifest(ROOT / "config" / "corpora" / "debian-packages.tsv", [PACKAGE])
        debian.fetch(packages[PACKAGE], deb)
        debian.unpack(deb, folder / PACKAGE, [TRACK])
        path = folder / PACKAGE / TRACK
    return audio.read(path, RATE)[0]


def clips(music: np.ndarray) -> dict[str, np.ndarray]:
    """Clips by name, float32 at 48 kHz: of `music`, a recording at 48 kHz, and made by code."""
    parts = {  # first second, seconds, gain
        "short": (5, 0.7, 1),
        "clmr_window": (15, 2.678, 1),
        "three_quiet": (25, 3, 0.004),
        "three": (35, 3, 1),
        "three_clipped": (45, 3, 8),
        "seven": (55, 7, 0.5),
        "ten_very_quiet": (65, 10, 0.0005),
        "ten": (75, 10, 1),
        "too_long": (70, 12, 0.7),
    }
    cut = {
        name: music[round(start * RATE) :][: round(seconds * RATE)] * np.float32(gain)
        for name, (start, seconds, gain) in parts.items()
    }
    # made at 16 kHz, and taken for 48: a second each
    made = synthetic_audio.clips()
    return cut | {
        name: made[name] for name in ("chirp", "drums", "impulse", "quiet_tone", "silence")
    }


def main() -> None:
    from musical_roots.encoders.base import Settings
    from musical_roots.encoders.laion_clap import LaionClap
    from musical_roots.weights.formats import clap
    from musical_roots.weights.manifest import SOURCES

    class LaionClapMusic(LaionClap):
        size = clap.BASE

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "laion-clap").symlink_to(ROOT / "resources" / "laion-clap")
        checkpoints = Path(folder) / "checkpoints"
        checkpoints.mkdir()
        for name in clap.SIZES:
            clap.write_random(checkpoints / SOURCES[name].file, SEED, name)
        sounds = clips(recording(Path(folder)))
        said = {}
        for oracle in (LaionClap, LaionClapMusic):
            encoder = oracle(checkpoints, Settings())
            embeddings = [encoder.encode(clip[None])[0] for clip in sounds.values()]
            said[oracle.size.encoder] = np.stack(embeddings)
    np.savez_compressed(Path(__file__).with_name("clap_golden.npz"), names=list(sounds), **said)


if __name__ == "__main__":
    main()
