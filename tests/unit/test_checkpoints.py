"""Weights on their way from the publisher to the checkpoint folder."""

import ast
import errno
import json
import logging
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import small_weights
from click.testing import CliRunner
from safetensors.numpy import save_file
from small_weights import names, publish, sha256

from musical_roots import cli, download
from musical_roots.errors import InputError
from musical_roots.weights import checkpoints as weights
from musical_roots.weights import files
from musical_roots.weights.manifest import SOURCES

ROOM = Path(weights.__file__).parent

# The manifest


@pytest.mark.parametrize("name", SOURCES)
def test_an_entry_says_what_a_user_wants_to_know(name):
    entry = SOURCES[name]
    assert re.match(r"pypi:|https://|$", entry.url) and entry.licence
    assert entry.url or entry.section, "a key of the config names what is published nowhere"
    assert re.search(r"\(\d{4}\)", entry.citation)
    assert entry.sha256 is None or re.fullmatch("[0-9a-f]{64}", entry.sha256)
    assert all(re.fullmatch(rf"{name}(-\w+)?\.safetensors", file) for file in entry.converted)


@pytest.mark.parametrize("name", SOURCES)
def test_the_layout_of_an_entry_is_there(name):
    layout = weights._layout(SOURCES[name])
    assert callable(layout.convert)
    assert callable(getattr(layout, "write_random", None)) == SOURCES[name].random


def imports(file):
    """Names of ours that a file imports, anywhere in it."""
    names = set()
    for part in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(part, ast.Import | ast.ImportFrom):
            of = f"{part.module}." if isinstance(part, ast.ImportFrom) else ""
            names |= {f"{of}{alias.name}" for alias in part.names}
    return {name for name in names if name.startswith("musical_roots.")}


def test_weights_know_nothing_of_what_they_are_for():
    found = {name for file in ROOM.rglob("*.py") for name in imports(file)}
    rooms = {name.split(".")[1] for name in found}
    assert rooms == {"atomic", "download", "errors", "mel", "provenance", "seeding", "weights"}


def test_a_layout_is_loaded_by_name_alone():
    # so that a job for weights depends on their layout and on no other
    for file in ROOM.rglob("*.py"):
        assert not any(".formats" in name for name in imports(file)), file
    for source in SOURCES.values():
        assert (ROOM / "formats" / f"{source.format}.py").is_file()
        assert source.module == f"musical_roots.weights.formats.{source.format}"


def test_no_torch_is_needed_to_fetch_or_load():
    code = "import sys, musical_roots.weights.checkpoints; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_an_encoder_without_weights_is_refused(tmp_path):
    for fetch in (weights.fetch, lambda *where: weights.fetch_random(*where, seed=0)):
        with pytest.raises(InputError, match=r"'mfcc' has no weights; these have: musicnn, clap"):
            fetch("mfcc", tmp_path)


# A file that is here


@pytest.mark.parametrize("where", ["file", "folder", "checkpoint folder"])
def test_a_published_file_is_found_where_the_user_put_it(source, wheel, tmp_path, where):
    if where == "checkpoint folder":
        shutil.copy(wheel, tmp_path)
    local = {"file": wheel, "folder": wheel.parent}.get(where)
    paths = weights.fetch("small", tmp_path, local)
    assert [p.name for p in paths] == ["a.safetensors", "b.safetensors"]
    np.testing.assert_array_equal(files.load(paths[1], {"half": (3,)})["half"], [3, 4, 5])
    assert not files.is_random(paths[0])
    assert {*names(tmp_path)} - {wheel.name} == {p.name for p in paths}


def test_fetching_again_does_nothing_and_repeats_to_the_bit(source, wheel, tmp_path):
    first = weights.fetch("small", tmp_path / "one", wheel)
    before = [(p.stat().st_mtime_ns, p.read_bytes()) for p in first]
    weights.fetch("small", tmp_path / "one")
    assert [(p.stat().st_mtime_ns, p.read_bytes()) for p in first] == before
    second = weights.fetch("small", tmp_path / "two", wheel)
    assert [p.read_bytes() for p in second] == [content for _, content in before]


