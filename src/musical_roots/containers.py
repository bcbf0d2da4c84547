"""What the bytes of an audio file tell without decoding: is all of it there, is it one file?

Headers promise, and are wrong: a stream's length was not known when it began, two files were put
after each other, a download broke off. Here the structure is walked instead, page by page or frame
by frame: some milliseconds a file.
"""

import re
import struct
from dataclasses import dataclass
from functools import lru_cache

# magic -> where the chunks start, format of a chunk's head (name, size), name of the audio's chunk,
# whether the size includes the head, what chunks are padded to
CHUNKED = {
    b"RIFF": (12, "<4sI", b"data", False, 2),
    b"FORM": (12, ">4sI", b"SSND", False, 2),
    b"caff": (8, ">4sQ", b"data", False, 1),
    b"riff": (40, "<4s12xQ", b"data", True, 8),
}
# who writes to a pipe cannot know the length, and writes 0 or about the greatest number
UNKNOWN_SIZE = 0x7FFF0000
NO_PLACE = -1  # of an Ogg page in which no packet ends

MPEG_SYNC = re.compile(rb"\xff[\xe2-\xff]")
MPEG_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
MPEG_KBPS = {  # (MPEG-1, layer); layer as in the header's bits: 3 is layer I
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MPEG_RUN = 4  # so many frames after each other are no accident


@dataclass(frozen=True)
class Mpeg:
    """An MP3 (or MP2), walked.

    Attributes
    ----------
    counted_s : float
        Length of the frames that are there, in seconds.
    said_s : float
        What its Xing, Info or VBRI tag says; 0 if it has none.
    thinnest : int
        Size of the smallest frame, in bytes.
    broken : bool
        Whether there is something else between the frames, or their rate changes.
    """

    counted_s: float
    said_s: float
    thinnest: int
    broken: bool


@dataclass(frozen=True)
class Ogg:
    """An Ogg file, walked.

    Attributes
    ----------
    starts : tuple of int
        Where each of the files that were put after each other starts, in bytes.
    broken : bool
        Whether there is something else between the pages.
    cut : bool
        Whether the last page is not all there.
    astray : bool
        Whether a page says that it ends before the one before it: of parts that are sought by these
        places, some begin beside where they do in the whole.
    """

    starts: tuple[int, ...]
    broken: bool
    cut: bool
    astray: bool = False


def ogg(data: bytes) -> Ogg:
    """Walk the pages of an Ogg file."""
    starts, broken, began = [], False, False
    astray, ends = False, {}  # of each stream, the place that its last page told
    end = max(data.find(b"OggS"), 0)
    while True:
        page = end
        if data[page : page + 4] != b"OggS":
            page = data.find(b"OggS", page)
            if page < 0:  # nothing, or something like a tag after the last page
                return Ogg(tuple(starts), broken, False, astray)
            broken = True
        count = data[page + 26] if page + 26 < len(data) else 0
        sizes = data[page + 27 : page + 27 + count]
        end = page + 27 + count + sum(sizes)
        if end > len(data) or len(sizes) < count:
            return Ogg(tuple(starts), broken, True, astray)
        begins = bool(data[page + 5] & 2)
        place, stream = struct.unpack("<qI", data[page + 6 : page + 18])
        if place != NO_PLACE:
            # the first page of audio may end before 0: what it begins with is not to be heard
            before = 0 if begins else ends.get(stream, 0)
            astray = astray or (place < before and before > 0)
            ends[stream] = place
        if begins and not began:  # several streams beside each other begin page after page
            starts.append(page)
        began = begins


def mpeg(data: bytes) -> Mpeg:
    """Walk the frames of an MP3 or MP2 file."""
    counted, said, thinnest, broken = 0.0, 0.0, 1 << 16, False
    pos = _mpeg_start(data, _after_id3(data))
    first = True
    while pos >= 0:
        sizes, seconds = _mpeg_sizes(data[pos : pos + 3])
        if first:
            said = _mpeg_said(data[pos : pos + 200]) * seconds
        first, count = False, 0
        while size := sizes.get(data[pos : pos + 3]):
            pos += size
            count += 1
            thinnest = min(thinnest, size)
        count -= pos > len(data)  # the last one is cut
        counted += count * seconds
        pos = _mpeg_start(data, pos)
        broken = broken or pos >= 0
    return Mpeg(counted, said, thinnest, broken)


def promised(data: bytes) -> float:
    """How many times as much audio a WAV, AIFF, CAF or W64 promises as there is; 1 if it is all."""
    if data[:4] not in CHUNKED:
        return 1.0
    pos, form, wanted, with_head, padded = CHUNKED[data[:4]]
    head = struct.calcsize(form)
    while pos + head <= len(data):
        name, size = struct.unpack(form, data[pos : pos + head])
        pos += head
        size -= head * with_head
        if name == wanted:
            there = len(data) - pos
            return size / there if there and there < size < UNKNOWN_SIZE else 1.0
        pos += max(0, size) + -size % padded
    return 1.0


def _after_id3(data: bytes) -> int:
    """Where the ID3v2 tags at the start end."""
    pos = 0
    while data[pos : pos + 3] == b"ID3" and pos + 10 <= len(data):
        a, b, c, d = data[pos + 6 : pos + 10]
        pos += 10 + (a << 21 | b << 14 | c << 7 | d)
    return pos


def _mpeg_start(data: bytes, pos: int) -> int:
    """The next place from which some frames follow each other; -1 if there is none."""
    for found in MPEG_SYNC.finditer(data, min(pos, len(data))):
        start = pos = found.start()
        sizes, _ = _mpeg_sizes(data[pos : pos + 3])
        for _ in range(MPEG_RUN):
            size = sizes.get(data[pos : pos + 3], 0)
            pos += size
            if not size or pos > len(data):
                break
        else:
            return start
    return -1


@lru_cache(maxsize=1024)
def _mpeg_sizes(head: bytes) -> tuple[dict[bytes, int], float]:
    """First three bytes -> size, of all frames of the kind of `head`; seconds a frame."""
    if len(head) < 3:
        return {}, 0.0
    version, layer, place = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3
    if version == 1 or layer == 0 or place == 3:
        return {}, 0.0
    rate = MPEG_RATES[version][place]
    samples = 384 if layer == 3 else 576 if layer == 1 and version != 3 else 1152
    unit = 4 if layer == 3 else 1
    sizes = {}
    for number, kbps in enumerate(MPEG_KBPS[version == 3, layer], 1):
        for padding in (0, 1):
            size = (samples // 8 // unit * kbps * 1000 // rate + padding) * unit
            for private in (0, 1):
                third = number << 4 | place << 2 | padding << 1 | private
                for unprotected in (0, 1):
                    sizes[bytes([255, head[1] & 0xFE | unprotected, third])] = size
    return sizes, samples / rate


def _mpeg_said(head: bytes) -> int:
    """Number of frames by the tag in the first frame; 0 if there is none."""
    for name in (b"Xing", b"Info"):
        at = head.find(name, 4, 48)
        if at > 0 and head[at + 7] & 1:
            return int.from_bytes(head[at + 8 : at + 12], "big")
    return int.from_bytes(head[50:54], "big") if head[36:40] == b"VBRI" else 0
