"""What the page of the listening study is made of."""

from pathlib import Path

WEB = Path(__file__).parent / "web"
STATIC = ("index.html", "listening.css", "listening.js", "players.js", "jspsych.min.js")
STATIC += ("screens.js", "licences.txt")
FILES = (*STATIC, "study.js")  # beside its audio
