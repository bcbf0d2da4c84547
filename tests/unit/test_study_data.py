"""What a config makes, as data."""

from pathlib import Path

import pandas as pd
import pytest

from musical_roots import config, figures
from musical_roots.errors import InputError
from musical_roots.study import Study
from musical_roots.weights import PLUMBING

ROOT = Path(__file__).parents[2]


def study(**sections) -> Study:
    return Study(config.load(sections))


@pytest.fixture(scope="module")
def default() -> Study:
    return study()


def test_every_path_lies_in_the_studys_folder():
    elsewhere = study(results="somewhere/else")
    paths = [
        *elsewhere.embeddings(),
        *elsewhere.tables(),
        *elsewhere.corpus(),
        *elsewhere.tokens("train"),
        *(path for piece in elsewhere.pieces() for path in piece),
        *(figure.table for figure in elsewhere.figures.values()),
        *(path for page in elsewhere.pages.values() for path in page.tables),
        *(path for card in elsewhere.cards.values() for path in card.values()),
        *elsewhere.models["openvamp"].files,
    ]
    assert len(paths) > 150
    assert all(path.startswith("somewhere/else/") for path in paths)


def test_a_clip_set_knows_its_files(default):
    vamps = default["vamps-openvamp"]
    assert vamps.lists() == ["results/clips/vamps-openvamp/000.parquet"]
    assert vamps.embeddings("mfcc") == ["results/embeddings/mfcc/vamps-openvamp/000.npy"]
    assert vamps.influence("nearest", ["mfcc", "mel"]) == [
        "results/influence/nearest/mfcc/vamps-openvamp/000.parquet",
        "results/influence/nearest/mel/vamps-openvamp/000.parquet",
    ]
    assert default["train"].embeddings("mfcc", "001") == ["results/embeddings/mfcc/train/001.npy"]
    assert default["train"].features("mfcc")[1] == "results/features/mfcc/train/001.npy"


def test_where_experiment_c_searches_for_what(default):
    found = {
        name: (part.indexes, part.prompt_track, part.parents, part.k)
        for name, part in default.clip_sets.items()
        if part.indexes
    }
    vamps = ("train", "train_equal", "control", "train_small")
    arms, equal = ("included", "excluded", "artist_excluded"), ("train_equal", "control")
    assert found == {
        "vamps-openvamp": (vamps, arms, "prompts-openvamp", None),
        "vamps-openvamp_small": (vamps, arms, "prompts-openvamp", None),
        "control-excerpts": (("train", "train_equal"), ("included",), "", None),
        "planted": (("train",), ("included",), "", 1),
        "planted-equal": (equal, ("included",), "", 1),
        "held_out-openvamp": (equal, ("artist_excluded",), "", None),
        "control_roundtrip-openvamp": (("train",), ("included",), "control-excerpts", None),
    }


def test_parents_lie_beside_their_children_part_by_part():
    many = study(generation={"shards": 3})
    for part in many.clip_sets.values():
        if part.parents:
            assert many[part.parents].shards == part.shards == ("000", "001", "002")


def test_control_music_that_competes_is_all_of_its_parts_in_one():
    held_out = study(generation={"shards": 3}).held_out("openvamp_small")
    folder = "results/embeddings/mel/control_roundtrip-openvamp"
    assert held_out.embeddings("mel", "000") == [f"{folder}/{n:03d}.npy" for n in range(3)]
    assert len(held_out.influence("matches", ["mel"])) == 1 and len(held_out.lists()) == 3


def test_what_tokens_say_is_asked_of_generators_that_give_them(default):
    assert all(default.token_evidence("openvamp_small").values())
    assert not any(default.token_evidence("external").values())
    assert default.tokens_by("openvamp", "train", "001") == default.tokens("train")
    assert default.tokens_by("vampnet", "train", "001") == ["results/tokens/vampnet/train/001.npz"]
    assert default.heard_by("openvamp_small") == ["results/corpus/small.csv"]
    assert default.heard_by("openvamp") == []


