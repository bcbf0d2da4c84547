"""A finished study of tones, with what `trace` reads of one: 3 training tracks, 24 of control."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from musical_roots import arrays, audio, config, embed, harmony, tables, unit_vectors
from musical_roots.corpus import clips as corpus_clips
from musical_roots.encoders.base import load
from musical_roots.experiments.influence import equal_indexes

RATE, SEED = 22_050, 7
OFF = ("musicnn", "mel", "aisfx", "aisfx_8k", "random")


def tune(seed, seconds):
    """Chords of a timbre of their own: their like comes from no other seed."""
    draw, parts = np.random.default_rng(seed), []
    weights = draw.uniform(0, 1, 12)
    time = np.arange(RATE // 2) / RATE
    for _ in range(2 * seconds):
        base = draw.uniform(80, 400)
        parts.append(
            sum(w * np.sin(2 * np.pi * base * (n + 1) * time) for n, w in enumerate(weights))
        )
    sound = np.concatenate(parts)
    return (0.1 * sound / np.abs(sound).max() + 0.001 * draw.standard_normal(len(sound))).astype(
        "f4"
    )


def of_tones(base: Path) -> Path:
    """Its results' folder in `base`; training tracks of 12 s, control tracks of 6 s, by MFCC."""
    folder = base / "results"
    told = {
        "results": "results",
        "seed": SEED,
        "encoders": {name: {"activate": False} for name in OFF},
    }
    told["generators"] = {name: {"activate": False} for name in ("openvamp", "openvamp_small")}
    arrays.write_json(config.load(told), folder / "config.json")
    rows = []
    for number in range(27):
        split, seconds = ("train", 12) if number < 3 else ("control", 6)
        name = f"{number:02d}.wav"
        (base / "music").mkdir(exist_ok=True)
        soundfile.write(base / "music" / name, tune(number, seconds), RATE)
        sha256 = hashlib.sha256((base / "music" / name).read_bytes()).hexdigest()
        row = {"track_id": sha256[:16], "group_id": sha256[:16], "split": split, "sha256": sha256}
        row |= {
            "title": f"Tune {number}",
            "artist": f"Artist {number}",
            "album": "",
            "root": "music",
        }
        rows.append(row | {"licence": "CC-BY-4.0", "attribution": f"By {number}", "path": name})
    tracks = pd.DataFrame(rows)
    tables.write_table(tracks, folder / "corpus/tracks.csv")
    settings = {"duration_s": 3.0, "hop_s": 3.0, "silence_lufs": -50, "per_track": 20, "seed": SEED}
    cut = corpus_clips.cut(tracks.assign(root=str(base / "music")), **settings)
    tables.write_table(cut, folder / "corpus/clips.csv")
    tables.write_table(equal_indexes(cut, SEED), folder / "influence/indexes.parquet")
    mfcc = load("mfcc", base, seed=SEED)
    parts = {
        split: cut[cut.split == split].reset_index(drop=True) for split in ("train", "control")
    }
    features = {split: embed.encode(part, mfcc) for split, part in parts.items()}
    fitted = unit_vectors.fit([features["train"]], mfcc.standardise)
    arrays.write_array(fitted, folder / "embeddings/mfcc/statistics.npy")
    for split, part in parts.items():
        told = embed.made_by(mfcc, part)
        told["fingerprint"] += f"+{unit_vectors.digest(fitted)}"
        heard = embed.heard(part, told)
        vectors = unit_vectors.of(features[split], fitted)
        tables.write_shard(folder / f"embeddings/mfcc/{split}/000", vectors, heard, told)
    heard = {
        track.track_id: np.float16(harmony.pitch_classes(*audio.read(base / "music" / track.path)))
        for track in tracks.itertuples()
    }
    arrays.write_arrays(heard, folder / "corpus/probed/000.pitch_classes.npz")
    train, control = harmony.of_splits(heard, tracks.set_index("track_id").split)
    null = harmony.null(control, harmony.Gallery(train), SEED)
    tables.write_table(null, folder / "trace/harmony_null.csv")
    planted = {"encoder": "mfcc", "generator": "openvamp", "kind": "noise", "level": [0.0, 9.0]}
    planted |= {"unit": "dB", "n_planted": 21, "power_at_05": [0.9, 0.1]}
    planted["perturbed_false_at_05"] = 0.04
    tables.write_table(pd.DataFrame(planted), folder / "tables/planted.csv")
    return folder
