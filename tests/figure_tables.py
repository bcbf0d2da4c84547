"""Small tables, each as its figure draws it: what tests of figures begin with."""

import numpy as np
import pandas as pd

from musical_roots.experiments.counterfactual import beside
from musical_roots.figures import influence, planted
from musical_roots.weights import PLUMBING


def of_race() -> pd.DataFrame:
    """A small race: two methods of two kinds, ceilings and a control, in two designs."""
    methods = {"share": "tokens", "grams": "tokens", "mfcc: max": "embedding"}
    methods |= {
        "random scores": "control",
        "two seeds of one half": "ceiling",
        "datamodel": "ceiling",
    }
    lds = [0.4, 0.5, 0.2, 0.0, 0.8, 0.6]
    rows = [
        (design, method, kind, prompts, setting, value)
        for design in ("tracks", "artists")
        for prompts in ("train", "control")
        for setting in ("all", "inpaint")
        for (method, kind), value in zip(methods.items(), lds, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["design", "method", "kind", "prompts", "setting", "lds"])
    ends = {"low": -0.1, "high": 0.1, "low_models": -0.2, "high_models": 0.2}
    return table.assign(**{name: table.lds + off for name, off in ends.items()})


def of_retrieval() -> pd.DataFrame:
    """Two encoders, one of them the untrained control."""
    rows = [("mfcc", 0.6, 0.5, 0.7, 0.01), ("random", 0.7, 0.6, 0.8, 0.01)]
    columns = ["encoder", "recall_at_1", "recall_low", "recall_high", "chance"]
    return pd.DataFrame(rows, columns=columns)


def of_dose() -> pd.DataFrame:
    """A measure that rises with the dose, its null that does not, and the loss, which falls."""
    slopes = {"lift": 0.1, "matched_lift": 0.0, "loss": -0.1}
    rows = [
        (measure, dose, 1 + slope * dose, 0.9 + slope * dose, 1.1 + slope * dose, 8, 3, 0.5, 0.0004)
        for measure, slope in slopes.items()
        for dose in (0, 1, 4)
    ]
    return pd.DataFrame(rows, columns=beside.COLUMNS["dose"])


def of_lengths() -> pd.DataFrame:
    """Three networks, the longest listed first, in two settings and all."""
    rows = [
        (steps, 8, 5 - steps / 1000, 5.0, steps / 1000, setting, steps / 1000, 20)
        for steps in (800, 200, 400)
        for setting in ("all", "inpaint", "periodic")
    ]
    return pd.DataFrame(rows, columns=beside.COLUMNS["lengths"])


def of_listening(source="simulated listeners") -> dict[str, pd.DataFrame]:
    """Small tables of Experiment A, of two encoders and both arms; any number will do."""

    def table(**values) -> pd.DataFrame:
        grid = pd.MultiIndex.from_product(values.values(), names=values).to_frame(index=False)
        shares = {"agreement": 0.7, "value": 0.7, "covered": 0.9, "told_from_chance": 0.1}
        for column, share in shares.items():
            if column not in grid:
                grid[column] = share
            grid[f"{column}_low"], grid[f"{column}_high"] = share - 0.05, share + 0.05
        bounds = {"low": 0.6, "high": 0.8, "wilson_low": 0.65, "wilson_high": 0.75}
        return grid.assign(source=source, half_width=5.0, **bounds)

    who = {"arm": ["ours", "paper"], "encoder": ["clmr", "mfcc"]}
    grouped = table(**who, by=["drawn", "bins"], group=["rank_1 : random", "1 : 4"])
    fits = grouped.group.str[0].map({"r": "drawn", "1": "bins"}) == grouped.by
    designs = {"x_clips": [15], "listeners": [20, 90], "answers_each": [10, 40]}
    methods = {"method": ["pooled", "clustered", "model", "gap"], "agreement": [0.5, 0.6]}
    drawn = table(design=["the paper's", "ours"], **methods).assign(x_clips=15, listeners=90)
    drawn["confidence"] = 0.9
    return {
        "listening_agreement": grouped[fits],
        "listening_curves": table(**who, by=["gap"], what=["curve", "answers"], at=[0.0, 0.5]),
        "listening_people": table(**who, measure=["human_to_human", "encoder_to_human"]),
        "simulated_power": table(**designs, **methods).drop(columns="source"),
        "simulated_coverage": drawn.assign(answers_each=10).drop(columns="source"),
    }


def of_bins() -> pd.DataFrame:
    """Cosines and bins of the paper's CLMR with random weights, and of one that the paper lacks."""
    rows = []
    for encoder, below in ((f"clmr ({PLUMBING})", ["", "paper_"]), ("mfcc", [""])):
        for of, shares in (("nearest", [0, 0.4, 0.6]), ("random", [0.8, 0.2, 0])):
            rows += [(encoder, of, low / 10, low / 10 + 0.1, share)
                     for low, share in zip((7, 8, 9), shares, strict=True)]  # fmt: skip
        rows += [(encoder, f"{prefix}bin_{number}", 1.1 - number / 10, 1.14 - number / 10, np.nan)
                 for prefix in below for number in (1, 2, 3, 4)]  # fmt: skip
    return pd.DataFrame(rows, columns=["encoder", "of", "low", "high", "share"])


def of_influence() -> dict[str, pd.DataFrame]:
    """Small tables of Experiment C, of two encoders; any number will do."""

    def table(values: dict[str, list], columns: str) -> pd.DataFrame:
        """Every combination of some values, with other columns that lie in [0, 1]."""
        grid = pd.MultiIndex.from_product(values.values(), names=values).to_frame(index=False)
        for number, column in enumerate(columns.split()):
            grid[column] = (np.arange(len(grid)) * (number + 3) % 7) / 7
        return grid.assign(generator="openvamp")

    encoders = {"encoder": ["clmr", "mfcc"]}
    splits, prompt_tracks = ["train", "control"], ["included", "excluded"]
    indexes = ["train", "train_equal", "control"]
    tables = {
        "exceedance": (
            {
                "source": ["outputs", "control", "control_roundtrip"],
                "index": indexes,
                "prompt_track": prompt_tracks,
                "threshold": [0.1, 0.5, 0.9],
            },
            "share low high",
        ),
        "calibration": (
            {
                "source": ["control", "outputs"],
                "prompts": ["", *splits],
                "prompt_track": prompt_tracks,
                "p": [0.0, 0.5, 1.0],
            },
            "share low high",
        ),
        "planted": (
            {"kind": ["pitch", "mp3"], "level": [32.0, 64.0]},
            "power_at_05 perturbed_false_at_05",
        ),
        "prompt_vs_training": (
            {
                "setting": ["all"],
                "prompt_track": prompt_tracks,
                "prompts": splits,
                "index": indexes[1:],
            },
            "nearer_share nearer_low nearer_high size_matched size_matched_low size_matched_high",
        ),
        "coded_index": (
            {
                "measure": list(influence.FOUND),
                "index": list(influence.SEARCHED),
                "codebooks": [np.nan],
                "setting": ["all"],
            },
            "value low high",
        ),
        "concentration": (
            {
                "source": ["outputs", "control"],
                "index": indexes[1:],
                "granularity": ["clip", "song"],
                "items": [0.0, 0.5, 1.0],
            },
            "matches",
        ),
        "hubness": (
            {
                "queries": ["train", "outputs", "control"],
                "correction": ["none", "mutual proximity"],
            },
            "skewness",
        ),
    }
    tables = {name: table(encoders | values, rest) for name, (values, rest) in tables.items()}
    pairs = {"one": ["clmr"], "other": ["mfcc", "ngram_overlap"]}
    agreed = table(pairs, "kendall_tau low high same_track same_track_by_chance")
    agreed.loc[1, "same_track"] = np.nan
    agreed = pd.concat([agreed, agreed[1:].assign(one="mfcc")], ignore_index=True)
    views = {"view": ["mfcc", "token_share"]}
    asked = views | {"prompt_track": [*planted.SEARCHED], "prompts": ["all"], "fdr": [0.1, 0.2]}
    competed = table(asked | {"setting": ["all"]}, "planted_power false_rate discoveries")
    competed["discoveries"], competed["n_outputs"] = 7 * competed.discoveries, 7
    competed = competed.assign(
        false_rate_low=competed.false_rate / 2, false_rate_high=competed.false_rate
    )
    copies = table(views | {"kind": ["pitch", "50% of frames"], "fdr": [0.1, 0.2]}, "power")
    tables |= {"competition": competed, "competition_planted": copies.assign(n_planted=21)}
    tables["planted"]["n_planted"] = 21
    return tables | {"agreement": agreed}
