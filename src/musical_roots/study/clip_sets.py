"""Clip sets: what is embedded, in how many parts, and what becomes of it.

Everything that is embedded is a clip set: clips of the corpus, perturbed clips, prompts, vamps,
control music. They differ in the rows of their clip lists, and in what stands here. A new one is
one more row of `clip_sets`.
"""

from dataclasses import dataclass

from musical_roots.experiments.indexes import EQUAL, EXCLUDE, INDEXES
from musical_roots.generators.base import FULL

# Some clips of train after a generator's codec, and the same clips as they were; then the same of
# two indexes of one size.
CODED_INDEXES = ("uncoded_train", "coded_train")
CODED_EQUAL = tuple(f"{how}_{name}" for how in ("uncoded", "coded") for name in EQUAL)
SMALL_INDEX = "train_small"  # the part of it that a second, smaller model learned from
INCLUDED = ("included",)
ARMS = tuple(EXCLUDE)
# Kinds of Experiment B that are another kind's clips, searched for where their partner's track
# cannot be found.
OUTSIDE = {"splice_outside": "splice_training"}
# Two true sources: what a search should find of them is no single track.
SPLICES = ("splice_training", "splice_vamp", "splice_crossfade")


@dataclass(frozen=True)
class ClipSet:
    """Clips that are embedded together.

    Attributes
    ----------
    name : str
        Its folder, under clips/, embeddings/<encoder>/ and wherever else its files lie.
    results : str
        The study's folder.
    shards : tuple of str
        Its parts.
    parents : str
        Clip set that its rows were made from, part by part, where the corpus may lack them.
    made_of : tuple of str
        Clip sets that it is made of, if it has no clip lists of its own.
    parts : tuple of str
        Parts of these, where they are all in its one part; else they have as many as it has.
    rendered : bool
        Whether its audio is made by the run, and removed once every encoder has heard it.
    indexes : tuple of str
        Where Experiment C searches for it; nowhere, if there are none.
    prompt_track : tuple of str
        Whether the track of its prompts can be found there: included, excluded, artist_excluded, or
        each in turn.
    k : int or None
        Matches that Experiment C keeps of it; None for as many as the config says.
    """

    name: str
    results: str
    shards: tuple[str, ...]
    parents: str = ""
    made_of: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    rendered: bool = False
    indexes: tuple[str, ...] = ()
    prompt_track: tuple[str, ...] = INCLUDED
    k: int | None = None

    def lists(self) -> list[str]:
        """Its clip lists; of a set made of others, theirs."""
        folders = [f"{self.results}/clips/{name}" for name in self.made_of or (self.name,)]
        shards = self.parts or self.shards
        return [f"{folder}/{shard}.parquet" for folder in folders for shard in shards]

    def made(self) -> list[str]:
        """Lists of the outputs that its clips are cut from: of a generator's vamps alone."""
        folder = f"{self.results}/vamps/{self.name.removeprefix('vamps-')}"
        return [f"{folder}/{shard}.parquet" for shard in self.shards]

    def audio(self, shard: str) -> list[str]:
        """Folder of the audio of a part that is removed after use, if it has one."""
        return [f"{self.results}/audio/{self.name}-{shard}"] if self.rendered else []

    def targets(self) -> str:
        """Pairs whose cosine and rank are wanted: of perturbed clips alone."""
        return f"{self.results}/clips/{self.name}/targets.parquet"

    def embeddings(self, encoder: str, shard: str | None = None) -> list[str]:
        """Embeddings of one of its parts, or of all; of a set made of others, theirs."""
        folder = f"{self.results}/embeddings/{encoder}"
        shards = self.parts or (self.shards if shard is None else (shard,))
        return [
            f"{folder}/{name}/{part}.npy"
            for name in self.made_of or (self.name,)
            for part in shards
        ]

    def features(self, encoder: str) -> list[str]:
        """Raw features of all of its parts."""
        folder = f"{self.results}/features/{encoder}/{self.name}"
        return [f"{folder}/{shard}.npy" for shard in self.shards]

    def influence(self, what: str, encoders: list[str]) -> list[str]:
        """What Experiment C found for it: its "matches", or the "nearest" clips."""
        folder = f"{self.results}/influence/{what}"
        return [
            f"{folder}/{encoder}/{self.name}/{shard}.parquet"
            for encoder in encoders
            for shard in self.shards
        ]


