"""Answers on what lies around the study: other music, other generators, other sizes, artists."""

import pandas as pd

from musical_roots.questions.words import full, kind, listed, quoted, share, shares

SIZES = {100_000_000: "100 million clips", 1_000_000_000: "a billion clips"}


def lyrics(tables: dict[str, pd.DataFrame]) -> list[str]:
    """No encoder here is told words."""
    tracks, encoders = tables["tracks"], list(tables["retrieval"].encoder)
    return [
        f"{_corpus(tracks)} None of them is marked as sung or as played, and no table tells voice"
        f" from the rest; the encoders ({listed(encoders)}) hear 3 s of sound and read no words."
        " This run cannot tell."
    ]


def _corpus(tracks: pd.DataFrame) -> str:
    hours = tracks.duration_s.sum() / 3600
    return (
        f"The corpus has {len(tracks)} recordings, {hours:.1f} hours,"
        f" by {tracks.artist.nunique()} artists."
    )


def generators(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Which took part, what was found, and what the codec changes."""
    outputs = tables["outputs"]
    if not len(outputs):
        return ["This run asks after no output: it cannot tell."]
    found = (outputs.tier != "nothing found").groupby(outputs.generator, sort=False)
    parts = [f"{name} ({rows.sum()} of {len(rows)} outputs)" for name, rows in found]
    return [
        f"The generators of this run, and how many of their outputs resemble a training track more"
        f" than control music does: {listed(parts)}. Of any other kind this run cannot tell.",
        *_codec(tables.get("coded_index")),
    ]


def _codec(coded: pd.DataFrame | None) -> list[str]:
    """How much of what is found or missed is the codec's."""
    if coded is None or not len(coded):
        return []
    rows = full(coded)
    rows = rows[(rows.measure == "own_track_first") & (rows.setting == "all")]
    wide = rows.pivot_table("value", "encoder", "index", sort=False)
    parts = [
        f"{name} from {share(row.uncoded_train)} to {share(row.coded_train)}"
        for name, row in wide.iterrows()
    ]
    return [
        "What is the codec's and not the model's: where the training clips that are searched have"
        f" gone through the codec as well, the prompt's own track comes first for {listed(parts)}"
        " of the outputs of train prompts."
    ]


def exact(tables: dict[str, pd.DataFrame]) -> list[str]:
    """How many clips are searched; or what an approximate search misses."""
    index = int(tables["bins"].n_index.max())
    control = int(tables["retrieval"].n_clips.max())
    if "search_recall" in tables:
        found = tables["search_recall"]
        recalls = [
            f"{row.recall_at_50:.3f} ({row.recall_at_50_low:.3f} to {row.recall_at_50_high:.3f})"
            f" with {row.encoder}"
            for row in found.itertuples()
        ]
        return [
            f"Experiments B and C of this run searched {index} training clips by inverted lists, of"
            f" a measured recall at 50 of {listed(recalls)}; the search for same tracks, the bins,"
            " hubs and the coded indexes are exact."
        ]
    return [
        f"Every search of this run is exact, over {index} training and {control} control clips:"
        " each number here has a recall of 1 by construction, and hangs on no index's settings."
    ]


def larger(tables: dict[str, pd.DataFrame]) -> list[str]:
    """By proportion, from what single items cost; and what control music can show."""
    costs = tables["paper_scale"].set_index("what")
    encode = costs[costs.item == "clip"].filter(like="encode", axis=0)
    search = costs[costs.index.str.endswith("exactly")].iloc[0]
    clips = int(search.name.split()[1])  # "search 5000000 x 512 exactly"
    told = [
        f"By proportion, from what an item costs on one core ({search.hardware},"
        f" {search.gflops:g} GFLOPS); nothing of this size was run."
    ]
    for size, words in SIZES.items():
        hours = [
            f"{row.cpu_s_an_item * size / 3600:,.0f} CPU-hours with {what.split()[2].rstrip(',')}"
            for what, row in encode.iterrows()
        ]
        disk = encode.bytes_an_item.max() * size / 1e12
        query = search.cpu_s_an_item * size / clips
        told.append(
            f"For {words}: to encode, {listed(hours)}; at most {disk:.3g} TB of features and"
            f" vectors; {query:.3g} CPU-s an exact query."
        )
    held = full(tables["calibration"])
    if len(held):
        told.append(
            f"The least p-value hangs on control music alone: {held.n_null_tracks.iloc[0]} tracks"
            f" here show none below {held.smallest_p.min():.3g}."
        )
    return told


def speech(tables: dict[str, pd.DataFrame]) -> list[str]:
    """The corpus is music; one encoder was trained on sound effects."""
    tracks, rejected, known = (tables[name] for name in ("tracks", "rejected", "retrieval"))
    told = [
        f"{_corpus(tracks)} Nothing in its table tells music from speech or from sound effects, and"
        f" {len(rejected)} files were rejected as unfit. Of either this run cannot tell."
    ]
    effects = known[known.encoder == "aisfx"]
    others = known[(known.encoder.map(kind) == "trained") & (known.encoder.str[:5] != "aisfx")]
    if len(effects) and len(others):
        told.append(
            "The other way round it can: aisfx, which was trained on sound effects, knows a music"
            f" track again for {share(effects.recall_at_1.iloc[0])} of control clips, encoders that"
            f" were trained on music for {shares(others.set_index('encoder').recall_at_1)}."
        )
    return told


def artists(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Whose names come up, and whose never do."""
    outputs = full(tables["outputs"])
    if not len(outputs):
        return ["This run asks after no output: it cannot tell."]
    nothing = (outputs.tier == "nothing found").sum()
    told = [
        f"No table here measures an artist's work. What it measures is who would be named: for"
        f" {nothing} of {len(outputs)} outputs nobody, since nothing is found above chance."
    ]
    tracks, evidence = tables["tracks"], full(tables["evidence"])
    among = tracks[tracks.split == "train"].artist.nunique()
    rows = evidence[evidence.prompt_track == "excluded"]
    rows = rows[rows.encoder.map(kind) != "untrained"]
    first = rows.sort_values("evidence", ascending=False, kind="stable")
    first = first.drop_duplicates(["encoder", "output_id"])
    parts = [
        f"{encoder} never names {among - len(counts)} of {among} training artists, and names"
        f" {quoted(counts.index[0])} for {share(counts.iloc[0] / counts.sum())}"
        for encoder, named in first.groupby("encoder", sort=False).artist
        for counts in [named.value_counts()]
    ]
    if parts:
        told.append(
            "If the nearest were named all the same, the prompt's own track left out:"
            f" {listed(parts)} of outputs."
        )
    return told + _even(full(tables["concentration"]))


def _even(table: pd.DataFrame) -> list[str]:
    """How evenly outputs and control music spread over artists."""
    rows = table[(table.granularity == "artist") & (table["index"] == "train_equal")]
    rows = rows[rows.encoder.map(kind) != "untrained"]
    wide = rows.pivot_table("gini", "encoder", "source", sort=False)
    if not {"outputs", "control"} <= set(wide):
        return []
    parts = [f"{name} {row.outputs:.2f} and {row.control:.2f}" for name, row in wide.iterrows()]
    return [
        "Gini of the matches over artists, of outputs and of control music, which owes them"
        f" nothing: {listed(parts)}."
    ]
