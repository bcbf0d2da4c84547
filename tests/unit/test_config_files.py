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
