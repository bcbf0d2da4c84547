"""The folder of a study as an RO-Crate: what is in it, made of what, by what.

By the profile Workflow Run Crate: the workflow is the main entity, a run of it the action, the
config and the recordings' credits what it was made of. Nothing is fetched.

References
----------
Soiland-Reyes et al., "Packaging research artefacts with RO-Crate", Data Science 2022; Leo et al.,
"Recording provenance of workflow runs with RO-Crate", PLOS ONE 2024.
"""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from musical_roots import provenance
from musical_roots.arrays import read_json, write_json
from musical_roots.atomic import atomic_folder
from musical_roots.tables import read_table

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
# What of a study's folder is described file by file, and as what.
KINDS = {
    "report.html": ("the report", "text/html"),
    "checks.txt": ("what the tests of the results found", "text/plain"),
    "tables/*.csv": ("results table", "text/csv"),
    "figures/*.svg": ("figure", "image/svg+xml"),
    "pages/*.html": ("page of the report", "text/html"),
    "notebooks/*.html": ("notebook, executed", "text/html"),
    "models/*.md": ("card of a model", "text/markdown"),
    "models/*.safetensors": ("weights of a model", "application/octet-stream"),
    "corpus/rejected.csv": ("recordings that were left out, and why", "text/csv"),
    "corpus/tracks.csv": ("recordings, with credit and licence of each", "text/csv"),
}
MADE_OF = {"config.json": ("the config, with every default", "application/json")}


def write_crate(
    out: Path, workflow: Iterable[Path], copied: Path, citation: Path, command: str
) -> None:
    """Describe the folder that `out` lies in, and put a copy of the workflow beside it.

    Parameters
    ----------
    out : Path
        ro-crate-metadata.json, in the folder of a study.
    workflow : iterable of Path
        Its files, the one that is run first.
    copied : Path
        Folder for them, in that of the study.
    citation : Path
        CITATION.cff, which says name, version and licence.
    command : str
        What a person types to make the study.
    """
    with atomic_folder(copied) as folder:
        for path in workflow:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / path)
    main, *parts = [copied / path for path in workflow]
    about = yaml.safe_load(citation.read_text(encoding="utf-8"))
    crate = _crate(out.parent, main, parts, about, command)
    write_json(crate.metadata.generate(), out)


def _crate(results: Path, main: Path, parts: list[Path], about: dict, command: str):
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.name = f"A run of {about['title']}"
    crate.description = (
        "Tables, figures, pages and report of one study, with its config, the credits of its"
        " recordings, and the workflow that made it. The recordings themselves are not in it."
    )

    def add(identifier: str, kind: str, **properties):
        entity = crate.add(ContextEntity(crate, identifier, properties={"@type": kind}))
        for name, value in properties.items():
            entity[name] = value
        return entity

    crate.root_dataset["license"] = add(
        f"https://spdx.org/licenses/{about['license']}",
        "CreativeWork",
        name=f"{about['license']}; of what is made from recordings, theirs: corpus/tracks.csv",
    )
    crate.root_dataset["conformsTo"] = [
        add(profile, "CreativeWork", name=name, version=profile.rpartition("/")[2])
        for profile, name in PROFILES.items()
    ]

    def described(path: Path, name: str, encoding: str):
        told = {"name": name, "encodingFormat": encoding, "contentSize": str(path.stat().st_size)}
        return crate.add_file(path, path.relative_to(results).as_posix(), properties=told)

    def found(kinds: dict) -> list:
        return [
            described(path, f"{what}: {path.stem}" if "*" in pattern else what, encoding)
            for pattern, (what, encoding) in kinds.items()
            for path in sorted(results.glob(pattern))
        ]

    made, made_of = found(KINDS), found(MADE_OF)
    program = crate.add_workflow(
        main, main.relative_to(results).as_posix(), main=True, lang="snakemake"
    )
    program["name"], program["version"] = about["title"], about["version"]
    program["hasPart"] = [described(path, "part of the workflow", "text/plain") for path in parts]
    crate.root_dataset["mentions"] = _run(results, add, program, made_of, made, command)
    crate.root_dataset["datePublished"] = crate.root_dataset["mentions"]["endTime"]
    return crate


def _run(results: Path, add, program, made_of: list, made: list, command: str):
    """The action: the run, by a machine; who typed the command is not written down."""
    config, machine = read_json(results / "config.json"), provenance.environment()
    ended = datetime.fromtimestamp((results / "report.html").stat().st_mtime, UTC)
    tracks = read_table(results / "corpus/tracks.csv")
    recordings = add(
        "#recordings",
        "CreativeWork",
        name=f"{len(tracks)} recordings by {tracks.artist.nunique()} artists",
        description="Title, artist, licence, credit and SHA-256 of each: corpus/tracks.csv",
    )
    return add(
        "#run",
        "CreateAction",
        name=f"A run with seed {config['seed']}",
        description=f"{command} ({', '.join(f'{what} {it}' for what, it in machine.items())})",
        instrument=program,
        object=[*made_of, recordings],
        result=made,
        endTime=ended.isoformat(timespec="seconds"),
    )
