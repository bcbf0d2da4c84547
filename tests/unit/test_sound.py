import numpy as np
import pandas as pd
import pytest
import soundfile

from musical_roots import audio
from musical_roots.errors import InputError
from musical_roots.listening import sound
from musical_roots.perturbed import plan, render_clips

RATE = 44100


def music(seconds=3.0, level=0.5, seed=0):
    made = np.random.default_rng(seed).normal(size=round(seconds * RATE))
    return (level * made / np.abs(made).max()).astype(np.float32)


@pytest.mark.parametrize("level", [0.9, 0.01])
def test_clips_are_of_one_loudness(level):
    made, softer = sound.evened(music(level=level), RATE, -23.0, 20.0)
    assert softer == 0
    assert audio.loudness(made, RATE) == pytest.approx(-23.0, abs=0.2)
    assert made.dtype == np.float32 and len(made) == 3 * RATE


def test_a_clip_begins_and_ends_softly_and_is_itself_between():
    made, _ = sound.evened(music(), RATE, -23.0, 20.0)
    whole, _ = sound.evened(music(), RATE, -23.0, 0.0)
    fade = round(0.02 * RATE)
    assert abs(made[0]) < 1e-4 and abs(made[-1]) < 1e-4
    np.testing.assert_array_equal(made[fade:-fade], whole[fade:-fade])
    gain = made[:fade] / np.where(whole[:fade] == 0, 1, whole[:fade])
    assert (np.diff(gain) > 0).all() and gain[fade // 2] == pytest.approx(0.5, abs=0.01)


def test_no_clip_is_louder_than_full_scale():
    click = np.zeros(3 * RATE, np.float32)
    click[::5000] = 1.0
    made, softer = sound.evened(click, RATE, -10.0, 0.0)
    assert np.abs(made).max() <= 1
    assert softer > 3 and audio.loudness(made, RATE) == pytest.approx(-10 - softer, abs=0.1)


def test_silence_stays_silent():
    made, softer = sound.evened(np.zeros(3 * RATE, np.float32), RATE, -23.0, 20.0)
    assert not made.any() and softer == 0


def test_headphone_tones_are_as_published():
    """Woods et al. 2017: one tone 6 dB quieter, one in antiphase, which speakers cancel."""
    answers, trials = sound.headphone_answers(5), sound.headphone_tones(5, RATE)
    assert sorted(answers) == [1, 1, 2, 2, 3, 3] and len(trials) == 6
    places = []
    for answer, tones in zip(answers, trials, strict=True):
        assert tones.shape == (4 * RATE, 2)
        parts = [tones[round(1.5 * n * RATE) :][:RATE] for n in range(3)]
        left = [audio.rms(part[:, 0]) for part in parts]
        assert np.argmin(left) + 1 == answer
        loud = max(left)
        assert 20 * np.log10(min(left) / loud) == pytest.approx(-6, abs=0.01)
        over_speakers = [audio.rms(part.mean(axis=1)) for part in parts]
        antiphase = int(np.argmin(over_speakers))
        assert over_speakers[antiphase] < 1e-6 and antiphase + 1 != answer
        places.append((answer, antiphase))
        spectrum = np.abs(np.fft.rfft(parts[0][:, 0]))
        assert np.argmax(spectrum) == 200
    assert len(set(places)) == 6


@pytest.fixture
def corpus(tmp_path):
    rows = []
    for n in range(3):
        path = tmp_path / f"{n}.wav"
        soundfile.write(path, music(8.0, seed=n), RATE)
        rows.append(
            {"clip_id": f"c{n}", "track_id": f"t{n}", "group_id": f"t{n}", "split": "train"}
        )
        rows[-1] |= {"path": str(path), "start_s": 2.0, "duration_s": 3.0}
    return pd.DataFrame(rows)


def write_all(corpus, perturbed, ids, folder):
    trials = pd.DataFrame({f"{one}_clip_id": ids for one in "xab"})
    folder.mkdir()
    how = {"sample_rate": RATE, "perturbed_rate": RATE, "lufs": -23.0, "fade_ms": 0.0, "seed": 7}
    return sound.write_all(trials, corpus, perturbed, corpus, folder, **how)


def test_a_perturbed_clip_is_the_one_that_encoders_heard(corpus, tmp_path):
    planned, _ = plan(corpus, corpus, "noise", [0, 10], 7)
    heard = render_clips(planned, corpus, tmp_path / "heard", RATE, 7)
    rendered = heard.iloc[2]
    gone = heard.assign(path="gone.wav")
    assert not write_all(corpus, gone, [rendered.clip_id, "c1"], tmp_path / "audio").silent.any()
    first, _ = audio.read(rendered.path, RATE, rendered.start_s, 3.0)
    made, rate = soundfile.read(tmp_path / f"audio/{rendered.clip_id}.flac")
    assert rate == RATE and np.corrcoef(first, made)[0, 1] > 0.9999
    original, _ = soundfile.read(tmp_path / "audio/c1.flac")
    assert len(original) == 3 * RATE


def test_every_sound_of_a_study_is_written(corpus, tmp_path):
    nothing = corpus.head(0).assign(kind="")
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, np.zeros(8 * RATE), RATE)
    corpus.loc[2, "path"] = str(quiet)
    click = np.zeros(8 * RATE)
    click[2 * RATE :: 20000] = 0.5
    soundfile.write(quiet.with_name("click.wav"), click, RATE)
    corpus.loc[1, "path"] = str(quiet.with_name("click.wav"))
    told = write_all(corpus, nothing, ["c0", "c1", "c2", "noise"], tmp_path / "audio")
    assert list(told) == sound.SOUNDS and list(told.clip_id) == ["c0", "c1", "c2"]
    assert list(told.silent) == [False, False, True]
    assert list(told.softer_db > 0) == [False, True, False]
    names = {path.name for path in (tmp_path / "audio").iterdir()}
    assert names == {"c0.flac", "c1.flac", "c2.flac", "noise.flac"} | {
        f"headphones-{n}.flac" for n in range(1, 7)
    }
    assert soundfile.info(tmp_path / "audio/noise.flac").subtype == "PCM_16"
    stereo = soundfile.info(tmp_path / "audio/headphones-1.flac")
    assert stereo.channels == 2


def test_a_clip_of_no_list_is_named(corpus, tmp_path):
    with pytest.raises(InputError, match="clip strange is in no clip list"):
        write_all(corpus, corpus.head(0).assign(kind=""), ["c0", "strange"], tmp_path / "audio")
