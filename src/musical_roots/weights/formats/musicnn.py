"""musicnn as its package carries it: two networks, as TensorFlow checkpoints in the wheel.

Each lies under ``musicnn/{MTT|MSD}_musicnn`` in two files, ``.index`` and
``.data-00000-of-00001``. Variables bear the names that TensorFlow gave them: ``conv2d/kernel``,
``conv2d_1/bias``, ``batch_normalization_2/gamma``; the optimiser's stand beside them. A converted
file holds the variables of one network under their own names, without the optimiser's.
"""

import zipfile
from pathlib import Path

from musical_roots.weights import files, tf_checkpoint

NETWORKS = ("MTT_musicnn", "MSD_musicnn")
OPTIMISER = ("Adam", "Adam_1", "beta1_power", "beta2_power")


def convert(path: Path, _name: str) -> files.Converted:
    """The variables of the two networks, MTT's and then MSD's; `path` is the wheel."""
    with zipfile.ZipFile(path) as archive:
        for network in NETWORKS:
            index = archive.read(f"musicnn/{network}/.index")
            data = archive.read(f"musicnn/{network}/.data-00000-of-00001")
            variables = tf_checkpoint.read(index, data)
            kept = {n: v for n, v in variables.items() if n.rsplit("/", 1)[-1] not in OPTIMISER}
            yield kept, False
