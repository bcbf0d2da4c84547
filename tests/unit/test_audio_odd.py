"""Files whose headers are wrong or missing, or that are several files, or damaged inside."""

import os
import struct
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import odd_audio
import pytest
import soundfile

from musical_roots import audio, containers
from musical_roots.decoding import header
from musical_roots.errors import InputError

RATE = 22_050
OPUS = {"format": "OGG", "subtype": "OPUS"}


def noise(seconds=6.0, seed=0, channels=1, rate=RATE):
    size = (round(seconds * rate), channels)
    return np.random.default_rng(seed).normal(scale=0.1, size=size).astype(np.float32)


def uneven(seconds=12.0):
    """Tones and noise in turn: frames of very different sizes."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 300 * time)
    return (tone[:, None] + (time[:, None] // 1 % 2) * noise(seconds)).astype(np.float32)


def save(path, samples, rate=RATE, **how):
    soundfile.write(path, samples, rate, **how)
    return path


def joined(path, *parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def agrees(path):
    """The whole of a file, whose length is counted, and whose parts are what they are in it."""
    whole, rate = audio.read(path)
    assert audio.probe(path).duration_s == pytest.approx(len(whole) / rate, abs=1e-9)
    for start_s in (0.0, 1.234, len(whole) / rate - 1.5):
        part, _ = audio.read(path, start_s=start_s, duration_s=1.0)
        first = round(start_s * rate)
        np.testing.assert_allclose(part, whole[first : first + rate], atol=1e-6)
    return whole


@pytest.mark.parametrize(("suffix", "how"), [("ogg", {}), ("opus", OPUS)])
@pytest.mark.parametrize("same", [False, True])
def test_ogg_files_after_each_other_are_read_as_one(tmp_path, suffix, how, same):
    rate = 48_000 if suffix == "opus" else RATE
    one = save(tmp_path / f"one.{suffix}", noise(3, 1, rate=rate), rate, **how)
    two = one if same else save(tmp_path / f"two.{suffix}", noise(2, 2, rate=rate), rate, **how)
    expected = np.concatenate([audio.read(one)[0], audio.read(two)[0]])
    assert np.array_equal(agrees(joined(tmp_path / f"both.{suffix}", one, two)), expected)


def test_ogg_files_of_other_rate_and_channels_are_brought_to_those_of_the_first(tmp_path):
    one = save(tmp_path / "one.ogg", noise(3, 1, channels=2))
    two = save(tmp_path / "two.ogg", noise(2, 2, rate=RATE // 2), RATE // 2)
    both = joined(tmp_path / "both.ogg", one, two)
    assert audio.probe(both).channels == 2
    later = audio.resample(audio.read(two)[0], RATE // 2, RATE)
    expected = np.concatenate([audio.read(one)[0], later])
    np.testing.assert_allclose(agrees(both), expected, atol=1e-6)


def test_flac_of_unknown_length_is_read_whole(tmp_path):
    path = save(tmp_path / "a.flac", noise())
    expected = audio.read(path)[0]
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of total_samples
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert np.array_equal(agrees(path), expected)


def test_a_flac_that_promises_years_is_read_as_far_as_it_goes(tmp_path):
    path = save(tmp_path / "a.flac", noise())
    expected = audio.read(path)[0]
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F
    path.write_bytes(data)
    assert np.array_equal(agrees(path), expected)


def test_flac_files_after_each_other_are_refused(tmp_path):
    one = save(tmp_path / "one.flac", noise())
    with pytest.raises(InputError, match=r"both.flac: several FLAC files after each other; split"):
        audio.read(joined(tmp_path / "both.flac", one, one))


def test_a_flac_with_an_id3_tag_before_it_is_one_file(tmp_path):
    path = save(tmp_path / "a.flac", noise())
    expected = audio.read(path)[0]
    path.write_bytes(b"ID3\x03\0\0\0\0\x01\0" + bytes(128) + path.read_bytes())
    assert np.array_equal(agrees(path), expected)


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32"])
def test_what_libsndfile_cannot_seek_in_is_read_from_the_start(tmp_path, subtype):
    path = save(tmp_path / "a.wav", noise(rate=8000), 8000, subtype=subtype)
    assert len(agrees(path)) == pytest.approx(6 * 8000, abs=320)


@pytest.mark.parametrize(
    "sizes",
    [
        (lambda riff, data: (riff + 8, data)),
        (lambda riff, data: (riff + 8, data + 8)),
        (lambda riff, data: (0x7FFFFFFF, data)),
        (lambda riff, data: (0x7FFFFFFF, 0x7FFFFFDB)),
        (lambda riff, data: (0xFFFFFFFF, 0xFFFFFFFF)),
        (lambda riff, data: (0, 0)),
        (lambda riff, data: (riff, 0)),
    ],
)
def test_wav_with_wrong_sizes_is_read_whole(tmp_path, sizes):
    path = save(tmp_path / "a.wav", noise())
    expected = audio.read(path)[0]
    data = bytearray(path.read_bytes())
    assert data[36:40] == b"data"
    riff, length = sizes(*struct.unpack("<I32xI", data[4:44]))
    data[4:8], data[40:44] = struct.pack("<I", riff), struct.pack("<I", length)
    path.write_bytes(data)
    assert np.array_equal(agrees(path), expected)
    assert header(path).said_s <= 6.001


def vbr(path):
    options = {"flags": "+qscale", "global_quality": str(4 * 118)}
    return odd_audio.encode(path, "libmp3lame", uneven(), RATE, options=options)


def frames(path):
    """The frames of an MP3, the one with the tag first."""
    data = path.read_bytes()
    pos, found = containers._mpeg_start(data, containers._after_id3(data)), []
    while size := containers._mpeg_sizes(data[pos : pos + 3])[0].get(data[pos : pos + 3]):
        found.append(data[pos : pos + size])
        pos += size
    return found


def test_mp3_of_uneven_bit_rate_and_without_a_tag_is_read_whole(tmp_path):
    path = vbr(tmp_path / "a.mp3")
    expected = audio.read(path)[0]
    (tmp_path / "bare.mp3").write_bytes(b"".join(frames(path)[1:]))
    found = agrees(tmp_path / "bare.mp3")
    assert len(found) == pytest.approx(len(expected), abs=3 * 1152)


def test_a_part_of_an_mp3_of_thin_frames_is_what_it_is_in_the_whole(tmp_path):
    path = odd_audio.encode(
        tmp_path / "a.mp3", "libmp3lame", uneven(), RATE, options={"flags": "+qscale"}
    )
    assert header(path).way == "seek"
    whole = audio.read(path)[0]
    for start_s in np.arange(0.3, 10, 0.37):
        part = audio.read(path, start_s=start_s, duration_s=0.5)[0]
        first = round(start_s * RATE)
        np.testing.assert_allclose(part, whole[first : first + len(part)], atol=1e-5)


def test_mp3_files_after_each_other_are_read_as_one(tmp_path):
    one = vbr(tmp_path / "one.mp3")
    both = joined(tmp_path / "both.mp3", one, one)
    assert len(agrees(both)) == pytest.approx(2 * 12 * RATE, abs=3 * 1152)
    other = odd_audio.encode(tmp_path / "two.mp3", "libmp3lame", noise(5, rate=44_100))
    both = joined(tmp_path / "other.mp3", one, other)
    assert len(agrees(both)) == pytest.approx(17 * RATE, abs=3 * 1152)


def test_noise_inside_an_mp3_costs_no_more_than_it_lies_in(tmp_path):
    path = odd_audio.encode(tmp_path / "a.mp3", "libmp3lame", noise(), RATE)
    expected = audio.read(path)[0]
    parts = frames(path)
    middle = len(parts) // 2
    dirt = np.random.default_rng(0).bytes(5000)
    path.write_bytes(b"".join([*parts[:middle], dirt, *parts[middle:]]))
    found = agrees(path)
    assert header(path).broken
    assert len(found) == pytest.approx(len(expected), abs=4 * 1152)
    assert np.allclose(found[:RATE], expected[:RATE], atol=1e-3)
    end = found[-RATE:-2000]  # it comes a little earlier or later
    likeness = np.correlate(expected[-RATE - 4000 :], end) / np.dot(end, end)
    assert likeness.max() == pytest.approx(1, abs=0.01)


def placed(data, places):
    """An Ogg file whose pages of audio (after two of headers) tell these places first."""
    data, pages = bytearray(data), [0]
    while pages[-1] < len(data):
        page = pages[-1]
        sizes = data[page + 27 : page + 27 + data[page + 26]]
        pages.append(page + 27 + len(sizes) + sum(sizes))
    for page, place in zip(pages[2:], places, strict=False):
        data[page + 6 : page + 14] = struct.pack("<q", place)
    return bytes(data)


def test_pages_that_tell_wrong_places_are_noticed(tmp_path):
    data = save(tmp_path / "a.ogg", uneven()).read_bytes()
    assert not containers.ogg(data).astray
    assert not containers.ogg(placed(data, [-104])).astray  # less of the start is to be heard
    assert not containers.ogg(placed(data, [-1, 5312, -1])).astray  # where no packet ends
    assert containers.ogg(placed(data, [5312, -104])).astray
    assert containers.ogg(placed(data, [6000, 5000])).astray
    twice = joined(tmp_path / "b.ogg", tmp_path / "a.ogg", tmp_path / "a.ogg").read_bytes()
    assert not containers.ogg(twice).astray  # each file counts anew


def test_noise_inside_an_ogg_costs_no_more_than_it_lies_in(tmp_path):
    path = save(tmp_path / "a.ogg", noise(20))
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + np.random.default_rng(0).bytes(5000) + data[middle:])
    assert header(path).broken
    assert 17 * RATE < len(agrees(path)) < 20 * RATE


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("a.aac", "aac", "adts"),
        ("a.m4a", "aac", None),
        ("a.mp4", "aac", None),
        ("a.m4b", "aac", "ipod"),
        ("b.m4a", "alac", None),
        ("a.webm", "libopus", None),
        ("a.mka", "flac", None),
        ("a.wv", "wavpack", None),
        ("a.mp2", "mp2", None),
        ("a.wma", "wmav2", None),
        ("a.mpga", "libmp3lame", "mp3"),
    ],
)
def test_what_ffmpeg_writes(tmp_path, name, codec, container):
    samples = noise(5, channels=2, rate=48_000)
    bits = {"b": "128000"}
    path = odd_audio.encode(tmp_path / name, codec, samples, 48_000, None, bits, container)
    assert path.suffix in audio.SUFFIXES
    found = agrees(path)
    assert len(found) == pytest.approx(5 * 48_000, abs=4 * 1152)
    assert audio.probe(path).channels == 2
    assert header(path).said_s < len(found) / 48_000 + 0.5


@pytest.mark.parametrize(
    ("suffix", "kind"), [("aifc", "AIFF"), ("caf", "CAF"), ("w64", "W64"), ("wave", "WAV")]
)
def test_what_libsndfile_writes(tmp_path, suffix, kind):
    path = save(tmp_path / f"a.{suffix}", noise(), format=kind, subtype="PCM_16")
    assert path.suffix in audio.SUFFIXES
    assert len(agrees(path)) == 6 * RATE
    assert header(path).said_s == pytest.approx(6)
    path.write_bytes(path.read_bytes()[:-100_000])
    assert header(path).said_s > audio.probe(path).duration_s + 1


def test_what_cannot_be_sought_in_is_decoded_once(tmp_path, monkeypatch):
    path = odd_audio.encode(tmp_path / "a.m4a", "aac", noise())
    opened = []
    original = av.open
    monkeypatch.setattr(
        av, "open", lambda *given, **how: opened.append(1) or original(*given, **how)
    )
    parts = [audio.read(path, 16_000, start_s, 1.0)[0] for start_s in (0, 1, 2, 1)]
    assert len(opened) == 2  # to look at it, and to decode it
    assert np.array_equal(parts[1], parts[3])
    whole = audio.read(path)[0]
    whole[:] = 0  # the caller's own
    assert audio.read(path)[0].any()
    odd_audio.encode(path, "aac", noise(3))
    assert audio.probe(path).duration_s < 4


def test_a_film_without_sound_is_named(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        file.mux([*stream.encode(frame), *stream.encode(None)])
    for look in (audio.probe, audio.read):
        with pytest.raises(InputError, match=r"film.mp4: holds no audio stream"):
            look(path)


def test_eight_channels(tmp_path):
    path = odd_audio.encode(tmp_path / "a.m4a", "aac", noise(3, channels=8, rate=48_000), 48_000)
    assert audio.probe(path).channels == 8
    assert 0.01 < audio.rms(agrees(path)) < 0.1


def test_a_tag_that_is_not_utf8_is_no_hindrance(tmp_path):
    path = odd_audio.encode(tmp_path / "a.m4a", "aac", noise(), tags={"artist": "Beyoncee"})
    path.write_bytes(path.read_bytes().replace(b"Beyoncee", "Beyoncé ".encode("latin-1")))
    assert len(agrees(path)) > 5 * RATE


@contextmanager
def as_nobody():
    """As a user who may not read everything, if this one is root."""
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_file_that_may_not_be_read_is_named():
    with TemporaryDirectory() as folder:  # pytest's own may not be entered by others
        path = save(Path(folder, "a.wav"), noise())
        Path(folder).chmod(0o755)
        audio.probe(path)
        path.chmod(0)
        os.utime(path, (1, 1))  # what was seen of a file is kept by its time
        with as_nobody(), pytest.raises(InputError, match=r"a.wav: may not be read"):
            audio.probe(path)


def test_a_list_of_files_is_not_followed(tmp_path):
    save(tmp_path / "a.wav", noise())
    path = tmp_path / "list.mp3"
    path.write_text("ffconcat version 1.0\nfile a.wav\n")
    with pytest.raises(InputError, match=r"list.mp3: a list of files, not audio; remove it"):
        audio.probe(path)


@pytest.mark.parametrize("suffix", ["mp3", "aac", "flac"])
def test_what_looks_like_audio_and_has_no_rate_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(100_000))
    with pytest.raises(InputError, match="not audio that can be decoded"):
        audio.probe(path)
