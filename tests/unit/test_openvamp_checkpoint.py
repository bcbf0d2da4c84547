"""An openvamp that was trained before is taken only where its training set is the study's own."""

from dataclasses import replace

import pytest
import tiny_openvamp
from tiny_openvamp import SIZE

from musical_roots.errors import InputError
from musical_roots.generators.openvamp.generator import CODEC, CURVE, NETWORK, check

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


def test_the_codec_counts_as_well(folder):
    tiny_openvamp.trained_codec().save(folder / CODEC, {"trained_on": ["a"]})
    with pytest.raises(InputError, match=f"{CODEC} was trained on 1 tracks"):
        check(folder, SIZE, TRAIN)