def test_planted_clips_are_the_perturbed_ones(default):
    kinds = [kind for kind in default.kinds if "splice" not in kind]  # these have two sources
    assert len(kinds) == 11
    assert default["planted"].embeddings("mel") == [
        f"results/embeddings/mel/perturbed-{kind}/000.npy" for kind in kinds
    ]
    assert default["planted"].lists() == [
        f"results/clips/perturbed-{kind}/000.parquet" for kind in kinds
    ]
    # they are searched for, and have no clip lists of their own
    assert not [path for path in default.embeddings() if "/planted/" in path]


def test_rendered_audio_is_that_of_perturbed_and_coded_clips(default):
    assert default["perturbed-pitch"].audio("000") == ["results/audio/perturbed-pitch-000"]
    rendered = [name for name, part in default.clip_sets.items() if part.audio("000")]
    own = [f"perturbed-{kind}" for kind in default.kinds if kind != "splice_outside"]
    assert rendered == [*own, *(f"coded-{of}-openvamp" for of in ("train", "control", "prompts"))]


def test_a_part_of_the_corpus_goes_through_every_codec_that_is_known():
    many = {"external": {"activate": True, "root": "outputs"}, "openvamp": {"activate": True}}
    many |= {"vampnet": {"activate": True, "weights": "random"}}
    made = study(generators=many, generation={"shards": 3})
    assert made.coded == ["openvamp", "vampnet"], (
        "not external's, and openvamp_small's is openvamp's"
    )
    sets = [part.name for part in made.coded_corpus("vampnet")]
    assert sets == ["coded-train-vampnet", "coded-control-vampnet"]
    assert made.before_codec("prompts", "vampnet") == made["prompts-vampnet"].lists()
    assert made.before_codec("train", "vampnet") == made["train"].lists()
    for name in [*sets, "coded-prompts-vampnet"]:
        assert made[name].shards == ("000", "001", "002")
        assert set(made[name].embeddings("mel")) <= set(made.embeddings())
        assert made.hearing(name) == ["musicnn", "mfcc", "mel"], "the untrained control has no need"
    assert not [path for path in made.embeddings() if "/random/coded-" in path]
    pieces = [piece for piece in made.pieces() if piece[0] == "results/tables/coded_index.csv"]
    assert [piece[2] for piece in pieces] == [
        f"results/influence/{name}/coded_index.csv" for name in made.coded
    ]
    assert [part.name for part in made.coded_copies("openvamp")] == ["perturbed-codec"]
    assert made.coded_copies("vampnet") == [], "these went through another's"
    found = made.coded_nearest("vampnet", made["vamps-vampnet"])
    assert len(found) == 9 and all(
        path.startswith("results/influence/coded-vampnet/nearest/m") for path in found
    )
    assert set(made.coded_indexes("vamps-vampnet")) > set(made.coded_indexes("perturbed-codec"))


@pytest.mark.parametrize(
    "sections",
    [
        {"influence": {"coded_clips_per_track": 0}},
        {"influence": {"activate": False}},
        {"generators": {"external": {"activate": True, "root": "outputs"}}},
    ],
)
def test_a_study_may_have_no_coded_index(sections):
    made = study(**sections)
    assert made.coded == [] and not [name for name in made.clip_sets if "coded" in name]
    shown = [*made.tables(), *made.figures, *made.pages]
    assert not [name for name in shown if "coded_index" in name]


def test_where_the_untrained_control_is_alone_it_hears_the_coded_index():
    names = config.load({})["encoders"]
    made = study(encoders={name: {"activate": name == "random"} for name in names})
    assert made.coded == ["openvamp"] and made.hearing("coded-train-openvamp") == ["random"]


