"""What a config makes: its clip sets, models, tables, figures and pages, and where they lie.

Plain data and plain functions, without Snakemake: the rule files ask a `Study`, and hold wildcards
and paths alone.
"""

from pathlib import Path

from musical_roots.errors import InputError
from musical_roots.generators.base import FULL
from musical_roots.study import answers, claims, race
from musical_roots.study.auditions import auditions
from musical_roots.study.clip_sets import (
    CODED_EQUAL,
    CODED_INDEXES,
    OUTSIDE,
    ClipSet,
    active,
    attributed,
    clip_sets,
    coded,
    pairs,
    small_known,
    small_listed,
    splits,
)
from musical_roots.study.figures import figures
from musical_roots.study.hearing import hearing
from musical_roots.study.models import Model, downloads, models
from musical_roots.study.pages import cards, pages
from musical_roots.study.readers import asked_tables, notebooks
from musical_roots.study.retraining import retraining
from musical_roots.study.stimuli import stimuli
from musical_roots.study.tables import OPENVAMP_TABLES, influence_tables, pieces, tables

__all__ = ["ClipSet", "Model", "Study"]


class Study:
    """What one config makes.

    Parameters
    ----------
    config : dict
        A whole config, as `config.load` gives it.

    Attributes
    ----------
    results : str
        The study's folder.
    encoders, kinds, generators : list of str
        What takes part: of encoders, perturbations, generators.
    witnesses : list of str
        Encoders of Experiment C: those that hear everything.
    splits : list of str
        Clip sets that are searched in.
    attributed : list of str
        Generators whose outputs Experiment C asks after.
    coded : list of str
        Of these, those through whose codec a part of the corpus goes.
    clip_sets, models, figures, pages, auditions, cards, notebooks : dict
        By name: see the modules.
    claimed : dict
        Of each table that claims are held against: its figures, and the jobs behind it.
    race : Race
        Attribution methods that are held against a truth by retraining.
    downloads : list of Download
        Published weights.
    answered_by : dict
        Where answers of listeners lie, and who gave them.
    stimuli : Stimuli
        What the listening study is made from.
    retraining : Retraining
        What is retrained, and where its truth comes from.
    asked_tables : list of str
        Tables from which what readers ask is answered.
    small_listed : str or None
        Table that lists the small training set; None where it is drawn, if there is one.

    Raises
    ------
    InputError
        If no encoder that takes part hears everything.

    Examples
    --------
    >>> from musical_roots import config
    >>> Study(config.load({}))["vamps-openvamp"].embeddings("mfcc")
    ['results/embeddings/mfcc/vamps-openvamp/000.npy']
    """

    def __init__(self, config: dict):
        self.config, self.results = config, config["results"]
        self.encoders = active(config["encoders"])
        self.witnesses = hearing(config, "vamps")
        if not self.witnesses:
            raise InputError(
                f"config: encoders: {' and '.join(self.encoders) or 'none'} alone cannot make a "
                "study: activate one that hears everything, such as musicnn or mfcc"
            )
        self.kinds = active(config["robustness"]["perturbations"])
        self.generators = active(config["generators"])
        self.splits, self.attributed = splits(config), attributed(config)
        self.coded = coded(config)
        self.clip_sets, self.models = clip_sets(config), models(config)
        self.downloads, self.stimuli = downloads(config), stimuli(config)
        self.retraining, self.small_listed = retraining(config), small_listed(config)
        self.answered_by = {
            "responses": answers.folder(config),
            "answered_by": answers.source(config),
        }
        self.race = race.race(config)
        self.figures, self.pages = figures(config), pages(config)
        self.auditions, self.cards = auditions(config), cards(config)
        self.notebooks, self.asked_tables = notebooks(config), asked_tables(config)
        self.claimed = claims.about(config)

    def __getitem__(self, name: str) -> ClipSet:
        return self.clip_sets[name]

    def perturbed(self, kind: str) -> ClipSet:
        """Clips of a kind of perturbation: its own, or those that it shares with another."""
        return self[f"perturbed-{OUTSIDE.get(kind, kind)}"]

    def left_out(self, kind: str) -> str:
        """What of a perturbed clip's own cannot be found: a key of `search.EXCLUSIONS`."""
        return "partner" if kind in OUTSIDE else "none"

    def vamps(self) -> list[str]:
        """Lists of the vamps of every generator of ours; of what was made elsewhere, none."""
        ours = [generator for generator in self.generators if generator != "external"]
        return [path for generator in ours for path in self.vamps_of(generator)]

    def vamps_of(self, generator: str) -> list[str]:
        """Lists of a generator's vamps, if it takes part."""
        shards = self[f"vamps-{generator}"].shards if generator in self.generators else ()
        return [f"{self.results}/vamps/{generator}/{shard}.parquet" for shard in shards]

    def earlier_vamps(self) -> list[str]:
        """Digests of the vamps of openvamp's weights that came with the repository."""
        folder = self.config["generators"]["openvamp"]["shipped"]
        path = Path(folder or "", "vamps.csv")
        return [str(path)] if folder and path.is_file() else []

    def corpus_of(self) -> dict:
        """What the recordings and clips depend on, whatever else differs between two configs."""
        idle = {"shards", "debian"} if self.config["corpus"]["source"] != "debian" else {"shards"}
        corpus = {key: value for key, value in self.config["corpus"].items() if key not in idle}
        if "debian" in corpus:
            corpus["debian"] = corpus["debian"] | {"mirror": None}  # the same files from elsewhere
        return {"seed": self.config["seed"], "corpus": corpus, "clips": self.config["clips"]}

    def corpus(self) -> list[str]:
        """Clip lists of the whole corpus."""
        return [path for split in self.splits for path in self[split].lists()]

    def corpus_embeddings(self, encoders: list[str]) -> list[str]:
        """Embeddings of the whole corpus."""
        sets = [self[split] for split in self.splits]
        return [path for one in encoders for part in sets for path in part.embeddings(one)]

    def corpus_list(self, encoder: str) -> str:
        """The list of these shards, for many jobs: an edge of each in place of hundreds."""
        return f"{self.results}/embeddings/{encoder}/corpus.csv"

    def inverted(self, encoder: str) -> list[str]:
        """The index that an encoder's clips are searched in, where that is done approximately."""
        there = self.config["search"]["approximate"]["activate"] and self.index_queries(encoder)
        return [f"{self.results}/index/{encoder}/whole.faiss"] if there else []

    def index_parts(self, encoder: str) -> list[str]:
        """Its parts, a shard each."""
        folder = f"{self.results}/index/{encoder}"
        pieces = [(split, part) for split in self.splits for part in self[split].shards]
        return [f"{folder}/{split}/{part}.faiss" for split, part in pieces]

    def index_queries(self, encoder: str) -> list[str]:
        """What its recall is measured on: all that the study searches for in it."""
        perturbed = {self.perturbed(kind).name for one, kind in self.matched() if one == encoder}
        outputs = [f"vamps-{generator}" for generator in self.attributed]
        asked = [*sorted(perturbed), *(outputs if encoder in self.witnesses else ())]
        return [path for name in asked for path in self[name].embeddings(encoder)]

    def embeddings(self) -> list[str]:
        """All embeddings: of whatever has clip lists of its own, and is searched in or for."""
        needed = [part for part in self.clip_sets.values() if not part.made_of]
        if not self.attributed:  # nothing searches for outputs
            needed = [part for part in needed if part.rendered or part.name in self.splits]
        heard = [(part, one) for part in needed for one in self.hearing(part.name)]
        return [path for part, one in heard for path in part.embeddings(one)]

    def hearing(self, clips: str) -> list[str]:
        """The encoders that hear a clip set."""
        return hearing(self.config, clips)

    def fitted_on(self, encoder: str) -> list[str]:
        """Features that an encoder's statistics are of: train's, if it hears train."""
        split = next(name for name in self.splits if encoder in self.hearing(name))
        return self[split].features(encoder)

    def matched(self) -> list[tuple[str, str]]:
        """Encoders and perturbations of Experiment B, pair by pair."""
        heard = {kind: self.hearing(self.perturbed(kind).name) for kind in self.kinds}
        return [(one, kind) for one in self.encoders for kind in self.kinds if one in heard[kind]]

    def tokens(self, split: str) -> list[str]:
        """Tokens of a split's tracks, by openvamp's codec; none, if there is no such split."""
        shards = self[split].shards if split in self.splits else ()
        return [f"{self.results}/tokens/{split}/{shard}.npz" for shard in shards]

    def pitch_classes(self, shard: str | None = None) -> list[str]:
        """Pitch classes of a part of the recordings, or of all, for trace; none without C."""
        every = [f"{number:03d}" for number in range(self.config["corpus"]["shards"])]
        parts = every if shard is None else [shard]
        folder = f"{self.results}/corpus/probed"
        return [f"{folder}/{part}.pitch_classes.npz" for part in parts if self.attributed]

    def tokens_by(self, generator: str, split: str, shard: str) -> list[str]:
        """Tokens of a part of the corpus by a generator's codec: of tracks, or of its clips."""
        if generator == "openvamp":
            return self.tokens(split)
        return [f"{self.results}/tokens/{generator}/{split}/{shard}.npz"]

    def token_shards(self, generator: str) -> list[str]:
        """Token indexes of all parts of the corpus, by a generator's codec."""
        folder = f"{self.results}/tokens/index/{generator}"
        return [f"{folder}/{split}/{part}" for split in self.splits for part in self[split].shards]

    def token_evidence(self, generator: str) -> dict[str, list[str]]:
        """What tokens say of a generator's outputs, by name; nothing, if it gives none."""
        folder = f"{self.results}/influence/{generator}"
        names = ("nearest", "p_values", "by_artist", "planted")
        known = generator != "external"
        return {name: [f"{folder}/token_{name}.parquet"] if known else [] for name in names}

    def held_out(self, generator: str) -> ClipSet:
        """Control music that competes as a generator's outputs do."""
        return self[f"held_out-{FULL.get(generator, generator)}"]

    def null(self, generator: str) -> ClipSet:
        """Control music through a generator's codec, or as it is where that is not known."""
        name = f"control_roundtrip-{FULL.get(generator, generator)}"
        return self.clip_sets.get(name, self["control-excerpts"])

    def before_codec(self, of: str, generator: str) -> list[str]:
        """Clip lists of what goes through a codec: of a split, or of a generator's prompts."""
        return self[of if of in self.splits else f"{of}-{generator}"].lists()

    def coded_corpus(self, generator: str) -> list[ClipSet]:
        """A part of the corpus after a generator's codec, split by split."""
        return [self[f"coded-{split}-{generator}"] for split in self.splits]

    def coded_lists(self, generator: str) -> list[str]:
        """Clip lists of it."""
        return [path for part in self.coded_corpus(generator) for path in part.lists()]

    def coded_indexes(self, clips: str) -> list[str]:
        """Where a clip set is searched for beside the coded corpus: vamps in equal indexes, too."""
        return ["train", *CODED_INDEXES, *(CODED_EQUAL if clips.startswith("vamps-") else ())]

    def coded_copies(self, generator: str) -> list[ClipSet]:
        """Planted clips that went through a generator's codec and nothing else, if there are."""
        kind = self.config["robustness"]["perturbations"]["codec"]
        there = kind["activate"] and kind["generator"] == generator
        return [self.perturbed("codec")] if there else []

    def coded_nearest(self, generator: str, clips: ClipSet) -> list[str]:
        """Nearest clips of a clip set beside the coded corpus, by every encoder that hears it."""
        encoders = self.hearing(f"coded-train-{generator}")
        return clips.influence(f"coded-{generator}/nearest", encoders)

    def excerpts(self) -> list[str]:
        """Clip lists of excerpts of control tracks, if Experiment C takes part."""
        return self["control-excerpts"].lists() if self.attributed else []

    def tables(self) -> list[str]:
        """The results tables that claims are held against."""
        return [f"{self.results}/tables/{name}.csv" for name in tables(self.config)]

    def openvamp_tables(self) -> list[str]:
        """What is measured of openvamp, if it takes part."""
        names = OPENVAMP_TABLES if "openvamp" in self.generators else ()
        return [f"{self.results}/tables/{name}.csv" for name in names]

    def simulated_answers(self) -> list[str]:
        """The folder of simulated listeners' answers, if people have given none."""
        return answers.simulated(self.config)

    def answers_seen(self) -> str:
        """Digest of which files of people's answers there are."""
        return answers.seen(self.config)

    def answer_tables(self) -> dict[str, str]:
        """Tables of Experiment A that come of answers: what each is, and its path."""
        made = answers.tables(self.config)
        return {table: f"{self.results}/tables/{name}.csv" for table, name in made.items()}

    def our_design(self) -> dict[str, int]:
        """What our arm of Experiment A asks, for simulated listeners."""
        return answers.our_design(self.config)

    def listening_tables(self) -> list[str]:
        """What Experiment A makes, if it takes part."""
        return [f"{self.results}/tables/{name}.csv" for name in answers.names(self.config)]

    def influence_tables(self) -> list[str]:
        """What Experiment C makes, if it takes part."""
        names = (*influence_tables(self.config), "findings") if self.attributed else ()
        return [f"{self.results}/tables/{name}.csv" for name in names]

    def small(self) -> list[str]:
        """Which tracks are in the small training set, if there is one that is known."""
        return [f"{self.results}/corpus/small.csv"] if small_known(self.config) else []

    def small_of(self, full: str) -> list[str]:
        """The same, where it is that of a generator's pair."""
        return self.small() if full in small_known(self.config) else []

    def heard_by(self, generator: str) -> list[str]:
        """Which tracks a generator that learned from less has heard, if that is known."""
        return self.small_of(FULL[generator]) if generator in FULL else []

    def pair(self, full: str) -> list[str]:
        """A generator, and the one that learned from less."""
        small = [small for small, its in pairs(self.config).items() if its == full]
        return [full, *small]

    def pieces(self) -> list[tuple[str, str, str]]:
        """Pieces of Experiment C's tables: (table, list of a generator's outputs, piece)."""
        folder = self.results
        return [
            (
                f"{folder}/tables/{table}.csv",
                f"{folder}/vamps/{generator}/000.parquet",
                f"{folder}/influence/{generator}/{piece}.csv",
            )
            for table, generator, piece in pieces(self.config)
        ]

    def settings(self, generator: str) -> dict[str, dict]:
        """Settings in which a generator vamps: name -> fields of `generators.base.VampSettings`."""
        given = self.config["generation"]["settings"]
        wanted = self.config["generators"][generator].get("settings", given)
        return {
            name: {key: value for key, value in setting.items() if key != "activate"}
            for name, setting in given.items()
            if setting["activate"] and name in wanted
        }
