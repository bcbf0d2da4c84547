"""Audio files under a folder."""

import logging
import os

import pytest

from musical_roots import audio, folders


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_a_linked_folder_is_followed_once(tmp_path):
    root = tmp_path / "corpus"
    touch(root, "z/real.wav")
    touch(tmp_path, "elsewhere/a.wav", "elsewhere/deep/b.wav")
    (root / "a link").symlink_to(root / "z")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (root / "out again").symlink_to(root / "out")
    (tmp_path / "elsewhere/loop").symlink_to(root)
    (tmp_path / "elsewhere/deep/loop").symlink_to(tmp_path / "elsewhere")
    (root / "z/deep").symlink_to(tmp_path / "elsewhere/deep")
    files, problems = folders.audio_files(root)
    assert files == ["out/a.wav", "out/deep/b.wav", "z/real.wav"]
    assert problems == {}


def test_links_that_cannot_be_followed_are_listed(tmp_path):
    root = tmp_path / "above/corpus"
    touch(root, "a.wav")
    touch(tmp_path, "above/secret.wav")
    (root / "up").symlink_to(tmp_path / "above")
    (root / "away").symlink_to(tmp_path / "not mounted")
    (root / "self").symlink_to("self")
    files, problems = folders.audio_files(root)
    assert files == ["a.wav"]
    assert set(problems) == {"up", "away", "self"}
    assert "a link to a folder that holds this one" in problems["up"]
    assert problems["away"] == problems["self"] == "a link that leads to no file; mend or remove it"


def test_a_pipe_is_listed_and_never_opened(tmp_path):
    touch(tmp_path, "a.wav", "space.FLAC ")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "zero.flac").symlink_to("/dev/zero")
    files, problems = folders.audio_files(tmp_path)
    assert files == ["a.wav", "space.FLAC "]
    assert set(problems) == {"pipe.wav", "zero.flac"}
    assert set(problems.values()) == {"a pipe, socket or device, not a file; remove it"}


def test_a_folder_that_cannot_be_read_is_listed(tmp_path, monkeypatch):
    """By a stand-in for the system's answer: root may read every folder."""
    touch(tmp_path, "a.wav", "Ann/locked/b.wav")
    scan = os.scandir

    def refuse(place):
        if str(place).endswith("locked"):
            raise PermissionError(13, "Permission denied", place)
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    files, problems = folders.audio_files(tmp_path)
    assert files == ["a.wav"]
    assert list(problems) == ["Ann/locked"]
    assert "cannot be read (Permission denied)" in problems["Ann/locked"]


def test_audio_of_a_suffix_that_is_not_read_is_listed_and_the_rest_counted(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    unread = [f"film{suffix.upper()}" for suffix in sorted(folders.SOUND - audio.SUFFIXES)]
    assert unread
    touch(tmp_path, "a.wav", "b.MP3", "cover.jpg", "back.JPG", "notes.txt", "README", *unread)
    files, problems = folders.audio_files(tmp_path)
    assert files == ["a.wav", "b.MP3"]
    assert problems == dict.fromkeys(unread, "suffix not read; convert it to FLAC or WAV")
    told = [record.message for record in caplog.records]
    assert len(told) == 1
    assert "4 files that are no audio are left alone (.jpg 2, " in told[0]


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"dir\xff/a.wav"])
def test_a_name_that_is_not_utf8_is_listed(tmp_path, name):
    name = os.fsdecode(name)
    touch(tmp_path, name)
    files, problems = folders.audio_files(tmp_path)
    assert files == []
    assert problems == {name: "its name is not valid UTF-8; rename it"}
    assert folders.as_listed(name).encode()
