"""The search for tokens: which entries of a residual quantiser's codebooks add up to a frame.

In double precision, so that the same audio gives the same tokens on any processor: in float32 one
frame in some hundred is so near a tie that the order of a sum decides. (faiss searches in float32.)

References
----------
Babenko and Lempitsky (2014), "Additive quantization for extreme vector compression" (beam search
by tables of the entries' products).
"""

import numpy as np
import torch
from torch.nn import functional

from musical_roots.errors import InputError

BEAM = 4
PART = 512  # frames at a time: some 20 MB


class Search:
    """A beam search, codebook by codebook: faiss's ``ResidualQuantizer`` does the same.

    Parameters
    ----------
    codebooks : ndarray, float [codebooks, entries, width]
        Coarsest first.
    """

    def __init__(self, codebooks: np.ndarray):
        entries = torch.from_numpy(codebooks).double()
        self.count, self.entries, _ = entries.shape
        self.flat = entries.flatten(0, 1)
        self.norms = entries.square().sum(dim=2).flatten()
        products = (2 * self.flat @ self.flat.T).split(self.entries, dim=1)
        # what an entry costs more beside each entry of the codebooks before
        self.beside = [part[: i * self.entries].contiguous() for i, part in enumerate(products)]
        self.first = torch.arange(self.count) * self.entries

    @torch.inference_mode()
    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Tokens of frames: float [frames, width] -> int64 [codebooks, frames].

        Raises
        ------
        InputError
            If a frame is not finite: NaN is as near to one entry as to another.
        """
        bad = np.count_nonzero(~np.isfinite(frames).all(axis=1))
        if bad:
            raise InputError(
                f"audio: {bad} of {len(frames)} frames are not finite; mend its NaN or infinite "
                "samples, or leave it out"
            )
        parts = torch.from_numpy(frames).double().split(PART)
        return torch.cat([self._part(part) for part in parts]).T.numpy()

    def _part(self, frames: torch.Tensor) -> torch.Tensor:
        """Tokens [frames, codebooks]. A cost is a squared distance less the frame's own square."""
        alone = torch.addmm(self.norms, frames, self.flat.T, alpha=-2)
        alone = alone.view(len(frames), self.count, 1, self.entries)
        cost, tokens = alone.new_zeros(len(frames), 1), self.first.new_zeros(len(frames), 1, 0)
        for i in range(self.count):
            costs = alone[:, i]
            if i:
                before = (tokens + self.first[:i]).flatten(0, 1)
                beside = functional.embedding_bag(before, self.beside[i], mode="sum")
                costs = beside.view(*cost.shape, self.entries).add_(costs)
            costs = costs.add_(cost[:, :, None]).flatten(1)
            cost, best = costs.topk(min(BEAM, costs.shape[1]), largest=False)
            way, token = best[:, :, None] // self.entries, best[:, :, None] % self.entries
            tokens = torch.cat([tokens.gather(1, way.expand(-1, -1, i)), token], dim=2)
        return tokens[:, 0]
