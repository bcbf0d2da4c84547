"""The pages of a config: tables to read in a browser, with what a reader must know of them."""

from dataclasses import dataclass

from musical_roots.experiments.bins import LEAST, PARTNERS
from musical_roots.experiments.listening import FEWEST
from musical_roots.experiments.tiers import TIERS
from musical_roots.study import answers
from musical_roots.study.clip_sets import active, attributed, clip_sets, coded, pairs
from musical_roots.study.race import raced
from musical_roots.study.sections import (
    CORPUS,
    ENCODERS,
    GENERATION,
    INFLUENCE,
    LISTENING,
    ROBUSTNESS,
)
from musical_roots.study.stimuli import stimuli
from musical_roots.study.tables import OPENVAMP_TABLES

CUT = (
    "How the paper made 3 s clips of a vamp of 10 s it does not say. Here a vamp's clips follow"
    " each other from its start, and what is left at its end is dropped. All settings and prompts"
    " together come first, then each; prompts are of tracks that the generator learned from (train)"
    " or never saw (control); index: the whole training set, or the part of it that a model with a"
    " small training set learned from (train_small). low and high: a bootstrap clustered by the"
    " prompt's track. "
)
# Tables of the paper's case study -> title and text of their pages.
PAPER_TABLES = {
    "paper_table2": (
        "The paper's table 2: cosine of a vamp to its prompt, and to its nearest training clip",
        CUT + "A vamp's cosine to its prompt is the largest of its clips to the clips of the prompt"
        " of the same time; to the training set, the largest of its clips to any clip, the"
        " prompt's own track not left out, as in the paper. paper_clap and paper_clmr are the"
        " paper's numbers, of the model trained on all or on few songs as the generator here was:"
        " with other encoders, another generator and 5,000,000 clips, a maximum over which is"
        " larger than one over some thousands. prompt_in_top_10 is ours: the share of vamps whose"
        " prompt stands, or would stand, among the 10 nearest clips of one of theirs. A generator"
        " that learned from few songs may vamp in fewer settings than the one it is held against:"
        " compare a setting, or the table of the small training set, which goes pair by pair.",
    ),
    "paper_table3": (
        "The paper's table 3: how many of the nearest training clips reach a cosine",
        CUT + "n: the k nearest distinct training clips of each vamp, over all of its clips."
        " threshold_from: paper, the paper's own thresholds, for CLMR alone; recipe, the encoder's"
        " own bin 1 (the median cosine of sampled clips to their nearest, and 2 SD) and four steps"
        " above it, as far apart in its own SDs as the paper's of .02 are in CLMR's. Where a step"
        " lies above a cosine of 1 nothing can reach it, and its share is 0 by construction."
        " paper_share stands beside the row of its step, whatever the encoder.",
    ),
    "top_songs": (
        "The songs found most often (the paper: in more than 2 % of the top 10)",
        CUT
        + "The first five songs of each row's top 10. \"Some songs were present in more than 2 %"
        ' of the top 10" is read as share_of_vamps: the share of vamps whose 10 nearest distinct'
        " clips hold one of the song's. share_of_places is its share of all those places, and"
        " never larger. Chance is the song's share of the index's clips (places_by_chance), and"
        " what follows for 10 clips drawn at random (vamps_by_chance). Where the prompt's own track"
        " is included, each prompt's own song has about 1 / prompts of the vamps: the paper had"
        " 1,000 prompts, a study of fewer reaches 2 % by that alone.",
    ),
}

RACE = (
    "Influence here is what models would say that are trained anew on random halves of openvamp's"
    " training tracks: how much the made-up tokens of a vamp lose in likelihood where a track is"
    " missing. The tables have rows where there is such a truth by retraining and it speaks of"
    " these vamps; else the first sentence says why they have none. lds: rank correlation, over"
    " halves, of a method's summed scores of the tracks inside with minus the vamp's loss, each"
    " model's mean loss taken off; mean over vamps. low and high: a bootstrap over vamps,"
    " clustered by the prompt's track; low_models and high_models: over halves, of ceilings and"
    " controls over draws. top_agreement: share of vamps whose highest score is that of the track"
    " with the largest effect (of the artist, where design says that artists were drawn);"
    " top_in_five: that it is of one of the five largest. kind: ceilings have seen losses, no"
    " other method has. Of two seeds of one half lds is what they agree: what holds for all seeds"
    " can reach its square root. controls must find nothing, but for another prompt, which shares"
    " what all vamps have in common. An encoder's methods with coded index and with uncoded index"
    " hear the same clips of each track, some of them, after the generator's codec and as they"
    " are: compare these two. The others hear all clips. What was chosen on an earlier pilot,"
    " docs/counterfactual.md says. removal: in nats a token against the mean vamp's, by halves"
    " (design tracks), or by models that lack one track each (left_out), where the truth has"
    " such; matched: the track nearest in length whose artist has as many; largest: share of vamps"
    " for which no track has a larger effect than the one named; effects by halves: how well halves"
    " tell what a track does that alone is left out."
)


