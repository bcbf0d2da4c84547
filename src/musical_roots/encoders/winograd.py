"""Convolutions of 3 x 3 on a CPU, by minimal filtering: a fourth of the plain multiplications.

Winograd (1980), "Arithmetic complexity of computations"; Lavin & Gray (2016), "Fast algorithms for
convolutional neural networks": an output tile of 4 x 4 is a sum over products at 6 x 6 points. The
points 0, +-1/sqrt(2), +-sqrt(2) and infinity keep single precision's rounding small (Barabasz et
al. 2020, "Error analysis and improving the accuracy of Winograd convolution").

Arrays are [n, frames, bands, channels]. Each input goes through products of one shape, so that it
gives the same bits whatever is beside it. But where a kernel is large and tiles are few, those of
some inputs are the rows of one product: libraries sum up each row by itself, and a test looks.
"""

import itertools

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

TILE, TAPS = 4, 3
PATCH = TILE + TAPS - 1
POINTS = np.array([0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5)])
AT_ONCE = 1 << 19  # numbers at those points that stay in a core's cache
TILES = 96  # a product, of some inputs if one has fewer: the kernel is read for all of them


def _matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What input [36, 36], kernel [36, 9] and products [16, 36] are multiplied by (Toom, Cook)."""
    others = [np.delete(POINTS, i) for i in range(len(POINTS))]
    into = np.zeros((PATCH, PATCH))
    for row, roots in zip(into, [*others, POINTS], strict=True):
        row[: len(roots) + 1] = np.poly(roots)[::-1]
    scale = [np.prod(point - rest) for point, rest in zip(POINTS, others, strict=True)]
    kernel = np.vander(POINTS, TAPS, increasing=True) / np.array(scale)[:, None]
    kernel = np.vstack([kernel, np.eye(TAPS)[-1]])
    out = np.vstack([np.vander(POINTS, TILE, increasing=True), np.eye(TILE)[-1]]).T
    return tuple(np.kron(part, part) for part in (into, kernel, out))


INTO, KERNEL, OUT = _matrices()


class Convolution:
    """A convolution of 3 x 3 with zeros around, a bias, ReLU, and a maximum of 2 x 2 if it pools.

    Parameters
    ----------
    kernel : ndarray, float32 [out, in, 3, 3]
    bias : ndarray, float32 [out]
    pool : bool
        Whether each side is halved; what is left over at its end is dropped.
    """

    def __init__(self, kernel: np.ndarray, bias: np.ndarray, pool: bool):
        outputs, inputs = kernel.shape[:2]
        taps = kernel.transpose(2, 3, 1, 0).reshape(TAPS * TAPS, -1)
        self.kernel = (np.float32(KERNEL) @ taps).reshape(-1, inputs, outputs)
        self.into, self.out = np.float32(INTO), np.float32(OUT)
        self.bias, self.pool = bias, pool

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """float32 [n, frames, bands, in] -> [n, frames, bands, out], or half of each side."""
        count, frames, bands, inputs = x.shape
        outputs, left = self.kernel.shape[2], 2 if self.pool else TILE
        rows, columns = -(-frames // TILE), -(-bands // TILE)
        patches = _patches(x, rows, columns)
        made = np.empty((count, rows, left, columns, left, outputs), np.float32)
        together = max(1, TILES // (rows * columns))
        rows_at_once = max(1, AT_ONCE // (PATCH * PATCH * columns * max(inputs, outputs)))
        for one, row in itertools.product(range(0, count, together), range(0, rows, rows_at_once)):
            part = slice(one, one + together), slice(row, row + rows_at_once)
            seen, into = patches[:, :, *part], made[part]
            points = np.empty((PATCH * PATCH, len(into), seen[0, 0, 0].size), np.float32)
            for i in range(len(into)):  # one by one: of one shape
                np.matmul(self.into, seen[:, :, i].reshape(PATCH * PATCH, -1), out=points[:, i])
            products = points.reshape(PATCH * PATCH, -1, inputs) @ self.kernel
            products = products.reshape(PATCH * PATCH, len(into), -1)
            for i in range(len(into)):
                tiles = (self.out @ products[:, i]).reshape(TILE, TILE, -1, columns, outputs)
                if self.pool:
                    tiles = np.maximum(tiles[::2], tiles[1::2])
                    tiles = np.maximum(tiles[:, ::2], tiles[:, 1::2])
                tiles += self.bias
                np.maximum(tiles.transpose(2, 0, 3, 1, 4), 0, out=into[i])
        sides = (frames // 2, bands // 2) if self.pool else (frames, bands)
        whole = made.reshape(count, rows * left, columns * left, outputs)
        return whole[:, : sides[0], : sides[1]]


class FirstConvolution:
    """The same of one channel, plainly and without pooling: float32 [n, frames, bands] as input."""

    def __init__(self, kernel: np.ndarray, bias: np.ndarray):
        self.kernel = np.ascontiguousarray(kernel.reshape(len(kernel), -1).T)
        self.bias = bias

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """[n, frames, bands] -> [n, frames, bands, out]."""
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        windows = sliding_window_view(padded, (TAPS, TAPS), axis=(1, 2)).reshape(x.size, -1)
        made = windows @ self.kernel
        made += self.bias
        return np.maximum(made, 0, out=made).reshape(*x.shape, -1)


def _patches(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Views of overlapping patches of 6 x 6: [6, 6, n, rows, columns, channels]."""
    count, frames, bands, channels = x.shape
    padded = np.zeros((count, TILE * rows + 2, TILE * columns + 2, channels), np.float32)
    padded[:, 1 : frames + 1, 1 : bands + 1] = x
    over, down, right, deep = padded.strides
    return as_strided(
        padded,
        (PATCH, PATCH, count, rows, columns, channels),
        (down, right, over, TILE * down, TILE * right, deep),
        writeable=False,
    )