@pytest.mark.parametrize("damage", ["flipped byte", "cut short", "no metadata", "older source"])
def test_a_damaged_converted_file_is_refused_and_fetched_anew(source, wheel, tmp_path, damage):
    path, _ = weights.fetch("small", tmp_path, wheel)
    whole = path.read_bytes()
    if damage == "flipped byte":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "cut short":
        path.write_bytes(whole[:-5])
    elif damage == "no metadata":
        save_file({"half": np.zeros(3, np.float32)}, path)
    else:
        path.write_bytes(whole.replace(b'source_sha256\\": \\"', b'source_sha256\\": \\"0')[:-1])
    with pytest.raises(InputError, match=r"a\.safetensors is damaged .*fetch it again"):
        files.load(path, {"half": (3,)})
    assert "damaged: a.safetensors" in weights.listing(tmp_path)
    weights.fetch("small", tmp_path, wheel)
    assert path.read_bytes() == whole


def test_a_file_that_is_not_the_manifests_is_refused(source, wheel, tmp_path):
    other = tmp_path / "other.whl"
    content = bytearray(wheel.read_bytes())
    content[40] ^= 1
    other.write_bytes(content)
    with pytest.raises(InputError) as error:
        weights.fetch("small", tmp_path / "weights", other)
    line = str(error.value)
    assert f"other.whl has SHA-256 {sha256(other)}, not {sha256(wheel)}: it is damaged or" in line
    assert "get https://nowhere.invalid/small again" in line
    assert "or, if this file is meant, set encoders.small.sha256 to its hash" in line
    other.write_bytes(content[:-10])
    with pytest.raises(InputError, match=r"other\.whl has \d+ bytes, not .*cut short"):
        weights.fetch("small", tmp_path / "weights", other)
    with pytest.raises(
        InputError, match=r"missing\.whl is missing; .*mend encoders\.small\.checkpoint$"
    ):
        weights.fetch("small", tmp_path / "weights", tmp_path / "missing.whl")
    assert names(tmp_path / "weights") == []


def test_a_hash_of_the_users_takes_the_place_of_the_manifests(source, wheel, tmp_path):
    other = tmp_path / "other.whl"
    publish(other, range(10, 16))
    other.write_bytes(other.read_bytes() + b"a longer file")
    weights.fetch("small", tmp_path, wheel)
    paths = weights.fetch("small", tmp_path, other, sha256(other).upper())
    assert files.load(paths[0], {"half": (3,)})["half"][0] == 10
    assert "converted and verified, from another file" in weights.listing(tmp_path)
    weights.fetch("small", tmp_path, None, sha256(other))  # it is there
    with pytest.raises(InputError, match=f"not {sha256(other)}"):
        weights.fetch("small", tmp_path / "elsewhere", wheel, sha256(other))
    weights.fetch("small", tmp_path, wheel)
    assert files.load(paths[0], {"half": (3,)})["half"][0] == 0


def test_without_a_known_hash_the_first_file_is_believed(source, wheel, tmp_path):
    source(sha256=None, size_bytes=None)
    other = tmp_path / "other.whl"
    publish(other, range(10, 16))
    assert re.search(r"small .*missing +not known", weights.listing(tmp_path))
    paths = weights.fetch("small", tmp_path, other)
    assert f"seen at first use: {sha256(other)[:12]}" in weights.listing(tmp_path)
    shutil.copy(wheel, tmp_path)  # another file does not slip in
    weights.fetch("small", tmp_path)
    assert files.load(paths[0], {"half": (3,)})["half"][0] == 10
    weights.fetch("small", tmp_path, wheel)  # unless the user says so
    assert files.load(paths[0], {"half": (3,)})["half"][0] == 0
    with pytest.raises(InputError, match=f"not {sha256(other)}"):
        weights.fetch("small", tmp_path, None, sha256(other))


def no_such_key(path, name):
    yield {}["state_dict"]


def no_number(path, name):
    yield path + 1


def an_offset_below_0(path, name):
    raise OSError(errno.EINVAL, "Invalid argument")
    yield


def a_password(path, name):
    raise RuntimeError("File 'weights' is encrypted")
    yield


def one_file_of_two(path, name):
    yield {"half": np.zeros(3, np.float32)}, False


