"""VampNet's published files, on their way to its worker."""

import json
import logging
import pickle

import numpy as np
import pytest
import torch
from recorded_vampnet import PROMPTS, SETTINGS, equal, real, recording
from safetensors.numpy import load_file

from musical_roots.errors import InputError
from musical_roots.generators import vampnet
from musical_roots.generators.base import load
from musical_roots.weights import checkpoints as weights
from musical_roots.weights import files
from musical_roots.weights.formats import vampnet as layout
from musical_roots.weights.manifest import SOURCES

LICENCE = "CC BY-NC-SA 4.0"
FILES = {name: SOURCES[name].file for name in vampnet.WEIGHTS}


@pytest.fixture
def published(tmp_path):
    """Writes a random published file, its content changed by `edit`."""

    def published(name, edit=lambda content: content["metadata"].pop("name")):
        path = tmp_path / FILES[name]
        layout.write_random(path, 1, name)
        content = torch.load(path, weights_only=True)
        edit(content)
        torch.save(content, path)
        return path

    return published


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_tensors_and_arguments_are_converted_as_they_were(published, tmp_path, name):
    path = published(name, lambda content: content["metadata"].update(name="best", epoch=7))
    (file,) = weights.fetch(name, tmp_path / "checkpoints", path)
    tensors = load_file(file)
    kwargs = json.loads(bytes(tensors.pop(layout.KWARGS)))
    content = torch.load(path, weights_only=True)
    assert kwargs == content["metadata"]["kwargs"]
    assert tensors.keys() == content["state_dict"].keys()
    for key, tensor in content["state_dict"].items():
        np.testing.assert_array_equal(tensors[key], tensor.numpy())
    assert not files.is_random(file)


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_the_fingerprint_changes_with_each_weight_and_argument(beside_vampnet, tmp_path, name):
    folder = beside_vampnet('print(\'{"sample_rate": 44100, "hop": 768}\', flush=True)')
    tensors_of = {path.name: load_file(path) for path in folder.iterdir()}
    folder.unlink()

    def fingerprint(change):
        for file, tensors in tensors_of.items():
            changed = {key: np.array(tensor) for key, tensor in tensors.items()}
            if file.startswith(name) and change:
                changed[change].flat[-3] += 1
            files.save(folder / file, changed, {"source": "tests"})
        generator = load("vampnet", folder)
        assert not generator.plumbing
        return generator.fingerprint

    bias = next(key for key in tensors_of[f"{name}.safetensors"] if key.endswith(".bias"))
    said = [fingerprint(change) for change in (None, bias, layout.KWARGS, None)]
    assert len(set(said)) == 3 and said[0] == said[3]


@pytest.mark.parametrize(
    "name, edit, complaint",
    [
        ("vampnet_codec", lambda c: c.pop("metadata"), "holds no state_dict, or no metadata"),
        ("vampnet_codec", lambda c: c["metadata"].pop("kwargs"), "no metadata with kwargs"),
        ("vampnet_coarse", lambda c: c.pop("state_dict"), "holds no state_dict"),
        ("vampnet_c2f", lambda c: c["state_dict"].update(more=3), "its 'more' is not a tensor"),
        ("vampnet_codec", lambda c: c["state_dict"].clear(), "is not the codec"),
        ("vampnet_coarse", lambda c: c["state_dict"].clear(), "is not the coarse model"),
        (
            "vampnet_c2f",
            lambda c: c["metadata"]["kwargs"].update(rates=torch.zeros(1)),
            "Tensor is not JSON serializable",
        ),
    ],
)
def test_a_file_that_is_laid_out_otherwise_is_refused(published, tmp_path, name, edit, complaint):
    with pytest.raises(InputError) as error:
        weights.fetch(name, tmp_path / "checkpoints", published(name, edit))
    line = str(error.value)
    assert f"{FILES[name]} cannot be converted: " in line and complaint in line
    assert "or mend generators.vampnet.checkpoint" in line
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
@pytest.mark.parametrize("other", vampnet.WEIGHTS)
def test_one_model_is_not_taken_for_another(published, tmp_path, name, other):
    path = published(other)
    if name == other:
        assert weights.fetch(name, tmp_path / "checkpoints", path)
    else:
        with pytest.raises(InputError, match=f"{FILES[other]} cannot be converted: it is not the"):
            weights.fetch(name, tmp_path / "checkpoints", path)


