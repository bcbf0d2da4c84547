"""There and back through a codec of music files, by FFmpeg's coders, in memory."""

from typing import NamedTuple

import av
import numpy as np

from musical_roots.audio import fit, resample


class Codec(NamedTuple):
    """What FFmpeg calls a codec's two halves, and how they are run."""

    encoder: str
    decoder: str
    sample_rate: int
    format: str
    options: dict[str, str]


CODECS = {
    "mp3": Codec("libmp3lame", "mp3float", 44100, "fltp", {}),
    "opus": Codec("libopus", "opus", 48000, "flt", {"vbr": "off"}),
}


def round_trip(audio: np.ndarray, sample_rate: int, kbit_s: float, name: str) -> np.ndarray:
    """Audio after a codec, as long as before and aligned with it.

    Parameters
    ----------
    audio : ndarray, float32 [samples]
    sample_rate : int
        Hz.
    kbit_s : float
        Constant bit rate.
    name : str
        A key of `CODECS`.

    Returns
    -------
    ndarray, float32 [samples]
    """
    coded_rate = CODECS[name].sample_rate  # one for all, since the possible bit rates hang on it
    packets, header = encode(resample(audio, sample_rate, coded_rate), kbit_s, CODECS[name])
    decoded = decode(packets, header, CODECS[name])
    return fit(resample(decoded, coded_rate, sample_rate), len(audio))


def encode(audio: np.ndarray, kbit_s: float, codec: Codec) -> tuple[list[av.Packet], bytes | None]:
    """Packets of a mono stream at a constant bit rate, and the header that the decoder wants."""
    coder = av.CodecContext.create(codec.encoder, "w")
    coder.layout, coder.format, coder.sample_rate = "mono", codec.format, codec.sample_rate
    coder.bit_rate, coder.options = round(kbit_s * 1000), codec.options
    coder.open()
    step = coder.frame_size
    padded = fit(audio, (len(audio) // step + 3) * step)  # silence that pushes the end out
    packets = []
    for first in range(0, len(padded), step):
        block = padded[np.newaxis, first : first + step]
        frame = av.AudioFrame.from_ndarray(block, codec.format, "mono")
        frame.sample_rate, frame.pts = codec.sample_rate, first
        packets += coder.encode(frame)
    return packets + coder.encode(None), coder.extradata


def decode(packets: list[av.Packet], header: bytes | None, codec: Codec) -> np.ndarray:
    """The stream's audio; its header or its first packet says how much delay to drop."""
    coder = av.CodecContext.create(codec.decoder, "r")
    coder.layout, coder.sample_rate, coder.extradata = "mono", codec.sample_rate, header
    frames = [frame for packet in packets for frame in coder.decode(packet)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])
