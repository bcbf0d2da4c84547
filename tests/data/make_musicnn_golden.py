"""Writes musicnn_golden.npz: what the original TensorFlow code of musicnn says of synthetic clips.

The original needs TensorFlow, which does not belong into this project's environment. So, once, in
one of its own (Python 3.11; the wheel's own pins are dead, therefore --no-deps):

    python3.11 -m venv /tmp/original
    /tmp/original/bin/pip install tensorflow-cpu==2.15.1 "numpy==1.26.4" librosa==0.11.0
    /tmp/original/bin/pip install --no-deps musicnn==0.1.0
    /tmp/original/bin/python tests/data/make_musicnn_golden.py

Arrays: `names` [clips]; `audio_sha256`, of all clips in order; `networks` [2]; `tags` [2, clips,
50], `max_pool` and `mean_pool` [2, clips, 753], float32.
"""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from musicnn.extractor import extractor
from synthetic_audio import SAMPLE_RATE, clips

NETWORKS = ("MTT_musicnn", "MSD_musicnn")


def main() -> None:
    sounds = clips()
    tags, max_pool, mean_pool = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, sound in sounds.items():
            soundfile.write(f"{folder}/{name}.wav", sound, SAMPLE_RATE, subtype="FLOAT")
        for network in NETWORKS:
            said = [extractor(f"{folder}/{name}.wav", model=network) for name in sounds]
            tags.append([taggram[0] for taggram, _, _ in said])
            max_pool.append([features["max_pool"][0] for _, _, features in said])
            mean_pool.append([features["mean_pool"][0] for _, _, features in said])
    np.savez_compressed(
        Path(__file__).with_name("musicnn_golden.npz"),
        names=list(sounds),
        audio_sha256=hashlib.sha256(np.stack(list(sounds.values())).tobytes()).hexdigest(),
        networks=NETWORKS,
        tags=np.float32(tags),
        max_pool=np.float32(max_pool),
        mean_pool=np.float32(mean_pool),
    )


if __name__ == "__main__":
    main()
