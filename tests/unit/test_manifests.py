"""Tables that people write: what has one meaning is read, all else is refused by name."""

import logging
import unicodedata

import pytest

from musical_roots import manifests
from musical_roots.errors import InputError

OPTIONAL = ["title", "artist", "album", "licence", "split"]


def read(tmp_path, text, name="m.csv", **how):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifests.read(path, ["path"], OPTIONAL, **how)


ROWS = [(2, {"path": "01.ogg", "artist": "Ann"}), (3, {"path": "b.ogg", "artist": ""})]


@pytest.mark.parametrize(
    "text",
    [
        "path,artist\n01.ogg,Ann\nb.ogg,\n",
        "\ufeffpath,artist\r\n01.ogg,Ann\r\nb.ogg,\r\n",
        "path;artist\n01.ogg;Ann\nb.ogg;\n",
        "path\tartist\n01.ogg\tAnn\nb.ogg\t",
        "path, artist \n01.ogg , Ann\n b.ogg, \n",
        "path,artist,\n01.ogg,Ann,\nb.ogg,,,,\n",
        "path,artist\n01.ogg,Ann,\nb.ogg,,\n,\n\n,,,\n",
        '"path","artist"\n"01.ogg","Ann"\n"b.ogg",""\n',
        "path,artist,,mood\n01.ogg,Ann,x,y\nb.ogg,,,\n",
        "path,artist\n01.ogg,A\x00nn\nb.ogg,\x07\n".replace("A\x00nn", "\x1fAnn\x85"),
    ],
)
@pytest.mark.parametrize("name", ["m.csv", "m.tsv"])
def test_what_has_one_meaning_is_read(tmp_path, text, name):
    assert read(tmp_path, text, name) == ROWS


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path):
    rows = read(tmp_path, "\n,\npath,title\na.ogg,b\n")
    assert rows == [(4, {"path": "a.ogg", "title": "b"})]
    rows = read(tmp_path, 'path,title\n\na.ogg,"two\r\nlines"\n,\nb.ogg,7" single\n')
    assert rows == [
        (3, {"path": "a.ogg", "title": "two lines"}),
        (5, {"path": "b.ogg", "title": '7" single'}),
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "m.csv: not a readable table (it is empty)"),
        (" \n\n", "m.csv: not a readable table (it is empty)"),
        ("path,artist\n,\n", "m.csv: no rows under its header"),
        ("artist\nAnn\n", "m.csv: column path is missing; the header is 'artist': name it there"),
        ("sep=;\npath;artist\na;b\n", "m.csv: column path is missing; the header is 'sep=;'"),
        ("path,artist,artist\na,b,c\n", "m.csv: column artist stands twice"),
        ("path,artist\na,b\nTyler, The Creator,c\n", "m.csv, row 3: fields: 3, columns in the h"),
        ("path,artist\na,b\nc\n", "m.csv, row 3: fields: 1, columns in the header: 2"),
        ("path,split\na,train\nb,Control\n", "m.csv, row 3: split 'Control' is not known"),
        ('path,title\na,b\n"c,d\ne,f\n', "m.csv: not a readable table (row 3: unexpected end"),
        ('path,title\na,"Heroes" (live)\n', "m.csv: not a readable table (row 2: "),
        (
            "path,title\na,é\n".encode("latin-1"),
            "m.csv: not a readable table (byte 13 is not",
        ),
        ("path,title\na,b\n".encode("utf-16"), "m.csv: not a readable table (byte 0 is not"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "gone.csv", tmp_path):
        with pytest.raises(InputError, match="no such table"):
            manifests.read(path, ["path"])


@pytest.mark.parametrize(
    "column, meant",
    [
        ("Artist", "artist"),
        ("ARTIST", "artist"),
        ("artits", "artist"),
        ("artists", "artist"),
        ("license", "licence"),
        ("titel", "title"),
        ("spilt", "split"),
        ("prompt-path", "prompt_path"),
        ("Prompt Path", "prompt_path"),
        ("promt_path", "prompt_path"),
        ("promptpath", "prompt_path"),
        ("prompt_starts", "prompt_start_s"),
        ("prompt", "prompt_path or prompt_start_s"),
    ],
)
def test_a_column_that_is_nearly_known_is_refused_by_name(tmp_path, column, meant):
    (tmp_path / "m.csv").write_text(f"path,{column}\na.wav,x\n")
    known = [*OPTIONAL, "prompt_path", "prompt_start_s"]
    with pytest.raises(InputError) as error:
        manifests.read(tmp_path / "m.csv", ["path"], known, family="prompt")
    assert f"m.csv: column {column!r} is not known; call it {meant}, or" in str(error.value)


def test_a_required_column_may_be_misspelt_too(tmp_path):
    with pytest.raises(InputError, match="column 'Path' is not known; call it path"):
        read(tmp_path, "Path,artist\na,b\n")


def test_other_columns_are_left_out_and_told_of_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    header = "path,artist,artists,artist_id,album_artist,mood,prompt"
    rows = read(tmp_path, f"{header}\na,Ann,1,2,3,4,5\nb,Ben,1,2,3,4,5\n")
    assert rows == [(2, {"path": "a", "artist": "Ann"}), (3, {"path": "b", "artist": "Ben"})]
    told = [record.message for record in caplog.records]
    assert told == [
        f"{tmp_path}/m.csv: not used are the columns artists, artist_id, album_artist, mood, prompt"
    ]


def test_an_id_is_no_slip_for_a_name(tmp_path):
    assert read(tmp_path, "path,artist_id\na,7\n") == [(2, {"path": "a"})]


def nfd(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "there, named",
    [
        (nfd("Ånn/öne.wav"), "Ånn/öne.wav"),
        ("Ånn/öne.wav", nfd("Ånn/öne.wav")),
        ("Ann/one.wav", "Ann\\one.wav"),
        ("Ann/one.wav", "ANN/One.WAV"),
        ("Ann /one.wav ", "Ann/one.wav"),
        ("two\nlines.wav", "two lines.wav"),
        ("a\\b.wav", "a\\b.wav"),
        ("Straße/ǅ.wav", "STRASSE/ǆ.wav"),
    ],
)
def test_a_name_finds_the_file_of_much_the_same(tmp_path, there, named):
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).touch()
    assert manifests.Namer(tmp_path).find(named) == there


def test_a_file_of_just_that_name_comes_first_and_else_none_is_chosen(tmp_path):
    for name in ("A.wav", "a.wav", "b.wav"):
        (tmp_path / name).touch()
    namer = manifests.Namer(tmp_path / "somewhere" / "..")
    (tmp_path / "somewhere").mkdir()
    assert namer.find("a.wav") == "a.wav"
    assert namer.find("gone/A.wav") == "gone/A.wav"
    assert namer.find(str(tmp_path / "B.wav")) == str(tmp_path / "b.wav")
    assert namer.find("somewhere/../B.wav") == "somewhere/../b.wav"
    assert namer.find("") == ""
    (tmp_path / "Á.wav").touch()
    (tmp_path / nfd("Á.wav")).touch()
    with pytest.raises(InputError, match=r"'á.wav' could be '.*' or '.*'; write it as"):
        manifests.Namer(tmp_path).find("á.wav")
