"""What every generator promises (`generators/base.py`), over the registry."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import recorded_vampnet
import tiny_openvamp
from recorded_vampnet import real

from musical_roots.audio import rms
from musical_roots.errors import InputError
from musical_roots.generators import base, vampnet
from musical_roots.generators.base import GENERATORS, VampSettings

PROMPTS = [
    tiny_openvamp.music(duration_s, seed, 44_100) for seed, duration_s in enumerate([1, 0.7])
]
SETTINGS = {
    "periodic": VampSettings(periodic_prompt=4, upper_codebook_mask=2, steps=3),
    "inpaint": VampSettings(periodic_prompt=0, prefix_s=0.2, suffix_s=0.1, steps=2),
    "onsets": VampSettings(periodic_prompt=0, onset_mask_width=2, steps=2),
    "compression": VampSettings(periodic_prompt=1, upper_codebook_mask=1, steps=2),
}


# A new generator is added here: how to get a small one, and how to write weights for it by a seed
# into a folder, on which it starts.
MAKERS = {
    "openvamp": (lambda request: tiny_openvamp.load(), tiny_openvamp.save),
    "openvamp_small": (
        lambda request: tiny_openvamp.load("openvamp_small"),
        tiny_openvamp.save_small,
    ),
    "vampnet": (
        lambda request: real(request.getfixturevalue("untrained_vampnet")),
        recorded_vampnet.save,
    ),
    "vampnet_small": (
        lambda request: real(request.getfixturevalue("untrained_vampnet"), "vampnet_small"),
        recorded_vampnet.save_small,
    ),
}


@pytest.fixture(params=GENERATORS)
def makers(request):
    """Name of each generator, and the ways to make it."""
    if request.param not in MAKERS:
        pytest.fail(
            f"{request.param} is in GENERATORS (generators/base.py) and not in MAKERS "
            "(tests/unit/test_generators.py): say there how to get a small one",
            pytrace=False,
        )
    return request.param, *MAKERS[request.param]


@pytest.fixture
def generator(request, makers):
    """Each generator. VampNet needs its package; test_vampnet.py also runs on a recording of it."""
    return makers[1](request)


def vamp(generator, which=(0, 1), settings=SETTINGS["periodic"], seeds=(3, 4)):
    prompts = [PROMPTS[i] for i in which]
    return list(generator.vamp(prompts, settings, [seeds[i] for i in which]))


@pytest.mark.parametrize("name", SETTINGS)
def test_contract(generator, name):
    for prompt, made in zip(PROMPTS, vamp(generator, settings=SETTINGS[name]), strict=True):
        assert made.audio.shape == prompt.shape
        assert made.audio.dtype == np.float32
        assert np.isfinite(made.audio).all()
        assert rms(made.audio) == pytest.approx(rms(prompt), rel=1e-3)
        tokens = generator.tokens(prompt)
        assert made.tokens.shape == made.kept.shape == tokens.shape
        assert made.kept.dtype == bool
        assert np.array_equal(made.tokens[made.kept], tokens[made.kept])
        assert not made.kept.all()
        frames = len(prompt) / generator.sample_rate / generator.frame_s
        assert abs(tokens.shape[1] - frames) <= 1
    upper = SETTINGS[name].upper_codebook_mask
    coarse = slice(upper, 4)  # VampNet keeps the ends of its coarse tokens, whatever is asked
    assert not made.kept[coarse, 1:-1].any()
    assert not made.kept[4:].any() or upper > 4


def test_a_vamp_depends_on_its_own_prompt_and_seed_alone(generator):
    both = vamp(generator)
    for which, other in (((1, 0), both[::-1]), ((1,), both[1:]), ((0, 1), both)):
        for one, two in zip(vamp(generator, which), other, strict=True):
            assert one.audio.tobytes() == two.audio.tobytes()
            assert np.array_equal(one.kept, two.kept)
    assert not np.array_equal(vamp(generator, seeds=(5, 6))[0].tokens, both[0].tokens)


def test_vamps_are_handed_out_one_by_one(generator):
    def prompts():
        yield PROMPTS[0]
        raise RuntimeError("the second prompt is not wanted yet")

    made = generator.vamp(prompts(), SETTINGS["periodic"], iter([1, 2]))
    assert next(made).audio.shape == PROMPTS[0].shape


def test_a_prefix_is_kept_to_the_frame(generator):
    (made,) = vamp(generator, (0,), SETTINGS["inpaint"])
    first = math.ceil(0.2 / generator.frame_s)
    assert made.kept[0, :first].all()
    assert not made.kept[0, first : first + 5].any()


def test_reconstruction_is_as_long_and_as_loud(generator):
    for prompt in PROMPTS:
        for codebooks in (1, 4, 99):
            back = generator.reconstruct(prompt, codebooks)
            assert back.shape == prompt.shape
            assert rms(back) == pytest.approx(rms(prompt), rel=1e-3)
    assert not np.array_equal(generator.reconstruct(prompt, 1), generator.reconstruct(prompt, 4))


def test_name_is_the_key_and_can_be_a_part_of_file_names(makers, generator):
    assert generator.name == makers[0]
    assert re.fullmatch("[a-z0-9_]+", generator.name), "the workflow's wildcards want no other"


def test_the_fingerprint_changes_with_the_weights(makers, tmp_path, monkeypatch):
    name, _, save = makers
    # needs no package: it is of the weights alone
    monkeypatch.setattr(vampnet.VampNet, "_start", lambda *_: None)
    folders = [tmp_path / letter / "weights" for letter in "abc"]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        folder.mkdir(parents=True)
        save(folder, seed)
    one, same, other = (base.load(name, folder).fingerprint for folder in folders)
    assert one == same != other


def test_missing_weights_are_named_with_the_mend(makers, tmp_path):
    with pytest.raises(InputError, match=r"\.safetensors is missing[:;] .*(trains|fetch) it"):
        base.load(makers[0], tmp_path)


def test_an_unknown_generator_is_an_input_error():
    with pytest.raises(InputError, match=r"generator 'vampire' is unknown; there are: openvamp, o"):
        base.load("vampire", Path())


def test_random_weights_are_named_wherever_the_generator_is():
    class Plumbing(type(tiny_openvamp.load())):
        plumbing = True

        def __init__(self):
            pass

    assert Plumbing().label == "openvamp (random weights: plumbing only)"
    assert tiny_openvamp.load().label == "openvamp"
