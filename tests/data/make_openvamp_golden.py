"""Writes openvamp_golden.npz: what x-transformers 2.31.10 itself makes of openvamp's weights.

The lab does not need x-transformers, whose encoder was once openvamp's; it goes into a folder of
its own:

    python -m pip install --target resources/x-transformers --no-deps x-transformers==2.31.10 \
        einops==0.8.2 einx==0.4.3 frozendict==2.5.1 loguru==0.7.3 torch-einops-utils==0.2.0
    PYTHONPATH=resources/x-transformers python tests/data/make_openvamp_golden.py

Arrays, for each of `SIZES`: `names` of the encoder's tensors; `made`, what the encoder of `network`
makes of `given`, float32 [2, FRAMES, width]; `gradient` of the sum of `made` squared by `given`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from musical_roots.generators.openvamp import model
from musical_roots.seeding import rng

DEEP = model.Size(codebooks=4, entries=64, width=128, layers=2)
SIZES = {"deep": DEEP, "single_head": replace(DEEP, width=model.HEAD_WIDTH, layers=1)}
FRAMES = 37


def network(size: model.Size) -> model.MaskedTransformer:
    """Of random weights, gains of the norms and biases among them."""
    made = model.MaskedTransformer(size)
    model.initialise(made, 0)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.ndim == 1:
                drawn = rng(0, "test", name).normal(scale=0.2, size=parameter.shape)
                parameter.copy_(torch.from_numpy(drawn))
    return made.eval()


def said(encoder: torch.nn.Module) -> dict[str, np.ndarray]:
    """The arrays of an encoder."""
    width = len(encoder.final_norm.g)
    drawn = rng(0, "test", "given").standard_normal((2, FRAMES, width), np.float32)
    given = torch.from_numpy(drawn).requires_grad_()
    made = encoder(given)
    made.square().sum().backward()
    names = np.array(list(encoder.state_dict()))
    return {"names": names, "made": made.detach().numpy(), "gradient": given.grad.numpy()}


def main() -> None:
    from x_transformers import Encoder

    arrays = {}
    for name, size in SIZES.items():
        theirs = Encoder(
            dim=size.width,
            depth=size.layers,
            heads=size.width // model.HEAD_WIDTH,
            attn_dim_head=model.HEAD_WIDTH,
            rotary_pos_emb=True,
            use_rmsnorm=True,
        ).eval()
        theirs.load_state_dict(network(size).encoder.state_dict())
        arrays |= {f"{name}/{array}": value for array, value in said(theirs).items()}
    np.savez_compressed(Path(__file__).with_name("openvamp_golden.npz"), **arrays)


if __name__ == "__main__":
    main()
