"""What the tags of a file say of it."""

import numpy as np
import odd_audio
import pytest
import soundfile

from musical_roots import audio

SAID = {"title": "Eins — 一", "artist": "Ann", "album": "All of it"}
RATE = 44_100


def sound(channels=1):
    return np.random.default_rng(0).normal(scale=0.1, size=(RATE, channels))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_tags_of_what_libsndfile_reads(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for name, value in SAID.items():
            setattr(file, name, value)
        file.license = "CC0"
        file.write(sound())
    holds_licence = suffix in ("flac", "ogg")
    assert audio.tags(path) == SAID | ({"licence": "CC0"} if holds_licence else {})


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.mka", "flac"), ("a.wv", "wavpack"), ("b.m4a", "alac")],
)
def test_tags_of_what_only_ffmpeg_reads(tmp_path, name, codec):
    path = odd_audio.encode(tmp_path / name, codec, sound(2), tags=SAID)
    assert audio.tags(path) == SAID


def test_a_licence_in_matroska(tmp_path):
    path = odd_audio.encode(tmp_path / "a.mka", "flac", sound(), tags={"LICENSE": "CC BY 4.0"})
    assert audio.tags(path) == {"licence": "CC BY 4.0"}


def test_what_is_blank_or_cannot_be_read_says_nothing(tmp_path):
    blank = odd_audio.encode(tmp_path / "a.m4a", "aac", sound(), tags={"title": "  "})
    (tmp_path / "text.m4a").write_text("no audio" * 100)
    (tmp_path / "empty.wav").touch()
    for path in (blank, tmp_path / "text.m4a", tmp_path / "empty.wav", tmp_path / "gone.ogg"):
        assert audio.tags(path) == {}


def test_tags_that_are_not_utf8_are_read_as_far_as_they_go(tmp_path):
    path = odd_audio.encode(tmp_path / "a.m4a", "aac", sound(), tags={"artist": "Beyoncee"})
    path.write_bytes(path.read_bytes().replace(b"Beyoncee", "Beyoncé ".encode("latin-1")))
    assert audio.tags(path)["artist"].startswith("Beyonc\ufffd")
