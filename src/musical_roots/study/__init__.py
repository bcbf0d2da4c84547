"""What a config makes: its clip sets, models, tables, figures and pages, and where they lie.

Plain data and plain functions, without Snakemake: the rule files ask a `Study`, and hold wildcards
and paths alone.
"""

from musical_roots.study.clip_sets import ClipSet, active, attributed, clip_sets, splits
from musical_roots.study.figures import figures
from musical_roots.study.models import Model, downloads, models
from musical_roots.study.pages import cards, listening, pages
from musical_roots.study.stimuli import stimuli
from musical_roots.study.tables import INFLUENCE_TABLES, OPENVAMP_TABLES, pieces, tables

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
    splits : list of str
        Clip sets that are searched in.
    attributed : list of str
        Generators whose outputs Experiment C asks after.
    clip_sets, models, figures, pages, listening, cards : dict
        By name: see the modules.
    downloads : list of Download
        Published weights.
    stimuli : Stimuli
        What the listening study is made from.

    Examples
    --------
    >>> from musical_roots import config
    >>> Study(config.load({}))["vamps-openvamp"].embeddings("mfcc")
    ['results/embeddings/mfcc/vamps-openvamp/000.npy']
    """

    def __init__(self, config: dict):
        self.config, self.results = config, config["results"]
        self.encoders = active(config["encoders"])
        self.kinds = active(config["robustness"]["perturbations"])
        self.generators = active(config["generators"])
        self.splits, self.attributed = splits(config), attributed(config)
        self.clip_sets, self.models = clip_sets(config), models(config)
        self.downloads, self.stimuli = downloads(config), stimuli(config)
        self.figures, self.pages = figures(config), pages(config)
        self.listening, self.cards = listening(config), cards(config)

    def __getitem__(self, name: str) -> ClipSet:
        return self.clip_sets[name]

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

    def embeddings(self) -> list[str]:
        """All embeddings: of whatever has clip lists of its own, and is searched in or for."""
        needed = [part for part in self.clip_sets.values() if not part.made_of]
        if not self.attributed:  # nothing searches for outputs
            needed = [part for part in needed if part.rendered or part.name in self.splits]
        return [path for part in needed for one in self.encoders for path in part.embeddings(one)]

    def tokens(self, split: str) -> list[str]:
        """Tokens of a split's tracks, by openvamp's codec; none, if there is no such split."""
        shards = self[split].shards if split in self.splits else ()
        return [f"{self.results}/tokens/{split}/{shard}.npz" for shard in shards]

    def null(self, generator: str) -> ClipSet:
        """Control music through a generator's codec, or as it is where that is not known."""
        return self.clip_sets.get(f"control_roundtrip-{generator}", self["control-excerpts"])

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

    def influence_tables(self) -> list[str]:
        """What Experiment C makes, if it takes part."""
        names = (*INFLUENCE_TABLES, "findings") if self.attributed else ()
        return [f"{self.results}/tables/{name}.csv" for name in names]

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

    def settings(self) -> dict[str, dict]:
        """Vamp settings that take part: name -> fields of `generators.base.VampSettings`."""
        given = self.config["generation"]["settings"]
        return {
            name: {key: value for key, value in setting.items() if key != "activate"}
            for name, setting in given.items()
            if setting["activate"]
        }
