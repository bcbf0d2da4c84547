"""Encoders and generators of a config: their code, their weights, their packages."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from musical_roots.encoders.base import ENCODERS
from musical_roots.generators.base import GENERATORS
from musical_roots.weights import PLUMBING
from musical_roots.weights.manifest import SOURCES

# One that the workflow trains -> the files that it is loaded from.
TRAINED = {
    "clmr_open": ("clmr_open.safetensors",),
    "openvamp": ("openvamp-codec.safetensors", "openvamp.safetensors"),
    "openvamp_small": ("openvamp-codec.safetensors", "openvamp_small.safetensors"),
}
# One with packages that only its own process imports -> their list in envs/, and their folder.
PACKAGES = {"laion_clap": "laion-clap", "vampnet": "vampnet", "vampnet_small": "vampnet"}
# One that has no published file of its own -> whose it reads: laion_clap in a process of its own.
READS = {"aisfx_8k": "aisfx", "laion_clap": "clap"}
# One that is loaded from a published file of another beside its own.
SHARES = {"vampnet_small": ("vampnet_codec",)}


@dataclass(frozen=True)
class Model:
    """An encoder or a generator.

    Attributes
    ----------
    name : str
    module : str
        That it is written in: its jobs depend on it, others do not.
    checkpoints : str
        Folder of its weights: random ones are kept apart from the real.
    files : tuple of str
        What it is loaded from: weights, and the folder of its packages.
    packages : str
        Requirements of packages that only its own process imports, or "".
    label : str
        What results call it: random weights are never shown as the real ones.
    """

    name: str
    module: str
    checkpoints: str
    files: tuple[str, ...]
    packages: str
    label: str

    def code(self, digest: str) -> str:
        """Digest of a stage's code with its packages: audio that other code made is never kept."""
        path = Path(self.packages)
        told = digest + (path.read_text(encoding="utf-8") if path.is_file() else "")
        return hashlib.sha256(told.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Download:
    """A file of published weights, or the random ones in its place.

    Attributes
    ----------
    name : str
        A key of `weights.manifest.SOURCES`.
    module : str
        Of its layout.
    folder : str
        Where the converted files go; files : tuple of str, they themselves.
    local, sha256 : str or None
        The file on this machine, and its hash, if the config says so.
    random : bool
    """

    name: str
    module: str
    folder: str
    files: tuple[str, ...]
    local: str | None
    sha256: str | None
    random: bool


def models(config: dict) -> dict[str, Model]:
    """Every encoder and generator that there is code for, by name, as this config has it."""
    made = {}
    for name, where in (ENCODERS | GENERATORS).items():
        options, source = _options(config, name), READS.get(name, name)
        folder = _checkpoints(config, source)
        published = [*SHARES.get(name, ()), *(part for part in SOURCES if owner(part) == source)]
        weights = TRAINED.get(name) or [f for part in published for f in SOURCES[part].converted]
        files = [f"{folder}/{file}" for file in weights]
        listed = PACKAGES.get(name, "")
        if listed:
            files.append(f"{config['cache']}/{listed}")
        random = options.get("weights") == "random"
        made[name] = Model(
            name,
            where.split(":")[0],
            folder,
            tuple(files),
            f"envs/{listed}.txt" if listed else "",
            f"{name} ({PLUMBING})" if random else name,
        )
    return made


def downloads(config: dict) -> list[Download]:
    """The published files of a config's encoders and generators."""
    made = []
    for name, source in SOURCES.items():
        options, folder = _options(config, owner(name)), _checkpoints(config, owner(name))
        made.append(
            Download(
                name,
                source.module,
                folder,
                tuple(f"{folder}/{file}" for file in source.converted),
                options["checkpoint"],
                options.get("sha256"),
                options.get("weights") == "random",
            )
        )
    return made


def owner(part: str) -> str:
    """The encoder or generator that a file of published weights is a part of."""
    return SOURCES[part].section.rpartition(".")[2] or part


def _options(config: dict, name: str) -> dict:
    return (config["encoders"] | config["generators"])[name]


def _checkpoints(config: dict, name: str) -> str:
    if name in TRAINED:
        return f"{config['results']}/models"
    random = _options(config, name).get("weights") == "random"
    return f"{config['cache']}/checkpoints{'-random' if random else ''}"
