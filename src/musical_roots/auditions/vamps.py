"""Of a generator's vamps what there is to hear: prompt, vamp, and what each view finds nearest.

Rows are not chosen by what was found: every prompt has one, settings take turns. Which songs recur
is counted over all vamps, beside the same count for control music, which the generator never saw.
"""

from dataclasses import dataclass, field

import pandas as pd

INDEX, PROMPT_TRACK = "train", "excluded"  # what the verdicts rest on
RECURRING = 8  # songs that are shown
FOR_WHOM = 5  # artists that are named with each


@dataclass(frozen=True)
class Span:
    """A stretch of a file, with what is known of it.

    Attributes
    ----------
    path : str
    start_s, duration_s : float
    title, artist : str
        "" where nothing is known.
    inside : tuple of float or None
        The seconds of it that are meant, where not all are.
    facts : tuple of str
        Sentences on it.
    """

    path: str
    start_s: float
    duration_s: float
    title: str = ""
    artist: str = ""
    inside: tuple[float, float] | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One vamp, and what stands beside it: heading -> span."""

    output_id: str
    setting: str
    prompts: str
    tier: str
    p: float
    spans: dict[str, Span]
    views: list[tuple] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """What Experiment C has to say of a generator's outputs.

    Attributes
    ----------
    encoder : str
        Whose nearest clips are heard.
    nearest : DataFrame
        Of `influence.best`, of that encoder.
    p_values : DataFrame
        The same of all encoders, with p, where `INDEX` is searched.
    songs : DataFrame
        Of `songs`: which clip of a track matches.
    tokens : DataFrame
        p_values of `token_evidence.testify`; without rows, where the generator gives no tokens.
    outputs : DataFrame
        output_id, tier.
    null : DataFrame
        As `nearest`, of control music.
    """

    encoder: str
    nearest: pd.DataFrame
    p_values: pd.DataFrame
    songs: pd.DataFrame
    tokens: pd.DataFrame
    outputs: pd.DataFrame
    null: pd.DataFrame


def chosen(vamps: pd.DataFrame, count: int) -> pd.DataFrame:
    """One vamp a prompt, `count` at most: in each split settings take turns, and so do splits."""
    firsts = vamps[vamps.vamp == 0] if "vamp" in vamps else vamps
    settings = list(dict.fromkeys(firsts.setting))
    parts = []
    for _, mine in firsts.groupby("prompt_split", sort=True):
        keys = mine.prompt_id.where(mine.prompt_id != "", mine.output_id)
        prompt, setting = keys.factorize()[0], mine.setting.map(settings.index)
        wanted = prompt % len(settings)
        order = mine.assign(turn=prompt, away=(setting - wanted) % len(settings))
        parts.append(order.sort_values(["turn", "away"], kind="stable").drop_duplicates("turn"))
    table = pd.concat(parts).sort_values("turn", kind="stable").head(count)
    return table.drop(columns=["turn", "away"]).reset_index(drop=True)


def rows(
    vamps: pd.DataFrame,
    clips: pd.DataFrame,
    corpus: pd.DataFrame,
    tracks: pd.DataFrame,
    found: Found | None,
) -> list[Row]:
    """What there is to hear of some vamps, the smallest p first.

    Parameters
    ----------
    vamps : DataFrame
        Rows of a list of vamps.
    clips, corpus : DataFrame
        Clip lists of all vamps, and of the corpus.
    tracks : DataFrame
        The corpus's tracks.
    found : Found or None
        None where Experiment C says nothing of them.

    Returns
    -------
    list of Row
        Spans in the order prompt, vamp, and where anything was asked: nearest training clip,
        nearest control clip, tokens' first track. What is not known is left out.
    """
    credits = tracks.set_index("track_id")[["title", "artist"]]
    heard = _Heard(clips.set_index("clip_id"), corpus.set_index("clip_id"), credits)
    made = [_row(vamp, heard, found and _of(found, vamp.output_id)) for vamp in vamps.itertuples()]
    return sorted(made, key=lambda row: row.p)  # stable; without p as they came


@dataclass(frozen=True)
class _Heard:
    """Clips of vamps, clips of the corpus, and credits: by their ids."""

    clips: pd.DataFrame
    corpus: pd.DataFrame
    credits: pd.DataFrame

    def credit(self, track_id: str) -> dict:
        known = track_id in self.credits.index
        return self.credits.loc[track_id].to_dict() if known else {}

    def clip(self, clip_id: str, facts: tuple[str, ...]) -> Span:
        clip = self.corpus.loc[clip_id]
        where = clip.path, float(clip.start_s), float(clip.duration_s)
        return Span(*where, **self.credit(clip.track_id), facts=facts)


def _of(found: Found, output_id: str) -> Found:
    """What is said of one output."""
    parts = {
        name: table[table.output_id == output_id]
        for name in ("nearest", "p_values", "songs", "tokens", "outputs")
        for table in [getattr(found, name)]
    }
    return Found(encoder=found.encoder, null=found.null, **parts)


def _row(vamp, heard: _Heard, found: Found | None) -> Row:
    spans = {}
    if vamp.prompt_track_id:
        where = vamp.prompt_path, float(vamp.prompt_start_s), float(vamp.duration_s)
        credit = heard.credit(vamp.prompt_track_id)
        seen = "the generator learned from this track"
        facts = (seen if vamp.prompt_split == "train" else "the generator never saw this track",)
        spans["Prompt"] = Span(*where, **credit, facts=facts)
    kept = f"{vamp.kept_share:.0%} of its tokens are the prompt's own"
    facts = (kept,) if vamp.kept_share == vamp.kept_share else ()  # not known of external files
    spans["Vamp"] = Span(vamp.path, 0.0, float(vamp.duration_s), facts=facts)
    views, tier, p = [], "", float("nan")
    if found:
        p, inside, more = _compared(heard, found)
        spans["Vamp"] = Span(vamp.path, 0.0, float(vamp.duration_s), inside=inside, facts=facts)
        spans |= more
        tier = found.outputs.tier.iloc[0] if len(found.outputs) else ""
        views = _views(heard, found)
    return Row(vamp.output_id, vamp.setting, vamp.prompt_split, tier, p, spans, views)


def _compared(heard: _Heard, found: Found) -> tuple[float, tuple[float, float], dict[str, Span]]:
    """p, the seconds of the vamp that match, and the clips that they match."""
    near = found.nearest
    train, control = (near[near["index"] == name].iloc[0] for name in (INDEX, "control"))
    p = found.p_values[found.p_values.encoder == found.encoder].p.iloc[0]
    inside, of_control = (_seconds(heard.clips.loc[one.query_clip_id]) for one in (train, control))
    facts = _facts(train.cosine, inside)
    made = {
        "Nearest training clip": heard.clip(train.clip_id, (*facts, _chance(p))),
        "Nearest control clip": heard.clip(
            control.clip_id,
            (*_facts(control.cosine, of_control), "the generator never saw it"),
        ),
    }
    for row in found.tokens.itertuples():  # one, or none
        made["Tokens' first track"] = _of_tokens(row, heard, found)
    return p, inside, made


def _facts(cosine: float, inside: tuple[float, float]) -> tuple[str, str]:
    return f"cosine {cosine:.3f}", f"matches {inside[0]:g}-{inside[1]:g} s of the vamp"


def _chance(p: float) -> str:
    return f"p {p:.3f}: of control music, {p:.0%} comes so near"


def _seconds(clip) -> tuple[float, float]:
    return float(clip.start_s), float(clip.start_s + clip.duration_s)


def _of_tokens(row, heard: _Heard, found: Found) -> Span:
    """A track that tokens name: they name no place in it, so that is the encoder's choice."""
    mine = found.songs[found.songs.encoder == found.encoder]
    mine = mine[mine.track_id == row.track_id]
    facts = (f"score {row.score:.1f}, p {row.p:.3f}", "tokens name a track, no place in it")
    if len(mine):
        where = f"heard here: its clip that is nearest by {found.encoder}"
        return heard.clip(mine.clip_id.iloc[0], (*facts, where))
    first = heard.corpus[heard.corpus.track_id == row.track_id].sort_values("start_s").index[0]
    return heard.clip(
        first, (*facts, f"heard here: its first clip; {found.encoder} names none of it")
    )


