"""Two packages give the module `faiss`, of a CPU and of a GPU: no environment may hold both."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import faiss
import numpy as np
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def faiss_of(requirements):
    return [name for name in requirements if name.startswith("faiss")]


def asked_by(environment):
    """Which faiss an environment asks for, by its extras and of its own."""
    path = ROOT / "envs" / environment
    (pip,) = [part for part in yaml.safe_load(path.read_text())["dependencies"] if "pip" in part][
        1:
    ]
    (own,) = [line for line in pip["pip"] if ".." in line]
    extras = re.search(r"\[(.*)\]", own)[1].split(",")
    asked = [*PROJECT["dependencies"], *pip["pip"]]
    return faiss_of(asked + [name for extra in extras for name in EXTRAS[extra]])


def test_this_environment_has_one():
    assert len(packages_distributions()["faiss"]) == 1


def test_each_environment_asks_for_one_of_the_same_version():
    assert asked_by("main.yaml") == ["faiss-cpu==1.15.1"]
    assert asked_by("gpu.yaml") == ["faiss-gpu==1.15.1"]
    assert faiss_of(PROJECT["dependencies"]) == []
    lock = (ROOT / "envs/main.lock").read_text()
    assert re.findall(r"^faiss-\w+==\S+", lock, re.MULTILINE) == ["faiss-cpu==1.15.1"]


def test_what_both_packages_have_is_what_is_called():
    """The API path of training and searching lists, on CPU indexes."""
    vectors = np.eye(8, dtype=np.float32)
    lists = faiss.IndexIVFFlat(faiss.IndexFlatL2(8), 8, 2)
    lists.train(vectors)
    lists.add_with_ids(vectors, np.arange(8) + 2**40)
    how = faiss.SearchParametersIVF(nprobe=2, sel=faiss.IDSelectorBatch(np.array([2**40 + 3])))
    _, ids = lists.search(vectors[:1], 1, params=how)
    assert ids.tolist() == [[2**40 + 3]]
