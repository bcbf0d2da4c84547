"""The pages to hear: one HTML file each, with its sounds, that needs nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from musical_roots.arrays import write_text
from musical_roots.auditions import perturbations, sounds, vamps
from musical_roots.pages import bundled
from musical_roots.pages import template as page_of


class Sounds:
    """The sounds of a page, each once, whatever stretches ask for it."""

    def __init__(self):
        self.made: dict[tuple, sounds.Sound] = {}

    def of(self, span: vamps.Span) -> sounds.Sound:
        """The sound of a stretch."""
        key = span.path, span.start_s, span.duration_s
        if key not in self.made:
            self.made[key] = sounds.read(*key)
        return self.made[key]

    def script(self) -> Markup:
        """All that were asked for, as JSON: name -> MP3 in base64."""
        return Markup(json.dumps({one.name: one.mp3_text for one in self.made.values()}))


def render(template: str, **shown) -> str:
    """A page of a template in `web`, with the styles and scripts that all of them share."""
    parts = {"css": bundled(("page.css", "audition.css")), "js": bundled(("audition.js",))}
    return page_of(template).render(**parts, **shown)


def write_vamps(
    path: Path,
    title: str,
    text: list[str],
    made: pd.DataFrame,
    rows: list[vamps.Row],
    recurring: list[vamps.Recurring],
    encoder: str | None,
) -> None:
    """Write the page on a generator's vamps.

    Parameters
    ----------
    path : Path
        The HTML file.
    title : str
    text : list of str
        Paragraphs above all.
    made : DataFrame
        The list of all of its vamps.
    rows, recurring : list
        Of `vamps.rows` and `vamps.recurring`.
    encoder : str or None
        Whose nearest clips they are; None where nothing was asked.

    Raises
    ------
    InputError
        If a recording cannot be decoded.
    """
    heard = Sounds()
    settings = made.drop_duplicates("setting")
    known = "periodic_prompt" in made
    rows = [replace(row, spans=_placed(row.spans)) for row in rows]
    tiers = list(dict.fromkeys(row.tier for row in rows if row.tier))
    filters = [
        ("setting", "Setting", list(settings.setting)),
        ("prompts", "Prompts from", sorted({row.prompts for row in rows})),
        ("tier", "Verdict", tiers),
    ]
    shown = {
        "settings": {one.setting: vamps.in_words(one) for one in settings.itertuples() if known},
        "filters": [one for one in filters if len(one[2]) > 1],
        "recurring": [replace(song, span=placed(song.span)) for song in recurring],
        "n_vamps": len(made),
        "n_prompts": made.prompt_id.nunique(),
    }
    page = render(
        "audition_vamps.html", title=title, text=text, rows=rows, encoder=encoder,
        sound_of=heard.of, sounds=heard.script, **shown,
    )  # fmt: skip
    write_text(page, path)


def write_perturbed(
    path: Path, title: str, text: list[str], kinds: list[perturbations.Kind]
) -> None:
    """Write the page on perturbed clips.

    Parameters
    ----------
    path, title, text
        As of `write_vamps`.
    kinds : list of Kind
        Of `perturbations.kinds`, whose audio is there.
    """
    heard = Sounds()
    kinds = [replace(kind, clips=list(map(_placed, kind.clips))) for kind in kinds]
    page = render(
        "audition_perturbed.html", title=title, text=text, kinds=kinds,
        sound_of=heard.of, sounds=heard.script,
    )  # fmt: skip
    write_text(page, path)


def _placed(spans: dict[str, vamps.Span]) -> dict[str, vamps.Span]:
    return {heading: placed(span) for heading, span in spans.items()}


def placed(span: vamps.Span) -> vamps.Span:
    """With the minutes and seconds of the track among what is said of it."""
    if not span.title:
        return span
    ends = span.start_s, span.start_s + span.duration_s
    return replace(span, facts=(f"{clock(ends[0])}-{clock(ends[1])} of the track", *span.facts))


def clock(seconds: float) -> str:
    """Minutes and seconds.

    Examples
    --------
    >>> clock(207)
    '3:27'
    """
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
