import errno
import logging
import os

import numpy as np
import pandas as pd
import pytest

from musical_roots import cli, figures, tables

FIT = ["embed", "fit"]


@pytest.fixture(autouse=True)
def fresh_logging():
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers.clear()
    yield
    root.handlers[:] = before


def run(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["musical_roots", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


def test_bad_input_is_one_line_in_the_log_and_on_the_terminal(monkeypatch, tmp_path, capsys):
    log = tmp_path / "logs/fit.log"
    (tmp_path / "000.json").write_text('{"standardise": true}')
    np.save(tmp_path / "000.npy", np.empty((0, 3), np.float32))
    status = run(monkeypatch, *FIT, tmp_path / "000.npy", "--out", tmp_path / "s.npy", "--log", log)
    assert status == 2
    assert log.read_text().startswith("musical-roots: error: no training clips")
    assert log.read_text().count("\n") == 1
    assert capsys.readouterr().err == log.read_text()


def test_a_log_that_cannot_be_written_is_one_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    log = tmp_path / "file" / "fit.log"
    assert run(monkeypatch, *FIT, tmp_path / "a.npy", "--out", tmp_path / "s", "--log", log) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"musical-roots: error: {log}: the log cannot be written (")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "wrong", "where"),
    [
        (["corpse"], "No such command 'corpse'", ""),
        (["corpus", "probes"], "No such command 'probes'", " corpus"),
        ([*FIT, "--colour", "red"], "No such option '--colour'", " embed fit"),
        ([*FIT, "features.npy"], "Missing option '--out'", " embed fit"),
        (["search", "match", "--k", "few"], "Invalid value for '--k': 'few'", " search match"),
        (
            ["search", "match", "--leave-out", "all", "x"],
            "'all' is not one of 'none', 'self', 'track', 'duplicates'",
            " search match",
        ),
        (
            ["corpus", "recordings", "--source", "discs"],
            "'discs' is not one of",
            " corpus recordings",
        ),
        (["corpus", "clips", "--shard", 2, 2], "parts are counted from 0", " corpus clips"),
        (["corpus", "clips", "--shard", 0, 0], "parts are counted from 0", " corpus clips"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(monkeypatch, capsys, words, wrong, where):
    assert run(monkeypatch, *words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("musical-roots: error: ") and wrong in shown.err
    assert shown.err.endswith(f"; see python -m musical_roots{where} -h\n")
    assert shown.err.count("\n") == 1 and not shown.out


@pytest.mark.parametrize("words", [[], ["corpus"]])
def test_no_stage_shows_those_that_there_are(monkeypatch, capsys, words):
    assert run(monkeypatch, *words) == 2
    assert "corpus" in capsys.readouterr().err


def test_a_codec_wants_its_weights(monkeypatch, tmp_path, capsys):
    words = [
        "--clips",
        "a",
        "--kind",
        "codec",
        "--level",
        1,
        "--sample-rate",
        8000,
        "--audio-out",
        "b",
    ]
    words += ["--out", "c", "--targets-out", "d", "--seed", 0, "--generator", "openvamp", "e"]
    assert run(monkeypatch, "perturb", "render", *words) == 2
    assert "--generator wants --checkpoints" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "corpus probe --shard 0 1 --minimum-s 1 --maximum-s 9 --silence-lufs -60"
        " --recordings {wrong} --tracks-out {out} --rejected-out {out} --fingerprints-out {out}",
        "corpus clips --split train --shard 0 1 --clip-duration-s 3 --hop-s 3 --silence-lufs -60"
        " --per-track 3 --seed 1 --out {out} --tracks {wrong}",
        "generate external --root . --duration-s 3 --out {out} --rejected-out {out} {wrong}",
    ],
)
def test_a_table_of_another_stage_is_refused_in_one_line(monkeypatch, tmp_path, capsys, words):
    wrong, out = tmp_path / "wrong.csv", tmp_path / "out.csv"
    wrong.write_text("claim\nx\n")
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *words.format(wrong=wrong, out=out).split()) == 2
    assert f"musical-roots: error: {wrong}: column " in capsys.readouterr().err
    assert not out.exists()


def external(monkeypatch, folder, *words):
    """Run the stage `external` over a corpus of nothing."""
    columns = ["path", "track_id", "group_id", "split"]
    tables.write_table(pd.DataFrame(columns=columns), folder / "clips.parquet")
    words = [*words, "--duration-s", 1, "--out", folder / "vamps.parquet"]
    words += ["--rejected-out", folder / "rejected.csv", folder / "clips.parquet"]
    return run(monkeypatch, "generate", "external", *words)


@pytest.mark.parametrize("words", [[], ["--root", ".", "--manifest", "list.csv"]])
def test_audio_made_elsewhere_is_a_folder_or_a_table(monkeypatch, tmp_path, capsys, words):
    assert external(monkeypatch, tmp_path, *words) == 2
    told = "musical-roots: error: external: give either --root, a folder, or --manifest, a table\n"
    assert capsys.readouterr().err == told


def test_rejected_rows_are_named_and_listed(monkeypatch, tmp_path, capsys):
    (tmp_path / "list.csv").write_text("path\ngone.wav\n")
    assert external(monkeypatch, tmp_path, "--manifest", tmp_path / "list.csv") == 2
    rejected, error = capsys.readouterr().err.splitlines()
    assert rejected.startswith(f"rejected {tmp_path}/list.csv, row 2: {tmp_path}/gone.wav: no such")
    assert "no audio that can be used; mend generators.external" in error
    table = tables.read_table(tmp_path / "rejected.csv")
    assert table[["path", "row"]].values.tolist() == [[f"{tmp_path}/gone.wav", 2]]


@pytest.mark.parametrize("full_up", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_and_the_old_result_stays(monkeypatch, tmp_path, capsys, full_up):
    out = tmp_path / "s.npy"
    out.write_bytes(b"old")
    (tmp_path / "000.json").write_text('{"standardise": true}')
    np.save(tmp_path / "000.npy", np.ones((2, 3), np.float32))

    def full(file):
        raise OSError(full_up, os.strerror(full_up), str(out))

    monkeypatch.setattr(os, "fsync", full)
    assert run(monkeypatch, *FIT, tmp_path / "000.npy", "--out", out) == 2
    assert "the disk is full; free room and run again" in capsys.readouterr().err
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000.json", "000.npy", "s.npy"]


def test_tables_and_figures_of_a_generator_bear_the_label_of_its_vamps(monkeypatch, tmp_path):
    label = "vampnet (random weights: plumbing only)"
    vamps, part, whole = (tmp_path / name for name in ("000.parquet", "part.csv", "whole.csv"))
    tables.write_table(pd.DataFrame({"output_id": ["a"], "generator": [label]}), vamps)
    tables.write_table(pd.DataFrame({"encoder": ["mfcc"], "share": [0.5]}), part)
    monkeypatch.setattr(
        "sys.argv",
        ["musical_roots", "influence", "join", "--piece", *map(str, (whole, vamps, part))],
    )
    cli.main()
    assert list(tables.read_table(whole).generator) == [label]
    drawn = []
    monkeypatch.setattr(figures, "draw", lambda name, rows, *files: drawn.extend(rows.generator))
    words = ["--figure", "exceedance", "--table", whole, "--generator", "vampnet"]
    words += ["--svg-out", tmp_path / "a.svg", "--png-out", tmp_path / "a.png"]
    monkeypatch.setattr("sys.argv", ["musical_roots", "report", "figure", *map(str, words)])
    cli.main()
    assert drawn == [label]
