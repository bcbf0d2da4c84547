"""One run a folder, and one study a folder of results."""

import errno
import fcntl
import json

import pytest

from musical_roots import running
from musical_roots.errors import InputError


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path):
    first = running.hold_lock(tmp_path / "lock", pytest.fail)
    with pytest.raises(InputError, match="another run is at work in this folder"):
        running.hold_lock(tmp_path / "lock", pytest.fail)
    first.close()
    running.hold_lock(tmp_path / "lock", pytest.fail).close()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_where_there_are_no_locks_the_run_goes_on_with_a_warning(tmp_path, monkeypatch, number):
    def no_locks(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    told = []
    running.hold_lock(tmp_path / "lock", told.append).close()
    assert len(told) == 1 and "has no locks" in told[0] and "one run at a time" in told[0]


def test_another_fault_of_the_file_system_is_not_hidden(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OSError, match="input/output"):
        running.hold_lock(tmp_path / "lock", pytest.fail)


def claim(folder, files, **corpus):
    running.claim_results(folder, files, corpus)


def test_another_config_may_not_replace_the_corpus(tmp_path):
    claim(tmp_path, ["config/config.yaml"], source="debian")
    with pytest.raises(InputError) as refused:
        claim(tmp_path, ["config/config.yaml", "config/tiny.yaml"], source="debian", only=["a"])
    told = str(refused.value)
    assert "holds the study of config/config.yaml" in told
    assert "results: results/mine" in told and f"remove {tmp_path / 'study.json'}" in told
    assert json.loads((tmp_path / "study.json").read_text())["corpus"] == {"source": "debian"}
    (tmp_path / "study.json").unlink()
    claim(tmp_path, ["config/config.yaml", "config/tiny.yaml"], source="debian", only=["a"])


def test_who_edits_a_config_may_replace_what_it_made(tmp_path):
    claim(tmp_path, ["a.yaml"], seed=1)
    claim(tmp_path, ["a.yaml"], seed=2)
    assert json.loads((tmp_path / "study.json").read_text())["corpus"] == {"seed": 2}


def test_another_overlay_on_the_same_corpus_goes_on_and_owns_nothing(tmp_path):
    claim(tmp_path, ["config/large.yaml"], seed=1)
    both = ["config/large.yaml", "models/openvamp-large/use.yaml"]
    claim(tmp_path, both, seed=1)
    with pytest.raises(InputError, match=r"holds the study of config/large\.yaml, "):
        claim(tmp_path, both, seed=2)
    claim(tmp_path, ["config/large.yaml"], seed=1)


@pytest.mark.parametrize("written", ["{}", "[]", "{", '{"configfiles": []}'])
def test_a_damaged_owner_is_one_line(tmp_path, written):
    (tmp_path / "study.json").write_text(written)
    with pytest.raises(InputError, match=r"study.json: it does not say whose study this is"):
        claim(tmp_path, ["a.yaml"], seed=1)
