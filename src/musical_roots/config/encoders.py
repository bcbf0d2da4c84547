"""Sections `encode` and `encoders`: which encoders take part, and how they are run."""

from typing import Literal

from pydantic import Field

from musical_roots.config.base import Count, Section, Shards, Switch
from musical_roots.encoders.base import Settings


class Encode(Section):
    """How clips are encoded."""

    batch: Count | None = Field(
        None, description="Clips a batch; null for what suits the device: 32, or a GPU's memory."
    )
    shards: Shards = Field(2, description="Jobs that each split's clips are cut into.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where encoders that run on torch compute; auto takes a GPU if one is there.",
    )
    precision: Literal["fp32", "bf16"] = Field(
        Settings.precision,
        description="What they compute in; bf16 is faster where the processor has it.",
    )


class Published(Switch):
    """An encoder with published weights."""

    checkpoint: str | None = Field(
        None,
        description="The published file, or its folder, on this machine; null to look in the "
        "cache, then download.",
    )
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 that the file must have; null for the published one, where known.",
    )


class Replaceable(Published):
    """One whose weights can be replaced by random ones, to try the pipes without the file."""

    weights: Literal["published", "random"] = Field(
        "published",
        description="`random` makes a checkpoint of the published format with random weights; "
        "every output is marked so.",
    )


class Cropping(Replaceable):
    """One that hears less than a clip."""

    part: Literal["start", "centre", "end"] = Field(
        Settings.part, description="Which 2.678 s of a clip it hears."
    )
    features: Literal["encoder", "projector"] = Field(
        Settings.features,
        description="What it gives: the encoder's last layer (512, never negative), or what the "
        "projector of its training makes of it (64).",
    )


class Trained(Switch):
    """One that is trained by the workflow on the train split."""

    steps: Count = Field(800, description="Training steps.")
    batch: Count = Field(16, description="Tracks a step, two views each.")
    precision: Literal["fp32", "bf16"] = Field(
        "bf16", description="Its layers are trained in; fp32 where the processor lacks bf16."
    )


class Encoders(Section):
    """Which encoders take part."""

    musicnn: Published = Field(Published(), description="musicnn, published weights (MTT and MSD).")
    mfcc: Switch = Field(Switch(), description="MFCC statistics; not neural.")
    mel: Switch = Field(Switch(), description="Log-mel statistics; not neural.")
    random: Switch = Field(
        Switch(), description="musicnn's network, narrower and untrained: the control."
    )
    aisfx: Published = Field(
        Published(),
        description="aisfx, published weights (sound effects): of another family than musicnn. It "
        "hears the corpus and the paper's perturbations alone.",
    )
    aisfx_8k: Switch = Field(
        Switch(),
        description="The same, from audio at 16 kHz: what it says without what lies above 8 kHz. "
        "It hears what retrieval asks after alone.",
    )
    clap: Replaceable = Field(
        Replaceable(activate=False),
        description="LAION-CLAP, 630k-audioset-best (HTSAT-tiny): the paper's, probably.",
    )
    clap_music: Replaceable = Field(
        Replaceable(activate=False),
        description="LAION-CLAP, music_audioset_epoch_15_esc_90.14 (HTSAT-base).",
    )
    laion_clap: Switch = Field(
        Switch(activate=False),
        description="The same as clap by the package laion-clap itself, in its own environment; it "
        "reads the published file, which must lie in `<cache>/checkpoints`.",
    )
    clmr: Cropping = Field(
        Cropping(activate=False), description="CLMR, release 2.0 (10,000 epochs): the paper's."
    )
    clmr_1550: Cropping = Field(
        Cropping(activate=False), description="CLMR, release 1.0 (1,550 epochs)."
    )
    clmr_open: Trained = Field(
        Trained(activate=False),
        description="CLMR's network and objective, trained on this corpus's train split.",
    )
