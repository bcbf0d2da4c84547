"""musical-roots: which recordings in the training set does this generated music come from?"""

__version__ = "0.5.0"
