"""Runs VampNet in a process of its own: prompts come in as files, vamps go out as files.

Started by `vampnet.py` in Python's isolated mode, through `stand_ins.py`, with the folder that
VampNet lies in, three safetensors files (codec, coarse, coarse-to-fine) and a device. Imported for
its path alone.

It says one line of JSON when it is ready, and reads one a request from then on: the path of an
audio file (.npy, float32 [samples]), that of the .npz file that it shall write, and for a vamp its
settings and seed, or for the codec's round trip the number of codebooks to decode. Once the file
is there it says another line. What goes wrong ends the process.

All that happens to audio is VampNet's own work.
"""

import inspect
import json
import os
import sys
from types import ModuleType

import numpy as np

FINE = {"_sampling_steps": 2, "typical_filtering": False}  # the steps are those of Interface.vamp


def lfilter(waveform, a_coeffs, b_coeffs, clamp=True):
    """torchaudio's filter of that name, by scipy: the loudness meter of `encode` needs it.

    torchaudio's wheels do not fit every torch, and without its compiled part it loops in Python.
    """
    import scipy.signal
    import torch

    filtered = scipy.signal.lfilter(b_coeffs.numpy(), a_coeffs.numpy(), waveform.numpy())
    filtered = torch.from_numpy(filtered).to(waveform.dtype)
    return filtered.clamp(-1, 1) if clamp else filtered


def load(cls, location, **_):
    """Stands in for `BaseModel.load` of audiotools, which would open a pickle."""
    from safetensors.torch import load_file

    tensors = load_file(location)
    kwargs = json.loads(bytes(tensors.pop("kwargs").numpy()))
    known = inspect.signature(cls).parameters
    model = cls(**{name: value for name, value in kwargs.items() if name in known})
    said = model.load_state_dict(tensors, strict=False)  # as audiotools does
    # adapters that nobody has trained are left out of a file, and add nothing as they are made
    if missing := [name for name in said.missing_keys if ".lora_" not in name]:
        sys.exit(f"these weights do not fit: {cls.__name__} lacks {', '.join(missing[:3])}")
    return model


def imported(folder: str) -> ModuleType:
    """VampNet's module with its `Interface`."""
    sys.path.insert(0, folder)
    import torchaudio.functional

    torchaudio.functional.lfilter = lfilter
    # its own __init__ reads a file that lies beside the package in a checkout alone
    package = sys.modules["vampnet"] = ModuleType("vampnet")
    package.__path__ = [f"{folder}/vampnet"]
    import audiotools
    import vampnet.interface

    audiotools.ml.BaseModel.load = classmethod(load)
    return vampnet.interface


class Worker:
    """The three networks, and what they are asked for."""

    def __init__(self, folder: str, codec: str, coarse: str, fine: str, device: str):
        self.interface = imported(folder).Interface(
            codec_ckpt=codec,
            coarse_ckpt=coarse,
            coarse2fine_ckpt=fine,
            wavebeat_ckpt=None,
            device=device,
            compile=False,
        )
        self.codec = self.interface.codec

    def signal(self, audio: np.ndarray) -> object:
        """Some audio, float32 [samples], in audiotools' own wrapping."""
        from audiotools import AudioSignal

        return AudioSignal(audio[None, None], self.codec.sample_rate)

    def tokens(self, audio: np.ndarray) -> dict:
        """The tokens of some audio: [codebooks, frames]."""
        return {"tokens": self.interface.encode(self.signal(audio))[0].cpu().numpy()}

    def reconstruct(self, audio: np.ndarray, codebooks: int) -> dict:
        """The audio of its own first tokens."""
        import torch

        tokens = self.interface.encode(self.signal(audio))[:, :codebooks]
        with torch.inference_mode():
            decoded = self.codec.decode(self.codec.quantizer.from_codes(tokens)[0])["audio"]
        return {"audio": fitted(decoded[0, 0].cpu().numpy(), len(audio))}

    def vamp(self, audio: np.ndarray, settings: dict, seed: int) -> dict:
        """Audio, tokens, and which of them were kept, of one vamp."""
        import torch
        from audiotools import util

        prompt = self.interface.encode(self.signal(audio))
        # the periodic prompt starts at a random frame: from here on there is chance
        util.seed(seed)
        mask = self.interface.build_mask(
            prompt,
            self.signal(audio),
            prefix_s=settings["prefix_s"],
            suffix_s=settings["suffix_s"],
            periodic_prompt=settings["periodic_prompt"],
            periodic_prompt_width=settings["periodic_prompt_width"],
            onset_mask_width=settings["onset_mask_width"],
            upper_codebook_mask=settings["upper_codebook_mask"],
        )
        # as Interface.vamp does, but without its typical filtering: that takes time, and its result
        # is thrown away
        tokens, coarse_masked = self.interface.coarse_vamp(
            prompt,
            mask,
            return_mask=True,
            typical_filtering=False,
            _sampling_steps=settings["steps"],
            temperature=settings["temperature"],
            mask_temperature=settings["mask_temperature"],
        )
        tokens, fine_masked = self.interface.coarse_to_fine(
            tokens, mask=mask, return_mask=True, **FINE
        )
        # what held, and not what was asked for: each chunk keeps its first and its last frame
        n = self.interface.coarse.n_codebooks
        kept = torch.cat(
            [
                coarse_masked[:, :n] != self.interface.coarse.mask_token,
                fine_masked[:, n:] != self.interface.c2f.mask_token,
            ],
            dim=1,
        )
        if (tokens != prompt)[kept].any():
            sys.exit("VampNet has changed tokens that it should have kept")
        vamp = self.interface.decode(tokens).samples[0, 0].cpu().numpy()
        return {
            "audio": fitted(vamp, len(audio)),
            "tokens": tokens[0].cpu().numpy(),
            "kept": kept[0].cpu().numpy(),
        }


def fitted(audio: np.ndarray, samples: int) -> np.ndarray:
    """`audio` cut, or padded with zeros, to so many samples."""
    return np.pad(audio[:samples], (0, max(0, samples - len(audio))))


def main(*where: str) -> None:
    """Answer requests, as the head of this file has them, until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # VampNet prints

    def answer(line: dict) -> None:
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    worker = Worker(*where)
    codec = worker.codec
    answer({"sample_rate": int(codec.sample_rate), "hop": int(codec.hop_length)})
    # one vamp at a time: VampNet counts the tokens to make over its whole batch, so that a vamp's
    # neighbours would change when its tokens settle
    for line in sys.stdin:
        request = json.loads(line)
        audio = np.load(request["audio"])
        if "settings" in request:
            arrays = worker.vamp(audio, request["settings"], request["seed"])
        elif "codebooks" in request:
            arrays = worker.reconstruct(audio, request["codebooks"])
        else:
            arrays = worker.tokens(audio)
        np.savez(request["output"], **arrays)
        answer({"written": request["output"]})


if __name__ == "__main__":
    main(*sys.argv[1:])