def clip_sets(config: dict) -> dict[str, ClipSet]:
    """The clip sets of a config, by name.

    Parameters
    ----------
    config : dict
        A whole config, as `config.load` gives it.
    """
    results, made = config["results"], {}

    def add(name: str, shards: int, **more) -> None:
        parts = tuple(f"{shard:03d}" for shard in range(shards))
        made[name] = ClipSet(name, results, parts, **more)

    for split in splits(config):
        add(split, config["encode"]["shards"])
    kinds = active(config["robustness"]["perturbations"])
    for kind in kinds:
        if kind not in OUTSIDE:
            add(f"perturbed-{kind}", 1, rendered=True)
    shards = config["generation"]["shards"]
    for generator in active(config["generators"]):
        count = 1 if generator == "external" else shards
        small = (SMALL_INDEX,) if FULL.get(generator, generator) in small_known(config) else ()
        vamps = {"indexes": INDEXES + small, "prompt_track": ARMS}
        prompts = f"prompts-{FULL.get(generator, generator)}"  # a pair has the same
        add(f"vamps-{generator}", count, parents=prompts, **vamps)
        if generator not in FULL:
            add(prompts, count)
    if attributed(config):
        add("control-excerpts", shards, indexes=("train", "train_equal"))
        of_one = [kind for kind in kinds if kind not in (*OUTSIDE, *SPLICES)]
        perturbed = tuple(f"perturbed-{kind}" for kind in of_one)
        add("planted", 1, made_of=perturbed, indexes=("train",), k=1)
        add("planted-equal", 1, made_of=perturbed, indexes=EQUAL, k=1)
    for generator in attributed(config):
        if generator in FULL:  # one that learned from less has its pair's codec
            continue
        null = "control-excerpts"
        if generator != "external":  # whose codec is not known
            null = f"control_roundtrip-{generator}"
            add(null, shards, parents="control-excerpts", indexes=("train",))
        # what competes where there is nothing to discover
        held_out = {"indexes": EQUAL, "prompt_track": ARMS[-1:], "parts": made[null].shards}
        add(f"held_out-{generator}", 1, made_of=(null,), **held_out)
    for generator in coded(config):
        for of in ("train", "control", "prompts"):
            add(f"coded-{of}-{generator}", shards, rendered=True)
    return made


def pairs(config: dict) -> dict[str, str]:
    """Generators that learned from less -> those that they are held against."""
    return {small: FULL[small] for small in active(config["generators"]) if small in FULL}


def small_known(config: dict) -> set[str]:
    """Generators whose pair learned from a part of this very train split, which is known."""
    known = {"openvamp_small", *(["vampnet_small"] if small_listed(config) else [])}
    return {full for small, full in pairs(config).items() if small in known}


def small_listed(config: dict) -> str | None:
    """Table that lists what a second VampNet learned from, if that one takes part and it is known.

    Otherwise a small training set is drawn here.
    """
    second = config["generators"]["vampnet_small"]
    return second["trained_on"] if second["activate"] else None


def active(section: dict) -> list[str]:
    """Names in a section of the config whose `activate` is true."""
    return [name for name, options in section.items() if options["activate"]]


def coded(config: dict) -> list[str]:
    """Generators through whose codec a part of the corpus goes, for Experiment C to search in."""
    wanted = config["influence"]["coded_clips_per_track"] > 0
    # the codec of external is not known, and one that learned from less has its pair's
    return [name for name in attributed(config) if wanted and name not in ("external", *FULL)]


def splits(config: dict) -> list[str]:
    """Halves of the corpus: without a control share, train is all of it."""
    return ["train", "control"] if config["corpus"]["control_share"] > 0 else ["train"]


def attributed(config: dict) -> list[str]:
    """Generators whose outputs Experiment C asks after: it wants music that they never saw."""
    wanted = config["influence"]["activate"] and "control" in splits(config)
    return active(config["generators"]) if wanted else []
