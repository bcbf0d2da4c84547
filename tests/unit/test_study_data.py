"""What a config makes, as data."""

from pathlib import Path

import pytest

from musical_roots import config, figures
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
    every = ("train", "train_equal", "control")
    assert found == {
        "vamps-openvamp": (every, ("included", "excluded"), "prompts-openvamp", None),
        "control-excerpts": (("train", "train_equal"), ("included",), "", None),
        "planted": (("train",), ("included",), "", 1),
        "control_roundtrip-openvamp": (("train",), ("included",), "control-excerpts", None),
    }


def test_parents_lie_beside_their_children_part_by_part():
    many = study(generation={"shards": 3})
    for part in many.clip_sets.values():
        if part.parents:
            assert many[part.parents].shards == part.shards == ("000", "001", "002")


def test_planted_clips_are_the_perturbed_ones(default):
    assert default["planted"].embeddings("mel") == [
        f"results/embeddings/mel/perturbed-{kind}/000.npy" for kind in default.kinds
    ]
    # they are searched for, and have no clip lists of their own
    assert not [path for path in default.embeddings() if "/planted/" in path]


def test_rendered_audio_is_that_of_perturbed_clips(default):
    assert default["perturbed-pitch"].audio() == ["results/audio/perturbed-pitch"]
    rendered = [name for name, part in default.clip_sets.items() if part.audio()]
    assert rendered == [f"perturbed-{kind}" for kind in default.kinds]


def test_without_a_control_split_nothing_is_attributed():
    alone = study(corpus={"control_share": 0.0})
    assert alone.splits == ["train"] and alone.attributed == []
    assert {"planted", "control-excerpts"}.isdisjoint(alone.clip_sets)
    assert alone.tokens("control") == [] and alone.excerpts() == [] and alone.pieces() == []
    assert alone.influence_tables() == []
    assert not [figure for figure in alone.figures.values() if "Experiment C" in figure.section]


def test_what_nothing_searches_for_is_not_embedded():
    idle = study(influence={"activate": False})
    assert idle.generators == ["openvamp"] and "vamps-openvamp" in idle.clip_sets
    assert not [path for path in idle.embeddings() if "vamps" in path or "prompts" in path]
    assert [path for path in study().embeddings() if "/vamps-openvamp/" in path]


def test_outputs_made_elsewhere_need_no_generator_of_ours():
    own = study(generators={"external": {"activate": True, "root": "outputs"}})
    assert own.generators == ["external"]
    assert "codec" not in own.kinds and own.openvamp_tables() == [] and own.cards == {}
    assert own.null("external").name == "control-excerpts"  # their codec is not known
    both = {"external": {"activate": True, "root": "outputs"}, "openvamp": {"activate": True}}
    assert study(generators=both).generators == ["openvamp", "external"]


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


def test_every_figure_can_be_drawn_and_has_its_caption(default):
    captions = {path.stem for path in ROOT.glob("workflow/report/*.rst")}
    for figure in default.figures.values():
        assert figure.draws in figures.FIGURES
        assert figure.draws in captions


def test_a_trained_model_has_a_card_unless_it_was_trained_before():
    assert list(study().cards) == ["openvamp"]
    given = {"openvamp": {"checkpoint": "models/openvamp-large"}}
    assert study(generators=given).cards == {}
    assert list(study(encoders={"clmr_open": {"activate": True}}).cards) == [
        "openvamp",
        "clmr_open",
    ]


def test_no_section_has_a_colon(default):
    """Snakemake's report takes none."""
    shown = [*default.figures.values(), *default.pages.values(), *default.listening.values()]
    assert not [one for one in shown if ":" in one.section]


def test_what_a_corpus_depends_on():
    """Where its files come from, and in how many jobs, is not among it."""
    assert study().corpus_of() == study(corpus={"shards": 7, "debian": {"mirror": "x"}}).corpus_of()
    changed = [{"corpus": {"minimum_s": 5.0}}, {"clips": {"hop_s": 1.0}}, {"seed": 1}]
    changed += [{"corpus": {"debian": {"only": ["a"]}}}]
    assert all(study(**sections).corpus_of() != study().corpus_of() for sections in changed)


def test_a_folder_may_end_in_a_slash():
    assert study(results="results/mine/").results == "results/mine"


def test_what_nobody_has_answered_is_called_simulated():
    made = study()
    tables = {name.rpartition("/")[2] for name in made.listening_tables()}
    assert "simulated_agreement.csv" in tables and "simulated_table1.csv" in tables
    assert all(name.startswith("simulated") for name in tables)
    shown = [name for name, one in made.figures.items() if "Experiment A" in one.section]
    assert len(shown) == 5 and all(name.startswith("simulated") for name in shown)
    assert made.pages["experiment_a_simulated"].text.startswith("Simulated: nobody")
    assert "experiment_a" not in made.pages
    assert made.answered_by["answered_by"] == "simulated listeners"


def test_peoples_answers_make_the_same_tables_by_other_names(tmp_path):
    simulated, heard = study(), study(listening={"responses": str(tmp_path)})
    assert heard.answer_tables().keys() == simulated.answer_tables().keys()
    assert heard.answer_tables()["table1"] == "results/tables/paper_table1.csv"
    assert heard.answer_tables()["model"] == "results/tables/listening_model.csv"
    assert "results/tables/listening_exceedance.csv" in heard.listening_tables()
    assert set(heard.listening_tables()) < set(heard.tables())
    assert heard.simulated_answers() == []
    assert heard.answered_by == {"responses": str(tmp_path), "answered_by": "people"}


def test_a_new_file_of_answers_is_noticed_whatever_it_is_called(tmp_path):
    def seen():
        return study(listening={"responses": str(tmp_path)}).answers_seen()

    before = seen()
    (tmp_path / "a {b} *.json").write_text("{}")
    after = seen()
    assert after != before and seen() == after


@pytest.mark.parametrize(
    "sections",
    [
        {"listening": {"activate": False}},
        {
            "encoders": {
                name: {"activate": name == "random"} for name in config.load({})["encoders"]
            }
        },
    ],
)
def test_experiment_a_can_be_left_out(sections):
    made = study(**sections)
    assert made.listening_tables() == [] and made.arms == ()
    shown = [*made.figures.values(), *made.pages.values()]
    assert not [one for one in shown if "Experiment A" in one.section]
