"""What each encoder looks like, in every figure."""

# Okabe and Ito's palette, told apart with any colour vision; markers repeat the distinction.
LOOKS = {
    "musicnn": {"color": "#0072B2", "marker": "o"},
    "mfcc": {"color": "#E69F00", "marker": "s"},
    "mel": {"color": "#009E73", "marker": "^"},
    "aisfx": {"color": "#000000", "marker": "*"},
    "aisfx_8k": {"color": "#000000", "marker": "2", "linestyle": "--"},
    "random": {"color": "#7F7F7F", "marker": "x", "linestyle": "--"},
    "clap": {"color": "#D55E00", "marker": "D"},
    "clap_music": {"color": "#D55E00", "marker": "d", "linestyle": "--"},
    "laion_clap": {"color": "#D55E00", "marker": "+", "linestyle": ":"},
    "clmr": {"color": "#CC79A7", "marker": "v"},
    "clmr_1550": {"color": "#CC79A7", "marker": "1", "linestyle": "--"},
    "clmr_open": {"color": "#56B4E9", "marker": "P"},
}
NAMES = {
    "random": "random (untrained musicnn)",
    "mfcc": "MFCC",
    "aisfx_8k": "aisfx, up to 8 kHz",
    "clap": "CLAP",
    "clap_music": "CLAP, music",
    "laion_clap": "CLAP by laion-clap",
    "clmr": "CLMR",
    "clmr_1550": "CLMR, 1550 epochs",
    "clmr_open": "CLMR of ours",
}


def look(encoder: str) -> dict:
    """Label and style of an encoder's line; a remark in its label, as on its weights, stays."""
    name, bracket, remark = encoder.partition(" (")
    return {"label": NAMES.get(name, name) + bracket + remark, **LOOKS.get(name, {})}


def title(encoder: str) -> str:
    """What an encoder's panel is called."""
    return look(encoder)["label"]