def _views(heard: _Heard, found: Found) -> list[tuple]:
    """Encoder, title, artist, cosine, p of the nearest training clip of every encoder."""
    made = []
    for row in found.p_values.itertuples():
        credit = heard.credit(heard.corpus.track_id[row.clip_id])
        made.append((row.encoder, credit["title"], credit["artist"], row.cosine, row.p))
    return made


def found(
    nearest: pd.DataFrame,
    p_values: pd.DataFrame,
    songs: pd.DataFrame,
    outputs: pd.DataFrame,
    null: pd.DataFrame,
    tokens: pd.DataFrame | None,
) -> Found:
    """Of what Experiment C found, what is shown: without the prompt's track, output by output.

    Parameters are as of `Found`; `nearest` is of one encoder.
    """
    there = {"prompt_track": PROMPT_TRACK, "of": "output"}
    no_tokens = pd.DataFrame(columns=["output_id", "track_id", "score", "p"])
    return Found(
        encoder=nearest.encoder.iloc[0],
        nearest=_where(nearest, there),
        p_values=_where(p_values, there | {"index": INDEX}),
        songs=_where(songs, {"prompt_track": PROMPT_TRACK}),
        tokens=no_tokens
        if tokens is None
        else _where(tokens, {"prompt_track": PROMPT_TRACK, "index": INDEX}),
        outputs=outputs,
        null=_where(null, {"index": INDEX, "prompt_track": "included", "of": "output"}),
    )