def test_two_splices_are_one_clip_set_searched_in_two_ways(default):
    inside, outside = (default.perturbed(f"splice_{of}") for of in ("training", "outside"))
    assert inside is outside and "perturbed-splice_outside" not in default.clip_sets
    assert inside.targets() == "results/clips/perturbed-splice_training/targets.parquet"
    assert [default.left_out(kind) for kind in default.kinds if default.left_out(kind) != "none"]
    assert default.left_out("splice_outside") == "partner"
    assert default.left_out("splice_training") == default.left_out("splice_vamp") == "none"


def test_prompts_are_spliced_with_the_vamps_of_our_generators_alone(default):
    assert default.vamps() == [
        "results/vamps/openvamp/000.parquet",
        "results/vamps/openvamp_small/000.parquet",
    ]
    many = {"external": {"activate": True, "root": "outputs"}, "openvamp": {"activate": True}}
    many |= {"vampnet": {"activate": True}}
    lists = study(generators=many, generation={"shards": 2}).vamps()
    folders = ("openvamp", "openvamp", "openvamp_small", "openvamp_small", "vampnet", "vampnet")
    shards = ("000", "001") * 3
    assert lists == [
        f"results/vamps/{name}/{shard}.parquet" for name, shard in zip(folders, shards, strict=True)
    ]
    without = study(generators={"openvamp": {"activate": False}})
    assert "splice_vamp" not in without.kinds and without.vamps() == []
    assert "perturbed-splice_vamp" not in without.clip_sets


def test_the_default_levels_are_the_papers_grid():
    figure = pd.read_csv(ROOT / "config/paper/figure1.csv")
    paper = config.read([ROOT / "config/config.yaml", ROOT / "config/paper.yaml"])
    for whole in (config.load({}), paper):
        kinds = whole["robustness"]["perturbations"]
        assert set(figure.kind) <= {kind for kind in kinds if kinds[kind]["activate"]}
        for kind, part in figure.groupby("kind"):
            levels = kinds["splice_training" if kind == "splice_outside" else kind]["levels"]
            more = set(levels) - set(part.level)
            assert set(part.level) <= set(levels), kind
            if whole is not paper:  # ours: the identity, and what the figure's curve lacks
                ours = {"pitch": {0}, "stretch": {0}, "noise": {18, 24, 30}}  # the text's, its end
                assert more <= ours.get(kind, set(range(5, 40, 5))), kind


def test_experiment_b_renders_no_more_than_it_did(default):
    """6,750 clips in version 0.2 as it was before splices; 26 train prompts are vamped."""
    robustness = default.config["robustness"]
    levels = {kind: robustness["perturbations"][kind].get("levels", ()) for kind in default.kinds}
    vamped = len(levels.pop("splice_vamp")) * min(robustness["queries"], 26)
    assert sum(map(len, levels.values())) * robustness["queries"] + vamped <= 6750


def test_the_figure_of_the_paper_is_given_its_numbers(default):
    given = {name: figure.paper for name, figure in default.figures.items() if figure.paper}
    assert given == {
        "robustness": "config/paper/figure1.csv",
        "exceedance_of_openvamp": "config/paper/table3.csv",
    }
    assert all((ROOT / path).is_file() for path in given.values())


def test_without_a_control_split_nothing_is_attributed():
    alone = study(corpus={"control_share": 0.0})
    assert alone.splits == ["train"] and alone.attributed == []
    assert {"planted", "control-excerpts"}.isdisjoint(alone.clip_sets)
    assert alone.tokens("control") == [] and alone.excerpts() == [] and alone.pieces() == []
    assert alone.influence_tables() == []
    assert not [figure for figure in alone.figures.values() if "Experiment C" in figure.section]


def test_what_nothing_searches_for_is_not_embedded():
    idle = study(influence={"activate": False})
    assert idle.generators == ["openvamp", "openvamp_small"] and "vamps-openvamp" in idle.clip_sets
    assert not [path for path in idle.embeddings() if "vamps" in path or "prompts" in path]
    assert [path for path in study().embeddings() if "/vamps-openvamp/" in path]


