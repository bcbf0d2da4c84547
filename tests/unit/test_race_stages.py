"""The stages of the race, from files to files."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from musical_roots import cli
from musical_roots.arrays import write_arrays, write_json
from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual import bounds, scores
from musical_roots.experiments.counterfactual.race import COLUMNS
from musical_roots.experiments.counterfactual.truth import read_taken, relative
from musical_roots.tables import read_table, write_shard, write_table

TRACKS, CLIPS, HALVES = 6, 3, 12
REASON = "It speaks of other outputs."


def vectors(chance, count) -> np.ndarray:
    values = chance.normal(size=(count, 8))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture
def study(tmp_path):
    """Vamps, tracks, tokens, embeddings and a truth of a small study, as files."""
    chance = np.random.default_rng(0)
    names = [f"t{number}" for number in range(TRACKS)]
    tracks = pd.DataFrame({"track_id": names, "group_id": names, "artist": names})
    write_table(tracks.assign(duration_s=np.arange(60.0, 66.0)), tmp_path / "tracks.csv")
    tokens = {name: chance.integers(4, size=(3, 60)) for name in [*names, "short"]}
    write_arrays(tokens, tmp_path / "000.npz")
    rows = []
    for number in range(8):
        path = tmp_path / f"v{number}.npz"
        np.savez(path, tokens=chance.integers(4, size=(3, 20)), kept=chance.random((3, 20)) < 0.5)
        split = ["train", "control"][number % 2]
        rows.append((f"v{number}", str(path), "periodic", split, *[f"t{number % TRACKS}"] * 2))
    columns = ["output_id", "tokens_path", "setting", "prompt_split"]
    vamps = pd.DataFrame(rows, columns=[*columns, "prompt_track_id", "prompt_group_id"])
    write_table(vamps, tmp_path / "vamps.parquet")
    about = {"encoder": "mel", "fingerprint": "x"}
    for name, owner, of in (("train", "track_id", names), ("coded", "track_id", names),
                            ("made", "output_id", vamps.output_id)):  # fmt: skip
        clips = pd.DataFrame({owner: np.repeat(of, CLIPS)})
        clips["clip_id"] = [f"{name}{row}" for row in range(len(clips))]
        write_shard(tmp_path / name, vectors(chance, len(clips)), clips, about)
    some = pd.DataFrame({"clip_id": [f"train{row}" for row in range(TRACKS * CLIPS)]})
    some["uncoded_train"] = some.index % CLIPS > 0
    write_table(some, tmp_path / "indexes.parquet")
    null = pd.DataFrame({"cosine": chance.random(10), "cluster": list("aabbccddee"), "of": "clip"})
    for name, indexes in (("null", ["train"]), ("coded_null", ["uncoded_train", "coded_train"])):
        tables = [null.assign(index=index) for index in indexes]
        write_table(pd.concat(tables), tmp_path / f"{name}.parquet")
    drawn = [
        (f"m{half}", "tracks", half, 0, name, inside)
        for half in range(HALVES)
        for name, inside in zip(names, chance.permutation(TRACKS) < TRACKS // 2, strict=True)
    ]
    columns = ["model", "design", "half", "seed_number", "track_id", "inside"]
    losses = pd.MultiIndex.from_product([[f"m{half}" for half in range(HALVES)], vamps.output_id])
    losses = losses.to_frame(index=False, name=["model", "output_id"])
    losses["loss"] = chance.normal(size=len(losses))
    truth(tmp_path / "truth", pd.DataFrame(drawn, columns=columns), losses, "")
    none = pd.DataFrame(drawn, columns=columns)[:0], losses[:0]
    truth(tmp_path / "no_truth", *none, REASON)
    return tmp_path


def truth(folder, members, losses, reason) -> None:
    folder.mkdir()
    write_table(members, folder / "members.parquet")
    write_table(relative(losses), folder / "losses.parquet")
    told = {"reason": reason, "outputs": losses.output_id.nunique(), "outputs_here": 8}
    write_json(told, folder / "about.json")


def stages(study, folder) -> dict[str, pd.DataFrame]:
    """All stages of the race, with the truth in a folder."""

    def run(stage, *words):
        lines = ["race", stage, "--truth", study / folder, *words]
        CliRunner().invoke(cli.stages, list(map(str, lines)), catch_exceptions=False)

    made = {name: study / f"{folder}_{name}.csv" for name in ("race", "removal", "findings")}
    files = [study / f"{folder}_{name}.parquet" for name in ("mel", "tokens")]
    run(
        *("embeddings", study / "train.npy", "--coded-embeddings", study / "coded.npy"),
        *("--output-embeddings", study / "made.npy", "--roundtrip-nearest", study / "null.parquet"),
        *("--coded-nearest", study / "coded_null.parquet", "--k", 4, "--out", files[0]),
        *("--indexes", study / "indexes.parquet"),
    )
    given = ["--outputs", study / "vamps.parquet", "--tracks", study / "tracks.csv"]
    run("tokens", *given, "--train-tokens", study / "000.npz", "--out", files[1])
    draws = ["--draws", 4, "--resamples", 20, "--confidence", 0.9, "--seed", 1]
    outs = ["--out", made["race"], "--removal-out", made["removal"]]
    outs += ["--findings-out", made["findings"], "--scores", files[0], "--scores", files[1]]
    run("standings", *given, *draws, *outs)
    tables = {name: read_table(path) for name, path in made.items()}
    return tables | {path.stem.rpartition("_")[2]: read_table(path) for path in files}


def test_a_study_is_raced_from_its_files(study):
    made = stages(study, "truth")
    methods = made["race"].groupby("kind", sort=False).method.nunique()
    assert methods["embedding"] == 15 and methods["tokens"] == 6 and methods["control"] == 3
    asked = {f"t{number}" for number in range(TRACKS)}  # of tokens, too: one is no part of it
    assert set(made["mel"].track_id) == set(made["tokens"].track_id) == asked
    assert list(made["mel"]) == list(made["tokens"]) == scores.COLUMNS
    wide = made["mel"].pivot(index=["output_id", "track_id"], columns="method", values="score")
    # of some of the same clips
    assert (wide["mel, uncoded index: max"] <= wide["mel: max"] + 1e-9).all()
    assert (wide["mel, uncoded index: max"] < wide["mel: max"]).any()
    assert len(made["removal"]) and len(made["findings"]) > 4


def test_a_truth_that_no_study_took_is_none_to_race_against(study):
    write_json({"generator": {}}, study / "truth/about.json")
    with pytest.raises(InputError, match=r"truth: a truth as it was made; give what a study took"):
        read_taken(study / "truth")


def test_without_a_truth_there_are_no_scores_and_no_race(study):
    made = stages(study, "no_truth")
    assert all(made[name].empty for name in ("mel", "tokens", "race", "removal"))
    assert list(made["race"]) == COLUMNS
    assert made["findings"].finding.tolist() == [REASON]


def test_negative_controls_find_nothing_in_a_truth_of_48_halves(tmp_path):
    """Losses that are linear in what is inside, with noise: a method knows, controls must not."""
    chance, tracks = np.random.default_rng(2), [f"t{number:02d}" for number in range(16)]
    names = [f"v{number:02d}" for number in range(20)]
    vamps = pd.DataFrame({"output_id": names, "prompt_split": ["train", "control"] * 10})
    vamps["setting"] = np.repeat(["periodic", "inpaint"], 10)
    vamps["prompt_group_id"] = vamps["prompt_track_id"] = np.tile(tracks[:10], 2)
    write_table(vamps, tmp_path / "vamps.parquet")
    listed = pd.DataFrame({"track_id": tracks, "artist": tracks, "duration_s": 1.0})
    write_table(listed, tmp_path / "tracks.csv")
    effect = chance.gamma(0.5, size=(len(names), len(tracks)))
    drawn, losses = [], []
    for half in range(48):
        inside = chance.random(len(tracks)) < 0.5  # of any size
        drawn += [
            (f"m{half}", "tracks", half, 0, *pair) for pair in zip(tracks, inside, strict=True)
        ]
        noise = chance.normal(size=len(names))
        losses += zip([f"m{half}"] * len(names), names, noise - effect @ inside, strict=True)
    columns = ["model", "design", "half", "seed_number", "track_id", "inside"]
    losses = pd.DataFrame(losses, columns=["model", "output_id", "loss"])
    truth(tmp_path / "truth", pd.DataFrame(drawn, columns=columns), losses, "")
    write_table(scores.long("true", "tokens", names, tracks, effect), tmp_path / "true.parquet")
    words = ["race", "standings", "--truth", tmp_path / "truth", "--scores"]
    words += [tmp_path / "true.parquet", "--outputs", tmp_path / "vamps.parquet"]
    words += ["--tracks", tmp_path / "tracks.csv", "--draws", 100, "--resamples", 50]
    words += ["--confidence", 0.95, "--seed", 1, "--out", tmp_path / "race.csv"]
    words += ["--removal-out", tmp_path / "removal.csv", "--findings-out", tmp_path / "said.csv"]
    CliRunner().invoke(cli.stages, list(map(str, words)), catch_exceptions=False)
    race = read_table(tmp_path / "race.csv")
    nothing = race[race.method.isin([bounds.RANDOM, bounds.EXCHANGED])]
    assert len(nothing) == 2 * 2 * 3 and (nothing.kind == "control").all()
    assert ((nothing.low_models <= 0) & (nothing.high_models >= 0)).all()
    assert nothing.lds.abs().max() < 0.05
    assert (race[race.method == "true"].low_models > nothing.high_models.max()).all()
