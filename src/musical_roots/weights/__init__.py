"""Weights: which are published, how they get here safely, and how they lie here.

`manifest.py`, `checkpoints.py` and `files.py`.
"""

PLUMBING = "random weights: plumbing only"
RANDOM = "random weights of musical-roots"  # mark of a file in a published format that we wrote
