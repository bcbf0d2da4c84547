"""Models retrained on halves of the train split, and what becomes of their losses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
import torch
from click.testing import CliRunner
from some_halves import NAMES, TOKENS, TRACKS
from tiny_openvamp import SIZE

from musical_roots import cli, config
from musical_roots.arrays import read_json, write_arrays
from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual import halves, losses, shipping, truth
from musical_roots.generate import tokens_digest
from musical_roots.generators.openvamp import model, steps, training
from musical_roots.generators.openvamp.generator import CODEC, NETWORK
from musical_roots.seeding import rng
from musical_roots.study import Study
from musical_roots.weights import files

ROOT = Path(__file__).parents[2]
HOW = {"width": SIZE.width, "layers": SIZE.layers, "seed": 3, "steps": 2, "batch": 1}
HOW |= {"device": "cpu", "precision": "fp32"}


def test_masks_hide_given_places_alone_each_a_share_of_its_stretch():
    places = np.zeros((2, 500), bool)
    places[:, 100:400] = True
    for _ in range(20):
        masks = list(losses.masks_within(places, 4, rng(_, "test")))
        shares = np.array([mask.sum() / places.sum() for mask in masks])
        edges = np.cos(np.arange(5) / 4 * np.pi / 2)
        assert not any((mask & ~places).any() for mask in masks)
        assert (shares <= edges[:4] + 0.01).all() and (shares >= edges[1:] - 0.01).all()
    one = np.zeros((2, 500), bool)
    one[1, 7] = True
    assert all((mask == one).all() for mask in losses.masks_within(one, 4, rng(0, "test")))
    assert list(losses.masks_within(np.zeros((2, 9), bool), 4, rng(0, "test"))) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("truth")


@pytest.fixture(scope="module")
def outputs(folder):
    """A list of three outputs: of one a half is kept, of one nothing, of one all."""
    rows = []
    for number, name in enumerate(["half", "new", "all"]):
        made = np.random.default_rng(number).integers(SIZE.entries, size=(SIZE.codebooks, 30))
        kept = np.zeros(made.shape, bool)
        kept[:, : {"half": 15, "new": 0, "all": 30}[name]] = True
        path = folder / f"{name}.npz"
        write_arrays({"tokens": made.astype(np.int16), "kept": kept}, path)
        told = {"output_id": name, "tokens_path": str(path)}
        rows.append(told | {"tokens_digest": tokens_digest(made, kept)})
    table = pd.DataFrame(rows)
    table.to_parquet(folder / "vamps.parquet")
    return table


def test_the_masks_are_the_same_for_every_model_and_hide_what_was_made(outputs):
    asked = losses.hidden_of_outputs(outputs, 3, 4)
    assert [one.of for one in asked] == ["half"] * 4 + ["new"] * 4
    again = losses.hidden_of_outputs(outputs[::-1], 3, 4)  # whatever else is asked
    for one, other in zip(asked, again[4:] + again[:4], strict=True):
        assert (one.masked == other.masked).all() and (one.tokens == other.tokens).all()
    for one in asked[:4]:
        kept = np.load(outputs.tokens_path[0])["kept"]
        assert not (one.masked & kept).any() and one.masked.any()
    other_seed = losses.hidden_of_outputs(outputs, 4, 4)
    assert any((a.masked != b.masked).any() for a, b in zip(asked, other_seed, strict=True))


def test_crops_of_tracks_are_theirs_and_the_same_for_every_model():
    short = {"short": TOKENS["a"][:, :256]}
    asked = losses.hidden_of_tracks(TOKENS | short, 3, 2)
    assert [one.of for one in asked] == [name for name in NAMES for _ in range(2)]
    for one in asked:
        windows = np.lib.stride_tricks.sliding_window_view(TOKENS[one.of], training.CROP, axis=1)
        assert (windows == one.tokens[:, None]).all(axis=(0, 2)).sum() == 1
    alone = losses.hidden_of_tracks({"c": TOKENS["c"]}, 3, 2)
    assert all((a.masked == b.masked).all() for a, b in zip(alone, asked[4:6], strict=True))


def network(seed: int = 0) -> model.MaskedTransformer:
    made = model.MaskedTransformer(SIZE)
    model.initialise(made, seed)
    return made.eval()


def test_loss_of_a_model_that_always_guesses_alike():
    """Whatever it is shown, the probability of a token is one that is known."""
    chance = torch.linspace(-2, 2, SIZE.entries, dtype=torch.float64).softmax(0)
    made = network()
    with torch.no_grad():
        for classify in made.classifiers:
            classify.weight.zero_()
            classify.bias.copy_(chance.log())
    asked = losses.hidden_of_tracks(TOKENS, 0, 3)
    found = losses.losses(made, asked).set_index("of")
    for track in NAMES:
        hidden = np.concatenate([one.tokens[one.masked] for one in asked if one.of == track])
        expected = -chance.log().numpy()[hidden].mean()
        assert found.loss[track] == pytest.approx(expected, rel=1e-6)
        assert found.n_tokens[track] == len(hidden)


def test_losses_are_those_of_training_whatever_is_asked_at_once(outputs):
    """Outputs are of 30 frames, crops of 256; a batch holds one length."""
    asked = losses.hidden_of_outputs(outputs, 0, 1) + losses.hidden_of_tracks(TOKENS, 0, 1)
    asked = asked[::2] + asked[1::2]
    found = losses.losses(network(), asked)
    assert found.of.tolist() == [one.of for one in asked]
    for one, loss in zip(asked, found.loss, strict=True):
        crop = one.tokens[None].astype(np.int64), one.masked[None]
        with torch.inference_mode():
            assert loss == pytest.approx(
                steps.masked_loss(network(), *crop, "fp32")[0].item(), 1e-5
            )


def run(*words):
    done = CliRunner().invoke(cli.stages, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def study(folder, outputs):
    """What the stages are given, and a truth that they made of it."""
    TRACKS.to_csv(folder / "tracks.csv", index=False)
    write_arrays({name: TOKENS[name].astype("uint16") for name in NAMES}, folder / "train.npz")
    write_arrays({"control": TOKENS["a"][:, ::-1].copy()}, folder / "control.npz")
    tiny_openvamp.save(folder, trained_on=NAMES)
    made = folder / "made"
    words = ["--halves", 3, "--second-seeds", 3, "--artist-halves", 1, "--split-artists"]
    words += ["--no-left-out", "--other-halves", 0, "--control-tokens", folder / "control.npz"]
    train = ["--train-tokens", folder / "train.npz"]
    run("counterfactual", "halves", "--tracks", folder / "tracks.csv", *train, *words,
        "--seed", 3, "--out", made / "members.parquet")  # fmt: skip
    members = ["--members", made / "members.parquet"]
    vamps = ["--outputs", folder / "vamps.parquet"]
    parts = []
    for shard in range(2):
        parts += ["--losses", made / f"losses/{shard}.parquet"]
        parts += ["--track-losses", made / f"track_losses/{shard}.parquet"]
        run("counterfactual", "retrain", *members, "--shard", shard, 2, *train, *vamps,
            "--control-tokens", folder / "control.npz", "--codec", folder / CODEC,
            "--width", SIZE.width, "--layers", SIZE.layers, "--steps", 2, "--batch", 1,
            "--masks", 2, "--precision", "fp32", "--device", "cpu", "--seed", 3,
            "--retrained", made / "models", "--out", parts[-3], "--track-losses-out", parts[-1],
            )  # fmt: skip
    run("counterfactual", "join", *members, *parts, "--weights", folder / NETWORK, *train,
        *vamps, "--masks", 2, "--precision", "fp32", "--command", "snakemake this",
        "--seed", 3, "--retrained", made / "models", "--out", made / "losses.parquet",
        "--track-losses-out", made / "track_losses.parquet", "--about-out",
        made / "about.json")  # fmt: skip
    return folder


def take(study, folder, vamps="vamps.parquet"):
    """The truth of a folder, as the stage gives it: its tables, and what is told of it."""
    out = study / "truth"
    shutil.rmtree(out, ignore_errors=True)
    run("counterfactual", "take", "--truth", folder, "--weights", study / NETWORK,
        "--train-tokens", study / "train.npz", "--outputs", study / vamps,
        "--members-out", out / "members.parquet", "--out", out / "losses.parquet",
        "--track-losses-out", out / "track_losses.parquet", "--about-out", out / "about.json",
        )  # fmt: skip
    tables = {name: pd.read_parquet(out / f"{name}.parquet") for name in truth.TABLES}
    for name, columns in truth.TAKEN.items():
        assert list(tables[name]) == list(columns)
        for column, kind in columns.items():
            assert pd.api.types.pandas_dtype(kind) == tables[name][column].dtype or kind == "str"
    return tables, read_json(out / "about.json")


def test_a_study_takes_the_truth_of_its_outputs(study):
    tables, told = take(study, study / "made")
    assert told["matches"] and told["reason"] == ""
    assert (told["outputs"], told["outputs_here"]) == (3, 3)
    assert tables["members"].model.nunique() == 7
    # the output that is all its prompt's has no loss
    assert len(tables["losses"]) == 7 * 2 and set(tables["losses"].output_id) == {"half", "new"}
    assert len(tables["track_losses"]) == 7 * 9
    assert tables["losses"].loss.between(1, 10).all() and (tables["losses"].n_tokens > 0).all()


def test_what_is_shipped_is_what_was_made(study):
    run("counterfactual", "ship", "--truth", study / "made", "--out", study / "shipped")
    made, _ = take(study, study / "made")
    shipped, told = take(study, study / "shipped")
    assert told["matches"] and told["made"]["seeds"] == [3, halves.seed_of(3, 1)]
    for name in truth.TABLES:
        pd.testing.assert_frame_equal(made[name], shipped[name])
    written = (study / "shipped/README.md").read_text()
    for said in (
        "`snakemake this`",
        "7: 3 halves of the tracks, 1 halves of the artists |",
    ):
        assert said in written
    digests = read_json(study / "shipped/about.json")["outputs"]
    assert "of control tracks" not in written
    assert all(f"| {name}" in written and digest in written for name, digest in digests.items())
    with pytest.raises(InputError, match="no such file; make it with: snakemake counterfactual"):
        shipping.ship(study / "nowhere", study / "again")


def changed_outputs(study, outputs, names):
    other = outputs.output_id.isin(names)
    outputs.assign(tokens_digest=outputs.tokens_digest.where(~other, "other")).to_parquet(
        study / "other.parquet"
    )


def test_of_outputs_with_other_tokens_nothing_is_said(study, outputs):
    changed_outputs(study, outputs, ["half"])
    tables, told = take(study, study / "made", "other.parquet")
    assert told["matches"] and (told["outputs"], told["outputs_here"]) == (2, 3)
    assert set(tables["losses"].output_id) == {"new"}
    whole, _ = take(study, study / "made")  # what the others' loss was is in the mean as before
    kept = whole["losses"].query("output_id == 'new'").reset_index(drop=True)
    pd.testing.assert_frame_equal(tables["losses"], kept)
    assert (kept.relative.abs() > 1e-9).any()
    changed_outputs(study, outputs, ["half", "all"])
    tables, told = take(study, study / "made", "other.parquet")
    assert told["reason"].endswith(
        "other outputs: only 1 of the 3 here have their tokens, fewer than 50 %."
    )
    assert all(table.empty for table in tables.values()) and told["outputs"] == 0
    changed_outputs(study, outputs, ["half", "new", "all"])
    tables, told = take(study, study / "made", "other.parquet")
    assert not told["matches"] and all(table.empty for table in tables.values())
    assert told["reason"].endswith("speaks of other outputs: none of the 3 here has their tokens.")


def test_of_another_generator_or_nothing_the_reason_is_said(study):
    tables, told = take(study, study / "nowhere")
    assert all(table.empty for table in tables.values()) and not told["matches"]
    assert "nowhere; it is made with: make counterfactual." in told["reason"]
    about = json.loads((study / "made/about.json").read_text())
    here = {key: about[key] for key in ("generator", "tokens", "outputs")}
    assert truth.difference(study, about, here) == ""
    for key, value, said in (
        ("steps", 9, "a generator whose steps is None, where here it is 9."),
        ("trained_on", ["a"], "a generator that was trained on other tracks."),
        ("codec", "other", "where here it is other."),
    ):
        other = here | {"generator": here["generator"] | {key: value}}
        assert truth.difference(study, about, other).endswith(said)
    other = here | {"tokens": "other"}
    assert "training tracks with other tokens" in truth.difference(study, about, other)


def test_the_card_names_what_models_were_trained_on_wherever_they_are_joined(
    study, outputs, monkeypatch
):
    monkeypatch.setattr(truth, "environment", lambda: {"processor": "of whoever joins"})
    table = pd.read_parquet(study / "made/members.parquet")
    first = truth.processors(study / "made/models", table)
    assert len(first) == 7 and len(set(first)) == 1 and "unknown" not in first
    again = shutil.copytree(study / "made/models", study / "moved") / "tracks-000-0.safetensors"
    tensors, about = files.read(again)
    files.save(again, tensors, about | {"processor": "A GPU"})
    found = truth.processors(study / "moved", table)
    how = {"seed": 3, "masks": 2, "precision": "fp32", "command": "snakemake this"}
    said = truth.about(table, {}, found, **how)["made"]["processor"]
    assert said == "; ".join(sorted({"A GPU", first[0]}))
    assert truth.processors(study / "nowhere", table) == ["unknown"] * 7


def test_a_folder_of_something_else_is_named_with_the_mend(study):
    take(study, study / "made")  # what a study took is no truth to take from
    for folder, said in (("truth", "no truth that was made"), ("broken", "no JSON")):
        (study / "broken").mkdir(exist_ok=True)
        (study / "broken/about.json").write_text('{"matches"')
        with pytest.raises(InputError, match=rf"{folder}/about.json: .*{said}.*make counter"):
            truth.taken(study / folder, {})


def test_a_truth_names_outputs_as_lists_of_vamps_do(study, outputs):
    said = read_json(study / "made/about.json")["outputs"]
    assert said == outputs.set_index("output_id").tokens_digest.to_dict()


def test_a_truth_that_lacks_a_model_is_none(study, outputs):
    made = {name: pd.read_parquet(study / f"made/{name}.parquet") for name in truth.TABLES}
    truth.joined(**made, outputs=outputs)
    lacking = made | {"losses": made["losses"][made["losses"].model != "tracks-001-0"]}
    with pytest.raises(InputError, match="losses of 1 models are lacking"):
        truth.joined(**lacking, outputs=outputs)
    with pytest.raises(InputError, match="of 1 outputs too many"):
        truth.joined(**made, outputs=outputs[outputs.output_id != "new"])


def known_truth():
    """Two halves with two seeds each of tracks a, b; losses are as a formula says."""
    rows = [
        (f"{half}-{number}", "tracks", half, number, track, (track == "a") == (half % 2 == 0))
        for half in range(4)
        for number in (0, 1)
        for track in "ab"
    ]
    members = pd.DataFrame(rows, columns=halves.COLUMNS)
    models = members.drop_duplicates("model")
    outputs = pd.DataFrame(
        [
            (row.model, output, row.half * sign + 10 * row.seed_number, 1)
            for row in models.itertuples()
            for output, sign in (("x", 1.0), ("y", -1.0))
        ],
        columns=list(truth.TABLES["losses"]),
    )
    tracks = members.assign(loss=np.where(members.inside, 4.0, 5.0))
    control = models.assign(track_id="c", loss=4.5)
    tracks = pd.concat([tracks, control])[list(truth.TABLES["track_losses"])]
    return {"members": members, "losses": outputs, "track_losses": tracks}


def test_the_card_says_how_losses_differ_inside_and_outside():
    (row,) = shipping.track_effects(**known_truth()).to_dict("records")
    assert row == {"design": "tracks", "inside": 4.0, "outside": 5.0, "control": 4.5}


def test_the_card_says_how_two_seeds_agree():
    (row,) = shipping.agreement(**known_truth()).to_dict("records")
    assert row == pytest.approx({"halves": 4, "rank_correlation": 1.0, "less_mean": 1.0})
    other = known_truth()
    turned = other["losses"].model.str.endswith("-1")
    other["losses"].loc[turned, "loss"] *= -1
    assert shipping.agreement(**other).rank_correlation[0] == pytest.approx(-1)
    few = {name: table[~table.model.str.match("[23]")] for name, table in known_truth().items()}
    assert shipping.agreement(**few).isna().any(axis=None)


def test_a_config_retrains_where_openvamp_takes_part():
    default = Study(config.load({})).retraining
    assert len(default.shards) == config.load({})["counterfactual"]["shards"]
    assert default.taken_from == "models/counterfactual"
    assert set(default.sources) <= {f"models/counterfactual/{name}" for name in truth_files()}
    assert default.truth[0] == "results/counterfactual/truth/members.parquet"
    own = Study(config.load({"counterfactual": {"shipped": None}})).retraining
    assert own.sources == own.made and own.taken_from == "results/counterfactual"
    raced = Study(config.load({"counterfactual": {"shipped": None}})).race
    assert raced.gradients == ("results/counterfactual/gradient_scores.parquet",)
    elsewhere = Study(config.load({"counterfactual": {"shipped": "no/such/folder"}})).race
    assert elsewhere.gradients == () and raced.scores[:-1] == elsewhere.scores
    without = Study(config.load({"generators": {"openvamp": {"activate": False}}})).retraining
    assert without.shards == without.truth == without.made == ()
    with pytest.raises(InputError, match=r"second_seeds, 3, is more than halves, 2"):
        config.load({"counterfactual": {"halves": 2, "second_seeds": 3}})


def truth_files():
    return [*(f"{name}.parquet" for name in truth.TABLES), truth.ABOUT]


def test_the_truth_that_comes_with_the_repository_is_of_its_generator():
    """Once `make counterfactual` has made the folder: else no study finds one, and none says why.

    Of which vamps it is, a study finds out: their tokens are no part of the repository.
    """
    options = config.load({})
    section, openvamp = options["counterfactual"], options["generators"]["openvamp"]
    folder = ROOT / section["shipped"]
    if not folder.is_dir():
        pytest.skip(f"there is no {section['shipped']} yet: make counterfactual")
    said, tables = read_json(folder / truth.ABOUT), truth.read(folder)
    own = files.about_of(ROOT / openvamp["shipped"] / NETWORK)
    assert said["generator"] == {key: own[key] for key in truth.TRAINING}
    assert (said["made"]["seed"], said["made"]["masks"]) == (options["seed"], section["masks"])
    drawn = {"tracks": section["halves"], "artists": section["artist_halves"]}
    drawn |= {halves.LEFT_OUT: len(own["trained_on"]), halves.OTHER_MUSIC: section["other_halves"]}
    assert said["made"]["halves"] == drawn
    assert said["made"]["models"]["tracks"] == section["halves"] + section["second_seeds"]
    assert {*said["outputs"]} >= {*tables["losses"].output_id}
    assert truth.joined(**tables, outputs=pd.DataFrame({"output_id": [*said["outputs"]]}))
    assert {*halves.train_tracks(tables["members"])} == {*own["trained_on"]}
    assert shipping.card(said, tables) == (folder / shipping.CARD).read_text(encoding="utf-8")
