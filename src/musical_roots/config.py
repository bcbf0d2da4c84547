"""The config, typed: one model a section. The schema and config/README.md are generated from it.

The workflow reads the config only through `load`, so a wrong key or value is refused once, in one
line, before anything runs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from musical_roots.errors import InputError

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the config: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Debian(Section):
    """Recordings in Debian packages, fetched without root."""

    packages: str = Field(
        "config/corpora/debian-packages.tsv",
        description="Manifest of packages: version, size, SHA-256.",
    )
    tracks: str = Field(
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
    metadata: str | None = Field(
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
    silence_lufs: float = Field(-60.0, description="Quieter recordings are rejected, in LUFS.")
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
    shards: Count = Field(2, description="Jobs that a pass over all recordings is cut into.")

    @model_validator(mode="after")
    def _root_given(self):
        if self.source != "debian" and not self.folder.root:
            raise ValueError(
                f"source {self.source} needs folder.root, the folder of the recordings"
            )
        return self


class Clips(Section):
    """How tracks are cut into clips."""

    duration_s: Seconds = Field(3.0, description="Length of a clip, in seconds.")
    hop_s: Seconds = Field(3.0, description="Distance between starts of clips, in seconds.")
    silence_lufs: float = Field(-50.0, description="Quieter clips are dropped, in LUFS.")
    per_track: Count = Field(20, description="At most this many clips a track, drawn by the seed.")


class Encode(Section):
    """How clips are encoded."""

    batch: Count | None = Field(
        None, description="Clips a batch; null for what suits the device: 32, or a GPU's memory."
    )
    shards: Count = Field(2, description="Jobs that each split's clips are cut into.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where encoders that run on torch compute; auto takes a GPU if one is there.",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="What they compute in; bf16 is faster where the processor has it."
    )


class Switch(Section):
    """Something that can be left out."""

    activate: bool = Field(True, description="Whether it takes part.")


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
        "centre", description="Which 2.678 s of a clip it hears."
    )


class Trained(Switch):
    """One that is trained by the workflow on the train split."""

    steps: Count = Field(800, description="Training steps.")
    batch: Count = Field(16, description="Tracks a step, two views each.")


class Encoders(Section):
    """Which encoders take part."""

    musicnn: Published = Field(Published(), description="musicnn, published weights (MTT and MSD).")
    mfcc: Switch = Field(Switch(), description="MFCC statistics; not neural.")
    mel: Switch = Field(Switch(), description="Log-mel statistics; not neural.")
    random: Switch = Field(Switch(), description="musicnn's network, untrained: the control.")
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


class OpenVamp(Switch):
    """Our own generator, trained by the workflow on the train split."""

    codebooks: Annotated[int, Field(ge=1, le=16)] = Field(8, description="Codebooks of its codec.")
    entries: Literal[64, 128, 256, 512, 1024] = Field(256, description="Entries a codebook.")
    decoder_steps: Count = Field(600, description="Training steps of its codec's decoder.")
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
    manifest: str | None = Field(
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


class VampSetting(Switch):
    """What of a prompt is kept, and how the rest is sampled (`generators/base.py`)."""

    periodic_prompt: Annotated[int, Field(ge=0)] = 7
    periodic_prompt_width: Count = 1
    prefix_s: Annotated[float, Field(ge=0)] = 0.0
    suffix_s: Annotated[float, Field(ge=0)] = 0.0
    onset_mask_width: Annotated[int, Field(ge=0)] = 0
    upper_codebook_mask: Annotated[int, Field(ge=0)] = 3
    steps: Count = 36
    temperature: Annotated[float, Field(gt=0)] = 1.0
    mask_temperature: Annotated[float, Field(ge=0)] = 1.5


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
    duration_s: Seconds = Field(6.0, description="Length of a prompt and its vamp, in seconds.")
    shards: Count = Field(1, description="Jobs that the prompts are cut into.")
    settings: dict[Annotated[str, Field(pattern="^[a-z0-9_]+$")], VampSetting] = Field(
        SETTINGS,
        min_length=1,
        description="Name to mask and sampling, in VampNet's terms: periodic_prompt, "
        "periodic_prompt_width, prefix_s, suffix_s, onset_mask_width, upper_codebook_mask, steps, "
        "temperature, mask_temperature, activate (`generators/base.py`).",
    )


class Search(Section):
    """How neighbours are found."""

    k: Count = Field(50, description="Matches a query.")


class Perturbation(Switch):
    """One kind of perturbation."""

    levels: list[float | int] = Field(
        [],  # `Perturbations` puts the kind's own in its place
        min_length=1,
        description="Levels, in the unit of the kind; see `perturb.py`.",
    )


def _kind(levels: list[float], what: str) -> Any:
    return Field(Perturbation(levels=levels), description=what)


class RoundTrip(Perturbation):
    """A generator's codec, without generation."""

    generator: Literal["openvamp", "vampnet"] = Field("openvamp", description="Whose codec.")


