"""Weights: which are published (`manifest.py`), and how they get here safely (`checkpoints.py`)."""

PLUMBING = "random weights: plumbing only"