def test_outputs_made_elsewhere_need_no_generator_of_ours():
    own = study(generators={"external": {"activate": True, "root": "outputs"}})
    assert own.generators == ["external"]
    assert "codec" not in own.kinds and own.openvamp_tables() == [] and own.cards == {}
    assert own.null("external").name == "control-excerpts"  # their codec is not known
    both = {"external": {"activate": True, "root": "outputs"}, "openvamp": {"activate": True}}
    assert study(generators=both).generators == ["openvamp", "openvamp_small", "external"]


def test_random_weights_lie_apart_and_are_called_so():
    mixed = study(encoders={"clap": {"activate": True, "weights": "random"}})
    clap, music = mixed.models["clap"], mixed.models["clap_music"]
    assert clap.files == ("resources/checkpoints-random/clap.safetensors",)
    assert clap.label == f"clap ({PLUMBING})"
    assert music.files == ("resources/checkpoints/clap_music.safetensors",)
    assert music.label == "clap_music"
    (download,) = [part for part in mixed.downloads if part.name == "clap"]
    assert download.random and download.files == clap.files


def test_one_in_its_own_process_reads_the_published_file_and_needs_its_packages(default):
    assert default.models["laion_clap"].files == (
        "resources/checkpoints/clap.safetensors",
        "resources/laion-clap",
    )
    vampnet = default.models["vampnet"].files
    assert len(vampnet) == 4 and vampnet[-1] == "resources/vampnet"


def test_audio_of_other_packages_is_other_audio(default, tmp_path, monkeypatch):
    (tmp_path / "envs").mkdir()
    monkeypatch.chdir(tmp_path)
    vampnet = default.models["vampnet"]
    (tmp_path / "envs/vampnet.txt").write_text("vampnet==1")
    before = vampnet.code("digest")
    (tmp_path / "envs/vampnet.txt").write_text("vampnet==2")
    assert len({before, vampnet.code("digest"), vampnet.code("another")}) == 3


@pytest.mark.parametrize(
    ("encoders", "said"),
    [(["aisfx"], "aisfx alone"), (["aisfx", "aisfx_8k"], "aisfx and aisfx_8k"), ([], "none")],
)
def test_encoders_of_one_question_make_no_study(encoders, said):
    names = ["musicnn", "mfcc", "mel", "random", "aisfx", "aisfx_8k"]
    with pytest.raises(InputError, match=f"config: encoders: {said}"):
        study(encoders={name: {"activate": name in encoders} for name in names})


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"listening": {"stimuli": {"catch_share": 0.4, "repeat_share": 0.2}}},
            "catch_share and repeat_share make 0.6",
        ),
        (
            {"generation": {"settings": {"paper_time": {"activate": False}}}},
            "generation.settings: a generator vamps in one of them at least",
        ),
        ({"robustness": {"crossfade_s": 3.5}}, "robustness.crossfade_s, 3.5, is more than"),
        (
            {"robustness": {"perturbations": {"splice_crossfade": {"crossfade_s": 4}}}},
            "splice_crossfade.crossfade_s, 4, is more than clips.duration_s, 3",
        ),
    ],
)
def test_lengths_and_shares_that_do_not_fit_are_said_in_a_line(sections, said):
    with pytest.raises(InputError, match=said) as caught:
        study(**sections)
    assert "\n" not in str(caught.value)


def test_every_figure_can_be_drawn_and_has_its_caption(default):
    captions = {path.stem for path in ROOT.glob("workflow/report/*.rst")}
    for figure in default.figures.values():
        assert figure.draws in figures.FIGURES
        assert figure.draws in captions


