"""Bytes to samples: by libsndfile where it can seek in a file, else the whole file, from its start.

A part of a file must be what it is in the whole. libsndfile sees to that if a file's header is
right, so the file's structure is walked first (`containers.py`). What is odd, or of a kind that
only FFmpeg reads, is decoded from the start each time: decoders carry noise and bit reservoirs from
packet to packet, so that FFmpeg after a seek gives other samples.
"""

import io
import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from musical_roots import containers
from musical_roots.errors import InputError

# a FLAC of silence has so many frames a byte; a header that says more is wrong, or says "unknown"
MOST_FRAMES = 6000
# FFmpeg guesses the length of these by their bit rate
GUESSED = {"aac", "mp3", "loas"}
PLAYLISTS = {"concat", "hls", "dash", "webm_dash_manifest", "sdp"}
SPOILT_SHARE = 0.1
BROKEN = "bytes between its frames that are no audio are left out"
ASTRAY = "its pages tell wrong places, so parts of it begin a little beside where they should"
FLAC_START = b"fLaC\0\0\0\x22"
# mpg123 decodes 4 frames before the place sought; a frame may use the 511 bytes before it, which
# are more than 4 thin frames: then the first tenth of a second would be wrong
THIN = 511 // 4 + 36
LEAD = 32 * 1152
NO_RIGHT = "may not be read; give yourself the right to"
NO_AUDIO = "not audio that can be decoded; convert it or remove it"
DAMAGED = "cut short or damaged: it cannot be decoded; fetch it again"


@dataclass(frozen=True)
class Header:
    """What a file is, and how it is to be read.

    Attributes
    ----------
    sample_rate, channels, codec
        As its header says.
    way : str
        ``seek`` (libsndfile, any part), ``pieces`` (libsndfile, one file after the other) or
        ``whole`` (FFmpeg, from the start).
    duration_s : float
        Length in seconds; nan if only decoding tells.
    said_s : float
        Length that is promised: more than can be decoded if the file was cut; 0 if nothing is.
    broken : bool
        Whether there is something else between its frames, which is skipped.
    pieces : tuple of int
        Where the pieces start, in bytes.
    lead : int
        Samples to decode before a part, for the decoder to run in.
    note : str
        What is odd about it, for the log.
    """

    sample_rate: int
    channels: int
    codec: str
    way: str
    duration_s: float = math.nan
    said_s: float = 0.0
    broken: bool = False
    pieces: tuple[int, ...] = (0,)
    lead: int = 0
    note: str = ""


@dataclass(frozen=True)
class Decoded:
    """Samples, float32 [samples, channels], their rate in Hz, and how many packets were bad."""

    samples: np.ndarray
    sample_rate: int
    skipped: int = 0


def header(path: Path) -> Header:
    """Look at a file, without decoding it; what was seen is kept until the file changes.

    Raises
    ------
    InputError
        If it is missing, empty, or no audio that libsndfile or FFmpeg can read.
    """
    return _header(*_state(path))


def decode(
    path: Path, start_s: float = 0.0, duration_s: float | None = None, at_most_s: float = math.inf
) -> Decoded:
    """Decode a file or a part of it, as it is: fewer samples where it ends early.

    Parameters
    ----------
    path : path
    start_s, duration_s : float
        The part, in seconds.
    at_most_s : float
        What needs decoding from the start may end after so many seconds.

    Raises
    ------
    InputError
        As `header`; also if the file cannot be decoded.
    """
    about = header(path)
    if about.way == "seek":
        try:
            return _seek(path, start_s, duration_s, about.lead)
        except soundfile.LibsndfileError as error:  # its header could be read
            if duration_s is None:
                raise InputError(f"{path}: {DAMAGED}") from error
    if about.way == "pieces":
        found = _pieces(path, about, at_most_s)
    else:
        stop_s = math.inf if duration_s is None else start_s + duration_s
        found = _ffmpeg(path, min(at_most_s, stop_s))
    first = round(start_s * found.sample_rate)
    last = None if duration_s is None else first + round(duration_s * found.sample_rate)
    return Decoded(found.samples[first:last], found.sample_rate, found.skipped)


def mono(path: Path) -> tuple[np.ndarray, int]:
    """A whole file, downmixed: float32 [samples], not to be written to, and Hz.

    The last two stay in memory: clips are read track by track, and what cannot be sought in would
    be decoded for each of them.
    """
    return _mono(*_state(path))