def _where(table: pd.DataFrame, values: dict[str, str]) -> pd.DataFrame:
    """Rows that have these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    return table


@dataclass(frozen=True)
class Recurring:
    """A song that comes first for many outputs.

    Attributes
    ----------
    span : Span
        The clip of it that comes first most often.
    outputs, control, clips : float
        Share of outputs, and of pieces of control music, whose nearest training clip is of it; its
        share of the training clips.
    for_whom : tuple of str
        Artists of the prompts, and of how many outputs each.
    more : int
        Artists beside these.
    """

    span: Span
    outputs: float
    control: float
    clips: float
    for_whom: tuple[str, ...]
    more: int


def recurring(
    vamps: pd.DataFrame, corpus: pd.DataFrame, tracks: pd.DataFrame, found: Found
) -> list[Recurring]:
    """The songs that come first for most outputs, and for whom; parameters as of `rows`."""
    credits = tracks.set_index("track_id")[["title", "artist"]]
    heard = _Heard(pd.DataFrame(), corpus.set_index("clip_id"), credits)
    track_of = heard.corpus.track_id
    first = found.nearest[found.nearest["index"] == INDEX].set_index("output_id").clip_id
    songs = first.map(track_of)
    prompts = vamps.set_index("output_id").prompt_track_id.map(credits.artist).fillna("")
    control = found.null.clip_id.map(track_of)
    clips = corpus[corpus.split == "train"].track_id.value_counts(normalize=True)
    made = []
    for track_id in _most(songs):
        mine = songs.index[songs == track_id]
        whose = prompts.reindex(mine).replace("", pd.NA).dropna().value_counts(sort=False)
        whose = whose.sort_index().sort_values(ascending=False, kind="stable")
        made.append(
            Recurring(
                heard.clip(_most(first[mine])[0], ()),
                float((songs == track_id).mean()),
                float((control == track_id).mean()),
                float(clips.get(track_id, 0.0)),
                tuple(f"{artist} ({count})" for artist, count in whose.head(FOR_WHOM).items()),
                max(0, len(whose) - FOR_WHOM),
            )
        )
    return made


def _most(names: pd.Series) -> list[str]:
    """The names that occur most often, the first by name of equal ones."""
    counts = names.value_counts().rename_axis("name").reset_index(name="n")
    return counts.sort_values(["n", "name"], ascending=[False, True]).name.head(RECURRING).tolist()


def in_words(vamp) -> str:
    """What of a prompt a setting keeps, of a row of a list of vamps.

    Source: the masks of `generators.base.VampSettings`.
    """
    kept = []
    if vamp.periodic_prompt == 1:
        kept.append("every frame")
    elif vamp.periodic_prompt > 1:
        kept.append(f"one frame in {vamp.periodic_prompt:d}")
    for seconds, where in ((vamp.prefix_s, "first"), (vamp.suffix_s, "last")):
        if seconds > 0:
            kept.append(f"the {where} {seconds:g} s")
    if vamp.onset_mask_width > 0:
        kept.append(f"{vamp.onset_mask_width:d} frames before and after each onset")
    books = f"the coarsest {vamp.upper_codebook_mask:d} codebooks"
    books = "the coarsest codebook" if vamp.upper_codebook_mask == 1 else books
    what = " and ".join(kept) or "nothing"
    steps = f"in {vamp.steps:d} steps, at temperature {vamp.temperature:g}"
    return f"Keeps {what} of the prompt, of {books} at most; all else is made up, {steps}."