MISSED = (
    " The search was approximate: how many of the nearest clips it misses, the page on it says."
)


@dataclass(frozen=True)
class Page:
    """A page of tables.

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

    approximate = config["search"]["approximate"]["activate"]

    def add(name: str, title: str, section: str, tables: list[str], text: str) -> None:
        text += MISSED if approximate and section in (ROBUSTNESS, INFLUENCE) else ""
        made[name] = Page(title, section, tuple(f"{results}/{path}" for path in tables), text)

    add(
        "robustness",
        "Experiment B: robustness to perturbation",
        ROBUSTNESS,
        ["tables/robustness.csv"],
        "A row an encoder, kind, generator (where one takes part) and level. recall_at_k is the"
        " paper's measure: the share of queries whose unmodified clip is among the first k of all"
        " clips of the corpus; of splice_outside, without the other clip's track and its near"
        " duplicates. Intervals (low, high) are by a bootstrap clustered by the target's track."
        " track_recall_at_1 counts any clip of the right track, the original included; cosine_floor"
        " is the mean cosine to a random clip of another track. The level of a splice is the"
        " percent of the clip, from its start, that is the target; splice_crossfade is"
        " splice_training with a cross-fade at the cut.",
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
    if approximate:
        add(
            "search_recall",
            "The approximate search: how many neighbours it misses",
            ENCODERS,
            ["tables/search_recall.csv"],
            "Experiments B and C searched by inverted lists, an index an encoder. recall_at_k: the"
            " share of a query's k nearest clips that is found, ties aside, measured against an"
            " exact search on half of the queries that were tried, with an interval by a bootstrap"
            " clustered by their track; lists probed, on average, by how much farther than the 16th"
            " nearest one they may be (reach), and depth, how many candidates are re-ranked, were"
            " chosen on the other half as the least work whose recall at 50 surely reaches the"
            " target (reached: False, if none did). Cosines that are found are exact. Ranks of"
            " named clips beyond the k matches are estimated from a random sample of 65,536 clips,"
            " and exact where there are no more. The search for same tracks, the bins, hubs and the"
            " coded indexes are exact. Queries are the study's own perturbed clips and vamps.",
        )
    add(
        "bins",
        "The paper's bins of cosine, and whether encoders may be the paper's",
        ENCODERS,
        ["tables/paper_encoders.csv", "tables/bins.csv"],
        "Of clips drawn from the training set: bin_3 is the median cosine to the nearest n_nearest"
        " others of n_index, bin_2 and bin_1 are one and two standard deviations (nearest_sd)"
        f" above; bin_4 is the median of random pairs, {PARTNERS} a clip; random_low is what one"
        " pair in twenty is below; nearest_5_mean and nearest_100_mean are mean cosines to the 5th"
        " and the 100th nearest. n_nearest is the paper's share, 10,000 of 5,000,000, and"
        f" {LEAST} at least. Clips of the same song count, as the paper says nothing of them. In a"
        " small corpus the nearest are few and mostly of the same song, and what comes next is far:"
        " they lie wide, and two deviations above their median may be above 1, where no cosine is."
        " Such a bin cannot be filled, and is shown as the recipe gives it. The paper's numbers"
        " stand beside those of CLAP and CLMR alone. All hang on its corpus, how near the nearest"
        " are also on its 5,000,000 clips; random pairs hang on the size least, so by them it is"
        " judged whether a checkpoint and layer may be the paper's. A match does not prove it:"
        " features of another layer, centred, might have that median too.",
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
            " was trained on and on control tracks; of openvamp_small on those that it was trained"
            " on (train_small), on the rest of the train split, and on control tracks."
            " codec: distance of a control clip to itself after the mel spectrum and Griffin-Lim"
            " alone, and after so many codebooks; no"
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
            "Experiment A: how well the paper's bins, and our ranks, could be filled",
            LISTENING,
            ["listening/paper/stimuli_skipped.csv", "listening/ours/stimuli_counts.csv"],
            "The paper's arm wants for each X a training clip of another track in each of four bins"
            f" (within {config['listening']['stimuli']['bin_width']:g} of its middle). x_tried were"
            " tried until x_wanted had one in all of them (x_complete), or there were no more; then"
            " those with most bins are used with the pairs that they have. empty_bin counts the"
            " X's tried that had none in that bin: a small corpus has few clips that near, and a"
            " middle above 1 is in no bin at all. stimuli_counts: the same of our arm, by kind of"
            " X; asked_of_another are pairs that an encoder leaves to one before it, so that nobody"
            " is asked the same twice.",
        )
    if attributed(config):
        for name, (title, text) in PAPER_TABLES.items():
            add(name, title, INFLUENCE, [f"tables/{name}.csv"], text)
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
        if coded(config):
            add(
                "coded_index",
                "Experiment C: does it help to search music that went through the codec?",
                INFLUENCE,
                ["tables/coded_index.csv"],
                "All that a generator makes has gone through its codec, and recordings have not."
                " index: train, the whole training set as it is, which every other table of"
                " Experiment C searches; uncoded_train, some clips of each of its tracks as they"
                " are; coded_train, the same clips after the codec. Only the last two differ in the"
                " codec alone: difference is coded_train less uncoded_train. Vamps, the null"
                " (control music) and planted copies have gone through the codec whichever index is"
                " searched. own_track_first: outputs of train prompts whose nearest clip is of"
                " their prompt's track. nearer_than_prompt: outputs that are nearer to the index,"
                " without the prompt's track, than to their prompt, which has gone through the"
                " codec where the index has. p_at_05, discovered: outputs with p <= .05, and at the"
                " false discovery rate. planted_at_05: copies of training clips, coded and nothing"
                " else, with p <= .05; planted_control_at_05: the same of control clips, which have"
                " no original there, and more than .05 of them would say that the codec itself"
                " looks like a match. false_positives_at_05: control music with p <= .05."
                " Intervals: a bootstrap clustered by track; of false_positives_at_05, 95 % of"
                " halves of the control tracks. That copies are found says nothing of influence.",
            )
        if pairs(config):
            add(
                "small_training_set",
                "Experiment C: does the size of the training set show?",
                INFLUENCE,
                ["tables/small_training_set.csv"],
                "Two models, alike but for what they learned from: small_generator heard"
                " less. Vamps of one prompt, setting and number have one seed, and are pairs;"
                " difference is the mean of small less full, its interval by a bootstrap"
                " clustered by the prompt's track. A vamp counts with the nearest of its"
                " clips. Both are searched for in the whole training set (train) and, where it"
                " is known, in the part that the smaller model learned from (train_small)."
                " prompts: train_small are those whose track the smaller model learned from,"
                " too, train_rest those of which the other did alone. The paper (table 2) saw"
                " no meaningful difference, of 30,550 songs to 795,000. An interval that holds"
                " 0 shows no difference; it is no proof that there is none.",
            )
        add(
            "competition",
            "Experiment C: discoveries without a floor",
            INFLUENCE,
            ["tables/competition.csv", "tables/competition_planted.csv"],
            "Beside the p-values, never instead. For each output the best match in the training set"
            " (target) competes with the best in control music of as many clips (decoy); a target"
            " win at score s has q = odds x (1 + decoy wins at s or above) / target wins at s or"
            " above, and is discovered where q <= fdr. Of artist_excluded nothing of the prompt's"
            " artist can be found on either side, and the odds are those of what is left. Included"
            " and excluded are no test: there the side that the prompt is from has its own music,"
            " or its artist's. sign_flip_p: are there more target wins than decoy wins, all that"
            " one artist won flipped together, at these odds. relabelled_p: how often the same"
            " outputs give as many discoveries under random labels of artists; whatever they have"
            " in common, they have there, too. Of prompts from one split the own artists stay on"
            " their side, so little is left to draw where these are most of it: a large p there"
            " says little. heard_share: of a generator that learned from a part of the training"
            " set, the share of discoveries that name a track which it has heard; heard_by_chance:"
            " that part's share of the clips. false_rate: how often anything at all is discovered"
            " for control music, its own artist out, under random labels of artists, where there is"
            " nothing to discover; low and high are Wilson's over draws of labels. Above fdr, the"
            " discoveries of that view are more often false than was asked for. planted_power and"
            " planted_false_share: known copies hidden among such music, means over the kinds of"
            " competition_planted; those of encoders are perturbed training clips, those of tokens"
            " frames of a training track in a control excerpt. Where a generator's codec is known,"
            " that music went through it, and of perturbed clips the kind codec alone: the power of"
            " other kinds is that of copies that kept their sound, among music that did not. View"
            " token_share: what the made-up frames' pairs of the two coarsest tokens say for a"
            " track, by the logarithm of its share of each pair.",
        )
        add(
            "verdicts",
            "Experiment C: the verdict on each output",
            INFLUENCE,
            ["tables/outputs.csv"],
            " ".join(f"{tier}: {rule}." for tier, rule in TIERS.items())
            + " A match is found where the adjusted p-value is at most"
            f" {config['influence']['fdr']}. Columns that end with _prompt_included count the"
            " prompt's own track, too. The untrained control has no say. token_share: the"
            " generator's own tokens, by p-values of their own (score, p), with a say but none on"
            " what is a copy. q_competition: of the page on discoveries without a floor, nothing of"
            " the prompt's artist among what can be found; no part of the verdict.",
        )
    if raced(config):
        add(
            "race",
            "Experiment C: what resemblance tells of influence",
            INFLUENCE,
            [f"tables/{name}.csv" for name in ("race_findings", "removal", "race")],
            RACE,
        )
    answered = answers.tables(config)
    if answered:
        who = answers.source(config)
        add(
            "experiment_a" if config["listening"]["responses"] else "experiment_a_simulated",
            f"Experiment A: what {who} hear as similar, beside what encoders do",
            LISTENING,
            [
                f"tables/{name}.csv"
                for name in answers.names(config)
                if name != answered["psychometric"]  # points of curves: the figure shows them
            ],
            (
                ""
                if config["listening"]["responses"]
                else "Simulated: nobody has answered. The answers are drawn at random with a skill"
                " that is put in; they say how the tables look, and nothing of any encoder. "
            )
            + "table1: the paper's form beside the paper's numbers; low and high are Wilson's and"
            " take answers for independent, as pooling does. The paper tells of 150 participants an"
            " encoder, plans 90 people with 10 questions each, and counts 922 (CLAP) and 893 (CLMR)"
            " answers; how these go together is not known. agreement: low and high are clustered by"
            " listener and by X. model: the main result, crossed random effects of listeners and"
            " X's. thresholds: the gap of cosines at which people agree with the encoder in 75 % of"
            " answers; and the cosine to X from which a clip is chosen over one at random in"
            f" {100 * config['listening']['analysis']['high_agreement']:.0f} %, beside the middle"
            " of the paper's bin 1, which was no estimate from answers. Where bound says at most,"
            " that agreement is passed at the least cosine that was heard already: the threshold"
            " lies there or lower, and shares of outputs at it are at least so large. Intervals of"
            f" fewer than {FEWEST} listeners or X's are left blank. p_holm: by Holm, of the groups"
            " (agreement) or the encoders (model) that stand side by side. simulated_power,"
            " simulated_coverage: what a design can show, by simulated listeners.",
        )
    return made


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
    if "openvamp_small" in pairs(config):
        made["openvamp_small"] = {
            "Loss (nats a masked token)": f"{tables}/openvamp_small_training.csv",
            "At masked places of its own recordings, of others, and of the control split": (
                f"{tables}/openvamp.csv"
            ),
        }
    if config["encoders"]["clmr_open"]["activate"]:
        made["clmr_open"] = {
            "Loss": f"{tables}/clmr_open_training.csv",
            "Same-track retrieval on the control split": f"{tables}/retrieval.csv",
        }
    return made
