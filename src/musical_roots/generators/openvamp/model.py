"""The network: which token stands at a masked place, given all that are known.

As in VampNet (Flores Garcia et al. 2023, section 3.2), the embeddings of a frame's tokens, one a
codebook, are added up; a transformer without a direction in time reads the frames; each codebook
has a dense layer from the frame to its entries. The transformer is x-transformers' encoder with
rotary positions.
"""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn
from x_transformers import Encoder

from musical_roots.seeding import rng

HEAD_WIDTH = 64


@dataclass(frozen=True)
class Size:
    """Of the network: codebooks, entries a codebook, width (a multiple of 64), layers."""

    codebooks: int
    entries: int
    width: int
    layers: int


class MaskedTransformer(nn.Module):
    """Logits at masked places of tokens [n, codebooks, frames]."""

    def __init__(self, size: Size):
        super().__init__()
        self.size = size
        # one embedding more, for a token that is masked
        self.embeddings = nn.ModuleList(
            nn.Embedding(size.entries + 1, size.width) for _ in range(size.codebooks)
        )
        self.encoder = Encoder(
            dim=size.width,
            depth=size.layers,
            heads=size.width // HEAD_WIDTH,
            attn_dim_head=HEAD_WIDTH,
            rotary_pos_emb=True,
            use_rmsnorm=True,
            attn_flash=True,
        )
        self.classifiers = nn.ModuleList(
            nn.Linear(size.width, size.entries) for _ in range(size.codebooks)
        )

    def forward(self, tokens: torch.Tensor, masked: torch.Tensor) -> list[torch.Tensor]:
        """Logits of each codebook at its masked places, in the order of ``nonzero``.

        What is not masked is known, so nothing is computed for it.

        Parameters
        ----------
        tokens : Tensor, int [n, codebooks, frames]
        masked : Tensor, bool [n, codebooks, frames]

        Returns
        -------
        list of Tensor, float [masked places of the codebook, entries]
        """
        shown = tokens.masked_fill(masked, self.size.entries)
        frames = sum(embed(shown[:, c]) for c, embed in enumerate(self.embeddings))
        frames = self.encoder(frames)
        return [classify(frames[masked[:, c]]) for c, classify in enumerate(self.classifiers)]

    def tensors(self) -> dict[str, np.ndarray]:
        """What a file holds."""
        return {name: value.float().cpu().numpy() for name, value in self.state_dict().items()}


def initialise(model: nn.Module, seed: int) -> None:
    """Weights drawn from the seed, a tensor at a time: normal, of variance 1 / width."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                drawn = rng(seed, "openvamp.weights", name).standard_normal(parameter.shape)
                parameter.copy_(torch.from_numpy(drawn / np.sqrt(parameter.shape[-1])))
            elif name.endswith("bias"):
                parameter.zero_()


def size_of(about: dict) -> Size:
    """The size that `described` wrote down."""
    return Size(**about["size"])


def described(size: Size) -> dict:
    """A size, for a file's metadata."""
    return {"size": asdict(size)}
