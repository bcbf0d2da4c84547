"""The pages of a config: tables to read in a browser, with what a reader must know of them."""

from dataclasses import dataclass

from musical_roots.experiments.tiers import TIERS
from musical_roots.generators.base import GENERATORS
from musical_roots.study.clip_sets import active, attributed, clip_sets
from musical_roots.study.models import models
from musical_roots.study.sections import (
    CLAIMS,
    CORPUS,
    ENCODERS,
    GENERATION,
    INFLUENCE,
    LISTENING,
    ROBUSTNESS,
)
from musical_roots.study.stimuli import stimuli
from musical_roots.study.tables import OPENVAMP_TABLES


@dataclass(frozen=True)
class Page:
    """A page of tables, or one to listen to.

    Attributes
    ----------
    title : str
    section : str
        Of the report.
    tables : tuple of str
        Paths of what it shows.
    text : str
        A paragraph above it.
    """

    title: str
    section: str
    tables: tuple[str, ...]
    text: str


def pages(config: dict) -> dict[str, Page]:
    """The pages of tables of a config, by name."""
    results = config["results"]
    made = {}

    def add(name: str, title: str, section: str, tables: list[str], text: str) -> None:
        made[name] = Page(title, section, tuple(f"{results}/{path}" for path in tables), text)

    add(
        "robustness",
        "Experiment B: robustness to perturbation",
        ROBUSTNESS,
        ["tables/robustness.csv"],
        "A row an encoder, kind and level. cosine_low and cosine_high bound the mean cosine"
        " to the original, by a bootstrap clustered by track; cosine_floor is the mean cosine to a"
        " random clip of another track. Ranks are among all clips of the corpus; track_recall_at_1"
        " counts any clip of the right track, the original included.",
    )
    add(
        "retrieval",
        "Which encoder knows a song: same-track retrieval",
        ENCODERS,
        ["tables/retrieval.csv"],
        "Share of clips of control tracks, which nothing was trained or fitted on, whose nearest"
        " neighbour among all of them is of the same track (near duplicates count as one), with an"
        " interval by a bootstrap clustered by track; chance is that share for a neighbour drawn at"
        " random.",
    )
    add(
        "claims",
        "Claims against results",
        CLAIMS,
        ["tables/claims.csv"],
        "Certainty says how surely the source makes the claim: A authors' text or code,"
        " Q quoted from the paper by a third party, S a secondary digest, I our inference, ours our"
        " own expectation. A claim about encoders that are not in this study is not comparable.",
    )
    add(
        "corpus",
        "The corpus: recordings, splits, credits",
        CORPUS,
        ["corpus/tracks.csv", "corpus/rejected.csv"],
        "Train and control share no artist. A group_id that differs from the track_id marks"
        " a near duplicate of the track that it names.",
    )
    if config["generators"]["openvamp"]["activate"]:
        add(
            "generation",
            "openvamp: what it learned, what of it the training set has, and what its codec loses",
            GENERATION,
            [f"tables/{name}.csv" for name in OPENVAMP_TABLES],
            "openvamp: loss (nats a masked token) and accuracy at masked places, on tracks that it"
            " was trained on and on control tracks. codec: distance of a control clip to itself"
            " after the mel spectrum and Griffin-Lim alone, and after so many codebooks; no"
            " decoder: the mel frames that all tokens stand for, as they are. ngram_overlap: share"
            " of generated tokens that stand in an 8-gram of the training set; elsewhere leaves out"
            " the prompt's own track and its duplicates; the rows for real music are what music has"
            " by itself.",
        )
    for name in active(config["generators"]):
        shards = clip_sets(config)[f"vamps-{name}"].shards
        add(
            f"vamps_of_{name}",
            f"Vamps of {name}, with what each was made from",
            GENERATION,
            [f"vamps/{name}/{shard}.parquet" for shard in shards],
            "A row a vamp. kept_s is the time of which a token at least is the prompt's own,"
            " kept_share the share of tokens that are.",
        )
    if stimuli(config).arms:
        add(
            "stimuli",
            "Experiment A: how well the paper's bins could be filled",
            LISTENING,
            ["listening/paper/stimuli_skipped.csv"],
            "The paper's arm wants for each X a training clip of another track in each of four bins"
            f" (within {config['listening']['stimuli']['bin_width']:g} of its middle). x_tried were"
            " tried until x_wanted had one in all of them (x_complete), or there were no more; then"
            " those with most bins are used with the pairs that they have. empty_bin counts the"
            " X's tried that had none in that bin: a small corpus has few clips that near, and a"
            " middle above 1 is in no bin at all.",
        )
    if attributed(config):
        add(
            "findings",
            "Experiment C: what outputs resemble, and what control music gives by itself",
            INFLUENCE,
            [
                f"tables/{table}.csv"
                for table in ["findings", "calibration", "paired", "concentration", "songs"]
            ],
            "Similarity is not influence: a p-value says how seldom control music, which the"
            " generator never saw, sent through its codec, comes as near to the training set."
            " false_positives_at_05 and ks_rejected are measured on control tracks (both should be"
            " near .05 or below). paired: best match in the training set less best match in a"
            " control index of equal size. songs: how often the prompt's own track, or artist,"
            " comes first, where it is included, by three ways to add clips up: the sum and the"
            " maximum of cosines, and evidence (-log10 of p-values).",
        )
        add(
            "verdicts",
            "Experiment C: the verdict on each output",
            INFLUENCE,
            ["tables/outputs.csv"],
            " ".join(f"{tier}: {rule}." for tier, rule in TIERS.items())
            + " A match is found where the adjusted p-value is at most"
            f" {config['influence']['fdr']}. Columns that end with _prompt_included count the"
            " prompt's own track, too. The untrained control has no say.",
        )
    return made


def listening(config: dict) -> dict[str, Page]:
    """The pages to listen to, by generator."""
    known, results = models(config), config["results"]
    return {
        name: Page(
            f"Some vamps of {known[name].label}, beside their prompts",
            GENERATION,
            (f"{results}/vamps/{name}/000.parquet",),
            "Settings and splits in turns, the first of each; 24 kHz or the generator's own rate,"
            " as MP3. The prompts' tracks are credited on the page of the corpus.",
        )
        for name in active(config["generators"])
        if name in GENERATORS
    }


def cards(config: dict) -> dict[str, dict[str, str]]:
    """Models that this run trains -> heading and table of what their cards say."""
    tables, made = f"{config['results']}/tables", {}
    openvamp = config["generators"]["openvamp"]
    if openvamp["activate"] and not openvamp["checkpoint"]:
        made["openvamp"] = {
            "Loss (nats a masked token)": f"{tables}/openvamp_training.csv",
            "At masked places of its own recordings, and of the control split": (
                f"{tables}/openvamp.csv"
            ),
            "What its codec loses": f"{tables}/codec.csv",
            "Share of generated tokens in an 8-gram of the training set": (
                f"{tables}/ngram_overlap.csv"
            ),
        }
    if config["encoders"]["clmr_open"]["activate"]:
        made["clmr_open"] = {
            "Loss": f"{tables}/clmr_open_training.csv",
            "Same-track retrieval on the control split": f"{tables}/retrieval.csv",
        }
    return made
