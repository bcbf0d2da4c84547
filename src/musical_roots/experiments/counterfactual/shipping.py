"""A truth by retraining for later studies, with its card: how it was made, how much it can say."""

from pathlib import Path

import pandas as pd

from musical_roots.arrays import write_json, write_text
from musical_roots.cards import table_text
from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual import MORE, truth
from musical_roots.experiments.counterfactual.halves import DESIGNS, LEFT_OUT, OTHER_MUSIC
from musical_roots.tables import read_table, write_table

CARD = "README.md"

WHAT = """\
What openvamp's outputs would have been without half of its training set: networks like it, trained
anew on random halves of its tracks, and the loss of each output's made-up tokens under each. An
output that a track shaped is less likely under models that never heard it. The models themselves
are not here; the command makes them again.

`members.parquet` says which tracks each model learned from, `losses.parquet` the mean loss of each
output's hidden made-up tokens under each model (its prompt's kept tokens shown, the same masks for
every model), `track_losses.parquet` the same of crops of train and control tracks. A study takes
them for outputs whose tokens are those listed below; for others they say nothing.

Where they are here, `gradient_scores.parquet` says how much each track moved each output by
gradients of the network, `dose.csv` what tracks that training heard more often leave in outputs,
and `lengths.csv` what networks are that were trained for longer."""

MORE_MODELS = {LEFT_OUT: "on all tracks but one", OTHER_MUSIC: "halves of control tracks"}

SEEDS = """\
Rank correlation over halves. What attribution tells of all seeds can agree with one seed by the
square root of it."""


def ship(folder: Path, out: Path) -> None:
    """Copy a truth that was made here into a folder, with its card, for studies to take.

    Parameters
    ----------
    folder, out : path

    Raises
    ------
    InputError
        If there is none.
    """
    said = truth.said_of(folder)
    if not said:
        raise InputError(
            f"{folder / truth.ABOUT}: no such file; make it with: snakemake counterfactual"
        )
    tables = truth.read(folder)
    truth.write(tables, {name: out / f"{name}.parquet" for name in tables})
    for name in MORE:
        if (folder / name).is_file():
            write_table(read_table(folder / name), out / name)
    write_json(said, out / truth.ABOUT)
    write_text(card(said, tables), out / CARD)


def card(about: dict, tables: dict[str, pd.DataFrame]) -> str:
    """The card, in Markdown.

    Parameters
    ----------
    about : dict
        Of `truth.about`.
    tables : dict
        The keys of `truth.TABLES`.
    """
    made, generator = about["made"], about["generator"]
    models, halves = (sum(made[key].values()) for key in ("models", "halves"))
    of = [f"{made['halves'][one]} halves of the {one}" for one in DESIGNS if one in made["halves"]]
    of += [
        f"{made['halves'][one]} {what}"
        for one, what in MORE_MODELS.items()
        if one in made["halves"]
    ]
    facts = {
        "models": f"{models}: {', '.join(of)}",
        "of these by a second seed": str(models - halves),
        "each": f"{generator['steps']} steps of {generator['batch']} crops, as openvamp's own",
        "size": ", ".join(f"{name} {value}" for name, value in generator["size"].items()),
        "precision": f"{made['precision']}; losses are float32",
        "masks": f"{made['masks']} of each output, as many crops of each track",
        "made with": f"`{made['command']}`",
        "commit": made["commit"],
        "on": made["processor"],
        "python, system": f"{made['python']}, {made['system']}",
        "seed": str(made["seed"]),
        "weights and batches by the seeds": ", ".join(map(str, made["seeds"])),
        "training tokens, digest": f"`{about['tokens'][:16]}`",
        "codec, digest": f"`{generator['codec'][:16]}`",
    }
    spoken_of = pd.DataFrame(sorted(about["outputs"].items()), columns=["output_id", "digest"])
    parts = [
        "# Truth by retraining",
        WHAT,
        table_text(pd.DataFrame(facts.items(), columns=["", "truth"])),
        "## Loss of tracks (nats a hidden token)",
        table_text(track_effects(**tables)),
        "## Two seeds of one half",
        SEEDS,
        table_text(agreement(**tables)),
        "## The outputs that it speaks of, and the digests of their tokens",
        table_text(spoken_of),
    ]
    return "\n\n".join(parts) + "\n"


def track_effects(
    members: pd.DataFrame, track_losses: pd.DataFrame, **_: pd.DataFrame
) -> pd.DataFrame:
    """Mean loss of a track under models that heard it, and that did not.

    Parameters
    ----------
    members, track_losses : DataFrame
        Of a truth.

    Returns
    -------
    DataFrame
        design; inside, outside (of train tracks), control (of tracks that are in no half).
    """
    members = members[members.design.isin(DESIGNS)]
    designs = members.drop_duplicates("model").set_index("model").design
    track_losses = track_losses[track_losses.model.isin(designs.index)]
    each = track_losses.merge(members, on=["model", "track_id"], how="left")
    where = each.inside.map({True: "inside", False: "outside"}).fillna("control")
    means = each.groupby([each.model.map(designs), where], sort=False).loss.mean().unstack()
    columns = [name for name in ("inside", "outside", "control") if name in means]
    return means[columns].rename_axis("design").reset_index()


def agreement(members: pd.DataFrame, losses: pd.DataFrame, **_: pd.DataFrame) -> pd.DataFrame:
    """How alike two seeds of one half are.

    What attribution tells of all seeds can agree with one of them by the square root of that.

    Parameters
    ----------
    members, losses : DataFrame
        Of a truth.

    Returns
    -------
    DataFrame
        halves (that were learned twice); rank_correlation of an output's losses over these, mean
        over outputs; less_mean, the same with each model's mean loss taken off. NaN with fewer than
        three halves.
    """
    by_model = losses.pivot(index="model", columns="output_id", values="loss")
    models = members.drop_duplicates("model").set_index(["design", "half", "seed_number"]).model
    pairs = models.unstack("seed_number").reindex(columns=[0, 1]).dropna()
    found = {"halves": len(pairs)}
    for name, values in (
        ("rank_correlation", by_model),
        ("less_mean", by_model.sub(by_model.mean(axis=1), axis=0)),
    ):
        one, other = (values.loc[pairs[number]].reset_index(drop=True) for number in pairs)
        alike = one.corrwith(other, method="spearman") if len(pairs) > 2 else pd.Series(dtype=float)
        found[name] = alike.mean()
    return pd.DataFrame([found])
