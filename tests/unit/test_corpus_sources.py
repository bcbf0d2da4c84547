"""Sources of recordings: layouts, metadata, and manifests that are wrong or hostile."""

import os
import unicodedata

import numpy as np
import pytest
import soundfile
from odd_audio import encode

from musical_roots.corpus import sources
from musical_roots.errors import InputError

AWKWARD = ["with space.wav", 'it\'s "quoted".wav', "two\nlines.wav", "Ночь 夜.wav", "#1 100%.wav"]


def tone(path, **tags):
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(str(path), "w", 8000, 1) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(np.sin(np.arange(800) * 0.3) / 4)


def rows(table):
    assert table.columns.tolist() == sources.COLUMNS
    return {row["path"]: row for row in table.to_dict("records")}


def test_folder_takes_artists_from_tags_then_from_folders(tmp_path):
    tone(tmp_path / "Anna/First Album/01 Dawn.flac")
    tone(tmp_path / "Anna/02.ogg", artist="Anna & Ben", title="Dusk")
    tone(tmp_path / "loose.wav")
    tone(tmp_path / "nameless.ogg", artist="Unknown Artist")
    (tmp_path / "notes.txt").write_text("no audio")
    found = rows(sources.folder(tmp_path))
    assert list(found) == [
        "Anna/02.ogg",
        "Anna/First Album/01 Dawn.flac",
        "loose.wav",
        "nameless.ogg",
    ]
    dawn, dusk = found["Anna/First Album/01 Dawn.flac"], found["Anna/02.ogg"]
    assert (dawn["artist"], dawn["album"], dawn["title"]) == ("Anna", "First Album", "01 Dawn")
    assert (dusk["artist"], dusk["title"]) == ("Anna & Ben", "Dusk")
    assert found["loose.wav"]["artist"] == "unknown (loose.wav)"
    assert found["nameless.ogg"]["artist"] == "unknown (nameless.ogg)"


def test_tags_of_m4a_are_read(tmp_path):
    samples = np.sin(np.arange(8000) * 0.3)[:, None] / 4
    for name, artist in (("a.m4a", "Anna"), ("b.m4a", "Anna"), ("c.m4a", "Various")):
        encode(tmp_path / name, "aac", samples, tags={"artist": artist, "title": f"of {name}"})
    found = rows(sources.folder(tmp_path))
    assert [row["artist"] for row in found.values()] == ["Anna", "Anna", "unknown (c.m4a)"]
    assert found["a.m4a"]["title"] == "of a.m4a"


def test_what_a_tag_says_in_spaces_is_not_said(tmp_path):
    tone(tmp_path / "Anna/First/1.ogg", title="  ", artist="   ", album=" ")
    tone(tmp_path / "2.ogg", title=" \r", artist="\t")
    table = tmp_path / "metadata.csv"
    table.write_text("path,title,artist\nAnna/First/1.ogg,  , \n")
    first, second = sources.folder(tmp_path, table).sort_values("path").to_dict("records")[::-1]
    assert (first["title"], first["artist"], first["album"]) == ("1", "Anna", "First")
    assert (second["title"], second["artist"]) == ("2", "unknown (2.ogg)")


def test_text_of_files_holds_no_control_characters(tmp_path):
    tone(tmp_path / "1.ogg", title="one\rtwo\nthree\x07", artist="Ann\x85\u2028Ben", album="\tx ")
    tone(tmp_path / "a\rb/c\nd.wav")
    table = tmp_path / "metadata.csv"
    table.write_text('path,licence\n1.ogg,"CC\r\nBY"\n', newline="")
    one, two = sources.folder(tmp_path, table).to_dict("records")
    assert (one["title"], one["artist"], one["album"]) == ("one two three", "Ann Ben", "x")
    assert one["licence"] == "CC BY"
    assert two["path"] == "a\rb/c\nd.wav"  # the file is opened by it
    assert (two["title"], two["artist"]) == ("c d", "a b")


@pytest.mark.parametrize(
    "there, named",
    [
        (unicodedata.normalize("NFD", "Ånn/one.wav"), "Ånn/one.wav"),
        ("Ann/one.wav", "Ann\\one.wav"),
        ("Ann/one.wav", "ann/ONE.wav"),
        ("Ann/one.wav", "Ann/one.wav  "),
    ],
)
def test_metadata_finds_the_file_of_much_the_same_name(tmp_path, there, named):
    tone(tmp_path / "audio" / there)
    table = tmp_path / "metadata.csv"
    table.write_text(f"path,artist,split\n{named},Ben,control\n")
    found = rows(sources.folder(tmp_path / "audio", table))
    assert list(found) == [there]
    assert (found[there]["artist"], found[there]["split"]) == ("Ben", "control")


