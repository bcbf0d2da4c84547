"""Random draws are named by the words of 0.1, so that numbers stay what they were.

A draw derives from the name of what it is for (`seeding.rng`): a new word would draw anew.
"""

PROMPT_TRACK = {"included": "kept", "excluded": "left_out"}
EXCEEDANCE = {  # source, index, prompt_track
    ("outputs", "train", "excluded"): "vamp_train",
    ("outputs", "train", "included"): "vamp_train_own_kept",
    ("outputs", "train_equal", "excluded"): "vamp_train_equal",
    ("outputs", "control", "excluded"): "vamp_control",
    ("control", "train", "included"): "heldout_train",
    ("control_roundtrip", "train", "included"): "roundtrip_train",
}
CONCENTRATION = {  # source, index
    ("outputs", "train_equal"): "vamps, training set",
    ("control", "train_equal"): "held-out music, training set",
    ("outputs", "control"): "vamps, control index",
}
HUBNESS = {"outputs": "vamps", "control": "held-out music"}
ROBUSTNESS = {"mix": "mashup"}
AGREEMENT = {"ngram_overlap": "tokens"}


def draw_name(words: dict, key: str | tuple[str, ...]) -> str:
    """What a draw calls `key`: as 0.1 did, or by its own words, if 0.1 had no such thing."""
    return words.get(key, key if isinstance(key, str) else " ".join(key))
