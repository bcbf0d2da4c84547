"""Notebooks are executed, and what they warn of stops them."""

import json
from pathlib import Path

import nbformat
import pytest

from musical_roots.errors import InputError
from musical_roots.notebooks import Results, write_notebook

ROOT = Path(__file__).parents[2]
BOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


def book(path, *cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, path)
    return path


def test_a_notebook_becomes_one_page(tmp_path):
    picture = "import base64, IPython\nIPython.display.Image(b'\\x89PNG no', alt='a hill')"
    write_notebook(book(tmp_path / "b.ipynb", "6 * 7", picture), tmp_path / "b.html")
    text = (tmp_path / "b.html").read_text()
    assert "42" in text and 'alt="a hill"' in text
    assert "<script" not in text and 'src="http' not in text


def test_notebooks_at_once_do_not_meet(tmp_path, monkeypatch):
    """Kernels that talk through files of the working folder would take each other's."""
    monkeypatch.chdir(tmp_path)
    source = book(tmp_path / "b.ipynb", "import os; print('here:', *sorted(os.listdir()))")
    write_notebook(source, tmp_path / "b.html")
    assert "here: b.ipynb\n" in (tmp_path / "b.html").read_text()


@pytest.mark.parametrize(
    "cell, told",
    [("1 / 0", "ZeroDivisionError"), ("import warnings; warnings.warn('old ways')", "old ways")],
)
def test_a_cell_that_fails_or_warns_is_told_in_one_line(tmp_path, cell, told):
    with pytest.raises(InputError, match=told) as error:
        write_notebook(book(tmp_path / "b.ipynb", cell), tmp_path / "b.html")
    assert "\n" not in str(error.value) and "b.ipynb" in str(error.value)
    assert not (tmp_path / "b.html").exists()


def test_results_are_found_from_the_root_and_from_beside_it(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "results/tables").mkdir(parents=True)
    (tmp_path / "results/tables/bins.csv").write_text("encoder,value\nmel,0.5\n")
    for folder in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(folder)
        assert Results().table("bins").value.tolist() == [0.5]
        assert list(Results().tables) == ["bins"]
    with pytest.raises(InputError, match=r"nowhere\.csv: no such table"):
        Results().table("nowhere")
    with pytest.raises(InputError, match=r"bins\.png: no such figure"):
        Results().figure("bins", "bins")


def test_there_is_one_an_experiment_and_they_are_thin():
    names = {path.stem for path in BOOKS}
    assert names == {
        *("experiment_a", "listening", "experiment_b", "experiment_c", "race", "your_own")
    }
    for path in BOOKS:
        cells = json.loads(path.read_text())["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert not any(cell["outputs"] or cell["execution_count"] for cell in code), path
        assert "".join(code[-1]["source"]).startswith("study.told(conclusions."), path
        lines = sum(len(cell["source"]) for cell in code)
        assert lines <= (110 if path.stem == "your_own" else 25), (path, lines)


def test_the_notebook_on_music_of_ones_own_runs(tmp_path, monkeypatch):
    """It makes its own music; of the study it reads the corpus alone."""
    (tmp_path / "corpus").mkdir()
    tracks = "track_id,split,artist,duration_s\n0a,train,One,60\n0b,control,Two,60\n"
    (tmp_path / "corpus/tracks.csv").write_text(tracks)
    (tmp_path / "corpus/rejected.csv").write_text("path,reason\n")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MUSICAL_ROOTS_RESULTS", str(tmp_path))
    write_notebook(ROOT / "notebooks/your_own.ipynb", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "3 outputs are taken, 0 refused" in text
    assert "With 20 control tracks no p-value is below 0.0476" in text
    assert "With 1 control tracks no p-value is below 0.5" in text