@pytest.mark.parametrize("named", ["ann/one.wav", "Ann\\one.wav", "./Ann/one.wav"])
def test_metadata_names_a_file_once(tmp_path, named):
    tone(tmp_path / "Ann/one.wav")
    table = tmp_path / "metadata.csv"
    table.write_text(f"path,artist\nAnn/one.wav,Ben\n{named},Cy\n")
    with pytest.raises(InputError, match=r"row 3: Ann/one\.wav stands twice, .* in row 2"):
        sources.folder(tmp_path, table)


def test_metadata_that_could_mean_two_files_is_refused(tmp_path):
    for name in ("one.wav", "ONE.wav"):
        tone(tmp_path / name)
    table = tmp_path / "metadata.csv"
    table.write_text("path\nOne.wav\n")
    with pytest.raises(InputError, match=r"metadata\.csv, row 2: 'One\.wav' could be 'ONE"):
        sources.folder(tmp_path, table)


def test_metadata_may_name_what_lies_in_a_linked_folder(tmp_path):
    tone(tmp_path / "disk/a.wav")
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/link").symlink_to(tmp_path / "disk")
    table = tmp_path / "metadata.csv"
    table.write_text("path,artist\nlink/a.wav,Ben\n")
    assert rows(sources.folder(tmp_path / "audio", table))["link/a.wav"]["artist"] == "Ben"


def test_what_cannot_be_read_is_listed_with_its_problem(tmp_path):
    tone(tmp_path / "a.wav")
    (tmp_path / "b.dsf").touch()
    (tmp_path / "c").symlink_to(tmp_path / "gone")
    found = rows(sources.folder(tmp_path))
    assert [row["problem"][:10] for row in found.values()] == ["", "suffix not", "a link tha"]
    table = tmp_path / "metadata.csv"
    table.write_text("path,title\nb.dsf,Named: so tried\n")
    named = rows(sources.folder(tmp_path, table))["b.dsf"]
    assert (named["title"], named["problem"]) == ("Named: so tried", "")


@pytest.mark.parametrize("suffix, separator", [("csv", ","), ("tsv", "\t")])
def test_folder_metadata_comes_first_and_may_name_missing_files(tmp_path, suffix, separator):
    tone(tmp_path / "audio/01.ogg", artist="Tagged")
    table = tmp_path / f"metadata.{suffix}"
    lines = [["path", "artist", "title", "split"], ["./01.ogg", "NA", "007", "control"]]
    lines.append(["gone.ogg", "Ben", "", ""])
    text = "\n".join(separator.join(line) for line in lines)
    table.write_text(text, encoding="utf-8-sig")
    found = rows(sources.folder(tmp_path / "audio", table))
    known = found["01.ogg"]
    assert (known["artist"], known["title"], known["split"]) == ("NA", "007", "control")
    assert found["gone.ogg"]["artist"] == "Ben"


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_work(tmp_path, name):
    tone(tmp_path / name)
    assert list(rows(sources.folder(tmp_path))) == [name]


def test_a_name_that_is_not_utf8_is_marked(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    table = sources.folder(tmp_path)
    assert table["path"].tolist() == ["caf\\xe9.wav"]
    assert "UTF-8" in table["problem"][0]
    table.to_parquet(tmp_path / "recordings.parquet")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../out.wav", "a/../../out.wav", "link/out.wav", ""]
)
def test_metadata_that_leaves_the_root_is_refused(tmp_path, path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "audio/link").symlink_to(tmp_path / "elsewhere")
    table = tmp_path / "metadata.csv"
    table.write_text(f"path,artist\nfine.wav,Ben\n{path},Ben\n")
    with pytest.raises(InputError, match=r"metadata\.csv, row 3"):
        sources.folder(tmp_path / "audio", table)


@pytest.mark.parametrize(
    "text, message",
    [
        ("path,split\na.wav,test\n", "split 'test'"),
        ("file\na.wav\n", "column path is missing"),
        ("path\na.wav\n./a.wav\n", "twice"),
        ("", "not a readable table"),
    ],
)
def test_wrong_metadata_is_explained(tmp_path, text, message):
    table = tmp_path / "metadata.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        sources.folder(tmp_path, table)


