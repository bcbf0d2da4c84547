"""From audio files to clip lists.

``sources`` list recordings, ``debian`` fetches and unpacks the packages that hold some, ``tracks``
checks and identifies them, ``duplicates`` finds the same recording under two files, ``split`` parts
train from control, and ``clips`` cuts the grid that is embedded.
"""
