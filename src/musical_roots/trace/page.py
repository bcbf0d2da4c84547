"""An answer as one HTML page that needs nothing else: timeline, spectrograms, players, credits."""

import base64
import io
from html import escape
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from musical_roots import audio, mel
from musical_roots.arrays import write_text
from musical_roots.errors import InputError
from musical_roots.trace.terminal import clock, power

TEMPLATE = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Okabe and Ito's, without the yellow that is lost on white; what is not among the first is grey
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"]
OTHER = "#8a8f98"
SOUND_HZ, N_FFT, HOP, BANDS, RANGE_DB = 22_050, 1024, 256, 96, 70.0
PAIRS, LONGEST_S = 5, 12.0  # pairs a file, and the seconds of each that can be heard
WIDTH, HEIGHT, BASE = 1000, 150, 118


def write(told: dict, tracks: pd.DataFrame, path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    told : dict
        Of `run.trace`.
    tracks : DataFrame
        By track_id: file (where the recording lies), attribution, licence.
    path : Path
        The HTML file.
    """
    files = [_file(one, told["encoders"][0], tracks) for one in told["files"]]
    page = TEMPLATE.get_template("page.html.j2").render(
        title="What does it resemble?",
        searched=told["against"] or f"the training set of the study in {told['study']}",
        encoders=told["encoders"],
        files=files,
        rejected=told["rejected"],
    )
    write_text(page, path)


def _file(one: dict, encoder: str, tracks: pd.DataFrame) -> dict:
    about, known = one["file"], one["file"]["in_corpus"]
    near = [row for row in one["seconds"] if row["encoder"] == encoder and row["place"] == 1]
    colours = dict(zip([song["track_id"] for song in one["songs"]], COLOURS, strict=False))
    names = {song["track_id"]: song["title"] or song["track_id"] for song in one["songs"]}
    legend = [(colour, names[track]) for track, colour in colours.items()] + [(OTHER, "others")]
    artists = [f"{row['artist'] or '?'} {row['evidence']:.1f}" for row in one["artists"]]
    return {
        "path": f"{Path(about['path']).name}, {clock(about['duration_s'])}",
        "verdict": one["verdict"]["text"],
        "known": known
        and f"This very file is in the corpus: '{known['title']}' ({known['split']}).",
        "power": power(one["power"], encoder),
        "timeline": Markup(timeline(near, about["duration_s"], colours)),
        "legend": legend,
        "tests": [{name: _short(value) for name, value in row.items()} for row in one["tests"]],
        "songs": [_song(song) for song in one["songs"]],
        "artists": "; ".join(artists),
        "pairs": _pairs(one, tracks),
        "cannot_know": one["cannot_know"],
    }


def _song(song: dict) -> dict:
    numbers = ("cosine", "p", "harmony", "harmony_p", "semitones", "token_share")
    if song["harmony"] is None:
        song = song | {"semitones": None}
    told = {"title": song["title"] or song["track_id"], "artist": song["artist"]}
    return told | {"numbers": [_short(song[name]) for name in numbers]}


def _short(value) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def timeline(near: list[dict], duration_s: float, colours: dict[str, str]) -> str:
    """A bar a clip, as an SVG picture.

    Parameters
    ----------
    near : list of dict
        Nearest clips: start_s, end_s, from_s, track_id, title, artist, cosine, p.
    duration_s : float
        Of the file.
    colours : dict
        track_id -> colour; others are grey.
    """
    scale = WIDTH / max(duration_s, 1e-9)
    parts = []
    for row in near:
        x, width = row["start_s"] * scale, (row["end_s"] - row["start_s"]) * scale
        high = max(2.0, 100 * max(0.0, row["cosine"]))
        of = row["title"] or row["track_id"]
        told = f"{clock(row['start_s'])}: {of} by {row['artist'] or '?'} at {clock(row['from_s'])}"
        told = escape(f"{told}, cosine {row['cosine']:.3f}, p {row['p']:.3g}")
        colour = colours.get(row["track_id"], OTHER)
        bar = f'x="{x:.1f}" y="{BASE - high:.1f}" width="{max(1, width - 1):.1f}"'
        bar += f' height="{high:.1f}" fill="{colour}"'
        parts.append(f"<rect {bar}><title>{told}</title></rect>")
        if row["p"] <= 0.05:
            parts.append(
                f'<circle cx="{x + width / 2:.1f}" cy="{BASE - high - 7:.1f}" r="4"'
                f' fill="{colour}"><title>{told}</title></circle>'
            )
    for at in np.linspace(0, duration_s, 7):
        anchor = "start" if at == 0 else "end" if at == duration_s else "middle"
        place = f'x="{at * scale:.0f}" y="{BASE + 20}" text-anchor="{anchor}"'
        parts.append(f"<text {place}>{clock(at)}</text>")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="Nearest track of each of {len(near)} clips">{"".join(parts)}</svg>'
    )


def _pairs(one: dict, tracks: pd.DataFrame) -> list[list[dict]]:
    """The best passage of each of the first songs, on both sides."""
    made = []
    for song in one["songs"][:PAIRS]:
        if not song.get("passages") or song["track_id"] not in tracks.index:
            continue
        track = tracks.loc[song["track_id"]]
        best = max(song["passages"], key=lambda row: (row["clips"], row["cosine"]))
        length = min(LONGEST_S, best["end_s"] - best["start_s"])
        credit = track.attribution
        if track.licence not in credit:
            credit = ", ".join(filter(None, [credit, track.licence]))
        title = song["title"] or song["track_id"]
        ours = _side(one["file"]["path"], best["start_s"], length, "This file", "")
        theirs = _side(track.file, best["from_s"], length, f"{title} by {song['artist']}", credit)
        if ours and theirs:
            told = f"; cosine {best['cosine']:.3f}, p {best['p']:.3g}"
            theirs["caption"] += told
            made.append([ours, theirs])
    return made


def _side(path: str, start_s: float, length_s: float, name: str, credit: str) -> dict | None:
    try:
        samples, rate = audio.read(path, SOUND_HZ, start_s, length_s)
    except InputError:  # the recording is gone: the numbers stay
        return None
    told = f"{name}, {clock(start_s)} to {clock(start_s + length_s)}"
    return {
        "alt": f"Spectrogram of {told}",
        "caption": told,
        "credit": credit,
        "picture": _data("image/png", spectrogram(samples, rate)),
        "sound": _data("audio/mpeg", audio.mp3(samples, rate)),
    }


def spectrogram(samples: np.ndarray, rate: int) -> bytes:
    """Mel spectrogram as a PNG picture: low notes below, `RANGE_DB` from dark to bright."""
    from matplotlib.image import imsave

    bands = mel.filters(rate, N_FFT, BANDS)
    decibels = 10 * np.log10(np.maximum(mel.power(samples, N_FFT, HOP) @ bands, 1e-10))
    top = decibels.max()
    file = io.BytesIO()
    imsave(file, decibels.T, cmap="magma", origin="lower", vmin=top - RANGE_DB, vmax=top)
    return file.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