def test_a_missing_folder_is_explained(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        sources.folder(tmp_path / "gone")


def test_fma_layout(tmp_path):
    (tmp_path / "fma_metadata").mkdir()
    (tmp_path / "fma_small").mkdir()
    (tmp_path / "fma_metadata/tracks.csv").write_text(
        ",album,artist,set,set,track,track\n"
        ",title,name,split,subset,license,title\n"
        "track_id,,,,,,\n"
        '140,AWOL,"Bob, Jr.",training,small,CC BY,"Two\nlines"\n'
        "2,AWOL,Ann,training,small,CC BY-NC,Food\n"
        "99000,AWOL,Ann,training,large,CC BY-NC,Not in small\n"
    )
    found = rows(sources.fma(tmp_path))
    assert list(found) == ["fma_small/000/000002.mp3", "fma_small/000/000140.mp3"]
    food = found["fma_small/000/000002.mp3"]
    assert (food["artist"], food["licence"], food["source"]) == ("Ann", "CC BY-NC", "fma_small")
    assert found["fma_small/000/000140.mp3"]["artist"] == "Bob, Jr."
    (tmp_path / "fma_metadata/tracks.csv").write_text(",artist\n,name\n")
    with pytest.raises(InputError, match=r"tracks\.csv: .*no column set subset, track title"):
        sources.fma(tmp_path)
    with pytest.raises(InputError, match="fma_small"):
        sources.fma(tmp_path / "fma_metadata")


def test_mtg_jamendo_layout(tmp_path):
    (tmp_path / "data").mkdir()
    header = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
    tagged = (
        "track_0000214\tartist_000014\talbum_000031\t14/214.mp3\t124.6\tgenre---punk\tmood---x\n"
    )
    bare = "track_0000215\tartist_000014\talbum_000031\t15/215.mp3\t151.4\tgenre---metal\n"
    (tmp_path / "data/autotagging.tsv").write_text(header + tagged + bare)
    (tmp_path / "data/raw.meta.tsv").write_text(
        "TRACK_ID\tARTIST_ID\tALBUM_ID\tTRACK_NAME\tARTIST_NAME\tALBUM_NAME\tRELEASEDATE\tURL\n"
        'track_0000214\tartist_000014\talbum_000031\t7" single\tDavid TMX\tChiante\t2004\thttp://x\n'
    )
    (tmp_path / "audio_licenses.txt").write_text(
        "14/214.mp3\nIntro by David TMX from Jamendo: http://x\nAvailable under a CC BY license\n\n"
    )
    tone(tmp_path / "audio-low/14/x.wav")
    (tmp_path / "audio-low/14/x.wav").rename(tmp_path / "audio-low/14/214.low.mp3")
    found = rows(sources.mtg_jamendo(tmp_path))
    assert list(found) == ["audio-low/14/214.low.mp3", "audio/15/215.mp3"]
    intro, bare = found.values()
    assert (intro["artist"], intro["title"]) == ("David TMX", '7" single')
    assert intro["licence"] == "a CC BY license" and "Intro by David TMX" in intro["attribution"]
    assert bare["artist"] == "artist_000014"
    (tmp_path / "data/autotagging.tsv").write_text(header + "track_0000214\n")
    with pytest.raises(InputError, match=r"tsv: no ARTIST_ID, ALBUM_ID, PATH in a row"):
        sources.mtg_jamendo(tmp_path)
    with pytest.raises(InputError, match=r"autotagging\.tsv"):
        sources.mtg_jamendo(tmp_path / "data" / "nothing")


def test_debian_takes_the_selected_packages(tmp_path):
    table = tmp_path / "tracks.tsv"
    header = "package\tpath\ttitle\tartist\tlicence\tattribution\n"
    table.write_text(
        header
        + "b-music\tusr/share/b/1.ogg\tOne\tBen\tGPL-2\tBen 2003\n"
        + "a-music\tusr/share/a/2.ogg\tTwo\tAnn\tCC0\tAnn\n"
        + "c-music\tusr/share/c/3.ogg\tThree\tCy\tCC0\tCy\n"
    )
    found = sources.debian(["b-music", "a-music"], table, tmp_path / "unpacked")
    assert found["source"].tolist() == ["debian:a-music", "debian:b-music"]
    assert found["root"][1] == str(tmp_path / "unpacked/b-music")
    with pytest.raises(InputError, match="d-music"):
        sources.debian(["a-music", "d-music"], table, tmp_path)
    row = "a-music\tusr/share/a/2.ogg\tTwo\tAnn\tCC0\tAnn\n"
    table.write_text(header + row + row)
    with pytest.raises(InputError, match=r"row 3: usr/share/a/2.ogg of a-music stands in row 2"):
        sources.debian(["a-music"], table, tmp_path)
    table.write_text(header.replace("licence", "license") + row)
    with pytest.raises(InputError, match="column 'license' is not known; call it licence"):
        sources.debian(["a-music"], table, tmp_path)
    table.write_text(header + "a-music\t../../secret.ogg\tTwo\tAnn\tCC0\tAnn\n")
    with pytest.raises(InputError, match=r"tracks\.tsv, row 2"):
        sources.debian(["a-music"], table, tmp_path)
