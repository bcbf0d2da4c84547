"""The same trials for webMUSHRA and ReSEval: as files, and loaded by the programs where there."""

import os

import listening_study
import pytest
import yaml

from musical_roots.listening import layouts
from musical_roots.listening.trials import trials


@pytest.fixture
def asked(tmp_path):
    made = trials(listening_study.pairs(16, 8), "ours", 10, 0.2, 0.1, mixed=True, seed=0)
    (tmp_path / "audio").mkdir()
    for clip in {clip for one in "xab" for clip in made[f"{one}_clip_id"]}:
        (tmp_path / f"audio/{clip}.flac").write_text(clip)
    (tmp_path / "to").mkdir()
    return made


def test_webmushra_asks_every_trial_in_its_order(asked, tmp_path):
    layouts.webmushra(asked, tmp_path / "audio", tmp_path / "to", "study")
    by_id = asked.set_index("trial_id")
    for block, part in asked.groupby("block"):
        told = yaml.safe_load((tmp_path / f"to/configs/study-{block}.yaml").read_text())
        *pages, end = told["pages"]
        assert [page["id"] for page in pages] == part.trial_id.tolist() and end["writeResults"]
        for page in pages:
            row = by_id.loc[page["id"]]
            heard = {"X": page["reference"], **page["stimuli"]}
            assert page["type"] == "paired_comparison" and not page["unforced"]
            for one, path in heard.items():
                assert (tmp_path / "to" / path).read_text() == row[f"{one.lower()}_clip_id"]


def test_reseval_has_each_trials_clips_under_one_name(asked, tmp_path):
    layouts.reseval(asked, tmp_path / "audio", tmp_path / "to", "study", seed=3)
    once = asked[asked.kind != "repeat"].set_index("trial_id")
    for condition in ("reference", "nearer", "farther"):
        folder = tmp_path / "to/files-mfcc" / condition
        files = {path.stem: path.read_text() for path in folder.iterdir()}
        assert set(files) == set(once.index)
        for trial, clip in files.items():
            row = once.loc[trial]
            other = "b" if row.nearer == "a" else "a"
            side = {"reference": "x", "nearer": row.nearer, "farther": other}[condition]
            assert clip == row[f"{side}_clip_id"]


def test_a_study_of_reseval_is_of_one_encoder(asked, tmp_path):
    """It counts how often each condition wins, over all of a study."""
    both = asked.assign(encoder=["mfcc", "mel"] * (len(asked) // 2) + ["mel"] * (len(asked) % 2))
    layouts.reseval(both, tmp_path / "audio", tmp_path / "to", "study", seed=3)
    once = both[both.kind != "repeat"]
    for encoder, part in once.groupby("encoder"):
        told = yaml.safe_load((tmp_path / f"to/study-{encoder}.yaml").read_text())
        assert told["name"] == f"study-{encoder}" and told["samples_per_participant"] <= len(part)
        files = (tmp_path / f"to/files-{encoder}/nearer").iterdir()
        assert {path.stem for path in files} == set(part.trial_id)
    assert not (tmp_path / "to/study.yaml").exists()


def test_audio_is_copied_where_it_cannot_be_linked(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    layouts.webmushra(asked, tmp_path / "audio", tmp_path / "to", "study")
    assert any((tmp_path / "to/configs/resources/audio/study").iterdir())


def test_no_trials_are_no_questions(asked, tmp_path):
    layouts.webmushra(asked.head(0), tmp_path / "audio", tmp_path / "to", "study")
    layouts.reseval(asked.head(0), tmp_path / "audio", tmp_path / "to", "study", seed=3)
    assert not list((tmp_path / "to").glob("*.yaml"))
    assert not list((tmp_path / "to/configs").glob("*.yaml"))


def test_reseval_itself_loads_it(asked, tmp_path):
    program = pytest.importorskip("reseval", reason="ReSEval is not installed: pip install reseval")
    layouts.reseval(asked, tmp_path / "audio", tmp_path / "to", "study", seed=3)
    config = program.load.config_from_file(tmp_path / "to/study-mfcc.yaml")
    test = program.test.get(config)(config, tmp_path / "to/files-mfcc")
    assert test.conditions == ["farther", "nearer", "reference"]
    assert set(test.stems()) == set(asked[asked.kind != "repeat"].trial_id)
    assert {len(given) for given in test.assign(config["random_seed"])} == {
        config["samples_per_participant"]
    }


def test_pymushra_itself_serves_it(asked, tmp_path):
    """All that a browser asks for; webMUSHRA's own page, in JavaScript, is no package."""
    service = pytest.importorskip("pymushra.service", reason="not installed: pip install pymushra")
    layouts.webmushra(asked, tmp_path / "audio", tmp_path / "to", "study")
    blocks = {f"study-{block}.yaml" for block in asked.block}
    assert set(service.utils.get_configs(tmp_path / "to/configs")) == blocks
    server = service.app
    server.config["webmushra_dir"] = str(tmp_path / "to")
    browser, heard = server.test_client(), 0
    for block in blocks:
        told = yaml.safe_load(browser.get(f"/configs/{block}").data)
        *pages, _ = told["pages"]
        for path in [
            path for page in pages for path in (page["reference"], *page["stimuli"].values())
        ]:
            reply = browser.get(f"/{path}")
            assert reply.status_code == 200 and reply.data, path
            heard += 1
        sent = browser.post(f"/{told['remoteService']}", data=b"", content_type="text/plain")
        assert sent.status_code == 415  # it takes answers there, of its own form
    assert heard == 3 * len(asked)
