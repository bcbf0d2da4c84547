"""Weights: which are published (`manifest.py`), and how they get here safely (`checkpoints.py`)."""

PLUMBING = "random weights: plumbing only"
RANDOM = "random weights of musical-roots"  # mark of a file in a published format that we wrote
