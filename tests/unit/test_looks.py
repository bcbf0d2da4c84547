"""Colours: one an encoder, others for sources, told apart with any colour vision."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from musical_roots.figures import looks

# Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", IEEE TVCG 2009: severity 1.0, of linear RGB.
VISION = {
    "all cones": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
ENCODERS = {name: look["color"] for name, look in looks.LOOKS.items()}
SOURCES = [looks.TRAIN, looks.CONTROL, looks.HELD_OUT, looks.UNKNOWN]


def seen(color, vision):
    """CIE L*a*b* of a colour as it is seen."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(np.array(VISION[vision]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(one, other, vision):
    return np.linalg.norm(seen(one, vision) - seen(other, vision))


def test_what_simulates_vision_confuses_what_is_confused():
    """Red and green of one lightness, which are far apart with all cones."""
    assert apart("#B06000", "#608000", "all cones") > 50
    assert apart("#B06000", "#608000", "no green cones") < 15
    assert apart("#000000", "#FFFFFF", "no blue cones") == pytest.approx(100, abs=1)


@pytest.mark.parametrize("vision", VISION)
def test_encoders_and_sources_are_told_apart(vision):
    encoders = sorted(set(ENCODERS.values()))
    least = min(apart(*pair, vision) for pair in combinations(encoders, 2))
    assert least > 9, "encoders"  # 2 can just be told side by side
    assert min(apart(*pair, vision) for pair in combinations(SOURCES, 2)) > 18
    assert min(apart(one, other, vision) for one in encoders for other in SOURCES) > 12


def test_encoders_of_one_colour_have_other_markers_and_dashes():
    for one, other in combinations(looks.LOOKS, 2):
        if ENCODERS[one] == ENCODERS[other]:
            mine, its = looks.LOOKS[one], looks.LOOKS[other]
            assert mine["marker"] != its["marker"], (one, other)
            assert mine.get("linestyle") != its.get("linestyle"), (one, other)


@pytest.mark.parametrize("vision", VISION)
def test_shades_go_from_dark_to_light(vision):
    lightness = [seen(color, vision)[0] for color in looks.shades(5)]
    assert (np.diff(lightness) > 8).all()


def test_a_headline_keeps_a_number_and_its_unit_on_a_line_and_its_looks():
    figure = Figure(figsize=(2, 2))
    looks.headline(figure, "as many as forty-five 45 % of them", color="#B00020")
    looks.add_line(figure, "vampnet (random weights: plumbing only)")
    lines = figure.get_suptitle().split("\n")
    assert any("45\u00a0%" in line for line in lines)
    assert lines[-1] == "vampnet (random weights: plumbing only)"  # as it is, whatever its width
    (text,) = figure.texts
    assert text.get_color() == "#B00020" and text.get_fontweight() == "bold"


def test_numbers_in_words():
    assert looks.each({"mfcc": 0.451, "random": 0.6}) == "the untrained control 60 %, MFCC 45 %"
    assert looks.span(np.array([0.03, 0.031])) == "3 %"
    assert looks.span(np.array([0.2, 0.9]), "{:.2f}") == "0.20 to 0.90"
    assert looks.trained(["random (random weights)", "mel"]) == ["mel"]
    assert looks.trained(["random"]) == ["random"]
    assert looks.short("clap (random weights)") == "CLAP (random weights)"
    assert looks.title("mine (random weights)") == "mine (random weights)"
    assert looks.look("mine")["color"] not in ENCODERS.values()
