"""What Experiment C searches, and what it leaves out there: defined here alone."""

INDEXES = ("train", "train_equal", "control")  # the training set, and two indexes of one size
EQUAL = INDEXES[1:]
# prompt_track -> what a search leaves out
EXCLUDE = {"included": "none", "excluded": "duplicates", "artist_excluded": "artist"}
