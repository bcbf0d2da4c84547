"""Sections `corpus` and `clips`: which recordings, and how they are cut."""

from typing import Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Path, Seconds, Section, Shards, Share
from musical_roots.soundness import SILENCE_LUFS


class Debian(Section):
    """Recordings in Debian packages, fetched without root."""

    packages: Path = Field(
        "config/corpora/debian-packages.tsv",
        description="Manifest of packages: version, size, SHA-256.",
    )
    tracks: Path = Field(
        "config/corpora/debian-tracks.tsv",
        description="Manifest of tracks: path in the package, title, artist, licence, attribution.",
    )
    only: list[str] = Field([], description="Packages to use; empty for all in the manifest.")
    mirror: str | None = Field(
        None,
        description="Base address or folder of a Debian archive to fetch from instead of "
        "`apt-get download`.",
    )


class Folder(Section):
    """Any tree of audio files, or a data set's own layout."""

    root: str | None = Field(None, description="Folder that holds the recordings.")
    metadata: Path | None = Field(
        None,
        description="Optional CSV or TSV with a column `path` (relative to root) and any of "
        "title, artist, album, licence, attribution, split (train or control).",
    )


class Corpus(Section):
    """Which recordings, and which of them are kept."""

    source: Literal["debian", "folder", "fma", "mtg_jamendo"] = Field(
        "debian",
        description="Where recordings come from. `fma` and `mtg_jamendo` read those data sets' own "
        "layout under `folder.root`.",
    )
    debian: Debian = Debian()
    folder: Folder = Folder()
    minimum_s: Seconds = Field(29.0, description="Shorter recordings are rejected, in seconds.")
    maximum_s: Seconds = Field(1200.0, description="Longer recordings are rejected, in seconds.")
    silence_lufs: float = Field(
        SILENCE_LUFS, description="Quieter recordings are rejected, in LUFS."
    )
    exclude: list[str] = Field(
        [
            "sfx/*",
            "*/sfx/*",
            "*sound-effects/*",
            "*sound_effects/*",
            "*/stems/*",
            "*[ _-]stem.*",
            "*guitar.ogg",
            "*rhythm.ogg",
        ],
        description="Path patterns (as a shell's) of effects and stems to leave out.",
    )
    near_duplicate_share: Share = Field(
        0.5,
        description="Two recordings are near duplicates if this share of the shorter one matches "
        "the other by fingerprint.",
    )
    control_share: Share = Field(
        0.5, description="Share of the playing time that goes to control, artists kept whole."
    )
    split_artists: bool = Field(
        True,
        description="Whether names in one artist field are taken apart at commas, &, feat. and the "
        "like: artists who share a field or a recording go to one side of the split together.",
    )
    shards: Shards = Field(2, description="Jobs that a pass over all recordings is cut into.")

    @model_validator(mode="after")
    def _root_given(self):
        if self.source != "debian" and not self.folder.root:
            raise ValueError(
                f"source {self.source} needs folder.root, the folder of the recordings"
            )
        return self


class Clips(Section):
    """How tracks are cut into clips."""

    duration_s: float = Field(
        3.0, ge=0.5, allow_inf_nan=False, description="Length of a clip, in seconds."
    )
    hop_s: Seconds = Field(3.0, description="Distance between starts of clips, in seconds.")
    silence_lufs: float = Field(-50.0, description="Quieter clips are dropped, in LUFS.")
    per_track: Count = Field(20, description="At most this many clips a track, drawn by the seed.")
