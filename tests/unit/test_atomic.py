"""Files and folders that appear whole or not at all."""

import os
import subprocess
import sys

import pytest

from musical_roots.atomic import atomic, atomic_folder, clear
from musical_roots.errors import InputError


def test_a_failing_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("new, but only ha")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = (
        "import os, sys, signal; from musical_roots.atomic import atomic\n"
        "with atomic(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)])
    assert done.returncode == -9
    assert path.read_text() == "old"


@pytest.mark.parametrize("way", ["atomic", "atomic_folder"])
def test_what_a_killed_process_had_begun_is_cleared_away(tmp_path, way):
    code = (
        f"import os, sys, signal; from musical_roots.atomic import {way}\n"
        f"with {way}(sys.argv[1]) as temporary:\n"
        "    (temporary / 'a' if temporary.is_dir() else temporary).write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "below/file")])
    assert done.returncode == -9 and len(list((tmp_path / "below").iterdir())) == 1
    (tmp_path / "below/other.1.part").touch()  # a person's own
    (tmp_path / "below" / f".mine.{os.getpid()}.part").touch()  # still at work
    clear(tmp_path)
    assert tree(tmp_path) == ["below", f"below/.mine.{os.getpid()}.part", "below/other.1.part"]


@pytest.mark.parametrize("way", [atomic, atomic_folder])
@pytest.mark.parametrize("place", ["file/a", "file/below/a", "locked/a"])
def test_a_place_that_cannot_be_written_to_is_named(tmp_path, monkeypatch, way, place):
    (tmp_path / "file").touch()
    # root may write everywhere
    monkeypatch.setattr(os, "access", lambda folder, mode: "locked" not in str(folder))
    with pytest.raises(InputError, match=f"{place}: its folder cannot be"), way(tmp_path / place):
        pass


def test_a_folder_is_no_place_for_a_file(tmp_path):
    with pytest.raises(InputError, match="is a folder, where a file is"), atomic(tmp_path) as file:
        file.write_text("new")
    assert tmp_path.is_dir()


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("before", ["nothing", "an older one"])
def test_a_folder_takes_its_place_whole(tmp_path, before):
    path = tmp_path / "made" / "folder"
    if before == "an older one":
        (path / "old").mkdir(parents=True)
    with atomic_folder(path) as temporary:
        (temporary / "new").mkdir()
        (temporary / "new" / "file").write_text("new")
        assert not (path / "new").exists()
    assert tree(tmp_path) == ["made", "made/folder", "made/folder/new", "made/folder/new/file"]


def test_a_failing_folder_leaves_the_old_one_and_no_litter(tmp_path):
    (tmp_path / "folder" / "old").mkdir(parents=True)
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "new").write_text("new, but only ha")
        raise RuntimeError
    assert tree(tmp_path) == ["folder", "folder/old"]


def test_what_a_killed_run_of_the_same_number_left_is_no_part_of_a_folder(tmp_path):
    left = tmp_path / f".folder.{os.getpid()}.part"
    (left / "stale").mkdir(parents=True)
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "new").write_text("new")
    assert tree(tmp_path) == ["folder", "folder/new"]


def test_files_are_on_the_disk_before_they_take_their_place(tmp_path, monkeypatch):
    synced, fsync, replaced = [], os.fsync, []

    def noted(number):
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{number}")))
        fsync(number)

    monkeypatch.setattr(os, "fsync", noted)
    for name in ("replace", "rename"):
        put = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *to, put=put: (replaced.append(len(synced)), put(*to)))
    with atomic(tmp_path / "file") as temporary:
        temporary.write_text("x")
    with atomic_folder(tmp_path / "folder") as temporary:
        for name in "ab":
            (temporary / name).write_text("x")
    assert synced[0] == f".file.{os.getpid()}.part" and sorted(synced[1:]) == ["a", "b"]
    assert replaced == [1, 3]
