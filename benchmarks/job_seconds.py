"""How long jobs take, for `make study` to say so: what Snakemake kept of finished runs, as means.

`python benchmarks/job_seconds.py default=FOLDER tiny=FOLDER`, each with the `.snakemake` of one run
of that study on two cores; it writes src/musical_roots/job_seconds.csv.
"""

import base64
import json
import sys
from pathlib import Path

import pandas as pd

from musical_roots import progress, tables
from musical_roots.encoders.base import ENCODERS

OUT = Path(__file__).parents[1] / "src/musical_roots/job_seconds.csv"


def kept(folder: Path):
    """What Snakemake keeps of each output in a folder, and the output's path."""
    files = (path for path in (folder / ".snakemake/metadata").rglob("*") if path.is_file())
    for path in files:
        name = "".join(path.relative_to(folder / ".snakemake/metadata").parts)
        yield json.loads(path.read_text()), base64.b64decode(name).decode()


def main() -> None:
    """Write the table."""
    rows = []
    for word in sys.argv[1:]:
        study, _, folder = word.partition("=")
        found = progress.times(kept(Path(folder)), set(ENCODERS))
        rows += [{"study": study, **row} for row in found]
    tables.write_table(pd.DataFrame(rows), OUT)


if __name__ == "__main__":
    main()