@pytest.mark.parametrize(
    "stumble, reason",
    [
        (no_such_key, "there is no 'state_dict'"),
        (no_number, "unsupported operand"),
        (one_file_of_two, "is shorter"),
        (an_offset_below_0, "Invalid argument"),
        (a_password, "is encrypted"),
    ],
)
def test_a_layout_that_does_not_match_is_an_input_error(
    source, wheel, tmp_path, monkeypatch, stumble, reason
):
    monkeypatch.setattr(small_weights, "convert", stumble)
    with pytest.raises(InputError) as error:
        weights.fetch("small", tmp_path, wheel)
    assert re.match(rf".*{wheel.name} cannot be converted: .*{reason}", str(error.value))
    assert "put that in its place, or mend encoders.small.checkpoint" in str(error.value)


def test_a_file_of_another_kind_is_an_input_error(source, wheel, tmp_path):
    (tmp_path / "junk.whl").write_bytes(b"not a wheel")
    other = tmp_path / "other.whl"
    publish(other, range(7))
    for path, reason in ((tmp_path / "junk.whl", "not a zip"), (other, "7 numbers, not 6")):
        with pytest.raises(InputError, match=rf"{path.name} cannot be converted: .*{reason}"):
            weights.fetch("small", tmp_path / "weights", path, sha256(path))
    assert names(tmp_path / "weights") == []


def test_missing_weights_say_how_to_get_them(tmp_path):
    for read in (files.is_random, lambda path: files.load(path, {})):
        with pytest.raises(InputError, match=r"is missing; fetch it .*--name clap_music --ch"):
            read(tmp_path / "clap_music.safetensors")


@pytest.mark.parametrize("model", ["openvamp", "openvamp-codec", "clmr_open"])
def test_what_the_workflow_trains_is_never_to_be_fetched(tmp_path, model):
    path = tmp_path / f"{model}.safetensors"
    with pytest.raises(InputError, match=rf"missing; .* trains it: snakemake .*/{path.name}$"):
        files.read(path)
    files.save(path, {"half": np.zeros(3, np.float32)}, {"source": "trained here"})
    whole = path.read_bytes()
    for content in (whole[:-1] + b"?", whole[:-5], b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"damaged .* delete it and run the workflow, which"):
            files.read(path)
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"no tensor 'whole'; delete it and run the workflow"):
        files.load(path, {"whole": (3,)})


