"""Config files that are none, and configs that name files which are not there."""

import pytest

from musical_roots import config
from musical_roots.errors import InputError


@pytest.mark.parametrize(
    "content",
    [b"- seed\n", b"seed", b"seed: \xff\xfe", b"a: [1", b"[" * 3000, b"seed: 2001-99-99", b"\0"],
)
def test_what_is_no_config_is_named(tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.yaml: (not a readable YAML|a config holds keys)"):
        config.read([tmp_path / "mine.yaml"])


def test_a_key_that_stands_twice_is_named_with_its_lines(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("generators:\n  external: {activate: true}\nseed: 1\ngenerators: {}\n")
    with pytest.raises(
        InputError, match=r"mine\.yaml: .*key generators stands twice, in lines 1 and 4"
    ):
        config.read([path])
    path.write_text("corpus:\n  minimum_s: 1\n  minimum_s: 2\n")
    with pytest.raises(InputError, match="key minimum_s stands twice, in lines 2 and 3"):
        config.overlay(path)
    path.write_text("corpus: {minimum_s: 1, minimum_s: 2}\n")
    with pytest.raises(InputError, match="key minimum_s stands twice, in lines 1 and 1"):
        config.overlay(path)
    path.write_text("a: &a {x: 1, y: 1}\nb:\n  base: &b\n    <<: *a\n    x: 2\nc: {<<: *b}\n")
    assert config.overlay(path)["c"] == {"x": 2, "y": 1}
    path.write_text("1: a\n'1': b\n")
    assert config.overlay(path) == {1: "a", "1": "b"}


def test_a_folder_of_music_that_is_not_there_is_named_with_its_key(tmp_path):
    folder = {"corpus": {"source": "folder", "folder": {"root": str(tmp_path / "nowhere")}}}
    with pytest.raises(InputError, match=r"corpus\.folder\.root: there is no folder .*nowhere"):
        config.check_music(config.load(folder))
    config.check_files(config.load(folder))
    folder["corpus"]["folder"]["root"] = str(tmp_path)
    config.check_music(config.load(folder))
    config.check_music(config.load({"corpus": {"folder": {"root": str(tmp_path / "nowhere")}}}))


def test_a_null_byte_is_named_with_its_key():
    """Whatever a text is for, sooner or later it is a name, and the system takes no such one."""
    with pytest.raises(InputError, match=r"corpus\.debian\.only\.1: it holds a null byte"):
        config.load({"corpus": {"debian": {"only": ["a", "b\0"]}}})


def test_nothing_and_a_section_that_is_empty_are_defaults(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"")
    assert config.read([tmp_path / "mine.yaml"]) == config.load({})


def test_a_table_that_is_not_there_is_named_with_its_key(tmp_path):
    """Snakemake says that there is nothing to be done, where a study was made with it once."""
    folder = {"root": str(tmp_path), "metadata": str(tmp_path / "credits.csv")}
    mine = config.load({"corpus": {"source": "folder", "folder": folder}})
    with pytest.raises(InputError, match=r"corpus\.folder\.metadata: there is no file .*credits"):
        config.check_files(mine)
    (tmp_path / "credits.csv").touch()
    config.check_files(mine)
    config.check_files(config.load({"corpus": {"folder": {"metadata": "nowhere.csv"}}}))
    small = {"activate": True, "weights": "random", "trained_on": "nowhere.csv"}
    vampnet = {"activate": True, "weights": "random"}
    both = {"vampnet": vampnet, "vampnet_small": small, "openvamp_small": {"activate": False}}
    with pytest.raises(InputError, match=r"generators\.vampnet_small\.trained_on: .*nowhere"):
        config.check_files(config.load({"generators": both}))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"encoders": {"clap": True}}, r"encoders\.clap is True, and takes keys of its own"),
        ({"encoders": None}, "encoders is empty, and takes keys of its own"),
        ({"clips": {0: None}}, r"clips\.0 is not a key"),
    ],
)
def test_a_section_that_is_none_is_told_so(values, told):
    with pytest.raises(InputError, match=told):
        config.load(values)
