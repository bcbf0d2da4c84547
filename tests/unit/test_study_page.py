"""The page's files: what study.js says and does not say, and that jsPsych is npm's."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile

import listening_study
import pytest

from musical_roots import config
from musical_roots.errors import InputError
from musical_roots.listening import collector
from musical_roots.listening import page as pages
from musical_roots.listening.files import FILES, STATIC, WEB
from musical_roots.listening.trials import trials
from musical_roots.study import Study


@pytest.fixture
def asked():
    return trials(listening_study.pairs(16, 8), "ours", 10, 0.2, 0.1, mixed=True, seed=0)


@pytest.fixture
def of(tmp_path_factory):
    """The manifest of trials, with what it hangs on changed."""

    def made(asked, **changes):
        audio = listening_study.sounds(tmp_path_factory.mktemp("audio"), asked)
        about = {"arm": "ours", "headphones": "required", "contact": "", "consent": ""}
        about |= {"confidence": True, "seed": 0, "sound": listening_study.SOUND}
        return pages.manifest(asked, audio, **(about | changes))

    return made


def test_the_manifest_names_every_trial(asked, of):
    manifest = of(asked)
    assert [trial["trial_id"] for trial in manifest["trials"]] == asked.trial_id.tolist()
    assert {"schema", "study_id", "arm", "instructions", "trials"} <= set(manifest)
    first, row = manifest["trials"][0], asked.iloc[0]
    assert first["encoder"] == row.encoder and first["x_clip_id"] == row.x_clip_id
    assert first["least_s"] == pytest.approx(0.9 * 9, abs=0.01)  # three clips of 3 s
    heard = {clip for one in "xab" for clip in asked[f"{one}_clip_id"]}
    assert set(manifest["audio"]) == heard
    assert all(len(digest) == 64 for digest in manifest["audio"].values())
    assert json.loads(json.dumps(manifest)) == manifest


def test_another_study_has_another_id(asked, of):
    other = asked.assign(x_clip_id=asked.x_clip_id + "0")
    ids = [of(asked), of(asked, contact="b"), of(asked, seed=1), of(asked.iloc[1:]), of(other)]
    ids += [of(asked, sound=listening_study.SOUND | {key: 1.0}) for key in pages.SOUND]
    ids.append(of(asked.assign(encoder="mel")))
    assert len({one["study_id"] for one in ids}) == len(ids)
    assert of(asked) == of(asked)


def test_the_page_knows_neither_encoders_nor_right_answers(asked, of):
    told = pages.study(of(asked), asked, None)
    for block in told["blocks"].values():
        assert all(set(trial) == {"trial_id", "x", "a", "b"} for trial in block)
    shown = sum(len(block) for block in told["blocks"].values())
    assert shown == len(asked) and not any(one in str(told) for one in ("mfcc", "catch", "nearer"))
    assert [trial["audio"] for trial in told["headphone_trials"]] == [
        f"audio/headphones-{n}.flac" for n in range(1, 7)
    ]


def test_text_of_the_config_ends_no_script(asked, of):
    manifest = of(asked, consent="</script><script>alert(1)</script>")
    text = pages.study_js(pages.study(manifest, asked, None))
    assert "</script" not in text
    assert json.loads(text[len("window.STUDY = ") : -2])["consent"].startswith("</script>")


def test_no_trials_are_a_page_without_questions_and_nothing_is_served(tmp_path, of):
    nothing = listening_study.some("paper", 2, 2).head(0)
    listening_study.write(tmp_path, "paper", nothing)
    told = pages.study(of(nothing, arm="paper"), nothing, None)
    assert told["blocks"] == {} and told["practice"] == []
    with pytest.raises(InputError, match="too small for any question"):
        collector.Collector(tmp_path, tmp_path / "answers")


def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere(asked, of, tmp_path):
    pages.write(tmp_path, pages.study(of(asked), asked, None))
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    for name in set(STATIC) - {"jspsych.min.js", "licences.txt"}:
        assert "http" not in (WEB / name).read_text(), name
    page = (WEB / "index.html").read_text()
    for name in set(FILES) - {"index.html", "licences.txt"}:
        assert f'"{name}"' in page


def test_what_of_a_config_is_heard():
    made = Study(config.load({})).stimuli
    assert made.arms == ("paper", "ours") and "random" not in made.encoders
    assert "vamps-openvamp" in made.vamps and "perturbed-pitch" in made.perturbed
    assert not {"perturbed-mashup", "perturbed-codec"} & set(made.perturbed)
    assert Study(config.load({"listening": {"activate": False}})).stimuli.arms == ()
    off = {name: {"activate": False} for name in ("musicnn", "mfcc", "mel")}
    assert Study(config.load({"encoders": off})).stimuli.arms == ()


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_jspsych_is_the_file_that_the_lock_names(tmp_path):
    """The package, as npm gives it, has the lock's hash, and the page its very file."""
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]["node_modules/jspsych"]
    words = ["npm", "pack", f"jspsych@{lock['version']}", "--ignore-scripts", "--silent"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    packed = list(tmp_path.glob("*.tgz"))
    if done.returncode or not packed:
        pytest.skip(f"npm cannot fetch jspsych: {done.stderr.strip()[-200:]}")
    digest = base64.b64encode(hashlib.sha512(packed[0].read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == lock["integrity"]
    with tarfile.open(packed[0]) as package:
        file = package.extractfile("package/dist/index.browser.min.js").read()
    assert file == (WEB / "jspsych.min.js").read_bytes()