class Hostile:
    """Writes a file when it is unpickled by anything that runs what it reads."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("where", ["tensors", "kwargs", "elsewhere"])
def test_nothing_in_a_hostile_file_is_run(published, tmp_path, where):
    hostile = Hostile(tmp_path / "marker")

    def edit(content):
        place = {"tensors": content["state_dict"], "kwargs": content["metadata"]["kwargs"]}
        place.get(where, content)["hostile"] = hostile

    path = published("vampnet_coarse", edit)
    if where == "elsewhere":  # it is passed over
        weights.fetch("vampnet_coarse", tmp_path / "checkpoints", path)
    else:
        with pytest.raises(InputError, match=r"coarse\.pth cannot be converted: "):
            weights.fetch("vampnet_coarse", tmp_path / "checkpoints", path)
    assert not hostile.marker.exists()
    pickle.loads(pickle.dumps(hostile)).close()
    assert hostile.marker.exists(), "it would have been noticed"


def test_the_licence_is_shown_before_the_file_is_used(published, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "musical_roots")
    seen = []

    def convert(path, name):
        seen.append(caplog.text)
        return iter(())

    monkeypatch.setattr(layout, "convert", convert)
    with pytest.raises(InputError):
        weights.fetch("vampnet_codec", tmp_path / "checkpoints", published("vampnet_codec"))
    assert LICENCE in seen[0] and "arXiv:2307.04686" in seen[0]


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_random_weights_repeat_to_the_bit_and_change_with_the_seed(tmp_path, name):
    paths = [tmp_path / f"{i}.pth" for i in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        layout.write_random(path, seed, name)
    one, same, other = (path.read_bytes() for path in paths)
    assert one == same != other


@pytest.mark.parametrize("part", ["coarse", "c2f"])
def test_a_second_vampnet_is_taken_from_its_own_folder_alone(published, tmp_path, part):
    name, folder = f"vampnet_small_{part}", tmp_path / "checkpoints"
    published(f"vampnet_{part}")  # laid out alike: coarse.pth, c2f.pth
    (file,) = weights.fetch(name, folder, tmp_path)
    assert file.name == f"{name}.safetensors" and not files.is_random(file)
    assert files.about_of(file)["source"] == "your own training"
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / f"{part}.pth").write_bytes((tmp_path / f"{part}.pth").read_bytes())
    with pytest.raises(InputError, match=r"published nowhere; .* generators.vampnet_small.check"):
        weights.fetch(name, folder)  # the first one's file lies there, by the same name
    with pytest.raises(InputError, match=rf"{part}\.pth of your own training.*vampnet_small.check"):
        weights.fetch(name, folder, tmp_path / "nowhere")


def test_a_second_vampnets_random_weights_are_other_ones(tmp_path):
    for part in ("coarse", "c2f"):
        one, two = (
            load_file(weights.fetch_random(f"vampnet_{kind}{part}", tmp_path, 1)[0])
            for kind in ("", "small_")
        )
        assert one.keys() == two.keys()
        key = "embedding.out_proj.weight"
        assert not np.array_equal(one[key], two[key])


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_missing_and_damaged_weights_say_how_to_get_them(beside_vampnet, untrained_vampnet, name):
    folder = beside_vampnet()
    folder.unlink()
    folder.mkdir()
    for path in untrained_vampnet.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    path = folder / f"{name}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=rf"{name}\.safetensors is damaged .*fetch it again"):
        load("vampnet", folder)
    path.unlink()
    with pytest.raises(InputError, match=rf"{name}\.safetensors is missing; .*--name {name} "):
        load("vampnet", folder)


def test_weights_that_do_not_fit_stop_the_worker(untrained_vampnet, tmp_path):
    real(untrained_vampnet)
    (tmp_path / "vampnet").symlink_to(recording.PACKAGES)
    for path in untrained_vampnet.iterdir():
        tensors = load_file(path)
        if path.stem == "vampnet_c2f":
            del tensors["transformer.norm.weight"]
        files.save(tmp_path / "checkpoints" / path.name, tensors, {"source": "tests"})
    with pytest.raises(InputError, match=r"do not fit: VampNet lacks transformer\.norm\.weight"):
        load("vampnet", tmp_path / "checkpoints")


def test_untrained_adapters_may_be_left_out_and_only_answers_are_said(untrained_vampnet, tmp_path):
    real(untrained_vampnet)
    (tmp_path / "vampnet").symlink_to(recording.PACKAGES)
    for path in untrained_vampnet.iterdir():
        tensors = {key: t for key, t in load_file(path).items() if ".lora_" not in key}
        files.save(tmp_path / "checkpoints" / path.name, tensors, {"source": "tests"})
    generator = load("vampnet", tmp_path / "checkpoints")
    one, other = (
        next(generator.vamp([PROMPTS["bursts"]], SETTINGS["onsets"], [1])) for _ in range(2)
    )
    assert equal(one, other)
    # VampNet prints the onsets that it finds
    generator._process.stdin.close()
    assert generator._process.stdout.read() == ""
