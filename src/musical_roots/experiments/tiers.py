"""Tiers: the sentence that a verdict says of one output, and the rule behind each."""

TIERS = {
    "copy": "a near-copy that is as near to the track as music is to its own round trip through "
    "the codec, to two encoders at least",
    "near-copy": "two encoders at least find a match, and name the same track first",
    "resembles": "one encoder at least finds a match",
    "nothing found": "no encoder finds a match",
}
