"""Tracks: every kind of bad file, duplicates, and the split by artist."""

import os

import numpy as np
import odd_audio
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from musical_roots import audio, harmony
from musical_roots.config import load
from musical_roots.corpus import clips, sources, tracks
from musical_roots.errors import InputError
from musical_roots.tables import read_table, write_table

RATE = 8000
EXCLUDE = load({})["corpus"]["exclude"]
LIMITS = {"minimum_s": 30.0, "maximum_s": 1200.0, "silence_lufs": -60.0, "exclude": EXCLUDE}
SPLIT = {"control_share": 0.5, "near_duplicate_share": 0.5, "split_artists": True, "seed": 0}


def noise(seconds=31.0, seed=0, rate=RATE, channels=1):
    return np.random.default_rng(seed).normal(0, 0.1, (int(seconds * rate), channels))


def save(path, samples=None, rate=RATE, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise() if samples is None else samples, rate, **how)
    return path


def cut_short(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def probe(folder, **settings):
    kept, rejected, fingerprints = tracks.probe(sources.folder(folder), **LIMITS | settings)
    assert kept.columns.tolist() == tracks.PROBED
    assert rejected.columns.tolist() == tracks.REJECTED
    assert fingerprints["track_id"].tolist() == kept["track_id"].tolist()
    return kept, dict(zip(rejected["path"], rejected["reason"], strict=True))


def test_pitch_classes_are_those_of_the_file_and_of_what_is_kept_alone(tmp_path):
    path = save(tmp_path / "a.ogg", noise(31, 0, 44_100, 2), 44_100)
    save(tmp_path / "short.wav", noise(1))
    heard = {}
    kept, _, _ = tracks.probe(sources.folder(tmp_path), **LIMITS, pitch_classes=heard)
    wanted = np.float16(harmony.pitch_classes(*audio.read(path)))
    assert list(heard) == kept.track_id.tolist() and len(wanted) > 40
    np.testing.assert_array_equal(heard[kept.track_id.item()], wanted)


@pytest.mark.parametrize(
    "name, rate, channels, how",
    [
        ("a.wav", 8000, 1, {"subtype": "PCM_U8"}),
        ("a.wav", 192_000, 1, {}),
        ("a.flac", 8000, 6, {}),
        ("a.wav", 48_000, 2, {"subtype": "FLOAT"}),
        ("a.ogg", 44_100, 2, {}),
        ("a.mp3", 22_050, 1, {}),
        ("a.opus", 48_000, 1, {"format": "OGG", "subtype": "OPUS"}),
        ("a.AIFF", 8000, 2, {"format": "AIFF"}),
        ("two\nlines 'and' \"quotes\" Ночь 夜.wav", 8000, 1, {}),
    ],
)
def test_every_sane_file_is_taken(tmp_path, name, rate, channels, how):
    save(tmp_path / name, noise(31, 0, rate, channels)[:, :], rate, **how)
    kept, rejected = probe(tmp_path)
    assert not rejected
    track = kept.iloc[0]
    assert (track["sample_rate"], track["channels"], track["path"]) == (rate, channels, name)
    assert track["duration_s"] == pytest.approx(31, abs=0.2)
    assert track["track_id"] == track["sha256"][:16]
    assert -40 < track["loudness_lufs"] < 0


def test_every_bad_file_is_listed_with_its_reason(tmp_path):
    reasons = {
        "empty.ogg": "empty",
        "text.mp3": "not audio",
        "none.wav": "no samples",
        "silent.wav": "silent",
        "nearly silent.wav": "silent",
        "short.wav": "shorter than 30 s (29.90 s); lower corpus.minimum_s, or leave it out",
        "long.wav": "longer than 60 s",
        "nan.wav": "not numbers",
        "infinite.wav": "not numbers",
        "Sounds/SFX/boom.wav": "excluded by the pattern",
        "song/guitar.ogg": "excluded by the pattern",
        "two\nlines.wav": "the file is empty",
        "gone.ogg": "no such file; mend its path in row 2 of the metadata, or remove it",
        f"{300 * 'x'}.ogg": "no such file; mend its path in row 4 of the metadata, or remove it",
        "folder.ogg": "no such file; mend its path in row 3 of the metadata, or remove it",
    }
    (tmp_path / "empty.ogg").touch()
    (tmp_path / "two\nlines.wav").touch()
    (tmp_path / "text.mp3").write_text("This is no audio. " * 100)
    save(tmp_path / "none.wav", noise(0))
    save(tmp_path / "silent.wav", 0 * noise())
    save(tmp_path / "nearly silent.wav", np.concatenate([noise(2), 0 * noise(29)]))
    save(tmp_path / "short.wav", noise(29.9))
    save(tmp_path / "long.wav", noise(61))
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        samples = noise()
        samples[1000] = value
        save(tmp_path / f"{name}.wav", samples, subtype="FLOAT")
    save(tmp_path / "Sounds/SFX/boom.wav")
    save(tmp_path / "song/guitar.ogg")
    (tmp_path / "dangling.ogg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.ogg").mkdir()
    for suffix, how in {
        "wav": {},
        "flac": {},
        "ogg": {},
        "mp3": {},
        "aiff": {},
        "opus": {"format": "OGG", "subtype": "OPUS"},
    }.items():
        cut_short(save(tmp_path / f"truncated.{suffix}", noise(60), **how))
        reasons[f"truncated.{suffix}"] = "cut short"
    save(tmp_path / "good.wav")
    metadata = tmp_path / "metadata.csv"
    metadata.write_text(f"path\ngone.ogg\nfolder.ogg\n{300 * 'x'}.ogg\n")
    recordings = sources.folder(tmp_path, metadata)
    kept, rejected, _ = tracks.probe(recordings, **LIMITS | {"maximum_s": 60.5})
    rejected = dict(zip(rejected["path"], rejected["reason"], strict=True))
    assert kept["path"].tolist() == ["good.wav"]
    reasons["long.wav"] = "longer than 60.5 s"
    reasons["dangling.ogg"] = "a link that leads to no file"
    assert set(rejected) == {str(tmp_path / name) for name in reasons}
    for name, reason in reasons.items():
        assert reason in rejected[str(tmp_path / name)], name
        assert "\n" not in rejected[str(tmp_path / name)]
        assert str(tmp_path) not in rejected[str(tmp_path / name)]


def test_odd_files_are_taken_with_their_counted_length_and_a_word_in_the_log(tmp_path, caplog):
    one = save(tmp_path / "other" / "one.ogg", noise(20, 1)).read_bytes()
    two = save(tmp_path / "other" / "two.ogg", noise(15, 2)).read_bytes()
    music = tmp_path / "music"
    music.mkdir()
    (music / "both.ogg").write_bytes(one + two)
    data = bytearray(save(music / "length.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (music / "length.flac").write_bytes(data)
    data = save(music / "dirty.mp3").read_bytes()
    dirt = np.random.default_rng(0).bytes(5000)
    (music / "dirty.mp3").write_bytes(data[:50_000] + dirt + data[50_000:])
    odd_audio.encode(music / "a.m4a", "aac", noise(31, rate=RATE), RATE)
    with caplog.at_level("INFO", "musical_roots"):
        kept, rejected = probe(music)
    assert not rejected
    length = dict(zip(kept["path"], kept["duration_s"], strict=True))
    assert length == {
        "a.m4a": pytest.approx(31, abs=0.4),
        "both.ogg": 35.0,
        "dirty.mp3": pytest.approx(31, abs=1),
        "length.flac": 31.0,
    }
    assert sorted(record.getMessage().split(": ")[0] for record in caplog.records) == [
        str(music / name) for name in ("both.ogg", "dirty.mp3", "length.flac")
    ]
    assert "2 files after each other, read as one" in caplog.text
    assert "left out: 0." in caplog.text  # seconds that are lost
    assert "does not say how long it is" in caplog.text
    # the stages that follow count the same length
    tracks_of = kept.assign(group_id="g", split="train")
    cut = clips.cut(tracks_of, duration_s=3.0, hop_s=3.0, silence_lufs=-60, per_track=24, seed=0)
    assert cut.groupby(cut["path"].map(os.path.basename)).size().to_dict() == {
        "a.m4a": 10,
        "both.ogg": 11,
        "dirty.mp3": 10,
        "length.flac": 10,
    }


def test_what_is_too_long_is_not_decoded_to_its_end(tmp_path):
    odd_audio.encode(tmp_path / "a.m4a", "aac", noise(40, rate=RATE), RATE)
    _, rejected = probe(tmp_path, maximum_s=35)
    assert rejected == {
        str(tmp_path / "a.m4a"): "longer than 35 s; raise corpus.maximum_s, or split it"
    }


def test_too_much_damage_is_no_recording(tmp_path):
    data = bytearray(save(tmp_path / "a.mp3").read_bytes())
    for first in range(20_000, len(data) - 20_000, 8000):
        data[first : first + 3000] = np.random.default_rng(first).bytes(3000)
    (tmp_path / "a.mp3").write_bytes(data)
    _, rejected = probe(tmp_path)
    assert "cut short" in rejected[str(tmp_path / "a.mp3")]


def test_a_name_that_is_not_utf8_is_rejected(tmp_path):
    name = save(tmp_path / "a.wav").rename(tmp_path / "a\udce9.wav")
    assert name.exists()
    kept, rejected = probe(tmp_path)
    assert kept.empty
    assert rejected == {str(tmp_path / "a\\xe9.wav"): "its name is not valid UTF-8; rename it"}


def table(rows):
    """What `probe` gives, without audio: (artist, seconds[, split[, id]]) a row."""
    full = []
    for number, (artist, seconds, *rest) in enumerate(rows):
        split, name = [*rest, "", ""][:2]
        name = name or f"{number:064x}"
        full.append(
            dict.fromkeys(tracks.PROBED, "")
            | {"artist": artist, "duration_s": float(seconds), "split": split, "sha256": name}
            | {"track_id": name[-16:], "path": f"{number}.ogg", "root": "music"}
        )
    return pd.DataFrame(full, columns=tracks.PROBED)


def merge(kept, words=None, rejected=(), **settings):
    words = words or {}
    prints = [(name, words.get(name, np.empty(0, np.uint32))) for name in set(kept["track_id"])]
    prints = pd.DataFrame(prints, columns=["track_id", "fingerprint"])
    return tracks.merge([kept], list(rejected), [prints], **SPLIT | settings)


def splits(merged):
    assert merged.groupby("artist")["split"].nunique().max() == 1
    return merged.drop_duplicates("artist").set_index("artist")["split"].to_dict()


def test_split_is_disjoint_by_artist_and_balanced():
    draw = np.random.default_rng(0)
    rows = [
        (f"artist {k}", s) for k in range(30) for s in draw.uniform(30, 300, draw.integers(1, 9))
    ]
    for share in (0.5, 0.2):
        merged, _ = merge(table(rows), control_share=share)
        split = splits(merged)
        held = merged.loc[merged["split"] == "control", "duration_s"].sum()
        assert held / merged["duration_s"].sum() == pytest.approx(share, abs=0.01)
        assert list(split.values()).count("control") == pytest.approx(30 * share, abs=4)
    other, _ = merge(table(rows), control_share=0.2, seed=1)
    assert other["split"].tolist() != merged["split"].tolist()


def test_one_giant_does_not_starve_a_side():
    split = splits(merge(table([("giant", 5000), *((f"a{k}", 100) for k in range(9))]))[0])
    assert set(split.values()) == {"train", "control"}
    assert list(split.values()).count(split["giant"]) == 1


@pytest.mark.parametrize("credit", ["Ann & Ben", "ann feat. BEN", "Ann, Ben", "Ben and  Ann"])
def test_collaborators_stay_together(credit):
    rows = [("Ann", 100), ("Ben", 100), (credit, 100), ("Cy", 100), ("Di", 100), ("Eve", 100)]
    split = splits(merge(table(rows))[0])
    assert split["Ann"] == split["Ben"] == split[credit]


def test_a_credit_can_be_kept_whole():
    rows = [("Ann", 100), ("Ann, Ben", 100)]
    with pytest.raises(InputError, match=r"corpus\.split_artists: false"):
        merge(table(rows))
    assert set(splits(merge(table(rows), split_artists=False)[0]).values()) == {"train", "control"}


def test_hints_win_and_conflicts_are_explained():
    rows = [("Ann", 100, "control"), ("Ann", 900), ("Ben", 50), ("Cy", 10, "train")]
    assert splits(merge(table(rows))[0]) == {"Ann": "control", "Ben": "train", "Cy": "train"}
    with pytest.raises(
        InputError, match=r"0\.ogg \(Ann\): train, but 1\.ogg \(Ann & Ben\): control"
    ):
        merge(table([("Ann", 100, "train"), ("Ann & Ben", 100, "control")]))


@pytest.mark.parametrize("given, lacking", [("train", "control"), ("control", "train")])
def test_hints_that_leave_a_side_empty_are_explained(given, lacking):
    rows = [(artist, 100, given) for artist in ("Ann", "Ben", "Cy")]
    with pytest.raises(InputError, match=f"puts every track into {given}, .* write {lacking} for"):
        merge(table(rows))


def test_one_artist_cannot_be_split():
    rows = [("Ann", 100), ("Ann & Ben", 100)]
    with pytest.raises(InputError, match=r"corpus\.control_share: 0"):
        merge(table(rows))
    assert set(merge(table(rows), control_share=0)[0]["split"]) == {"train"}
    assert set(merge(table(rows), control_share=1)[0]["split"]) == {"control"}


def test_nothing_usable_is_explained():
    rejected = pd.DataFrame([("a.ogg", "the file is empty")], columns=tracks.REJECTED)
    with pytest.raises(InputError, match=r"1 rejected; a\.ogg: the file is empty"):
        merge(table([]), rejected=[rejected])


def test_exact_duplicates_are_rejected_and_tie_their_artists():
    rows = [("Ann", 100, "", "f" * 64), ("Ben", 100, "", "f" * 64), ("Ben", 100), ("Cy", 100)]
    merged, rejected = merge(table(rows))
    assert rejected.values.tolist() == [["music/1.ogg", "exact duplicate of music/0.ogg"]]
    split = splits(merged)
    assert len(merged) == 3 and split["Ann"] == split["Ben"] != split["Cy"]


def test_near_duplicates_share_a_group_and_a_side():
    draw = np.random.default_rng(0)
    words = {f"{k:016x}": draw.integers(1, 2**32, 3000, np.uint32) for k in range(5)}
    words[f"{3:016x}"] = words[f"{1:016x}"][200:]
    rows = [("Ann", 100), ("Ben", 100), ("Cy", 100), ("Di", 100), ("Eve", 100)]
    for seed in range(5):
        merged, _ = merge(table(rows), words, seed=seed)
        assert merged["group_id"].tolist() == [f"{k:016x}" for k in (0, 1, 2, 1, 4)]
        assert splits(merged)["Ben"] == splits(merged)["Di"]


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_merge_does_not_depend_on_shards_or_order(data):
    names = st.sampled_from(["Ann", "Ben", "Cy", "Di & Ann", "Eve", "Flo"])
    rows = data.draw(st.lists(st.tuples(names, st.integers(30, 600)), min_size=2, max_size=10))
    kept = table([("Zoe", 60), *rows, ("Yan", 60), ("Xan", 60)])
    words = np.random.default_rng(len(rows)).integers(1, 2**32, 2000, np.uint32)
    heard = [words] * 3 + [words[:0]] * (len(kept) - 3)
    prints = pd.DataFrame({"track_id": kept["track_id"], "fingerprint": heard})
    kept.loc[3, ["sha256", "track_id"]] = kept.loc[2, ["sha256", "track_id"]].tolist()
    order = data.draw(st.permutations(range(len(kept))))
    cut = data.draw(st.integers(0, len(kept)))
    parts = [order[:cut], order[cut:]]
    once = tracks.merge([kept], [], [prints], **SPLIT)
    shards = [[table.iloc[part] for part in parts] for table in (kept, prints)]
    again = tracks.merge(shards[0], [], shards[1], **SPLIT)
    for one, other in zip(once, again, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_real_files_through_tables_and_shards(tmp_path):
    """The whole way with files between the stages, in one shard and in three."""
    for number, artist in enumerate(["Ann", "Ben", "Cy", "Di", "Eve", "Flo"]):
        save(tmp_path / f"music/{artist}/0{number}.wav", noise(seed=number))
    save(tmp_path / "music/Flo/louder.flac", 2 * noise(seed=1))
    save(tmp_path / "music/Ann/copy.wav", noise(seed=0))
    save(tmp_path / "music/Ann/short.wav", noise(1))
    write_table(sources.folder(tmp_path / "music"), tmp_path / "recordings.csv")
    recordings = read_table(tmp_path / "recordings.csv")

    def run(shards):
        parts = [[], [], []]
        for shard in range(shards):
            probed = tracks.probe(recordings.iloc[shard::shards], **LIMITS)
            for place, part in enumerate(probed):
                path = tmp_path / f"{shards}-{shard}-{place}.parquet"
                write_table(part, path)
                parts[place].append(read_table(path))
        return tracks.merge(*parts, **SPLIT | {"seed": 3})

    one, rejected = run(1)
    assert one.columns.tolist() == tracks.COLUMNS
    assert one["group_id"].nunique() == 6 and len(one) == 7
    assert splits(one)["Ben"] == splits(one)["Flo"]
    assert rejected["reason"].str.split().str[0].tolist() == ["exact", "shorter"]
    for name, part, again in zip(("tracks", "rejected"), (one, rejected), run(3), strict=True):
        pd.testing.assert_frame_equal(part, again)
        write_table(part, tmp_path / f"{name}.csv")
    assert len(read_table(tmp_path / "tracks.csv")) == 7
