"""What is not fit to be used, wherever it is read."""

import numpy as np
import pytest
import soundfile

from musical_roots import external, soundness
from musical_roots.corpus import sources, tracks
from musical_roots.errors import InputError

SILENT = soundness.SILENCE_LUFS
RATE = 8000
SECONDS = 5


def sound(channels=1, seed=0):
    size = (SECONDS * RATE, channels)
    return np.random.default_rng(seed).normal(scale=0.1, size=size).astype(np.float32)


def holding(value):
    samples = sound()
    samples[1000] = value
    return samples


BAD = {
    "NaN": (holding(np.nan), "holds samples that are not numbers"),
    "infinite": (holding(np.inf), "holds samples that are not numbers"),
    "minus infinite": (holding(-np.inf), "holds samples that are not numbers"),
    "silence": (0 * sound(), "silent (-inf LUFS, 100% of it below -60 dB)"),
    "faint": (1e-4 * sound(), "silent (-"),
    "mostly silence": (sound() * (np.arange(SECONDS * RATE) < 1600)[:, None], "silent ("),
    "all -1": (0 * sound() - 1, "constant (all samples are about -1.00)"),
    "offset": (1e-4 * sound() + 0.3, "constant (all samples are about 0.30)"),
    "x 32768": (32768 * sound(), "its samples reach "),
    "x 2048": (2048 * sound(), "its samples reach "),
    "turned over": (sound() * [[1, -1]], "its channels cancel each other"),
    "all but turned over": (sound() * [[1, -0.99]], "its channels cancel each other"),
}


@pytest.mark.parametrize("name", BAD)
def test_corpus_and_audio_made_elsewhere_reject_the_same_in_the_same_words(tmp_path, corpus, name):
    samples, words = BAD[name]
    bad = tmp_path / "bad.wav"
    soundfile.write(bad, samples, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "good.wav", sound(2), RATE)

    kept, rejected, _ = tracks.probe(
        sources.folder(tmp_path), minimum_s=1, maximum_s=1200, silence_lufs=SILENT, exclude=[]
    )
    assert kept["path"].tolist() == ["good.wav"]
    reason = rejected["reason"].item()
    assert reason.startswith(words)

    listed = external.listed(tmp_path, None)
    vamps, rejected = external.external(listed, corpus[0], float(SECONDS))
    assert vamps["path"].tolist() == [str(tmp_path / "good.wav")]
    assert rejected["reason"].tolist() == [f"{bad}: {reason}"]

    (tmp_path / "list.csv").write_text("path,prompt_path\ngood.wav,bad.wav\n")
    listed = external.listed(None, tmp_path / "list.csv")
    vamps, rejected = external.external(listed, corpus[0], float(SECONDS))
    assert vamps.empty
    assert rejected["reason"].tolist() == [f"{tmp_path}/good.wav: prompt_path, {bad}: {reason}"]


@pytest.mark.parametrize("rate", [1, 2, 500, 3999])
def test_a_rate_that_no_music_has_is_refused(tmp_path, corpus, rate):
    path = tmp_path / "low.wav"
    soundfile.write(path, sound()[: SECONDS * rate], rate)
    words = f"its sample rate is {rate} Hz, less than 4000; fetch it again"
    _, rejected, _ = tracks.probe(
        sources.folder(tmp_path), minimum_s=1, maximum_s=1200, silence_lufs=SILENT, exclude=[]
    )
    assert rejected["reason"].item().startswith(words)
    _, rejected = external.external(external.listed(tmp_path, None), corpus[0], float(SECONDS))
    assert rejected["reason"].item().startswith(f"{path}: {words}")


@pytest.mark.parametrize(
    "samples",
    [
        sound(2),
        3 * sound(),
        sound() + 0.3,
        sound() * [[1, 0]],
        sound() * [[1, -0.9]],
        0.02 * sound(2),
        sound() * (np.arange(SECONDS * RATE) % 16_000 < 4000)[:, None],
    ],
)
def test_what_is_loud_uneven_or_one_sided_is_fit_to_be_used(samples):
    mono, loudness = soundness.checked("a.wav", samples.astype(np.float32), RATE, SILENT)
    assert mono.shape == (SECONDS * RATE,)
    assert -60 < loudness < 0


def test_only_the_part_that_is_used_is_judged(tmp_path, corpus):
    late = np.concatenate([0 * sound(), sound()])
    soundfile.write(tmp_path / "late.wav", late, RATE)
    soundfile.write(tmp_path / "early.wav", late[::-1], RATE)
    vamps, rejected = external.external(external.listed(tmp_path, None), corpus[0], float(SECONDS))
    assert vamps["path"].tolist() == [str(tmp_path / "early.wav")]
    assert "late.wav: silent" in rejected["reason"].item()


def test_a_recording_is_counted(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(2), RATE)
    found = soundness.recording(path, 1, 10, SILENT)
    assert len(found.audio) == SECONDS * RATE
    assert (found.sample_rate, found.channels, found.codec, found.note) == (RATE, 2, "PCM_16", "")
    for limits, words in (((6, 10), "shorter than 6 s"), ((1, 3), "longer than 3 s")):
        with pytest.raises(InputError, match=words):
            soundness.recording(path, *limits, SILENT)
