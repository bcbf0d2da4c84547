"""Convolutions by minimal filtering against plain ones."""

import numpy as np
import pytest
import torch

from musical_roots.encoders.winograd import Convolution, FirstConvolution

SHAPES = [(100, 96, 8, 16), (33, 24, 64, 32), (7, 5, 3, 4), (12, 12, 16, 8), (2, 3, 2, 2)]


def plain(x, kernel, bias, pool):
    """The same by torch, in double precision."""
    image = torch.from_numpy(np.float64(x)).permute(0, 3, 1, 2)
    made = torch.conv2d(image, torch.from_numpy(np.float64(kernel)), padding=1)
    made = (made + torch.from_numpy(np.float64(bias))[:, None, None]).relu()
    made = torch.max_pool2d(made, 2) if pool else made
    return made.permute(0, 2, 3, 1).numpy()


def drawn(frames, bands, inputs, outputs, count=1):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((count, frames, bands, inputs)).astype("f4")
    kernel = rng.standard_normal((outputs, inputs, 3, 3)).astype("f4") / np.float32(3 * inputs**0.5)
    return x, kernel, rng.standard_normal(outputs).astype("f4")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_it_is_the_plain_convolution(shape, pool, count):
    x, kernel, bias = drawn(*shape, count)
    wanted = plain(x, kernel, bias, pool)
    made = Convolution(kernel, bias, pool)(x)
    assert made.dtype == np.float32 and made.shape == wanted.shape
    np.testing.assert_allclose(made, wanted, atol=2e-5)


def test_the_first_one_has_one_channel():
    x, kernel, bias = drawn(20, 12, 1, 8)
    wanted = plain(x, kernel, bias, pool=False)
    np.testing.assert_allclose(FirstConvolution(kernel, bias)(x[..., 0]), wanted, atol=1e-5)


def test_the_same_input_gives_the_same_bits():
    x, kernel, bias = drawn(50, 48, 16, 32)
    convolution = Convolution(kernel, bias, pool=True)
    once = convolution(x)
    np.testing.assert_array_equal(convolution(x.copy()), once)
    assert np.abs(convolution(x[:, :-1])[:, :20] - once[:, :20]).max() < 1e-5


@pytest.mark.parametrize("shape", [(16, 12, 256, 512), (16, 12, 512, 512)])
def test_what_is_beside_it_changes_no_bit(shape):
    x, kernel, bias = drawn(*shape, count=18)
    convolution = Convolution(kernel, bias, pool=False)
    alone = np.concatenate([convolution(one) for one in np.split(x, len(x))])
    for count in range(2, len(x) + 1):
        np.testing.assert_array_equal(convolution(x[:count]), alone[:count])


def test_a_tile_sees_no_farther_than_its_taps():
    x, kernel, bias = drawn(40, 24, 4, 4)
    far = x.copy()
    far[:, 20:] = 0
    near, away = (Convolution(kernel, bias, False)(part) for part in (x, far))
    apart = np.abs(near - away).max(axis=(0, 2, 3))
    assert apart[:19].max() < 1e-5 < apart[19]
