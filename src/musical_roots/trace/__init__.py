"""One recording in, an attribution out: what it resembles in a finished study, and how surely.

The same way as a study's own outputs: clips, vectors, exact search, p-values against control music
and competition with a decoy. Nothing here makes a study; all of it is read from one.
"""
