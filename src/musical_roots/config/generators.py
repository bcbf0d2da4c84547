"""Sections `generators` and `generation`: what generates, and from which prompts and settings."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Path, Seconds, Section, Shards, Switch
from musical_roots.generators.base import VampSettings


class OpenVamp(Section):
    """Our own generator, trained by the workflow on the train split."""

    activate: bool | None = Field(
        None,
        description="Whether it takes part; null for yes, unless audio made elsewhere (`external`) "
        "does.",
    )

    checkpoint: Path | None = Field(
        None,
        description="Folder with an openvamp of these sizes that was trained on this very train "
        "split, such as `models/openvamp-large` (its `use.yaml`); null to train it here.",
    )
    codebooks: Annotated[int, Field(ge=1, le=16)] = Field(8, description="Codebooks of its codec.")
    entries: Literal[64, 128, 256, 512, 1024] = Field(256, description="Entries a codebook.")
    decoder_steps: Count = Field(450, description="Training steps of its codec's decoder.")
    width: Annotated[int, Field(ge=64, multiple_of=64)] = Field(
        192, description="Of the transformer; a multiple of 64."
    )
    layers: Count = Field(4, description="Of the transformer.")
    steps: Count = Field(800, description="Training steps.")
    batch: Count = Field(8, description="Crops of 5.1 s a step.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="It is trained in; bf16 is faster where the processor has it."
    )


class VampNet(Switch):
    """The published VampNet, in its own environment. Its weights are CC BY-NC-SA 4.0."""

    checkpoint: str | None = Field(
        None,
        description="Folder with codec.pth, coarse.pth and c2f.pth on this machine; null to look "
        "in the cache, then download.",
    )
    weights: Literal["published", "random"] = Field(
        "published",
        description="`random` makes small checkpoints of the published format with random "
        "weights; every output is marked so.",
    )


class External(Switch):
    """Audio that was made elsewhere, by any generator."""

    activate: bool = Field(False, description="Whether it takes part.")
    root: str | None = Field(None, description="Folder of audio files, if there is no manifest.")
    manifest: Path | None = Field(
        None,
        description="CSV or TSV with a column `path` and, where the prompts are known, "
        "`prompt_path` and `prompt_start_s`; paths are relative to it.",
    )

    @model_validator(mode="after")
    def _files_given(self):
        if self.activate and bool(self.root) == bool(self.manifest):
            raise ValueError("give either root, a folder of audio files, or manifest, a table")
        return self


class Generators(Section):
    """What generates."""

    openvamp: OpenVamp = Field(
        OpenVamp(), description="Masked token model, trained here on the train split alone."
    )
    vampnet: VampNet = Field(VampNet(activate=False), description="VampNet, the paper's generator.")
    external: External = Field(External(), description="Audio made elsewhere, to be attributed.")

    @model_validator(mode="after")
    def _openvamp_where_it_is_wanted(self):
        if self.openvamp.activate is None:
            self.openvamp.activate = not self.external.activate
        return self


class VampSetting(Switch):
    """What of a prompt is kept, and how the rest is sampled (`generators/base.py`)."""

    periodic_prompt: Annotated[int, Field(ge=0)] = VampSettings.periodic_prompt
    periodic_prompt_width: Count = VampSettings.periodic_prompt_width
    prefix_s: Annotated[float, Field(ge=0)] = VampSettings.prefix_s
    suffix_s: Annotated[float, Field(ge=0)] = VampSettings.suffix_s
    onset_mask_width: Annotated[int, Field(ge=0)] = VampSettings.onset_mask_width
    upper_codebook_mask: Annotated[int, Field(ge=0)] = VampSettings.upper_codebook_mask
    steps: Count = VampSettings.steps
    temperature: Annotated[float, Field(gt=0)] = VampSettings.temperature
    mask_temperature: Annotated[float, Field(ge=0)] = VampSettings.mask_temperature


SETTINGS = {
    "paper_time": VampSetting(periodic_prompt=3, onset_mask_width=5, upper_codebook_mask=9),
    "compression": VampSetting(periodic_prompt=1, upper_codebook_mask=1),
    "periodic": VampSetting(periodic_prompt=7, upper_codebook_mask=3),
    "inpaint": VampSetting(periodic_prompt=0, prefix_s=1.0, suffix_s=1.0, upper_codebook_mask=9),
}


class Generation(Section):
    """Vamps: music generated from prompts."""

    vamps: Count = Field(
        52,
        description="A generator and setting; half of the prompts from train, half from control.",
    )
    duration_s: Seconds = Field(
        6.0,
        description="Length of a prompt and its vamp, and of the control excerpts that they are "
        "held against, in seconds.",
    )
    shards: Shards = Field(1, description="Jobs that the prompts are cut into.")
    settings: dict[Annotated[str, Field(pattern="^[a-z0-9_]+$")], VampSetting] = Field(
        SETTINGS,
        min_length=1,
        description="Name to mask and sampling, in VampNet's terms: periodic_prompt, "
        "periodic_prompt_width, prefix_s, suffix_s, onset_mask_width, upper_codebook_mask, steps, "
        "temperature, mask_temperature, activate (`generators/base.py`).",
    )
