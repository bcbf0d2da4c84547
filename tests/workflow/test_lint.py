"""The workflow and its config as a reader and the catalogue see them."""

import inspect
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from snakemake.scheduling.job_scheduler import JobScheduler

from musical_roots import cli, config

ROOT = Path(__file__).parents[2]


def test_dry_run_of_the_default_study(study):
    done = study.snakemake("--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def calls(study, monkeypatch):
    """The calls of stages that a dry run shows: stage, words and what they are read as."""
    groups = {name: getattr(group, "commands", {}) for name, group in cli.stages.commands.items()}
    for option in [
        option for group in groups.values() for stage in group.values() for option in stage.params
    ]:
        if option.name == "log":
            monkeypatch.setattr(option, "callback", None)

    def read(*words):
        done = study.snakemake("--dry-run", "-p", *words)
        assert done.returncode == 0, done.stdout
        found = []
        for line in re.findall(r"python -m musical_roots (.*)", done.stdout):
            group, name, *given = shlex.split(line)
            values = groups[group][name].make_context(name, list(given)).params
            found.append((f"{group} {name}", given, values))
        return found

    return read


def test_stages_take_what_rules_give_them(calls):
    found = calls()
    assert len({stage for stage, _, _ in found}) > 30
    for stage, given, values in found:
        assert "None" not in given, stage
        if stage == "corpus clips":
            assert values["clip_duration_s"] == config.load({})["clips"]["duration_s"]


def test_a_space_in_a_path_cuts_no_word(study, calls):
    (study.folder / "my configs").mkdir()
    overlay = study.folder / "my configs/overlay.yaml"
    overlay.write_text(
        "results: my results\ncache: my cache\n"
        "encoders: {clap: {activate: true}, clmr_open: {activate: true}}\n"
        "generators: {openvamp: {activate: true}, vampnet: {activate: true, weights: random}}\n"
    )
    found = calls("--configfile", "my configs/overlay.yaml")
    assert {"weights fetch", "train clmr-open"} <= {stage for stage, _, _ in found}
    for stage, given, _ in found:
        parts = [word for word in given if re.match(r"(my|.*/my)$|(results|cache|configs)/", word)]
        assert not parts, stage
    cards = [values["command"] for stage, _, values in found if stage == "report model-card"]
    assert all("my configs/overlay.yaml" in shlex.split(command) for command in cards) and cards


def test_flags_of_what_a_stage_makes_end_in_out():
    text = "".join(file.read_text() for file in sorted(ROOT.glob("workflow/rules/*.smk")))
    groups = cli.stages.commands.values()
    stages = [one for group in groups for one in getattr(group, "commands", {"": group}).values()]
    ours = {flag for stage in stages for option in stage.params for flag in option.opts}
    made = ours & set(re.findall(r'(--[a-z-]+)(?: |", )\{?output\b', text))
    assert len(made) > 20
    assert {flag for flag in made if not re.search(r"--(.*-)?out$", flag)} == set()
    given = ours & set(re.findall(r'(--[a-z-]+)(?: |", )\{?input\b', text))
    assert len(given) > 20
    assert {flag for flag in given if re.search(r"--(.*-)?out$", flag)} == set()


def test_dry_run_of_the_large_study(study):
    """Weights that are there are taken; without them, they are trained and get a card."""
    overlays = ["config/large.yaml", "models/openvamp-large/use.yaml"]
    taken = study.snakemake("--dry-run", "--configfile", *overlays)
    assert taken.returncode == 0, taken.stdout
    assert "openvamp_checkpoint" in taken.stdout
    gone = study.overlay("generators: {openvamp: {checkpoint: nowhere}}")
    wrong = study.snakemake("--dry-run", "--configfile", overlays[0], gone)
    assert wrong.returncode != 0
    said = "generators.openvamp.checkpoint: there is no nowhere/openvamp-codec.safetensors; mend it"
    assert said in wrong.stdout and "Traceback" not in wrong.stdout
    trained = study.snakemake("--dry-run", "--configfile", overlays[0])
    assert "results/large/models/openvamp.md" in trained.stdout


def test_the_workflow_itself_imports_nothing_heavy():
    """It is parsed at every start, and in every job."""
    files = [*ROOT.glob("workflow/rules/*.smk"), ROOT / "workflow/Snakefile"]
    lines = [line.strip() for file in files for line in file.read_text().splitlines()]
    imports = sorted({line for line in lines if re.match(r"(from musical_roots|import )", line)})
    assert len(imports) >= 8
    heavy = "{'torch', 'scipy', 'librosa', 'matplotlib', 'transformers', 'faiss'}"
    asked = "Study(configuration.load({})); Digests().digest('embed encode')"
    code = "\n".join([*imports, asked, "import sys", f"print(*({heavy} & set(sys.modules)))"])
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "\n"


def test_the_scheduler_has_the_limit_that_is_taken_off():
    """workflow/rules/common.smk sets it to None: under another name that would do nothing."""
    assert "self.job_rate_limiter is not None" in inspect.getsource(JobScheduler)


def test_braces_in_the_config_are_no_wildcards(study):
    (study.folder / "music {live}").mkdir()
    overlay = study.overlay(
        'corpus: {source: folder, folder: {root: "music {live}"}, exclude: ["*{live}*"]}'
    )
    done = study.snakemake("corpus", "--dry-run", "-p", "--configfile", overlay)
    assert done.returncode == 0, done.stdout
    assert "--root 'music {live}'" in done.stdout and "--exclude '*{live}*'" in done.stdout


def test_another_study_fetches_and_converts_nothing_anew(study):
    """One cache serves many studies: neither another manifest nor another seed changes a file."""
    files = [f"resources/packages/{name}.deb" for name in ("amoebax-data", "wizznic-data")]
    files += ["resources/checkpoints/musicnn-mtt.safetensors"]
    files += ["resources/checkpoints/musicnn-msd.safetensors"]
    for name in files:
        (study.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (study.folder / name).write_text("as if fetched")
    wanted = [*files[:2], files[2], "--cores", "1"]
    assert study.snakemake("--touch", *wanted).returncode == 0
    done = study.snakemake(*wanted, "--dry-run", "--configfile", "config/large.yaml")
    assert "Nothing to be done" in done.stdout, done.stdout
    done = study.snakemake(*wanted, "--dry-run", "--config", "seed=1")
    assert "Nothing to be done" in done.stdout, done.stdout


STAGES = ["corpus", "embeddings", "retrieval", "generation", "search", "robustness", "influence"]
STAGES += ["figures", "report", "counterfactual"]


def test_a_stage_can_be_named_before_the_configs(study):
    """What README shows: after --configfile it would be taken for one more config file."""
    done = study.snakemake("corpus", "--dry-run", "--configfile", "config/tiny.yaml")
    assert done.returncode == 0, done.stdout
    assert "results/tiny/corpus/tracks.csv" in done.stdout


def test_a_study_retrains_nothing_unless_it_is_asked(study):
    """Models on halves of the train split take hours; what an earlier run found is taken."""
    truth = "results/counterfactual/truth/losses.parquet"
    taken = study.snakemake("--dry-run", truth)
    assert taken.returncode == 0, taken.stdout
    assert "\ntruth " in taken.stdout and "\nretrain " not in taken.stdout
    asked = study.snakemake("--dry-run", "counterfactual")
    assert re.search(r"\nretrain +21\n", asked.stdout), asked.stdout
    overlay = study.overlay("counterfactual: {shipped: null, shards: 3}")
    here = study.snakemake("--dry-run", truth, "--configfile", overlay)
    assert re.search(r"\nretrain +3\n", here.stdout), here.stdout
    without = study.overlay("generators: {openvamp: {activate: false}}")
    none = study.snakemake("--dry-run", "counterfactual", "--configfile", without)
    assert none.returncode == 0 and "\nretrain " not in none.stdout, none.stdout


def test_outputs_made_elsewhere_train_nothing(study):
    (study.folder / "outputs").mkdir()
    overlay = study.overlay("generators: {external: {activate: true, root: outputs}}")
    done = study.snakemake("--dry-run", "--configfile", overlay)
    assert done.returncode == 0, done.stdout
    assert "\nexternal " in done.stdout
    for job in ("train_openvamp", "tokenise", "vamp", "control_roundtrips"):
        assert f"\n{job} " not in done.stdout


def test_the_listening_study_can_be_left_out(study):
    overlay = study.overlay("listening: {activate: false}")
    done = study.snakemake("--dry-run", "--configfile", overlay)
    assert done.returncode == 0, done.stdout
    assert not re.search(r"\n(stimuli|trials_by|listening|simulated)\w* ", done.stdout)


def test_bare_run_makes_everything(study):
    done = study.snakemake("--dry-run")
    assert "results/report.html" in done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_is_a_target(study, stage):
    done = study.snakemake(stage, "--dry-run")
    assert done.returncode == 0, done.stdout


def test_default_run_is_some_hundred_jobs(study):
    def jobs(*words):
        done = study.snakemake("--dry-run", *words)
        return int(re.search(r"^total\s+(\d+)", done.stdout, re.MULTILINE).group(1))

    # of six encoders, thirteen kinds of audio, two generators and three experiments; a list of
    # shards a witness, and what readers and `trace` are given
    plain = jobs("--configfile", study.overlay("influence: {coded_clips_per_track: 0}"))
    assert 50 < plain <= 505
    assert jobs() <= plain + 40  # the corpus through a codec


def test_schema_and_reference_are_up_to_date():
    mend = "run: python -m musical_roots config reference"
    assert (ROOT / "workflow/schemas/config.schema.yaml").read_text() == config.schema(), mend
    assert (ROOT / "config/README.md").read_text() == config.reference(), mend
    assert "| None |" not in config.reference(), "a key is not described"


@pytest.mark.parametrize("overlay", ["config.yaml", "large.yaml", "tiny.yaml", "paper.yaml"])
def test_shipped_configs_fit_the_schema(overlay):
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    jsonschema.validate(yaml.safe_load((ROOT / "config" / overlay).read_text()), schema)


def test_levels_may_be_left_out():
    """An overlay that switches a kind off need not repeat its levels."""
    kinds = {"mp3": {"activate": False}}
    loaded = config.load({"robustness": {"perturbations": kinds}})["robustness"]["perturbations"]
    defaults = config.load({})["robustness"]["perturbations"]
    assert loaded == defaults | {"mp3": defaults["mp3"] | {"activate": False}}


def test_shipped_config_says_what_the_defaults_are():
    shipped = config.read([ROOT / "config/config.yaml"])
    assert json.dumps(shipped, sort_keys=True) == json.dumps(config.load({}), sort_keys=True)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("sed: 5", "sed is not a key"),
        ("corpus: {minimum: 3}", "corpus.minimum is not a key"),
        ("seed: many", "seed: Input should be a valid integer, got 'many'"),
        ("clips: {duration_s: 0.4}", "clips.duration_s: Input should be greater than or equal to"),
        ("corpus: {minimum_s: 9, maximum_s: 5}", "minimum_s, 9, is more than corpus.maximum_s, 5"),
        (
            "generation: {duration_s: 2}",
            "generation.duration_s, 2, is less than clips.duration_s, 3",
        ),
        ("results: 'my {results}'", "results: String should match pattern"),
        ("encode: {shards: 1001}", "encode.shards: Input should be less than or equal to 1000"),
        ("clips: {hop_s: 0}", "clips.hop_s: Input should be greater than 0, got 0"),
        ("corpus: {source: folder}", "needs folder.root"),
        ("robustness: {perturbations: {pitch: {levels: [40]}}}", "pitch: level 40 is not possible"),
        ("robustness: {perturbations: {mp3: {levels: [33]}}}", "mp3: level 33 is not possible"),
        (
            "robustness: {perturbations: {splice_vamp: {levels: [101]}}}",
            "splice_vamp: level 101 is not possible; choose 0 to 100 %",
        ),
        (
            "robustness: {perturbations: {splice_vamp: {setting: loud}}}",
            "loud is no active one of generation.settings; choose from paper_time",
        ),
        (
            "robustness: {perturbations: {splice_vamp: {activate: true}}}\n"
            "generators: {openvamp: {activate: false}}",
            "splice_vamp wants vamps, and no generator that makes them is active",
        ),
        (
            "robustness: {perturbations: {splice_training: {activate: false}, "
            "splice_outside: {activate: true}}}",
            "splice_outside is the audio of splice_training, which is not active",
        ),
        ("encoders: {clpa: {activate: true}}", "encoders.clpa is not a key"),
        ("corpus: {debian: {only: [nosuch]}}", "nosuch"),
        (
            "generators: {external: {activate: true, root: nowhere}}",
            "nowhere: no such folder; mend generators.external.root in the config",
        ),
        (
            "generators: {external: {activate: true, manifest: nowhere.csv}}",
            "nowhere.csv: no such table; mend generators.external.manifest in the config",
        ),
    ],
)
def test_wrong_config_is_one_line(study, wrong, named):
    done = study.snakemake("--dry-run", "--configfile", study.overlay(wrong))
    assert done.returncode != 0
    told = [line for line in done.stdout.splitlines() if "musical-roots: error:" in line]
    assert len(told) == 1, done.stdout
    assert named in told[0]
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("packages", "hindrance", "named"),
    [
        ("laion-clap", {"PIP_NO_INDEX": "1"}, "ERROR: Could not find a version"),
        ("vampnet", {"GIT_ALLOW_PROTOCOL": "none"}, "fatal: transport 'https' not allowed"),
    ],
)
def test_packages_that_cannot_be_installed_are_one_line(
    study, monkeypatch, packages, hindrance, named
):
    for variable, value in hindrance.items():
        monkeypatch.setenv(variable, value)
    done = study.snakemake("--config", "cache=cache", "--", f"cache/{packages}")
    assert done.returncode != 0
    lines = done.stdout.splitlines()
    (told,) = [line for line in lines if line.startswith("musical-roots: error:")]
    assert f"envs/{packages}.txt is not installed: {named}" in told
    assert told.endswith(f"all of it is in results/logs/{packages}.log")