def test_a_trained_model_has_a_card_unless_it_was_trained_before():
    assert list(study().cards) == ["openvamp", "openvamp_small"]
    given = {"openvamp": {"checkpoint": "models/openvamp-large"}}
    assert study(generators=given).cards == {}
    assert list(study(encoders={"clmr_open": {"activate": True}}).cards) == [
        "openvamp",
        "openvamp_small",
        "clmr_open",
    ]


def test_pages_to_hear_tell_of_what_was_asked(default):
    assert list(default.auditions) == ["openvamp", "openvamp_small", "perturbed"]
    heard = default.auditions["perturbed"]
    assert set(heard.kinds) == set(default.kinds) - {"splice_outside"}
    assert {one.encoder for one in default.auditions.values()} == {"musicnn"}
    alone = study(influence={"activate": False}).auditions["openvamp"]
    assert alone.encoder == "" and "resemble" not in alone.title
    control = study(encoders={name: {"activate": name == "random"} for name in default.encoders})
    assert control.auditions["perturbed"].encoder == "random"


def test_no_section_has_a_colon(default):
    """Snakemake's report takes none."""
    shown = [*default.figures.values(), *default.pages.values(), *default.auditions.values()]
    assert not [one for one in shown if ":" in one.section]


def test_what_a_corpus_depends_on():
    """Where its files come from, and in how many jobs, is not among it."""
    assert study().corpus_of() == study(corpus={"shards": 7, "debian": {"mirror": "x"}}).corpus_of()
    changed = [{"corpus": {"minimum_s": 5.0}}, {"clips": {"hop_s": 1.0}}, {"seed": 1}]
    changed += [{"corpus": {"debian": {"only": ["a"]}}}]
    assert all(study(**sections).corpus_of() != study().corpus_of() for sections in changed)


def test_a_folder_may_end_in_a_slash():
    assert study(results="results/mine/").results == "results/mine"


def test_encoders_of_one_question_hear_what_it_is_about_alone():
    on = {"activate": True}
    made = study(encoders={"aisfx": on, "aisfx_8k": on})
    everything = ["musicnn", "mfcc", "mel", "random"]
    assert made.hearing("control") == [*everything, "aisfx", "aisfx_8k"] == made.encoders
    assert made.hearing("train") == made.hearing("perturbed-pitch") == [*everything, "aisfx"]
    assert made.hearing("perturbed-mp3") == made.hearing("vamps-openvamp") == everything
    assert made.witnesses == everything and made.stimuli.encoders == ("musicnn", "mfcc", "mel")
    assert ("aisfx", "splice_outside") in made.matched() and ("aisfx", "mp3") not in made.matched()
    assert {encoder for encoder, _ in made.matched()} == {*everything, "aisfx"}
    heard = [path for path in made.embeddings() if "/aisfx_8k/" in path]
    assert heard == made["control"].embeddings("aisfx_8k")
    assert made.fitted_on("mfcc") == made["train"].features("mfcc")
    assert made.fitted_on("aisfx_8k") == made["control"].features("aisfx_8k")


def test_without_a_control_split_retrieval_asks_after_train():
    encoders = {"aisfx_8k": {"activate": True}}
    made = study(corpus={"control_share": 0}, encoders=encoders)
    assert "aisfx_8k" in made.hearing("train")


def test_what_lies_beside_a_truth_is_shown_and_never_made_because_of_that(tmp_path):
    folder = tmp_path / "counterfactual"
    folder.mkdir()
    (folder / "dose.csv").write_text("measure\n")
    made = study(counterfactual={"shipped": str(folder)})
    assert made.retraining.beside == {"dose": (f"{folder}/dose.csv",), "lengths": ()}
    assert made.figures["dose"].table == "results/tables/dose.csv" in made.tables()
    here = study(counterfactual={"shipped": None}, results=str(tmp_path / "results"))
    assert here.retraining.beside == {"dose": (), "lengths": ()} and "lengths" in here.figures
    without = study(generators={"openvamp": {"activate": False}})
    assert without.retraining.beside == {} and "dose" not in without.figures