@pytest.mark.parametrize("name", [name for name in SOURCES if SOURCES[name].sha256 is None])
@pytest.mark.parametrize("damage", ["empty", "a page", "cut short", "flipped bytes"])
def test_a_damaged_published_file_says_where_the_right_one_is(tmp_path, name, damage):
    entry = SOURCES[name]
    path = tmp_path / entry.file
    weights._layout(entry).write_random(path, 1, name)
    whole = path.read_bytes()
    if path.suffix == ".zip":  # as others may pack it
        with zipfile.ZipFile(path) as archive:
            (member,) = archive.namelist()
            content = archive.read(member)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, content)
        whole = path.read_bytes()
    flipped = whole[:80] + bytes(byte ^ 0xFF for byte in whole[80:400]) + whole[400:]
    contents = {"empty": b"", "a page": b"<html>404</html>", "flipped bytes": flipped}
    path.write_bytes(contents.get(damage, whole[: len(whole) // 2]))
    with pytest.raises(InputError) as error:
        weights.fetch(name, tmp_path / "checkpoints", path)
    line = str(error.value)
    assert line.startswith(f"{path} cannot be converted: ")
    assert entry.origin in line and line.endswith(
        f"mend {entry.section or f'encoders.{name}'}.checkpoint"
    )


@pytest.mark.parametrize("given", ["zz", "", "0" * 63, "g" * 64])
def test_what_is_no_hash_is_refused(source, wheel, tmp_path, given):
    with pytest.raises(InputError, match=r"encoders\.small\.sha256 is '.*', not 64 hexadecimal"):
        weights.fetch("small", tmp_path, wheel, given)
    source(section="generators.small")
    with pytest.raises(InputError, match=r"^--sha256 is"):
        weights.fetch("small", tmp_path, wheel, given)


def test_another_network_in_the_file_is_an_input_error(source, wheel, tmp_path):
    path, _ = weights.fetch("small", tmp_path, wheel)
    with pytest.raises(InputError, match=r"a\.safetensors has no tensor 'whole'; delete"):
        files.load(path, {"whole": (3,)})
    with pytest.raises(InputError, match=r"tensor 'half' has shape \(3,\), not \(4,\); delete"):
        files.load(path, {"half": (4,)})


def test_licence_and_citation_are_shown_before_a_download(source, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "musical_roots")
    source(licence="CC BY-NC-SA 4.0")

    def stop(*_):
        assert "small: weights under CC BY-NC-SA 4.0; please cite nobody" in caplog.text
        raise download.DownloadError("stop")

    monkeypatch.setattr(weights, "download", stop)
    with pytest.raises(InputError, match=r"could not be downloaded \(stop\)"):
        weights.fetch("small", tmp_path)


# Random weights


def test_random_weights_go_the_same_way_and_are_marked(source, wheel, tmp_path):
    paths = weights.fetch_random("small", tmp_path, seed=1)
    assert names(tmp_path) == ["a.safetensors", "b.safetensors"]
    assert all(files.is_random(path) for path in paths)
    assert "converted and verified, random weights" in weights.listing(tmp_path)
    before = [(p.stat().st_mtime_ns, p.read_bytes()) for p in paths]
    weights.fetch_random("small", tmp_path, seed=1)
    assert [(p.stat().st_mtime_ns, p.read_bytes()) for p in paths] == before
    again = weights.fetch_random("small", tmp_path / "again", seed=1)
    assert [p.read_bytes() for p in again] == [content for _, content in before]
    weights.fetch_random("small", tmp_path, seed=2)
    assert paths[0].read_bytes() != before[0][1]


def test_trained_weights_replace_random_ones_and_never_the_other_way(source, wheel, tmp_path):
    weights.fetch_random("small", tmp_path, seed=1)
    path, _ = weights.fetch("small", tmp_path, wheel)
    assert not files.is_random(path)
    with pytest.raises(InputError, match=r"a\.safetensors holds trained weights; give random"):
        weights.fetch_random("small", tmp_path, seed=1)


@pytest.mark.parametrize("name", [name for name in SOURCES if SOURCES[name].random])
def test_random_weights_given_as_a_published_file_keep_their_mark(tmp_path, name, caplog):
    path = tmp_path / SOURCES[name].file
    weights._layout(SOURCES[name]).write_random(path, 1, name)
    given = path, sha256(path)
    (file,) = weights.fetch(name, tmp_path / "checkpoints", *given)
    assert files.is_random(file)
    assert "random weights: plumbing only" in caplog.text
    assert "converted and verified, random weights" in weights.listing(tmp_path / "checkpoints")
    before = file.stat().st_mtime_ns
    weights.fetch(name, tmp_path / "checkpoints", *given)
    assert file.stat().st_mtime_ns == before, "it was there"
    assert not weights._is_of(files.about_of(file), SOURCES[name]), "not the published ones"


def test_an_encoder_without_random_weights_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no random weights for musicnn; take .*'random'"):
        weights.fetch_random("musicnn", tmp_path, seed=0)


# The command line


def test_the_command_line_fetches_and_lists(source, wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def run(*words):
        words = [*map(str, words), "--checkpoints", str(tmp_path)]
        return CliRunner().invoke(cli.stages, words, catch_exceptions=False)

    weights_of_small = ["weights", "fetch", "--name", "small"]
    assert run(*weights_of_small, "--random", 3).exit_code == 0
    about = files.about_of(tmp_path / "a.safetensors")
    assert (about["source"], about["random"]) == ("random, seed 3", True)
    with pytest.raises(InputError, match="not 00"):
        run(*weights_of_small, "--local", wheel, "--sha256", "00" * 32)
    assert run(*weights_of_small, "--local", wheel).exit_code == 0
    listed = run("weights", "list")
    assert listed.exit_code == 0
    header, *lines = listed.output.splitlines()
    assert [line.split()[0] for line in lines] == [*SOURCES]
    for line, entry in zip(lines, SOURCES.values(), strict=True):
        assert line.endswith(entry.origin) and line.index(entry.file) == header.index("file")
        assert entry.licence in line
    assert re.search(r"clap +630k-audioset-best\.pt +missing +known: 8053.* 1864 MB", lines[1])
    assert re.search(rf"converted and verified +known: {sha256(wheel)[:12]}", lines[-1])
    assert json.dumps(listed.output).isascii()
