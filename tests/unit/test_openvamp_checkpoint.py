"""An openvamp that was trained before is taken only where its training set is the study's own."""

import shutil
from dataclasses import replace

import pytest
import tiny_openvamp
from tiny_openvamp import SIZE

from musical_roots.errors import InputError
from musical_roots.generators import base
from musical_roots.generators.openvamp.generator import CODEC, CURVE, NETWORK, check
from musical_roots.weights import checkpoints

TRAIN = {"a", "b", "c"}


@pytest.fixture
def folder(tmp_path):
    tiny_openvamp.save(tmp_path, trained_on=TRAIN)
    (tmp_path / CURVE).write_text("step,train_loss,heldout_loss\n")
    return tmp_path


def test_a_model_of_this_train_split_is_taken(folder):
    check(folder, SIZE, TRAIN)


@pytest.mark.parametrize("file", [CODEC, NETWORK, CURVE])
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
    checkpoints.save(folder / CODEC, tensors, {"version": "mel-rvq-1"})
    with pytest.raises(InputError, match="but mel-rvq-1; train it anew"):
        base.load("openvamp", folder)


def test_a_curve_that_is_none_is_refused(folder):
    (folder / CURVE).write_text("")
    with pytest.raises(InputError, match=f"{CURVE}: not a readable table"):
        check(folder, SIZE, TRAIN)
