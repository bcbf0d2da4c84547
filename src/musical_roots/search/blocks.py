"""Products of queries with a block of the index, and where they reach a level: on a CPU or a GPU.

What comes out is the same: a float32 product only proposes (`exact`), so the last bits of its sums
do not matter, which differ between the two as between any two processors.
"""

from collections.abc import Iterator

import numpy as np

from musical_roots.search.vectors import CANDIDATES

ROWS, ROWS_ON_GPU = 1024, 65_536  # of the index at once
QUERIES = 4096  # at once: a block of their products is 17 MB, on a GPU 1 GB


class Host:
    """Products by numpy. A mask or product is of shape [query, row]."""

    rows = ROWS

    def __init__(self, unit: np.ndarray):
        self.unit, self.products = unit, np.empty((len(unit), 0), np.float32)
        self.masks = np.empty((len(unit), 0), bool)

    def product(self, rows: np.ndarray) -> np.ndarray:
        """Of the queries with some rows, float32; its room is used again by the next."""
        if self.products.shape[1] < len(rows):
            self.products = np.empty((len(self.unit), len(rows)), np.float32)
            self.masks = np.empty(self.products.shape, bool)
        return np.matmul(self.unit, rows.T, out=self.products[:, : len(rows)])

    def leave_out(self, product, query: np.ndarray, row: np.ndarray, allowed: np.ndarray) -> None:
        """Set what cannot match to less than any level: pairs, and rows that are not allowed."""
        product[query, row] = -np.inf
        product[:, ~allowed] = -np.inf

    def hit(self, product, level: np.ndarray) -> np.ndarray:
        """Queries of which some row is at or above their level: positions, rising."""
        return np.flatnonzero(product.max(axis=1) >= level)

    def of(self, product, query: np.ndarray):
        """The product of some queries."""
        return product[query]

    def reaches(self, product, level: np.ndarray):
        """Where it is at or above each query's level: a mask; the next one uses its room again."""
        room = self.masks[: len(product), : product.shape[1]]
        return np.greater_equal(product, level[:, None], out=room)

    def passes(self, product, level: np.ndarray):
        """Where it is above each query's level: a mask."""
        return product > level[:, None]

    def count(self, mask) -> np.ndarray:
        """How many rows of each query a mask holds: int64 [query]."""
        return np.array([np.count_nonzero(line) for line in mask], np.int64)

    def total(self, mask) -> int:
        """How many places a mask holds."""
        return np.count_nonzero(mask)

    def kth(self, product, k: int) -> np.ndarray:
        """Each query's k-th largest: float32 [query]."""
        return np.partition(product, -k, axis=1)[:, -k]

    def places(self, mask) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Where the mask is true, some at a time: (query, row)."""
        flat = self._flat(mask)
        for at in range(0, len(flat), CANDIDATES):
            yield np.divmod(flat[at : at + CANDIDATES], mask.shape[1])

    def values(self, product, query: np.ndarray, row: np.ndarray) -> np.ndarray:
        """The product at some places: float32."""
        return product[query, row]

    def _flat(self, mask) -> np.ndarray:
        return np.flatnonzero(mask)


class Gpu(Host):
    """The same by torch, on one of its devices."""

    rows = ROWS_ON_GPU

    def __init__(self, unit: np.ndarray, device: str):
        import torch

        self.torch, self.device = torch, device
        self.unit = self._there(unit)

    def _there(self, array: np.ndarray):
        return self.torch.as_tensor(array, device=self.device)

    def product(self, rows: np.ndarray):
        return self.unit @ self._there(rows).T

    def leave_out(self, product, query: np.ndarray, row: np.ndarray, allowed: np.ndarray) -> None:
        product[self._there(query), self._there(row)] = -np.inf
        product[:, self._there(~allowed)] = -np.inf

    def hit(self, product, level: np.ndarray) -> np.ndarray:
        return self._flat(product.amax(dim=1) >= self._there(level))

    def of(self, product, query: np.ndarray):
        return product[self._there(query)]

    def reaches(self, product, level: np.ndarray):
        return product >= self._there(level)[:, None]

    def passes(self, product, level: np.ndarray):
        return product > self._there(level)[:, None]

    def count(self, mask) -> np.ndarray:
        return mask.sum(dim=1).cpu().numpy()

    def total(self, mask) -> int:
        return int(mask.sum())

    def kth(self, product, k: int) -> np.ndarray:
        return product.topk(k, dim=1).values[:, -1].cpu().numpy()

    def values(self, product, query: np.ndarray, row: np.ndarray) -> np.ndarray:
        return product[self._there(query), self._there(row)].cpu().numpy()

    def _flat(self, mask) -> np.ndarray:
        return mask.flatten().nonzero()[:, 0].cpu().numpy()


def blocks(unit: np.ndarray, device: str | None) -> Host:
    """What multiplies these queries: numpy, if no device of torch is named."""
    return Gpu(unit, device) if device else Host(unit)
