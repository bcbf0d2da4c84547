"""Sections `generators` and `generation`: what generates, and from which prompts and settings."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Path, Seconds, Section, Shards, Switch
from musical_roots.generators.base import FULL, VampSettings


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
    shipped: Path | None = Field(
        "models/openvamp",
        description="Folder with weights that an earlier run of this workflow trained (`make "
        "models`). Each file is taken in the place of training where it is of the very same "
        "tracks, sizes, steps and seed, and else it is trained here; null to train in any case, as "
        "after an edit of how it is trained.",
    )
    codebooks: Annotated[int, Field(ge=1, le=16)] = Field(8, description="Codebooks of its codec.")
    entries: Literal[64, 128, 256, 512, 1024] = Field(256, description="Entries a codebook.")
    decoder_steps: Count = Field(450, description="Training steps of its codec's decoder.")
    width: Annotated[int, Field(ge=64, multiple_of=64)] = Field(
        192, description="Of the transformer; a multiple of 64."
    )
    layers: Count = Field(4, description="Of the transformer.")
    steps: Count = Field(2500, description="Training steps.")
    batch: Count = Field(32, description="Crops of 5.1 s a step.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="It is trained in; bf16 is faster where the processor has it."
    )


SETTINGS_OF_SMALL = Field(
    None,
    description="Names of the vamp settings in which it vamps; null for the first that takes part, "
    "and that of robustness.perturbations.splice_vamp.",
)


class OpenVampSmall(Section):
    """openvamp once more, trained on a part of the train split: the paper's question."""

    activate: bool | None = Field(
        None, description="Whether it takes part; null for yes, where openvamp is trained here."
    )
    share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.25,
        description="Of the train split's playing time that it learns from, artists whole, drawn "
        "by the seed. The paper's is 30,550 of 795,000 songs; of a corpus of some sixty tracks "
        "that would be two, and a fourth is ten.",
    )
    settings: list[str] | None = SETTINGS_OF_SMALL


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


class VampNetSmall(Switch):
    """VampNet, trained on a smaller training set: its coarse and its coarse-to-fine model."""

    activate: bool = Field(False, description="Whether it takes part.")
    checkpoint: str | None = Field(
        None,
        description="Folder with its coarse.pth and c2f.pth on this machine; the codec is that of "
        "vampnet. None is published, so that it is wanted, unless `weights` is random.",
    )
    weights: Literal["published", "random"] = Field(
        "published", description="As of vampnet: `published` is the checkpoint, here."
    )
    trained_on: Path | None = Field(
        None,
        description="CSV or TSV with a column `path` (relative to `corpus.folder.root`): the "
        "recordings that it learned from, for the index `train_small`; null where that is not "
        "known.",
    )
    settings: list[str] | None = SETTINGS_OF_SMALL

    @model_validator(mode="after")
    def _checkpoint_given(self):
        if self.activate and self.weights != "random" and not self.checkpoint:
            raise ValueError(
                "no such checkpoint is published: give checkpoint, a folder with its coarse.pth "
                "and c2f.pth, or set activate to false"
            )
        return self


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
    openvamp_small: OpenVampSmall = Field(
        OpenVampSmall(),
        description="openvamp once more, trained on a part of the train split, with the same "
        "codec, network and steps.",
    )
    vampnet: VampNet = Field(VampNet(activate=False), description="VampNet, the paper's generator.")
    vampnet_small: VampNetSmall = Field(
        VampNetSmall(),
        description="A second VampNet, trained on a smaller training set, as the paper has one.",
    )
    external: External = Field(External(), description="Audio made elsewhere, to be attributed.")

    @model_validator(mode="after")
    def _openvamp_where_it_is_wanted(self):
        if self.openvamp.activate is None:
            self.openvamp.activate = not self.external.activate
        if self.openvamp_small.activate is None:
            trained = self.openvamp.activate and not self.openvamp.checkpoint
            self.openvamp_small.activate = trained
        return self

    @model_validator(mode="after")
    def _small_beside_full(self):
        for small, full in FULL.items():
            if getattr(self, small).activate and not getattr(self, full).activate:
                raise ValueError(
                    f"{small} is held against {full}, which is not active: activate it, or set "
                    f"{small}.activate to false"
                )
        second = self.vampnet_small
        if self.openvamp_small.activate and second.activate and second.trained_on:
            raise ValueError(
                "a study has one small training set: leave out vampnet_small.trained_on, or "
                "openvamp_small, which draws one of its own"
            )
        if self.vampnet_small.activate and self.vampnet_small.weights != self.vampnet.weights:
            raise ValueError(
                "vampnet_small has vampnet's codec: give both the same weights, random or not"
            )
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
    "compression": VampSetting(periodic_prompt=1, upper_codebook_mask=1, steps=12),
    "periodic": VampSetting(periodic_prompt=7, upper_codebook_mask=3, steps=12),
    "inpaint": VampSetting(
        periodic_prompt=0, prefix_s=1.0, suffix_s=1.0, upper_codebook_mask=9, steps=12
    ),
}


class Generation(Section):
    """Vamps: music generated from prompts."""

    prompts: Count = Field(
        52, description="Music that is vamped upon; half of it from train, half from control."
    )
    vamps_per_prompt: Count = Field(
        1, description="Vamps of each prompt, for each generator and setting: each by its own seed."
    )
    duration_s: Seconds = Field(
        6.0,
        description="Length of a prompt and its vamp, and of the control excerpts that they are "
        "held against, in seconds.",
    )
    shards: Shards = Field(1, description="Jobs that the prompts are cut into.")
    codec_clips: Count = Field(
        30, description="Control clips on which openvamp's codec is measured, at most."
    )
    to_hear: Count = Field(
        26, description="Prompts on a generator's page to hear, one vamp of each, at most."
    )
    settings: dict[Annotated[str, Field(pattern="^[a-z0-9_]+$")], VampSetting] = Field(
        SETTINGS,
        min_length=1,
        description="Name to mask and sampling, in VampNet's terms: periodic_prompt, "
        "periodic_prompt_width, prefix_s, suffix_s, onset_mask_width, upper_codebook_mask, steps, "
        "temperature, mask_temperature, activate (`generators/base.py`).",
    )
