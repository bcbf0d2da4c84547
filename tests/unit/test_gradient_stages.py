"""The stages of gradients and doses, from files to files."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from click.testing import CliRunner
from tiny_openvamp import SIZE

from musical_roots import cli
from musical_roots.arrays import write_arrays
from musical_roots.generators.base import VampSettings
from musical_roots.tables import read_table, write_table

SPLITS = ("train", "control")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, tokens of four tracks a split, and a vamp of a prompt of each split."""
    made = tmp_path_factory.mktemp("study")
    draws, rows = np.random.default_rng(0), []
    kept = np.zeros((SIZE.codebooks, 40), bool)
    kept[:, :10] = True
    for split in SPLITS:
        shape = (SIZE.codebooks, 400)
        tokens = {f"{split}{i}": draws.integers(0, SIZE.entries, shape) for i in range(4)}
        write_arrays(tokens, made / f"{split}.npz")
        path = made / f"vamp-{split}.npz"
        write_arrays({"tokens": tokens[f"{split}0"][:, :40], "kept": kept}, path)
        row = {"output_id": f"v-{split}", "prompt_split": split, "prompt_track_id": f"{split}0"}
        row |= {"setting": "inpaint", "tokens_path": str(path)}
        rows.append(row | asdict(VampSettings(periodic_prompt=0, prefix_s=0.2, steps=3)))
    write_table(pd.DataFrame(rows), made / "vamps.parquet")
    tiny_openvamp.save(made, trained_on=[f"train{i}" for i in range(4)])
    return made


def run(command: str, folder, out: str, *words) -> pd.DataFrame:
    told = [*command.split(), "--out", folder / out, *words]
    done = CliRunner().invoke(cli.stages, list(map(str, told)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return read_table(folder / out)


def test_scores_by_gradients(folder):
    files = ["--seed", 0, "--weights", folder / "openvamp.safetensors", "--output-masks", 2]
    files += ["--train-tokens", folder / "train.npz", "--outputs", folder / "vamps.parquet"]
    run("gradients cosine --every 256", folder, "cosine.parquet", *files)
    run("gradients trak --every 64 --dimensions 4 --at-once 8", folder, "trak.parquet", *files)
    uphill = "gradients unlearning --track-crops 1 --unlearning-steps 1 --step-length 0.01"
    for part in range(2):
        run(f"{uphill} --shard {part} 2", folder, f"{part}.parquet", *files)
    parts = [folder / f"{name}.parquet" for name in ("cosine", "trak", 0, 1)]
    table = run("gradients join", folder, "scores.parquet", *parts)
    counts = table.groupby("method").size()
    assert counts.to_dict() == dict.fromkeys(
        ("gradient_cosine", "gradient_dot", "trak", "unlearning"), 2 * 4
    )
    assert np.isfinite(table.score).all() and not table.duplicated(list(table.columns[:3])).any()


def sized(folder) -> list:
    words = ["--seed", 0, "--steps", 2, "--batch", 2, "--device", "cpu", "--precision", "fp32"]
    for key in ("codebooks", "entries", "width", "layers"):
        words += [f"--{key}", getattr(SIZE, key)]
    words += [x for split in SPLITS for x in (f"--{split}-tokens", folder / f"{split}.npz")]
    return [*words, "--outputs", folder / "vamps.parquet"]


def test_doses(folder):
    how = "--doses 0 --doses 2 --tracks-a-dose 2 --track-masks 1"
    for number in range(2):
        command = f"dose network --number {number} {how}"
        run(command, folder, f"network{number}.parquet", *sized(folder))
    networks = [folder / f"network{number}.parquet" for number in range(2)]
    command = "dose summarise --seed 0 --deals 19 --resamples 20 --confidence 0.9"
    table = run(command, folder, "dose.csv", *networks)
    assert set(table.dose) == {0, 2} and (table.n_networks == 2).all()


def test_lengths(folder):
    run("dose length", folder, "2x2.parquet", *sized(folder))
    table = run("dose join-lengths", folder, "lengths.csv", folder / "2x2.parquet")
    assert table.steps.eq(2).all() and table.n_outputs.eq(1).all()
