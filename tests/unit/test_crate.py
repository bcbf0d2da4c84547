"""A study's folder is an RO-Crate: what it says is there is there, and what made it is said."""

import json
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from musical_roots.crate import write_crate

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The folder of a small study, and its crate as the library reads it."""
    results = tmp_path_factory.mktemp("study")
    tracks = "track_id,artist,licence\n0a,One,CC0-1.0\n0b,Two,CC0-1.0\n"
    for name, text in {
        "report.html": "<html>",
        "config.json": '{"seed": 7}',
        "tables/claims.csv": "claim\n",
        "figures/bins.svg": "<svg/>",
        "figures/bins.png": "no",
        "pages/claims.html": "<html>",
        "corpus/tracks.csv": tracks,
        "embeddings/mel/train/000.npy": "large",
    }.items():
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # a workflow's files are named from there
        write_crate(
            results / "ro-crate-metadata.json",
            [Path("Snakefile"), Path("workflow/Snakefile")],
            results / "workflow",
            ROOT / "CITATION.cff",
            "snakemake all --cores 2",
        )
    return results, ROCrate(results)


def ids(entities):
    return {entity.id for entity in entities}


def test_what_is_said_to_be_there_is_there(described):
    results, crate = described
    files = {entity.id for entity in crate.data_entities if entity.type != "Dataset"}
    assert all((results / name).is_file() for name in files)
    assert {"report.html", "tables/claims.csv", "figures/bins.svg", "corpus/tracks.csv"} <= files
    assert not any(name.startswith("embeddings") for name in files)
    for entity in crate.data_entities:
        if "contentSize" in entity:
            assert int(entity["contentSize"]) == (results / entity.id).stat().st_size


def test_the_workflow_comes_along_and_is_the_main_entity(described):
    results, crate = described
    assert crate.mainEntity.id == "workflow/Snakefile"
    assert "ComputationalWorkflow" in crate.mainEntity.type
    assert crate.mainEntity["programmingLanguage"]["name"] == "Snakemake"
    for name in ("Snakefile", "workflow/Snakefile"):
        assert (results / "workflow" / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_run_says_what_it_was_made_of_and_what_it_made(described):
    _, crate = described
    (run,) = [entity for entity in crate.contextual_entities if entity.type == "CreateAction"]
    assert run["instrument"].id == crate.mainEntity.id
    assert ids(run["object"]) == {"config.json", "#recordings"}
    assert {"report.html", "tables/claims.csv"} <= ids(run["result"])
    assert "seed 7" in run["name"] and "snakemake all --cores 2" in run["description"]
    recordings = crate.dereference("#recordings")
    assert recordings["name"] == "2 recordings by 2 artists"


def test_it_says_which_profiles_it_follows_and_its_licence(described):
    results, crate = described
    assert ids(crate.root_dataset["conformsTo"]) == {
        f"https://w3id.org/{profile}"
        for profile in ("ro/wfrun/process/0.5", "ro/wfrun/workflow/0.5")
    } | {"https://w3id.org/workflowhub/workflow-ro-crate/1.0"}
    assert crate.root_dataset["license"].id == "https://spdx.org/licenses/MIT"
    assert crate.root_dataset["datePublished"][:2] == "20"
    text = (results / "ro-crate-metadata.json").read_text()
    assert str(results) not in text and json.loads(text)["@context"]
