"""What a config makes of a generator that learned from less, as data."""

from pathlib import Path

import pytest

from musical_roots import config
from musical_roots.errors import InputError
from musical_roots.study import Study

ROOT = Path(__file__).parents[2]


def study(**sections) -> Study:
    return Study(config.load(sections))


@pytest.fixture(scope="module")
def default() -> Study:
    return study()


def test_one_that_learned_from_less_has_its_pairs_prompts_and_null(default):
    assert default.null("openvamp_small") == default.null("openvamp")
    assert default.null("openvamp").name == "control_roundtrip-openvamp"
    encoded = [path for path in default.embeddings() if path.endswith("000.npy")]
    names = {path.split("/")[-2] for path in encoded}
    assert {"vamps-openvamp_small", "prompts-openvamp"} <= names
    assert not {"prompts-openvamp_small", "control_roundtrip-openvamp_small"} & names
    assert list(default.settings("openvamp_small")) == ["paper_time", "periodic"]
    assert len(default.settings("openvamp")) == 4
    codec, network = default.models["openvamp_small"].files
    assert codec == default.models["openvamp"].files[0] and "openvamp_small" in network


def test_where_there_is_no_smaller_model_nothing_of_it_is_made():
    alone = study(generators={"openvamp_small": {"activate": False}})
    assert alone.small() == [] and alone["vamps-openvamp"].indexes == (
        *("train", "train_equal", "control"),
    )
    made = [*alone.tables(), *alone.figures, *alone.pages, *alone.cards]
    assert not [name for name in made if "small" in name]
    assert [name for name in study().tables() if "small_training_set" in name]


def test_a_second_vampnet_has_its_own_models_and_the_codec_of_the_first():
    given = {"vampnet": {"activate": True}}
    given["vampnet_small"] = {"activate": True, "checkpoint": "second"}
    given["openvamp"] = {"activate": False}
    both = study(generators=given)
    files = both.models["vampnet_small"].files
    names = [Path(file).stem for file in files]
    assert names == ["vampnet_codec", "vampnet_small_coarse", "vampnet_small_c2f", "vampnet"]
    assert files[0] == both.models["vampnet"].files[0]
    local = {part.name: part.local for part in both.downloads}
    assert local["vampnet_small_coarse"] == local["vampnet_small_c2f"] == "second"
    assert local["vampnet_codec"] is None
    assert both["vamps-vampnet"].indexes == ("train", "train_equal", "control")  # what it heard: ?
    assert both.small() == [] and both.pair("vampnet") == ["vampnet", "vampnet_small"]
    given["vampnet_small"]["trained_on"] = "listed.csv"
    known = study(generators=given)
    assert known["vamps-vampnet"].indexes[-1] == known["vamps-vampnet_small"].indexes[-1]
    assert known["vamps-vampnet"].indexes[-1] == "train_small"
    assert known.small() == known.small_of("vampnet") == ["results/corpus/small.csv"]
    assert "openvamp_small" not in known.cards
    assert known.small_listed == "listed.csv"
    with pytest.raises(InputError, match="a study has one small training set"):
        study(generators=given | {"openvamp": {"activate": True}})


@pytest.mark.parametrize(
    ("generators", "said"),
    [
        ({"vampnet": {"activate": True}, "vampnet_small": {"activate": True}}, "give checkpoint"),
        (
            {"vampnet_small": {"activate": True, "weights": "random"}},
            "vampnet_small is held against vampnet, which is not active",
        ),
        (
            {
                "vampnet": {"activate": True},
                "vampnet_small": {"activate": True, "weights": "random"},
            },
            "give both the same weights",
        ),
        (
            {"openvamp": {"activate": False}, "openvamp_small": {"activate": True}},
            "openvamp_small is held against openvamp, which is not active",
        ),
        ({"openvamp_small": {"settings": ["nosuch"]}}, r"settings: \['nosuch'\] must be of"),
        ({"openvamp_small": {"share": 1.0}}, "openvamp_small.share: Input should be less than 1"),
    ],
)
def test_what_a_smaller_model_wants_is_said_in_a_line(generators, said):
    with pytest.raises(InputError, match=said) as caught:
        study(generators=generators)
    assert "\n" not in str(caught.value)


def test_a_list_of_a_model_that_takes_no_part_is_not_read():
    """The small training set is then drawn, for openvamp_small."""
    made = study(generators={"vampnet_small": {"trained_on": "listed.csv"}})
    assert made.small_of("openvamp") and made.small_listed is None
