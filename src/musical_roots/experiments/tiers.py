"""Tiers: the sentence that a verdict says of one output, and the rule behind each.

A view is an encoder, or the generator's own tokens.
"""

TIERS = {
    "copy": "a near-copy that is as near to the track as music is to its own round trip through "
    "the codec, to two encoders at least",
    "near-copy": "two views at least (encoders, or the generator's own tokens) find a match, and "
    "name the same track first",
    "resembles": "one view at least finds a match",
    "nothing found": "no view finds a match",
}
