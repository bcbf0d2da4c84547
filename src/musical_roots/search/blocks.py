"""Products of queries with a block of the index, and where they reach a level: on a CPU or a GPU.

What comes out is the same: a product only proposes (`exact`), so the last bits of its sums do not
matter, which differ between the two as between any two processors; nor do those that bfloat16
leaves off, which some processors multiply several times as fast as float32.
"""

from collections.abc import Iterator

import numpy as np

from musical_roots import devices
from musical_roots.search.vectors import CANDIDATES

ROWS, ROWS_IN_BF16, ROWS_ON_GPU = 1024, 2048, 65_536  # of the index at once
LARGE = 2**38  # multiplications, 3 s of a core in float32: less is not worth importing torch for
DENSE = 1 / 32  # share of pairs from which on all in float32 cost less than these
QUERIES = 4096  # at once: a block of their products is 17 MB, in bfloat16 60, on a GPU 1 GB


class Host:
    """Products by numpy. A mask or product is of shape [query, row]."""

    rows = ROWS

    def __init__(self, unit: np.ndarray):
        self.unit, self.products = unit, np.empty((len(unit), 0), np.float32)
        self.masks = np.empty((len(unit), 0), bool)

    def product(self, rows: np.ndarray) -> np.ndarray:
        """Of the queries with some rows, float32; its room is used again by the next."""
        return np.matmul(self.unit, rows.T, out=self._room(len(rows)))

    def _room(self, rows: int) -> np.ndarray:
        """For products with so many rows."""
        if self.products.shape[1] < rows:
            self.products = np.empty((len(self.unit), rows), np.float32)
            self.masks = np.empty(self.products.shape, bool)
        return self.products[:, :rows]

    def leave_out(self, product, query: np.ndarray, row: np.ndarray, allowed: np.ndarray) -> None:
        """Set what cannot match to less than any level: pairs, and rows that are not allowed."""
        if len(query):
            product[query, row] = -np.inf
        if not allowed.all():
            product[:, ~allowed] = -np.inf

    def hit(self, product, level: np.ndarray) -> np.ndarray:
        """Queries of which some row is at or above their level: positions, rising."""
        return np.flatnonzero(product.max(axis=1) >= level)

    def of(self, product, query: np.ndarray, level: np.ndarray):
        """The product of some queries, in float32 where it is at or above each one's level."""
        return product if len(query) == len(product) else product[query]

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

    def of(self, product, query: np.ndarray, level: np.ndarray):
        return product if len(query) == len(product) else product[self._there(query)]

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


class Narrow(Host):
    """Products by torch in bfloat16, and in float32 of the few pairs that may reach a level."""

    rows = ROWS_IN_BF16
    # either unit vector may be wrong by 2**-8 of its length, and by that what is kept of their sum
    rounding = np.float32(3.1 * 2.0**-8)

    def __init__(self, unit: np.ndarray):
        import torch

        super().__init__(unit)
        self.torch, self.narrow = torch, torch.from_numpy(unit).bfloat16()
        self.sums = self.narrow.new_empty(0)

    def product(self, rows: np.ndarray):
        """In bfloat16; the rows are needed until the next product."""
        self.block = rows
        if self.sums.shape != (len(self.unit), len(rows)):
            self.sums = self.narrow.new_empty((len(self.unit), len(rows)))
        return self.torch.mm(self.narrow, self.torch.from_numpy(rows).bfloat16().T, out=self.sums)

    def hit(self, product, level: np.ndarray) -> np.ndarray:
        return np.flatnonzero(product.amax(dim=1).float().numpy() >= level - self.rounding)

    def of(self, product, query: np.ndarray, level: np.ndarray):
        """The product of some queries in float32, and -inf where it is surely below the level."""
        some = product if len(query) == len(product) else product[self.torch.from_numpy(query)]
        found = self._room(product.shape[1])[: len(query)]
        self.torch.from_numpy(found).copy_(some)
        maybe = np.flatnonzero(self.reaches(found, level - self.rounding))
        if len(maybe) > DENSE * found.size:
            out = np.isneginf(found)
            np.matmul(self.unit[query], self.block.T, out=found)
            found[out] = -np.inf
            return found
        found.fill(-np.inf)
        for at in range(0, len(maybe), CANDIDATES):
            place, row = np.divmod(maybe[at : at + CANDIDATES], found.shape[1])
            found[place, row] = np.vecdot(self.unit[query[place]], self.block[row])
        return found


def blocks(unit: np.ndarray, device: str | None, against: int = 0) -> Host:
    """What multiplies these queries: on the CPU, if no device of torch is named.

    Parameters
    ----------
    unit : ndarray, float32 [query, dim]
        Of unit length.
    device : str or None
    against : int
        Index rows, if nothing but what reaches a level matters: bfloat16 tells where that may be.
    """
    if device:
        return Gpu(unit, device)
    if unit.size * against >= LARGE and devices.multiplies_bf16():
        return Narrow(unit)
    return Host(unit)
