"""Weights that came with the repository are taken where this run would train the very same."""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from click.testing import CliRunner
from tiny_openvamp import SIZE

from musical_roots import cli, config, expected
from musical_roots.arrays import write_arrays
from musical_roots.errors import InputError
from musical_roots.generators.base import load
from musical_roots.generators.openvamp import codec as codecs
from musical_roots.generators.openvamp import training
from musical_roots.generators.openvamp.generator import CODEC, NETWORK, SHIPPED, SMALL_NETWORK
from musical_roots.tables import read_table
from musical_roots.weights import files
from musical_roots.weights.shipped import difference, take

ROOT = Path(__file__).parents[2]
TOKENS = {
    track: np.random.default_rng(number).integers(SIZE.entries, size=(SIZE.codebooks, 260))
    for number, track in enumerate("abcd")
}
HOW = {"width": SIZE.width, "layers": SIZE.layers, "seed": 3, "steps": 2, "batch": 1}
HOW |= {"device": "cpu", "precision": "fp32"}


def train(out, shipped, tokens=TOKENS, **changed):
    """A network's file, and how many steps were done for it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    done = []
    how = HOW | changed | {"shipped": shipped, "progress": done.append}
    curve = training.train_file(out, tokens, {}, tiny_openvamp.trained_codec(), **how)
    return curve, len(done)


@pytest.fixture
def shipped(tmp_path):
    """A folder with a network that was trained on TOKENS, and its curve."""
    folder = tmp_path / "shipped"
    curve, steps = train(folder / NETWORK, None)
    assert steps == 2
    curve.to_csv(folder / "openvamp_training.csv", index=False)
    return folder


def test_the_very_same_training_is_not_done_again(shipped, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    out = tmp_path / "run" / NETWORK
    curve, steps = train(out, shipped)
    assert steps == 0
    assert f"openvamp: taken from {shipped}, where an earlier run trained it" in caplog.text
    assert "on these very 4 tracks" in caplog.text
    tensors, about = files.read(out)
    before, told = files.read(shipped / NETWORK)
    assert files.digest(tensors) == files.digest(before)
    assert about == told | {"taken_from": str(shipped)}
    assert curve.step.tolist() == [2, 2] and curve.crops.tolist() == [training.WATCHED, 256]
    pd.testing.assert_frame_equal(curve, pd.read_csv(shipped / "openvamp_training.csv"))
    open_end = curve.iloc[:1].drop(columns="crops")  # as earlier versions wrote it
    open_end.to_csv(shipped / "openvamp_training.csv", index=False)
    again, steps = train(tmp_path / "again" / NETWORK, shipped)
    assert steps == 0
    pd.testing.assert_frame_equal(again, curve, rtol=1e-5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tokens": {name: TOKENS[name] for name in "abc"}}, "on 4 tracks, of which 1 are not amo"),
        ({"tokens": TOKENS | {"e": TOKENS["a"]}}, "on 4 tracks, of which 0 are not among the 5"),
        ({"seed": 4}, "says source trained here, seed 3, this run trained here, seed 4"),
        ({"steps": 3}, "says steps 2, this run 3"),
        ({"batch": 2}, "says batch 1, this run 2"),
        ({"width": 128}, "says size .*'width': 64.*'width': 128"),
        ({"precision": "bf16"}, "says precision fp32, this run bf16"),
    ],
)
def test_any_other_training_is_done_here_and_the_reason_is_said(
    shipped, tmp_path, caplog, changed, said
):
    caplog.set_level(logging.INFO)
    _, steps = train(tmp_path / NETWORK, shipped, **changed)
    assert steps == changed.get("steps", HOW["steps"])
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("openvamp: trained here; ")
    assert re.search(said, line), line
    assert "taken_from" not in files.about_of(tmp_path / NETWORK)


def test_tokens_of_another_codec_are_another_training(shipped):
    about = files.about_of(shipped / NETWORK)
    assert difference(shipped / NETWORK, about) == ""
    assert "says codec" in difference(shipped / NETWORK, about | {"codec": "other"})


def test_what_is_missing_or_damaged_is_trained_here(shipped, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    about = files.about_of(shipped / NETWORK)
    out = tmp_path / NETWORK
    assert not take(tmp_path / "nowhere", out, about)
    assert f"there is no {tmp_path / 'nowhere' / NETWORK}, or it is damaged" in caplog.text
    assert not take(shipped, out, about, ("absent.csv",))
    assert f"openvamp: trained here; no {shipped / 'absent.csv'}" in caplog.text
    whole = (shipped / NETWORK).read_bytes()
    (shipped / NETWORK).write_bytes(whole[:-4])
    assert not take(shipped, out, about)
    assert not take(None, out, about) and not out.exists()


def test_a_taken_generator_makes_the_same_vamps(tmp_path):
    """What a file says of itself is no part of its fingerprint: audio is named alike."""
    one = tiny_openvamp.save(tmp_path, trained_on="ab")
    (tmp_path / "run").mkdir()
    for name in (CODEC, NETWORK):
        assert take(one, tmp_path / "run" / name, {"trained_on": ["a", "b"]})
    two = load("openvamp", tmp_path / "run")
    assert two.fingerprint == load("openvamp", one).fingerprint


def run(*words):
    done = CliRunner().invoke(cli.stages, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def stages(tmp_path):
    """What the stages that train openvamp are given; of six tracks two are in the small set."""
    names = list("abcdef")
    draws = np.random.default_rng(0)
    tokens = {
        name: draws.integers(SIZE.entries, size=(SIZE.codebooks, 300)).astype("uint16")
        for name in names
    }
    write_arrays(tokens, tmp_path / "train.npz")
    small = pd.DataFrame({"track_id": names, "small": [name in "bd" for name in names]})
    small.to_csv(tmp_path / "small.csv", index=False)
    tiny_openvamp.trained_codec().save(tmp_path / CODEC, {"trained_on": names})

    def stages(folder, shipped=None, only_small=False):
        stem = "openvamp_small" if only_small else "openvamp"
        (folder / "models").mkdir(parents=True, exist_ok=True)
        (folder / "tables").mkdir(exist_ok=True)
        shutil.copy(tmp_path / CODEC, folder / "models" / CODEC)
        words = ["train", "openvamp", "--train-tokens", tmp_path / "train.npz"]
        words += ["--codec", tmp_path / CODEC, "--width", 64, "--layers", 1, "--steps", 2]
        words += ["--batch", 2, "--precision", "fp32", "--device", "cpu", "--seed", 0]
        words += ["--small", tmp_path / "small.csv"] if only_small else []
        words += ["--shipped", shipped] if shipped else []
        words += ["--out", folder / f"models/{stem}.safetensors"]
        run(*words, "--curve-out", folder / f"tables/{stem}_training.csv")
        (folder / f"models/{stem}.md").write_text(f"# {stem}\n")
        return folder

    return stages


def test_the_small_one_learns_from_its_tracks_alone(stages, tmp_path):
    stages(stages(tmp_path / "run"), only_small=True)
    abouts = [files.about_of(tmp_path / "run/models" / name) for name in (NETWORK, SMALL_NETWORK)]
    assert abouts[0]["trained_on"] == list("abcdef") and abouts[1]["trained_on"] == ["b", "d"]
    same = ["codec", "steps", "batch", "precision", "size", "source"]
    assert [abouts[0][key] for key in same] == [abouts[1][key] for key in same]


def test_what_one_run_ships_another_takes_and_does_not_ship_again(stages, tmp_path):
    first = stages(stages(tmp_path / "first"), only_small=True)
    out = tmp_path / "models/openvamp"
    words = ["train", "ship", "--models", first / "models", "--tables", first / "tables"]
    run(*words, "--out", out)
    assert {path.name for path in out.iterdir()} == {
        *(CODEC, NETWORK, SMALL_NETWORK, "README.md", "openvamp_small.md"),
        *("openvamp_training.csv", "openvamp_small_training.csv"),
    }
    assert (out / "README.md").read_text() == "# openvamp\n"
    second = stages(stages(tmp_path / "second", out), out, only_small=True)
    for name in (NETWORK, SMALL_NETWORK):
        assert files.about_of(second / "models" / name)["taken_from"] == str(out)
    for name in ("openvamp_training.csv", "openvamp_small_training.csv"):
        tables = [pd.read_csv(folder / "tables" / name) for folder in (first, second)]
        pd.testing.assert_frame_equal(*tables)
    words = ["train", "ship", "--models", second / "models", "--tables", second / "tables"]
    with pytest.raises(InputError, match=r"was taken from .*openvamp: there is nothing new to sh"):
        run(*words, "--out", tmp_path / "again")


def test_the_codec_is_taken_or_trained(corpus, tmp_path):
    clips, tracks = corpus
    paths = clips.drop_duplicates("track_id").set_index("track_id").path
    table = tracks.assign(
        split=["train", "train", "control", "control"], root="", path=tracks.track_id.map(paths)
    )
    table.to_csv(tmp_path / "tracks.csv", index=False)

    def train_codec(out, *more, steps=1):
        words = ["train", "openvamp-codec", "--tracks", tmp_path / "tracks.csv", "--codebooks", 2]
        words += ["--entries", 64, "--decoder-steps", steps, "--seed", 0, *more, "--out", out]
        return run(*words), codecs.load(out)

    (tmp_path / "shipped").mkdir()
    (tmp_path / "run").mkdir()
    _, one = train_codec(tmp_path / "shipped" / CODEC)
    shipped = ["--shipped", tmp_path / "shipped"]
    told, two = train_codec(tmp_path / "run" / CODEC, *shipped)
    assert "openvamp-codec: taken from" in told and two.digest() == one.digest()
    told, _ = train_codec(tmp_path / "run" / CODEC, *shipped, steps=2)
    assert "openvamp-codec: trained here; " in told
    assert "says decoder_steps 1, this run 2" in told


def test_what_comes_with_the_repository_is_what_the_default_study_would_train():
    """Once `make models` has made the folder: else every study trains, and nobody knows why."""
    options = config.load({})
    openvamp, seed = options["generators"]["openvamp"], options["seed"]
    folder = ROOT / openvamp["shipped"]
    if not folder.is_dir():
        pytest.skip(f"there is no {openvamp['shipped']} yet: make models")
    sizes = {key: openvamp[key] for key in ("codebooks", "entries")}
    heard = files.about_of(folder / CODEC)["trained_on"]
    about = codecs.described(heard, seed, openvamp["decoder_steps"], **sizes)
    assert difference(folder / CODEC, about) == ""
    sizes |= {key: openvamp[key] for key in ("width", "layers")}
    wanted = {key: openvamp[key] for key in ("steps", "batch", "precision")}
    wanted |= {"source": about["source"], "codec": codecs.load(folder / CODEC).digest()}
    for name in (NETWORK, SMALL_NETWORK):
        mine = files.about_of(folder / name)["trained_on"]
        assert difference(folder / name, wanted | {"trained_on": mine, "size": sizes}) == ""
        assert set(mine) <= set(heard) and (set(mine) == set(heard)) == (name == NETWORK)
    for _, (curve, card) in SHIPPED.items():
        assert not curve or ((folder / curve).is_file() and (folder / card).is_file())
    cards = {Path(file).stem: folder / card for file, (_, card) in SHIPPED.items() if card}
    vamps = read_table(folder / "vamps.csv")
    assert set(vamps.generator) == set(cards)
    for name, mine in vamps.groupby("generator"):
        assert expected.told(mine, None) in cards[name].read_text()


def test_digests_of_vamps_are_of_the_weights_that_lie_beside_them(tmp_path):
    folder = ROOT / config.load({})["generators"]["openvamp"]["shipped"]
    if not folder.is_dir():
        pytest.skip(f"there is no {folder.name} yet: make models")
    told = read_table(folder / "vamps.csv").groupby("generator").fingerprint.agg(set)
    assert told.to_dict() == {name: {load(name, folder).fingerprint} for name in told.index}
    for file in (CODEC, NETWORK):  # a changed weight would show
        changed = shutil.copytree(folder, tmp_path / file)
        tensors, about = files.read(changed / file)
        name = next(name for name in tensors if name != "codebooks")  # these bind both files
        tensors[name] = tensors[name] + 1
        files.save(changed / file, tensors, about)
        assert load("openvamp", changed).fingerprint not in told["openvamp"]
