"""Models trained anew on halves of the train split."""

from pathlib import Path

import numpy as np
import other_device
import pytest
import tiny_openvamp
from some_halves import TOKENS, drawn, inside_of
from tiny_openvamp import SIZE

from musical_roots.experiments.counterfactual import halves, retraining
from musical_roots.generators.openvamp import training
from musical_roots.weights import files

ROOT = Path(__file__).parents[2]
HOW = {"width": SIZE.width, "layers": SIZE.layers, "seed": 3, "steps": 2, "batch": 1}
HOW |= {"device": "cpu", "precision": "fp32"}


def retrain(folder, members, **changed) -> dict[str, dict[str, np.ndarray]]:
    codec = tiny_openvamp.trained_codec()
    made = retraining.retrained(members, TOKENS, codec, folder, **(HOW | changed))
    return {name: network.tensors() for name, network in made}


def test_a_retrained_model_is_the_generators_training_on_its_tracks(tmp_path):
    table = drawn(halves=2, second_seeds=1, artist_halves=0)
    found = retrain(tmp_path, table)
    assert list(found) == ["tracks-000-0", "tracks-000-1", "tracks-001-0"]
    how = {"steps": 2, "batch_size": 1, "device": "cpu", "precision": "fp32"}
    for name, inside in inside_of(table).items():
        number = int(name[-1])
        heard = {track: TOKENS[track] for track in inside}
        ours, _ = training.train(heard, {}, SIZE, seed=halves.seed_of(3, number), **how)
        assert files.digest(ours.tensors()) == files.digest(found[name])
        assert files.about_of(tmp_path / f"{name}.safetensors")["trained_on"] == inside


def test_side_by_side_each_learns_what_it_learns_alone():
    how = {"steps": 3, "batch_size": 2, "device": "cpu", "precision": "fp32"}
    seeds = (0, 1, 2)
    learners = [training.learner(TOKENS, SIZE, seed=seed, **how) for seed in seeds]
    told = []
    retraining.learn_side_by_side([learn for _, learn in learners], 3, "cpu", told.append)
    assert sum(told) == 9
    for seed, (together, _) in zip(seeds, learners, strict=True):
        alone, _ = training.train(TOKENS, {}, SIZE, seed=seed, **how)
        assert files.digest(alone.tensors()) == files.digest(together.tensors())


def test_on_a_gpu_several_recorded_steps_learn_what_plain_ones_do():
    how = {"steps": 3, "batch_size": 2, "precision": "fp32"}
    with other_device.found():
        learners = [training.learner(TOKENS, SIZE, seed=s, device="cuda", **how) for s in (0, 1)]
        retraining.learn_side_by_side([learn for _, learn in learners], 3, "cuda")
        found = [network.tensors() for network, _ in learners]
    for seed, tensors in enumerate(found):
        alone, _ = training.train(TOKENS, {}, SIZE, seed=seed, device="cpu", **how)
        for name, values in alone.tensors().items():
            np.testing.assert_allclose(tensors[name], values, rtol=1e-3, atol=1e-4)


def test_models_of_other_music_learn_from_that_alone(tmp_path):
    other = {name.upper(): tokens[:, ::-1] for name, tokens in TOKENS.items()}
    table = drawn(halves=2, second_seeds=0, artist_halves=1, other_halves=2)
    codec, told = tiny_openvamp.trained_codec(), []
    made = retraining.retrained(table, TOKENS | other, codec, tmp_path, **HOW, progress=told.append)
    assert [name for name, _ in made] == table.model.unique().tolist()
    assert sum(told) == 5 * HOW["steps"]
    for name, inside in inside_of(table).items():
        said = files.about_of(tmp_path / f"{name}.safetensors")
        assert said["trained_on"] == inside
        assert set(inside) <= set(other if name.startswith("other_music") else TOKENS)


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    table = drawn(halves=3, second_seeds=0, artist_halves=0)
    whole = retrain(tmp_path / "whole", table)
    started, learner = [], training.learner

    def killed(*words, **more):
        started.append(1)
        if len(started) == 2:
            raise KeyboardInterrupt
        return learner(*words, **more)

    monkeypatch.setattr(retraining, "learner", killed)
    with pytest.raises(KeyboardInterrupt):
        retrain(tmp_path / "killed", table)
    assert [path.stem for path in (tmp_path / "killed").iterdir()] == ["tracks-000-0"]
    found = retrain(tmp_path / "killed", table)
    assert len(started) == 2 + 2  # the first is not trained again
    assert [files.digest(found[name]) for name in whole] == [*map(files.digest, whole.values())]


def test_a_model_of_another_training_is_trained_anew(tmp_path):
    table = drawn(halves=2, second_seeds=0, artist_halves=0)
    first = retrain(tmp_path, table)
    told = []
    assert retrain(tmp_path, table, progress=told.append).keys() == first.keys()
    assert told == [2, 0, 2, 0] or sum(told) == 4
    again = retrain(tmp_path, table, seed=5)
    assert all(files.digest(again[name]) != files.digest(first[name]) for name in first)
    other = table.assign(inside=~table.inside)
    assert files.digest(retrain(tmp_path, other)["tracks-000-0"]) != files.digest(
        again["tracks-000-0"]
    )
