"""Writes aisfx_golden.npz: what the package aisfx, on Essentia, says of synthetic clips.

Essentia and the package do not belong into this project's environment. So, once, in one of their
own (Python 3.11; the package's own pins are dead, therefore --no-deps):

    python3.11 -m venv /tmp/original
    /tmp/original/bin/pip install essentia==2.1b6.dev1438 torch numpy soundfile tqdm
    /tmp/original/bin/pip install --no-deps aisfx==0.1.2
    /tmp/original/bin/python tests/data/make_aisfx_golden.py

Arrays: `names` [clips]; `audio_sha256`, of all clips in order; `embeddings` [clips, 2, 512],
float32: of 100 frames each, from the first frame on, and to the last.
"""

import hashlib
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import synthetic_audio

SAMPLE_RATE, SAMPLES = 44_100, 132_300
STEP = 0.31  # of 100 frames; 3 s have 131


def clips() -> dict[str, np.ndarray]:
    """Clips by name, float32 [132300]: made at 16 kHz, taken for 44.1, and repeated to 3 s."""
    made = {name: np.resize(sound, SAMPLES) for name, sound in synthetic_audio.clips().items()}
    mix = made["mix"]
    return made | {
        "too_loud": 4 * mix,
        "late": np.where(np.arange(SAMPLES) > SAMPLES - 30_000, mix, np.float32(0)),
        "early": np.where(np.arange(SAMPLES) < 30_000, mix, np.float32(0)),
    }


def main() -> None:
    import soundfile
    import torch
    from aisfx import inference, preprocessing, utils

    # the checkpoint, a part of the package, holds numpy's scalars beside its tensors
    torch.load = partial(torch.load, weights_only=False)
    model = inference.load_bestModel(*inference.load_weights("cpu"), "cpu")
    spectrogram = utils.spectrogram_selector("essentia")
    embeddings = []
    with tempfile.TemporaryDirectory() as folder:
        for name, sound in clips().items():
            path = f"{folder}/{name}.wav"
            soundfile.write(path, sound, SAMPLE_RATE, subtype="FLOAT")
            spec = spectrogram(
                filename=path,
                sr=inference.SAMPLE_RATE,
                block_size=inference.SPEC_BLOCK_LENGTH,
                hop_size=inference.SPEC_HOP_LENGTH,
                n_mels=inference.MEL_BINS,
                f_min=inference.F_MIN,
                f_max=inference.F_MAX,
            )
            spec = preprocessing.spectrogram_normalize(spec)
            said = inference.model_get_embedding(spec, STEP, True, model, "cpu")
            embeddings.append(said.numpy())
    np.savez_compressed(
        Path(__file__).with_name("aisfx_golden.npz"),
        names=list(clips()),
        audio_sha256=hashlib.sha256(np.stack(list(clips().values())).tobytes()).hexdigest(),
        embeddings=np.float32(embeddings),
    )


if __name__ == "__main__":
    main()
