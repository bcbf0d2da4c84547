"""Write dattri_lds.npz: the linear datamodelling score of a toy case, by dattri's own code.

The lab does not need dattri; it goes into a folder of its own:

    python -m pip install --target resources/dattri --no-deps dattri==0.3.0
    PYTHONPATH=resources/dattri python tests/data/make_dattri_golden.py
"""

from pathlib import Path

import numpy as np
import torch
from dattri.metric.metrics import lds

HALVES, TRACKS, OUTPUTS = 24, 10, 7


def main() -> None:
    chance = np.random.default_rng(14)
    inside = chance.permuted(np.tile(np.arange(TRACKS) < TRACKS // 2, (HALVES, 1)), axis=1)
    effect = chance.normal(size=(OUTPUTS, TRACKS))
    loss = chance.normal(size=(HALVES, OUTPUTS)) - inside @ effect.T
    scores = effect + chance.normal(size=effect.shape)
    indices = torch.tensor(np.stack([np.flatnonzero(row) for row in inside]))
    found, _ = lds(torch.tensor(scores.T), (torch.tensor(-loss), indices))
    path = Path(__file__).with_name("dattri_lds.npz")
    np.savez_compressed(path, inside=inside, loss=loss, scores=scores, lds=found.numpy())


if __name__ == "__main__":
    main()
