"""Weights: which are published, how they get here safely, and how they lie here.

`manifest.py`, `checkpoints.py` and `files.py`; `formats/` knows the publishers' layouts. Nothing
here imports the encoders and generators that the weights are for.
"""

PLUMBING = "random weights: plumbing only"
RANDOM = "random weights of musical-roots"  # mark of a file in a published format that we wrote
