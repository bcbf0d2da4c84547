"""What of a prompt is kept, and how the rest is filled in.

After VampNet (Flores Garcia et al. 2023, sections 3.2 and 3.3) and MaskGIT (Chang et al. 2022,
section 3.2): all masked tokens are drawn at once, the surest stay, the rest is masked again; ever
more stay, by a cosine. Masks have the names and meanings of VampNet's interface.

A draw depends on sums that processors round differently. In double precision no vamp of millions is
so near an edge that this tells; in float32 most vamps of a few hundred are.
"""

import numpy as np
import torch

from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp.model import MaskedTransformer


def kept(
    settings: VampSettings,
    codebooks: int,
    frames: int,
    frame_s: float,
    onsets: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The tokens of a prompt that a vamp keeps.

    Parameters
    ----------
    settings : VampSettings
    codebooks, frames : int
        Shape of the prompt's tokens.
    frame_s : float
        Seconds a frame.
    onsets : ndarray, int [n]
        Frames at which something begins; looked at where `onset_mask_width` is above 0.
    rng : Generator
        Shifts the periodic prompt.

    Returns
    -------
    ndarray, bool [codebooks, frames]
    """
    time = np.arange(frames)
    keep = time < np.ceil(settings.prefix_s / frame_s)
    keep |= time >= frames - np.ceil(settings.suffix_s / frame_s)
    if settings.periodic_prompt:
        width, shift = settings.periodic_prompt_width, rng.integers(settings.periodic_prompt)
        keep |= (time + width // 2 - shift) % settings.periodic_prompt < width
    for onset in onsets if settings.onset_mask_width else ():
        keep |= (time >= onset - settings.onset_mask_width) & (
            time < onset + settings.onset_mask_width
        )
    coarse = np.arange(codebooks) < settings.upper_codebook_mask
    return coarse[:, None] & keep


@torch.inference_mode()
def fill(
    model: MaskedTransformer,
    tokens: np.ndarray,
    keep: np.ndarray,
    settings: VampSettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Tokens whose places that are not kept are made up anew.

    Parameters
    ----------
    model : MaskedTransformer
        Of float64 weights where vamps are to be the same on any processor.
    tokens : ndarray, int [codebooks, frames]
        Of the prompt; what is not kept of it is never looked at.
    keep : ndarray, bool [codebooks, frames]
    settings : VampSettings
        steps, temperature, mask_temperature.
    rng : Generator
        The only source of chance.

    Returns
    -------
    ndarray, int64 [codebooks, frames]
        Equal to `tokens` where they are kept.
    """
    device = next(model.parameters()).device
    tokens, masked = tokens.astype(np.int64), ~keep
    tokens[masked] = 0
    at_start = masked.sum()
    for step in range(1, settings.steps + 1):
        if not masked.any():
            break
        # one vamp at a time: on a CPU a batch is no faster, and rows would differ in their last bit
        shown, hidden = torch.from_numpy(tokens)[None], torch.from_numpy(masked)[None]
        logits = torch.cat(model(shown.to(device), hidden.to(device))).double().cpu()
        drawn, confidence = _draw(logits / settings.temperature, rng)
        tokens[masked] = drawn
        left = int(np.cos(step / settings.steps * np.pi / 2) * at_start)
        left = 0 if step == settings.steps else int(np.clip(left, 1, masked.sum() - 1))
        warmth = settings.mask_temperature * (1 - step / settings.steps)
        confidence = confidence + warmth * rng.gumbel(size=len(confidence))
        unsure = np.argsort(confidence, kind="stable")[:left]
        places = np.flatnonzero(masked)[unsure]
        masked = np.zeros(masked.shape, bool)
        masked.ravel()[places] = True
    return tokens


def _draw(logits: torch.Tensor, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A token of each row, float64 [n, entries], and its log probability: by one draw a row."""
    probabilities = logits.softmax(dim=1)
    below = probabilities.cumsum(dim=1)
    level = torch.from_numpy(rng.random((len(logits), 1))) * below[:, -1:]
    drawn = torch.searchsorted(below, level, right=True).clamp(max=logits.shape[1] - 1)
    return drawn[:, 0].numpy(), probabilities.gather(1, drawn).log()[:, 0].numpy()
