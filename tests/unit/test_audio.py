import numpy as np
import pytest
import soundfile

from musical_roots import audio
from musical_roots.errors import InputError


def sine(seconds=1.0, rate=44_100, hertz=440.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (192_000, 1), (48_000, 6)])
def test_formats(tmp_path, subtype, rate, channels):
    path = tmp_path / "file.wav"
    soundfile.write(path, np.tile(sine(rate=rate)[:, None], channels), rate, subtype=subtype)
    info = audio.probe(path)
    assert (info.sample_rate, info.channels) == (rate, channels)
    assert info.duration_s == pytest.approx(1.0)
    samples, out = audio.read(path, 16_000)
    assert (samples.dtype, samples.shape, out) == (np.float32, (16_000,), 16_000)
    error = samples[500:-500] - sine(rate=16_000)[500:-500]
    assert np.abs(error).max() < (0.01 if subtype == "PCM_U8" else 1e-3)


@pytest.mark.parametrize("suffix", ["ogg", "flac", "mp3", "opus"])
def test_a_part_is_what_it_is_in_the_whole(tmp_path, suffix):
    rate = 48_000
    path = tmp_path / f"file.{suffix}"
    kind = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    noise = np.random.default_rng(0).normal(scale=0.1, size=4 * rate)
    soundfile.write(path, noise, rate, **kind)
    whole, _ = audio.read(path)
    part, _ = audio.read(path, start_s=1.5, duration_s=1.0)
    assert np.allclose(part, whole[round(1.5 * rate) : round(2.5 * rate)], atol=1e-4)


def test_zeros_follow_where_the_file_ends(tmp_path):
    path = tmp_path / "file.wav"
    soundfile.write(path, sine(), 44_100)
    part, _ = audio.read(path, 16_000, start_s=0.5, duration_s=3.0)
    assert len(part) == 48_000
    assert np.abs(part[4000:7500]).max() > 0.4
    assert np.abs(part[8100:]).max() == 0
    beyond, _ = audio.read(path, 16_000, start_s=9.0, duration_s=1.0)
    assert not beyond.any()


def test_what_libsndfile_cannot_read_ffmpeg_does(tmp_path):
    import av

    path = tmp_path / "file.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        samples = sine(2.0).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 44_100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert audio.probe(path).codec == "aac"
    samples, rate = audio.read(path, start_s=0.5, duration_s=1.0)
    assert (rate, len(samples)) == (44_100, 44_100)
    assert 0.3 < np.sqrt(np.mean(samples**2)) < 0.4


def test_bad_files_are_named(tmp_path):
    for name, content in {"empty.wav": b"", "text.mp3": b"not audio " * 500}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            audio.probe(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        audio.probe(tmp_path / "nothing.wav")


def test_loudness_of_a_known_signal():
    # BS.1770-4: a 997 Hz sine of peak -20 dBFS in one channel measures -23.01 LUFS
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(48_000 * 5) / 48_000)
    assert audio.loudness(tone, 48_000) == pytest.approx(-23.0, abs=0.1)
    assert audio.loudness(np.zeros(48_000), 48_000) == -np.inf
    assert audio.loudness(tone[:100], 48_000) == -np.inf


def test_writing_rounds_and_clips_nothing(tmp_path):
    loud = (3 * sine()).astype(np.float32)
    audio.write(tmp_path / "file.wav", loud, 44_100)
    assert np.array_equal(audio.read(tmp_path / "file.wav")[0], loud)
