"""Notebooks: executed, and what they read a study's results with."""

import os
import re
import tempfile
from functools import cached_property
from pathlib import Path

import pandas as pd

from musical_roots.arrays import write_text
from musical_roots.errors import InputError
from musical_roots.tables import read_table

ROOM = "MUSICAL_ROOTS_RESULTS"  # the study's folder, from the repository's root
# the exporter's own, for formulas and diagrams, are fetched from elsewhere
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
# what the exporter makes that cannot be read by all: cells that head nothing, tables that scroll by
# mouse alone, a pale colour
TIDIED = {
    "<th></th>": "<td></td>",
    'class="output_html': 'tabindex="0" class="output_html',
    "</head>": "<style>.highlight .ow { color: #6a1b9a; }"
    " .text_cell_render, .output_markdown { overflow: visible !important; }</style></head>",
}


class Results:
    """A study's results, as a notebook reads them: from the repository's root, or from notebooks/.

    Parameters
    ----------
    folder : path, optional
        The study's folder; without it what the variable MUSICAL_ROOTS_RESULTS names, or results.
    """

    def __init__(self, folder: Path | str | None = None):
        self.root = Path.cwd() if Path("workflow").is_dir() else Path.cwd().parent
        self.folder = self.root / (folder or os.environ.get(ROOM, "results"))

    def table(self, name: str) -> pd.DataFrame:
        """A table by name: of `tables/`, or of another folder, as "corpus/tracks".

        Raises
        ------
        InputError
            If the study has none of that name.
        """
        return read_table(self.folder / f"{name if '/' in name else f'tables/{name}'}.csv")

    def figure(self, name: str, alt: str):
        """A figure by name, with what it shows in words."""
        from IPython.display import Image

        path = self.folder / f"figures/{name}.png"
        if not path.is_file():
            raise InputError(f"{path}: no such figure; make it with: snakemake figures --cores 2")
        return Image(path.read_bytes(), alt=alt, width=900)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name, with those of the corpus and what single items cost."""
        paths = [*self.folder.glob("tables/*.csv"), *self.folder.glob("corpus/*.csv")]
        paths += self.root.glob("benchmarks/paper_scale.csv")
        return {path.stem: read_table(path) for path in sorted(paths)}

    def told(self, sentences: list[str]):
        """Sentences as a list to read."""
        from IPython.display import Markdown

        return Markdown("\n".join(f"- {sentence}" for sentence in sentences))


def write_notebook(source: Path, path: Path) -> None:
    """Execute a notebook in the working folder; write it as one HTML file without outside parts.

    Raises
    ------
    InputError
        If a cell fails, or warns.
    """
    import nbconvert
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from traitlets.config import Config

    book = nbformat.read(source, as_version=4)
    try:
        # through files of this run alone: others can listen at a port, and kernels that start at
        # the same moment in one working folder would take each other's
        with tempfile.TemporaryDirectory() as folder:
            manager = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
            NotebookClient(
                book,
                timeout=600,
                startup_timeout=600,
                kernel_name="python3",
                config=Config(KernelManager=manager),
            ).execute()
    except CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}"
        raise InputError(
            f"{source}: a cell fails ({reason}); run it by hand and mend it"
        ) from error
    if warned := _warnings(book):
        raise InputError(f"{source}: a cell warns ({warned[0]}); mend what it warns of")
    # this template alone knows texts in place of pictures
    exporter = nbconvert.HTMLExporter(
        template_name="classic", exclude_input_prompt=True, exclude_output_prompt=True
    )
    page = SCRIPT.sub("", exporter.from_notebook_node(book)[0])
    for made, tidied in TIDIED.items():
        page = page.replace(made, tidied)
    write_text(page, path)


def _warnings(book) -> list[str]:
    """What cells said on standard error, a line each."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    said = [output.text for output in outputs if output.get("name") == "stderr"]
    return [line for text in said for line in text.splitlines() if line.strip()]
