"""An openvamp that was trained before is taken only where its training set is the study's own."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from click.testing import CliRunner
from tiny_openvamp import SIZE

from musical_roots import cli, config
from musical_roots.errors import InputError
from musical_roots.generators import base
from musical_roots.generators.openvamp import model, training
from musical_roots.generators.openvamp.generator import CODEC, NETWORK, check
from musical_roots.weights import files

ROOT = Path(__file__).parents[2]
TRAIN = {"a", "b", "c"}
CURVE = "openvamp_training.csv"


@pytest.fixture
def folder(tmp_path):
    tiny_openvamp.save(tmp_path, trained_on=TRAIN)
    (tmp_path / CURVE).write_text("step,train_loss,control_loss\n")
    return tmp_path


def test_a_model_of_this_train_split_is_taken(folder):
    check(folder, SIZE, TRAIN)


def test_a_file_says_how_it_was_trained_and_on_what(tmp_path):
    codec, draws = tiny_openvamp.trained_codec(), np.random.default_rng(0)
    tokens = {
        track: draws.integers(SIZE.entries, size=(SIZE.codebooks, 260)) for track in sorted(TRAIN)
    }
    how = {"steps": 2, "batch": 1, "precision": "fp32"}
    size, told = {"width": SIZE.width, "layers": SIZE.layers}, []
    out = tmp_path / NETWORK
    curve = training.train_file(
        out,
        tokens,
        {},
        codec,
        seed=3,
        device="cpu",
        shipped=None,
        progress=told.append,
        **size,
        **how,
    )
    codec.save(tmp_path / CODEC, {"trained_on": sorted(TRAIN)})
    check(tmp_path, SIZE, TRAIN)
    about = files.about_of(out)
    assert about["source"] == "trained here, seed 3" and about["trained_on"] == sorted(TRAIN)
    assert {key: about[key] for key in how} == how and about["codec"] == codec.digest()
    assert curve.step.tolist() == [2, 2] and told == [1, 1]


@pytest.mark.parametrize("file", [CODEC, NETWORK])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(InputError, match=rf"{file} is missing; mend generators.openvamp.check"):
        check(folder, SIZE, TRAIN)


def test_another_size_is_refused(folder):
    with pytest.raises(InputError, match=r"holds Size\(.*layers=1\), the config says .*layers=2"):
        check(folder, replace(SIZE, layers=2), TRAIN)


@pytest.mark.parametrize(
    ("train", "not_in"), [({"a", "b"}, 1), ({"a", "b", "c", "d"}, 0), ({"d"}, 3)]
)
def test_another_training_set_is_refused_be_it_smaller_or_larger(folder, train, not_in):
    said = f"on 3 tracks, of which {not_in} are not in this train split of {len(train)}; "
    with pytest.raises(InputError, match=said):
        check(folder, SIZE, train)


def test_codec_and_network_of_two_trainings_are_refused(folder):
    codec = tiny_openvamp.trained_codec()
    replace(codec, codebooks=codec.codebooks + 1).save(folder / CODEC, {})
    with pytest.raises(InputError, match=f"{NETWORK} was trained on tokens of another codec"):
        check(folder, SIZE, TRAIN)
    with pytest.raises(InputError, match=f"{NETWORK} was trained on tokens of another codec"):
        base.load("openvamp", folder)


def test_files_in_each_others_place_and_old_codecs_are_named(folder):
    network = (folder / NETWORK).read_bytes()
    shutil.copy(folder / CODEC, folder / NETWORK)
    with pytest.raises(InputError, match=f"{NETWORK} holds no network of openvamp"):
        check(folder, SIZE, TRAIN)
    (folder / CODEC).write_bytes(network)
    with pytest.raises(InputError, match=f"{CODEC} is no codec of version mel-rvq"):
        base.load("openvamp", folder)
    tensors = tiny_openvamp.trained_codec().tensors()
    files.save(folder / CODEC, tensors, {"version": "mel-rvq-1"})
    with pytest.raises(InputError, match="but mel-rvq-1; train it anew"):
        base.load("openvamp", folder)


def test_the_stage_takes_all_three_files_or_says_what_is_wrong(folder):
    tracks = folder / "tracks.csv"
    tracks.write_text("track_id,split\na,train\nb,train\nc,train\nd,control\n")
    made = [folder / "made" / file for file in (CODEC, NETWORK, CURVE)]
    made[0].parent.mkdir()
    words = ["generate", "take-openvamp", "--folder", folder, "--tracks", tracks]
    for flag, value in [("codebooks", 4), ("entries", 64), ("width", 64), ("layers", 1)]:
        words += [f"--{flag}", value]
    for flag, path in zip(["codec-out", "weights-out", "curve-out"], made, strict=True):
        words += [f"--{flag}", path]
    words = [str(word) for word in words]
    assert CliRunner().invoke(cli.stages, words).exit_code == 0
    assert [path.read_bytes() for path in made] == [
        (folder / path.name).read_bytes() for path in made
    ]
    (folder / CURVE).write_text("")
    with pytest.raises(InputError, match=f"{CURVE}: not a readable table"):
        CliRunner().invoke(cli.stages, words, catch_exceptions=False)


def test_the_shipped_weights_are_those_that_their_overlay_and_card_speak_of():
    overlays = [ROOT / "config/large.yaml", ROOT / "models/openvamp-large/use.yaml"]
    options = config.read([ROOT / "config/config.yaml", *overlays])
    options = options["generators"]["openvamp"]
    folder = ROOT / options["checkpoint"]
    network, about = model.load(folder / NETWORK)
    size = model.Size(*(options[key] for key in ("codebooks", "entries", "width", "layers")))
    check(folder, size, set(about["trained_on"]))
    assert (about["steps"], about["batch"]) == (options["steps"], options["batch"])
    assert len(pd.read_csv(folder / CURVE)) > 10
    card = (folder / "README.md").read_text()
    assert f"{sum(value.numel() for value in network.parameters())}" in card
    assert card.count("\n- ") == len(about["trained_on"]), "each recording is credited"