class Perturbations(Section):
    """Kinds and levels. The first four are the paper's."""

    pitch: Perturbation = _kind([-12, -7, -5, -3, -1, 0, 1, 3, 5, 7, 12], "Pitch shift, semitones.")
    stretch: Perturbation = _kind([-20, -10, 0, 10, 20], "Tempo, percent.")
    noise: Perturbation = _kind([-30, -20, -10, 0, 10, 20, 30], "White noise, SNR in dB.")
    mashup: Perturbation = _kind(
        [-30, -20, -10, 0, 10, 20, 30], "Mix with a clip of another track; dB above that clip."
    )
    mp3: Perturbation = _kind([32, 64, 128], "MP3 round trip, kbit/s.")
    opus: Perturbation = _kind([16, 32, 64], "Opus round trip, kbit/s.")
    lowpass: Perturbation = _kind([1000, 3000, 8000], "Low-pass, cut-off in Hz.")
    reverb: Perturbation = _kind([0.3, 1.0, 3.0], "Reverberation, RT60 in seconds.")
    gain: Perturbation = _kind([-20, 0, 10, 20], "Gain with hard clipping, dB.")
    crop: Perturbation = _kind([0.5, 1.0, 1.5], "Shift of the clip grid, seconds.")
    codec: RoundTrip = Field(
        RoundTrip(levels=[1, 4, 8]),
        description="Round trip through a generator's codec, codebooks decoded.",
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_left_out(cls, kinds: Any) -> Any:
        """`mp3: {activate: false}` is enough."""
        if not isinstance(kinds, dict):
            return kinds
        defaults = {kind: field.default for kind, field in cls.model_fields.items()}
        return {
            kind: {"levels": defaults[kind].levels} | value
            if kind in defaults and isinstance(value, dict)
            else value
            for kind, value in kinds.items()
        }


class Robustness(Section):
    """Experiment B: what a perturbation does to similarity and retrieval."""

    queries: Count = Field(200, description="Clips that are perturbed, drawn by the seed.")
    resamples: Count = Field(1000, description="Bootstrap resamples, clustered by track.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")
    sample_rate: Count = Field(44100, description="Hz at which perturbed clips are rendered.")
    perturbations: Perturbations = Perturbations()

    @model_validator(mode="after")
    def _levels_possible(self):
        from musical_roots.perturb import check_level

        for kind, value in self.perturbations:
            for level in value.levels:
                try:
                    check_level(kind, level)
                except InputError as error:
                    raise ValueError(f"perturbations.{kind}.levels: {error}") from error
        return self


class Influence(Switch):
    """Experiment C: which training music an output resembles, and how sure that is."""

    activate: bool = Field(
        True, description="Whether it takes part; it wants a generator and a control split."
    )
    excerpts: Count = Field(
        134, description="Excerpts of control tracks, as long as vamps: music never seen."
    )
    level: Share = Field(0.05, description="False discovery rate that is asked for.")
    draws: Count = Field(
        200, description="Random halves of the control tracks, and draws of equal many queries."
    )
    hubness_clips: Count = Field(
        4000, description="Training clips whose similarities are held in memory at once."
    )
    resamples: Count = Field(1000, description="Bootstrap resamples, and sign flips.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")


class Config(Section):
    """The whole config."""

    seed: int = Field(20240125, description="The one seed; every random draw derives from it.")
    cache: str = Field("resources", description="Folder for downloads: packages, weights.")
    corpus: Corpus = Corpus()
    clips: Clips = Clips()
    encode: Encode = Encode()
    encoders: Encoders = Encoders()
    generators: Generators = Generators()
    generation: Generation = Generation()
    search: Search = Search()
    robustness: Robustness = Robustness()
    influence: Influence = Influence()

    @model_validator(mode="after")
    def _codec_there(self):
        codec = self.robustness.perturbations.codec
        if codec.activate and not getattr(self.generators, codec.generator).activate:
            raise ValueError(
                f"robustness.perturbations.codec wants generators.{codec.generator}, which is not "
                "active: activate it, name another generator, or set the codec's activate to false"
            )
        return self


def load(values: dict) -> dict:
    """Check a config and fill in its defaults.

    Parameters
    ----------
    values : dict
        What the YAML files say.

    Returns
    -------
    dict
        The same, every key present.

    Raises
    ------
    InputError
        One line that names every wrong key, what is wrong with it, and where keys are described.
    """
    try:
        return Config.model_validate(values).model_dump()
    except ValidationError as error:
        wrong = [_explain(detail) for detail in error.errors()]
        raise InputError(
            f"config: {'; '.join(wrong)} (config/README.md lists every key)"
        ) from error


def read(paths: list[Path | str]) -> dict:
    """Read YAML files, later ones over earlier ones, and `load` the result."""
    merged: dict = {}
    for path in paths:
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise InputError(f"{path}: not a readable YAML file: {error}") from error
        _overlay(merged, values)
    return load(merged)


def schema() -> str:
    """JSON schema of the config, as YAML: for editors and the Snakemake workflow catalogue."""
    return yaml.safe_dump(
        Config.model_json_schema(), sort_keys=False, allow_unicode=True, width=100
    )


def reference() -> str:
    """config/README.md: every key, its type, default and meaning."""
    head = (
        "# Configuration\n\n"
        "`config.yaml` is the embedded study. Any other file here is an overlay that holds only "
        "what differs:\n`snakemake --cores 2 --configfile config/tiny.yaml`, or "
        "`make study CONFIG=config/tiny.yaml`.\n"
        "`expected.yaml` lists the claims that results are held against; `corpora/` the recordings."
        "\n\nThis page and `workflow/schemas/config.schema.yaml` are generated from "
        "`src/musical_roots/config.py`\nby `python -m musical_roots reference`.\n\n"
        "| key | type | default | meaning |\n|---|---|---|---|\n"
    )
    return head + "\n".join(_reference(Config, "")) + "\n"


def _reference(section: type[Section], prefix: str) -> Iterator[str]:
    defaults = section()
    for name, field in section.model_fields.items():
        default = getattr(defaults, name)
        if isinstance(default, Perturbation):
            flat = json.dumps(default.levels)
            yield f"| `{prefix}{name}.levels` | list of number | `{flat}` | {field.description} |"
            yield f"| `{prefix}{name}.activate` | bool | `true` | Whether it takes part. |"
            yield from list(_reference(type(default), f"{prefix}{name}."))[2:]
        elif isinstance(default, Switch):
            flat = json.dumps(default.activate)
            yield f"| `{prefix}{name}.activate` | bool | `{flat}` | {field.description} |"
            yield from list(_reference(type(default), f"{prefix}{name}."))[1:]
        elif isinstance(default, Section):
            yield from _reference(type(default), f"{prefix}{name}.")
        elif isinstance(default, dict):
            names = ", ".join(f"`{key}`" for key in default)
            yield f"| `{prefix}{name}.<name>` | section | {names} | {field.description} |"
        else:
            kind = _type_name(section.model_json_schema()["properties"][name])
            flat = json.dumps(default)
            yield f"| `{prefix}{name}` | {kind} | `{flat}` | {field.description} |"


def _type_name(schema: dict) -> str:
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type_name(part) for part in schema["anyOf"])
    if schema["type"] == "array":
        return f"list of {_type_name(schema['items'])}"
    return schema["type"]


def _overlay(base: dict, over: dict) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = value


def _explain(detail: dict) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "config"
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a key; remove it or mend its spelling"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"{key}: {message}"
    return f"{key}: {message}, got {detail['input']!r}"
