"""The network: which token stands at a masked place, given all that are known.

As in VampNet (Flores Garcia et al. 2023, section 3.2), the embeddings of a frame's tokens, one a
codebook, are added up; a transformer without a direction in time reads the frames; each codebook
has a dense layer from the frame to its entries.
"""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from musical_roots.errors import InputError
from musical_roots.seeding import rng
from musical_roots.weights import files

HEAD_WIDTH = 64
ALL = slice(None)


@dataclass(frozen=True)
class Size:
    """Of the network: codebooks, entries a codebook, width (a multiple of 64), layers."""

    codebooks: int
    entries: int
    width: int
    layers: int


class Encoder(nn.Module):
    """A transformer: each layer is attention, then a small dense network of each frame.

    Norms stand before either (Xiong et al. 2020), and scale to an RMS of 1 (Zhang and Sennrich
    2019); a frame's position turns half of a head's channels (Su et al. 2021).
    """

    def __init__(self, width: int, layers: int):
        super().__init__()
        # nested and named as in x-transformers: files of weights and draws from the seed say so
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.ModuleList([Norm(width)]), part(width)])
            for _ in range(layers)
            for part in (Attention, Dense)
        )
        self.rotary_pos_emb = Turns()
        self.final_norm = Norm(width)

    def forward(self, x: torch.Tensor, wanted: torch.Tensor | slice = ALL) -> torch.Tensor:
        """[n, frames, width] of the same shape, or of the frames alone that are wanted."""
        turns = self.rotary_pos_emb(x.shape[1])
        *others, ((norm,), attention), ((dense_norm,), dense) = self.layers
        for (before,), part in others:
            x = x + part(before(x), turns)
        # what the last layer makes of a frame is seen by no other frame
        x = x[:, wanted] + attention(norm(x), turns, wanted)
        return self.final_norm(x + dense(dense_norm(x), turns))


class Norm(nn.Module):
    """Each frame brought to an RMS of 1, then each channel scaled by 1 + g."""

    def __init__(self, width: int):
        super().__init__()
        self.g = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, x.shape[-1:], 1 + self.g, eps=1e-12)


class Turns(nn.Module):
    """What each pair of a head's channels is turned by, half of them not at all."""

    def __init__(self):
        super().__init__()
        rotated = HEAD_WIDTH // 2
        speed = 1 / 10_000 ** (torch.arange(0, rotated, 2).float() / rotated)
        self.register_buffer("inv_freq", speed)

    def forward(self, frames: int) -> torch.Tensor:
        """Complex [frames, HEAD_WIDTH / 2]."""
        speed = functional.pad(self.inv_freq, (0, HEAD_WIDTH // 4))
        angle = torch.outer(torch.arange(frames, device=speed.device), speed)
        return torch.polar(torch.ones_like(angle), angle)


class Attention(nn.Module):
    """Attention of each frame, or of those that are wanted, to every frame: see `Encoder`."""

    def __init__(self, width: int):
        super().__init__()
        self.to_q, self.to_k, self.to_v, mixed = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        # a single head has nothing to mix, and files of such networks have no weights for it
        self.to_out = mixed if width > HEAD_WIDTH else nn.Identity()

    def forward(
        self, x: torch.Tensor, turns: torch.Tensor, wanted: torch.Tensor | slice = ALL
    ) -> torch.Tensor:
        query, key, value = (
            part(of).unflatten(2, (-1, HEAD_WIDTH)).transpose(1, 2)
            for part, of in ((self.to_q, x[:, wanted]), (self.to_k, x), (self.to_v, x))
        )
        query, key = _turned(query, turns[wanted]), _turned(key, turns)
        seen = functional.scaled_dot_product_attention(query, key, value)
        return self.to_out(seen.transpose(1, 2).flatten(2))


def _turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    pairs = torch.view_as_complex(x.to(turns.real.dtype).unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).type_as(x)


class Dense(nn.Module):
    """The small network of each frame: [n, frames, width] of the same shape."""

    def __init__(self, width: int):
        super().__init__()
        widen = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU())
        self.ff = nn.Sequential(widen, nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        return self.ff(x)


class MaskedTransformer(nn.Module):
    """Logits at masked places of tokens [n, codebooks, frames]."""

    def __init__(self, size: Size):
        super().__init__()
        self.size = size
        # one embedding more, for a token that is masked
        self.embeddings = nn.ModuleList(
            nn.Embedding(size.entries + 1, size.width) for _ in range(size.codebooks)
        )
        self.encoder = Encoder(size.width, size.layers)
        self.classifiers = nn.ModuleList(
            nn.Linear(size.width, size.entries) for _ in range(size.codebooks)
        )

    def forward(self, tokens: torch.Tensor, masked: torch.Tensor) -> list[torch.Tensor]:
        """Logits of each codebook at its masked places, in the order of ``nonzero``.

        What is not masked is known: it has no logits, and a frame of nothing else no last layer.

        Parameters
        ----------
        tokens : Tensor, int [n, codebooks, frames]
        masked : Tensor, bool [n, codebooks, frames]

        Returns
        -------
        list of Tensor, float [masked places of the codebook, entries]
        """
        wanted = masked.any(dim=0).any(dim=0)
        frames, places = self.frames(tokens, masked, wanted), masked[:, :, wanted]
        return [classify(frames[places[:, c]]) for c, classify in enumerate(self.classifiers)]

    def everywhere(self, tokens: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
        """Logits at all places: float [n, codebooks, frames, entries]."""
        frames = self.frames(tokens, masked)
        return torch.stack([classify(frames) for classify in self.classifiers], dim=1)

    def frames(
        self, tokens: torch.Tensor, masked: torch.Tensor, wanted: torch.Tensor | slice = ALL
    ) -> torch.Tensor:
        """What the classifiers are given: float [n, frames that are wanted, width]."""
        shown = tokens.masked_fill(masked, self.size.entries)
        embedded = sum(embed(shown[:, c]) for c, embed in enumerate(self.embeddings))
        return self.encoder(embedded, wanted)

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


def load(path) -> tuple[MaskedTransformer, dict]:
    """The network of a file, for use, and what is said of it there.

    Raises
    ------
    InputError
        If the file is missing or damaged, or holds something else.
    """
    tensors, about = files.read(path)
    if "size" not in about:
        raise InputError(f"{path} holds no network of openvamp; train it anew")
    model = MaskedTransformer(Size(**about["size"]))
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return model.eval(), about


def described(size: Size) -> dict:
    """A size, for a file's metadata."""
    return {"size": asdict(size)}
