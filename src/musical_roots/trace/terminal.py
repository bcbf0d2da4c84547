"""An answer as text."""

from tabulate import tabulate

SONGS, ARTISTS, SECONDS, POWER = 5, 3, 12, 8
LIKELY = 0.5


def shown(told: dict) -> str:
    """The answers of `run.trace` for a terminal: a table each, and what they do not say."""
    parts = [_file(one, told) for one in told["files"]]
    if told["rejected"]:
        parts.append("Not used:\n" + "\n".join(f"  {row['reason']}" for row in told["rejected"]))
    return "\n\n".join(parts)


def clock(seconds: float) -> str:
    """Minutes and seconds.

    Examples
    --------
    >>> clock(75.4)
    '1:15'
    """
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes}:{left:02d}"


def _file(one: dict, told: dict) -> str:
    about, first = one["file"], told["encoders"][0]
    lines = [f"{about['path']}, {clock(about['duration_s'])}, {about['clips']} clips"]
    if about["in_corpus"]:
        known = about["in_corpus"]
        lines.append(f"This very file is in the corpus: '{known['title']}' ({known['split']}).")
    lines += [one["verdict"]["text"], ""]
    head = ["song", "artist", "cosine", "p", "harmony", "p", "tokens", "seconds -> of the song"]
    rows = [
        [
            song["title"] or song["track_id"],
            song["artist"],
            song["cosine"],
            song["p"],
            song["harmony"],
            song["harmony_p"],
            song["token_share"],
            _spans(song.get("passages", [])),
        ]
        for song in one["songs"][:SONGS]
    ]
    lines.append(tabulate(rows, head, floatfmt=".3g", missingval=""))
    lines.append(
        f"In the order of sound and harmony together; cosine: {first}, mean of the nearest clips. "
        "By 3 s, the nearest:\n"
    )
    head = ["at", "nearest", "from", "cosine", "p", "competition q"]
    near = [row for row in one["seconds"] if row["encoder"] == first and row["place"] == 1]
    near = sorted(near, key=lambda row: -row["cosine"])[:SECONDS]
    rows = [
        [
            clock(row["start_s"]),
            row["title"] or row["track_id"],
            clock(row["from_s"]),
            row["cosine"],
            row["p"],
            row["competition_q"],
        ]
        for row in sorted(near, key=lambda row: row["start_s"])
    ]
    lines.append(tabulate(rows, head, floatfmt=".3g", missingval=""))
    names = [f"{row['artist'] or '?'} ({row['evidence']:.1f})" for row in one["artists"][:ARTISTS]]
    lines.append(f"Artists by evidence (sum of -log10 p): {', '.join(names)}")
    lines += [power(one["power"], first), "What this cannot know:"]
    lines += [f"- {sentence}" for sentence in one["cannot_know"]]
    return "\n".join(lines)


def _spans(passages: list[dict]) -> str:
    best = sorted(passages, key=lambda row: (-row["clips"], -row["cosine"]))[:2]
    return ", ".join(
        f"{clock(row['start_s'])}-{clock(row['end_s'])} -> {clock(row['from_s'])}" for row in best
    )


def power(rows: list[dict], encoder: str) -> str:
    """Which planted copies would have been found, in a sentence: from the study's own table."""
    if not rows:
        return (
            "Power: no planted copies were tried in what is searched; what would be found is"
            " unknown."
        )
    kinds: dict[str, list[dict]] = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    told = []
    for kind, some in kinds.items():
        found = [row for row in some if row["power_at_05"] >= LIKELY]
        told.append(f"{kind} {len(found)} of {len(some)}")
    planted = max(row["n_planted"] for row in rows)
    return (
        f"Power (tables/planted.csv, {encoder}, {planted} planted training clips of 3 s a level, "
        f"p <= .05): levels at which half or more are found: {', '.join(told)}."
    )