def downmix(samples: np.ndarray) -> np.ndarray:
    """Mean over channels: float32 [samples, channels] -> [samples]."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    if samples.shape[1] == 2:  # the same bits in a third of the time
        return (samples[:, 0] + samples[:, 1]) / np.float32(2)
    return samples.mean(axis=1, dtype=np.float32)


def _state(path: Path) -> tuple[str, int, int]:
    """A file as it is now: path, size, time."""
    try:
        state = path.stat()
    except PermissionError as error:
        raise InputError(f"{path}: {NO_RIGHT}") from error
    except OSError:
        state = None
    if state is None or not path.is_file():
        raise InputError(
            f"{path}: no such file; check the manifest or the corpus folder, or run the corpus "
            "stage again"
        )
    if state.st_size == 0:
        raise InputError(f"{path}: the file is empty; fetch it again or remove it")
    return str(path), state.st_size, state.st_mtime_ns


@lru_cache(maxsize=4096)
def _header(path: str, size: int, time: int) -> Header:
    try:
        with soundfile.SoundFile(path) as file:
            way = "seek" if file.seekable() else "whole"  # of codecs for telephones, some
            about = Header(file.samplerate, file.channels, file.subtype, way)
            kind, frames = file.format, file.frames
    except soundfile.LibsndfileError:
        return _ffmpeg_header(path)
    length = frames / about.sample_rate if frames <= MOST_FRAMES * size else 0.0
    about = replace(about, duration_s=length, said_s=length)
    with _mapped(path) as data:
        if kind == "OGG":
            about = _ogg(about, containers.ogg(data))
        elif kind in ("MP3", "MPEG"):
            about = _mpeg(about, containers.mpeg(data))
        else:
            about = replace(about, said_s=length * containers.promised(data))
    if about.way == "seek" and not length:
        about = replace(
            about, way="whole", note="its header does not say how long it is; that is counted"
        )
    return about if about.way == "seek" else replace(about, duration_s=math.nan)


def _ogg(about: Header, found: containers.Ogg) -> Header:
    if found.cut:
        about = replace(about, said_s=math.inf)
    if len(found.starts) > 1:
        note = f"{len(found.starts)} files after each other, read as one"
        return replace(about, way="pieces", pieces=found.starts, note=note)
    if found.broken:
        return replace(about, way="whole", broken=True, note=BROKEN)
    # sought in all the same: a part is the same at each reading, and music may be made of it
    return replace(about, note=ASTRAY) if found.astray else about


def _mpeg(about: Header, found: containers.Mpeg) -> Header:
    lead = LEAD if found.thinnest < THIN else 0
    about = replace(about, lead=lead, said_s=found.said_s)
    # its tag tells delay and padding of the encoder, up to 4,095 samples each, which are cut off
    slack = 2 * 1152 + (2 * 4096 if found.said_s else 0)
    more_s = found.counted_s - about.duration_s
    if found.broken:
        return replace(about, way="whole", broken=True, note=BROKEN)
    if more_s > slack / about.sample_rate:
        note = f"its header is wrong on its length: there are {more_s:.1f} s more"
        return replace(about, way="whole", note=note)
    return replace(about, duration_s=min(about.duration_s, found.counted_s))


def _ffmpeg_header(path: str) -> Header:
    with _opened(path) as container:
        stream = container.streams.audio[0]
        said = 0.0
        if container.format.name not in GUESSED:
            said = float((stream.duration or 0) * (stream.time_base or 0))
            said = said or (container.duration or 0) / 1e6
        with _mapped(path) as data:
            said = math.inf if containers.promised(data) > 1.02 else said
        codec = stream.codec_context
        return Header(codec.sample_rate, codec.channels, codec.name, "whole", math.nan, said)


def _seek(path: Path, start_s: float, duration_s: float | None, lead: int) -> Decoded:
    # opened anew: where a Vorbis file was read before, libsndfile's first samples after a seek are
    # others
    with soundfile.SoundFile(str(path)) as file:
        rate = file.samplerate
        first = min(round(start_s * rate), file.frames)
        lead = min(lead, first)
        file.seek(first - lead)
        count = -1 if duration_s is None else round(duration_s * rate) + lead
        samples = file.read(count, dtype="float32", always_2d=True)
        whole_flac = file.format == "FLAC" and duration_s is None
    if whole_flac:
        with _mapped(str(path)) as data:
            if data.find(FLAC_START, data.find(FLAC_START) + 1) > 0:  # an ID3 tag may come first
                raise InputError(f"{path}: several FLAC files after each other; split it")
    return Decoded(samples[lead:], rate)


@contextmanager
def _mapped(path: str) -> Iterator[mmap.mmap]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _pieces(path: Path, about: Header, at_most_s: float) -> Decoded:
    """Files after each other, at the rate and with the channels of the first."""
    data = path.read_bytes()
    ends = [*about.pieces[1:], len(data)]
    blocks: list[np.ndarray] = []
    try:
        for first, last in zip(about.pieces, ends, strict=True):
            if sum(map(len, blocks)) > at_most_s * about.sample_rate:
                break
            samples, rate = soundfile.read(
                io.BytesIO(data[first:last]), dtype="float32", always_2d=True
            )
            if samples.shape[1] != about.channels:
                samples = np.repeat(downmix(samples)[:, None], about.channels, axis=1)
            if rate != about.sample_rate:
                samples = soxr.resample(samples, rate, about.sample_rate, quality="HQ")
            blocks.append(samples)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: {DAMAGED}") from error
    return Decoded(np.concatenate(blocks), about.sample_rate)


def _ffmpeg(path: Path, at_most_s: float) -> Decoded:
    """A file from its start, by FFmpeg; packets that cannot be decoded are left out."""
    blocks, length, packets, skipped = [], 0, 0, 0
    uniform = _Uniform()
    with _opened(str(path), DAMAGED) as container:
        stream = container.streams.audio[0]
        for packet in container.demux(stream):
            packets += 1
            try:
                frames = packet.decode()
            except av.FFmpegError:
                skipped += 1
                continue
            new = [block for frame in frames for block in uniform(frame)]
            length += sum(map(len, new))
            blocks += new
            if length > at_most_s * uniform.rate:
                break
        blocks += uniform(None)
        channels, rate = stream.codec_context.channels, stream.codec_context.sample_rate
    if skipped > SPOILT_SHARE * packets or not (blocks or rate):
        raise InputError(f"{path}: {DAMAGED if blocks else NO_AUDIO}")
    if not blocks:
        return Decoded(np.zeros((0, channels), np.float32), rate)
    return Decoded(np.concatenate(blocks), uniform.rate, skipped)


class _Uniform:
    """Frames to blocks, float32 [samples, channels], at the rate and with channels of the first.

    Where two files were put after each other, these may change on the way.
    """

    def __init__(self):
        self.rate, self._layout, self._kind, self._resampler = 0, "", None, None

    def __call__(self, frame: "av.AudioFrame | None") -> list[np.ndarray]:
        """Blocks of a frame; of None, what is left."""
        kind = frame and (frame.sample_rate, frame.layout.name, frame.format.name)
        done = []
        if kind != self._kind and self._resampler:
            done = self._resampler.resample(None)
        if frame and kind != self._kind:
            self.rate = self.rate or frame.sample_rate
            self._layout = self._layout or frame.layout.name
            # planar is as decoders give it; but of 8 channels PyAV 18 reads beyond the planes, and
            # the process ends
            form = "fltp" if av.AudioLayout(self._layout).nb_channels < 8 else "flt"
            self._resampler = av.AudioResampler(form, self._layout, self.rate)
            self._kind = kind
        if frame:
            done += self._resampler.resample(frame)
        return [
            block.to_ndarray().T
            if block.format.is_planar
            else block.to_ndarray().reshape(-1, block.layout.nb_channels)
            for block in done
        ]


@contextmanager
def _opened(path: str, words: str = NO_AUDIO) -> Iterator["av.container.InputContainer"]:
    """A file with a stream of audio that FFmpeg can decode."""
    try:
        # what a file names is not fetched
        only = {"protocol_whitelist": "file"}
        with av.open(path, options=only, metadata_errors="replace") as container:
            if container.format.name in PLAYLISTS:
                raise InputError(f"{path}: a list of files, not audio; remove it")
            if not container.streams.audio:
                raise InputError(f"{path}: holds no audio stream; convert it or remove it")
            if container.streams.audio[0].codec_context is None:
                raise InputError(f"{path}: {NO_AUDIO}")
            yield container
    except PermissionError as error:
        raise InputError(f"{path}: {NO_RIGHT}") from error
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"{path}: {words}") from error


@lru_cache(maxsize=2)
def _mono(path: str, size: int, time: int) -> tuple[np.ndarray, int]:
    found = decode(Path(path))
    audio = downmix(found.samples)
    audio.flags.writeable = False
    return audio, found.sample_rate
