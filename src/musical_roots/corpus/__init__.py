"""From audio files to clip lists.

``sources`` list recordings, ``debian`` fetches and unpacks the packages that hold some, ``tracks``
checks, identifies and splits them, ``duplicates`` finds the same recording under two files, and
``clips`` cuts the grid that is embedded.
"""
