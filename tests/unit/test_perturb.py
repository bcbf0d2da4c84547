"""Every perturbation keeps its contract, and each the promise that it makes."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_openvamp
from scipy.signal import find_peaks
from short_music import MIDDLE, RATE, lag_s, music, rms_db

from musical_roots import coding
from musical_roots.errors import InputError
from musical_roots.perturb import PERTURBATIONS, check_level
from musical_roots.seeding import rng

RATES = (22050, 44100, 48000)
CASES = [
    (kind, level)
    for kind, one in PERTURBATIONS.items()
    for level in sorted({one.low, MIDDLE.get(kind, 1), one.high} - {one.identity})
]

IDENTITIES = [kind for kind, one in PERTURBATIONS.items() if one.identity is not None]


def apply(kind, samples, level, sample_rate=RATE, seed=0, partner=None, **options):
    if partner is None and PERTURBATIONS[kind].needs_partner:
        partner = music(sample_rate, len(samples) / sample_rate, seed=9)
    draws = rng(seed, "perturb", kind)
    generator = tiny_openvamp.load() if kind == "codec" else None
    return PERTURBATIONS[kind].apply(
        samples, sample_rate, level, draws, partner, generator, **options
    )


def sine(hz, sample_rate=RATE, duration_s=2.0):
    time = np.arange(round(duration_s * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def pitch_hz(samples, sample_rate):
    """Frequency of the strongest partial in the middle second."""
    middle = len(samples) // 2
    part = samples[middle - sample_rate // 2 : middle + sample_rate // 2]
    size = 1 << 20
    level = np.abs(np.fft.rfft(part * np.hanning(len(part)), size))
    top = level.argmax()
    left, centre, right = np.log(level[top - 1 : top + 2])
    return (top + 0.5 * (left - right) / (left - 2 * centre + right)) * sample_rate / size


def cents(hz, expected_hz):
    return 1200 * np.log2(hz / expected_hz)


def bursts(sample_rate, interval_s=0.4, duration_s=5.0):
    """Bursts of 2 ms, one of them in the centre."""
    samples = np.zeros(round(duration_s * sample_rate), np.float32)
    length = round(0.002 * sample_rate)
    noise = 0.5 * np.random.default_rng(0).standard_normal(length)
    for offset in np.arange(-5, 6) * interval_s:
        first = round((duration_s / 2 + offset) * sample_rate) - length // 2
        samples[first : first + length] = noise
    return samples


def burst_times(samples, sample_rate):
    """Where the bursts are, in seconds: centres of energy around each peak."""
    energy = samples.astype(np.float64) ** 2
    smooth = np.convolve(energy, np.hanning(round(0.01 * sample_rate)), "same")
    peaks, _ = find_peaks(smooth, height=0.2 * smooth.max(), distance=round(0.2 * sample_rate))
    half = round(0.05 * sample_rate)
    near = np.arange(-half, half)
    peaks = peaks[(peaks >= half) & (peaks < len(samples) - half)]
    return np.array(
        [(peak + np.average(near, weights=energy[peak + near])) / sample_rate for peak in peaks]
    )


def digests():
    """One hash a case, of what it gives."""
    return [
        hashlib.sha256(apply(kind, music(), level).tobytes()).hexdigest() for kind, level in CASES
    ]


# -- the contract, over the registry ---------------------------------------------------------------


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize(("kind", "level"), CASES)
def test_contract(kind, level, sample_rate):
    samples = music(sample_rate)
    before = samples.copy()
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    altered = apply(kind, samples, level, sample_rate)
    assert altered.shape == samples.shape
    assert altered.dtype == np.float32
    assert np.isfinite(altered).all()
    assert np.abs(altered).max() <= 1
    assert not np.array_equal(altered, samples) or (kind, level) == ("lowpass", 20000)
    assert np.array_equal(samples, before), "the input was written to"
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002


def test_same_seed_same_bytes_whatever_the_global_state_and_in_another_process():
    here = digests()
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert digests() == here
    there = subprocess.run(
        [sys.executable, __file__],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert there.stdout.split() == here


@pytest.mark.parametrize("kind", ["noise", "reverb"])
def test_another_seed_draws_anew(kind):
    assert not np.array_equal(apply(kind, music(), 1, seed=0), apply(kind, music(), 1, seed=1))


@pytest.mark.parametrize("kind", IDENTITIES)
def test_identity_gives_the_input_back(kind):
    loud = 3 * music()  # above full scale, and still untouched
    assert apply(kind, loud, PERTURBATIONS[kind].identity).tobytes() == loud.tobytes()


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_impossible_level_is_refused(kind):
    one = PERTURBATIONS[kind]
    check_level(kind, one.low)
    check_level(kind, one.high)
    for level in (one.low - 0.01, one.high + 0.01, np.nan):
        with pytest.raises(InputError, match=f"{kind}: level .*{one.low:g}.*{one.high:g}"):
            check_level(kind, level)
        with pytest.raises(InputError):
            apply(kind, music(), level)


def test_mp3_has_only_its_own_rates():
    with pytest.raises(InputError, match="96 or 112"):
        check_level("mp3", 100)


def test_unknown_kind_is_refused():
    with pytest.raises(InputError, match=r"wobble: no such perturbation; choose from pitch"):
        check_level("wobble", 0)


def test_paper_family_comes_first():
    families = [one.family for one in PERTURBATIONS.values()]
    paper = ["pitch", "stretch", "noise", "splice_training", "splice_vamp"]
    assert list(PERTURBATIONS)[:5] == paper
    assert families == ["paper"] * 5 + ["extended"] * 9


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_silence(kind):
    silence = np.zeros(RATE, np.float32)
    if kind in ("noise", "mix"):
        with pytest.raises(InputError, match=f"{kind}: the clip is silent"):
            apply(kind, silence, 1)
    else:
        partner = silence if PERTURBATIONS[kind].needs_partner else None
        altered = apply(kind, silence, MIDDLE.get(kind, 1), partner=partner)
        assert np.abs(altered).max() < 1e-4


def test_silent_partner_is_refused():
    with pytest.raises(InputError, match="the partner clip is silent"):
        apply("mix", music(), 0, partner=np.zeros(RATE, np.float32))


@pytest.mark.parametrize("kind", ["mix", "splice_training", "splice_vamp", "splice_crossfade"])
def test_a_partner_is_of_the_same_length(kind):
    for partner in (None, music()[:-1]):
        with pytest.raises(ValueError, match="partner"):
            PERTURBATIONS[kind].apply(music(), RATE, 5, rng(0, ""), partner)


def test_a_round_trip_needs_a_generator():
    with pytest.raises(ValueError, match="generator"):
        PERTURBATIONS["codec"].apply(music(), RATE, 1, rng(0, ""))


# -- the promises ----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [-12, -7, -3, -1, -0.5, 0.5, 1, 3, 6, 12])
def test_pitch_of_a_sine_is_within_5_cents(level):
    for hz in (220, 440, 880, 1760):
        shifted = apply("pitch", sine(hz), level)
        assert abs(cents(pitch_hz(shifted, RATE), hz * 2 ** (level / 12))) < 5


@pytest.mark.parametrize("sample_rate", [22050, 48000])
@pytest.mark.parametrize("level", [-12, 5, 12])
def test_pitch_at_other_rates(level, sample_rate):
    shifted = apply("pitch", sine(440, sample_rate), level, sample_rate)
    assert abs(cents(pitch_hz(shifted, sample_rate), 440 * 2 ** (level / 12))) < 5


@pytest.mark.parametrize("level", [-12, -5, 5, 12])
def test_pitch_leaves_attacks_where_and_as_short_as_they_are(level):
    samples = bursts(RATE)
    shifted = apply("pitch", samples, level)
    expected = burst_times(samples, RATE)
    assert burst_times(shifted, RATE) == pytest.approx(expected, abs=0.003)
    near = np.abs(np.arange(len(samples)) / RATE - expected[:, None]).min(axis=0) < 0.01
    assert np.sum(shifted[near] ** 2) > 0.9 * np.sum(shifted**2)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("level", [-20, -10, -1, 1, 10, 20])
def test_stretch_changes_the_tempo_by_the_level(level, sample_rate):
    stretched = apply("stretch", bursts(sample_rate), level, sample_rate)
    times = burst_times(stretched, sample_rate)
    assert len(times) >= 9
    tempo = 0.4 / np.polyfit(np.arange(len(times)), times, 1)[0]
    assert tempo == pytest.approx(1 + level / 100, rel=0.005)
    assert np.abs(times - 2.5).min() < 0.002, "the centre moved"


@pytest.mark.parametrize("level", [-20, -1, 20])
def test_stretch_keeps_the_pitch(level):
    for hz in (220, 1760):
        assert abs(cents(pitch_hz(apply("stretch", sine(hz), level), RATE), hz)) < 5


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("level", [-30, -10, 0, 15, 30])
def test_noise_meets_its_level_over_the_clip(level, sample_rate):
    samples = 0.02 * music(sample_rate)  # so quiet that nothing has to be scaled down
    noise = apply("noise", samples, level, sample_rate).astype(np.float64) - samples
    assert rms_db(noise) - rms_db(samples) == pytest.approx(level, abs=0.1)
    power = np.square(np.abs(np.fft.rfft(noise)))
    low, high = (10 * np.log10(half.mean()) for half in np.array_split(power, 2))
    assert low == pytest.approx(high, abs=0.5), "not white"


def test_noise_is_drawn_as_it_was():
    """Bytes of version 0.1, whose level was the SNR."""
    samples, drawn = music(), rng(0, "perturb", "noise").standard_normal(RATE)
    for snr in (18, -6):
        rms, of_noise = np.sqrt(np.mean(np.square([samples, drawn], dtype=np.float64), axis=1))
        before = samples + drawn * (rms / of_noise * 10 ** (-snr / 20))
        before /= max(1, np.abs(before).max())
        assert np.array_equal(apply("noise", samples, -snr), before.astype(np.float32))


@pytest.mark.parametrize("level", [-30, 0, 12, 30])
def test_mix_meets_the_level(level):
    samples, partner = 0.01 * music(seed=1), music(seed=2)
    added = apply("mix", samples, level, partner=partner).astype(np.float64) - samples
    assert rms_db(samples) - rms_db(added) == pytest.approx(level, abs=0.1)
    assert np.corrcoef(added, partner)[0, 1] > 0.999


@pytest.mark.parametrize("kind", ["splice_training", "splice_vamp", "splice_crossfade"])
@pytest.mark.parametrize("level", [5, 50, 62.5, 95])
def test_a_splice_is_the_clip_and_then_the_other_to_the_sample(kind, level):
    samples, partner = music(seed=1), 3 * music(seed=2)  # as loud as they are: above full scale
    for options in ({}, {"crossfade_s": 0.0}):
        spliced = apply(kind, samples, level, partner=partner, **options)
        cut = round(level / 100 * RATE)
        assert np.array_equal(spliced[:cut], samples[:cut])
        assert np.array_equal(spliced[cut:], partner[cut:])


@pytest.mark.parametrize("sample_rate", RATES)
def test_a_cross_fade_lies_about_the_cut_and_keeps_the_energy(sample_rate):
    draws = np.random.default_rng(0)
    one, other = 0.1 * draws.standard_normal((2, 2 * sample_rate)).astype(np.float32)
    fade = round(0.2 * sample_rate)
    spliced = apply("splice_crossfade", one, 40, sample_rate, partner=other, crossfade_s=0.2)
    first = round(0.8 * sample_rate) - fade // 2
    within = slice(first, first + fade)
    assert np.array_equal(spliced[:first], one[:first])
    assert np.array_equal(spliced[first + fade :], other[first + fade :])
    assert rms_db(spliced[within]) == pytest.approx(rms_db(one), abs=0.2)
    # half of the power each at the cut, and an equal share of both in all
    middle = slice(first + fade // 2 - 200, first + fade // 2 + 200)
    for part in (one, other):
        share = np.vdot(spliced[middle], part[middle]) / np.vdot(part[middle], part[middle])
        assert share == pytest.approx(np.sqrt(0.5), abs=0.1)
    of_one, of_other = apply_to_ones(sample_rate, 0.2)
    assert of_one**2 + of_other**2 == pytest.approx(np.ones(len(of_one)), abs=1e-6)
    assert of_one[within] == pytest.approx(of_other[within][::-1], abs=1e-6)


def apply_to_ones(sample_rate, crossfade_s):
    """Gains of both clips of a splice in the middle."""
    ones, nothing = np.ones(2 * sample_rate, np.float32), np.zeros(2 * sample_rate, np.float32)
    how = {"level": 40, "sample_rate": sample_rate, "crossfade_s": crossfade_s}
    return (
        apply("splice_crossfade", one, partner=other, **how)
        for one, other in ((ones, nothing), (nothing, ones))
    )


@pytest.mark.parametrize("level", [0.5, 99.5])
def test_a_cross_fade_longer_than_there_is_room_for_ends_with_the_clip(level):
    samples, partner = music(seed=1), music(seed=2)
    spliced = apply("splice_crossfade", samples, level, partner=partner, crossfade_s=0.5)
    assert np.isfinite(spliced).all() and len(spliced) == RATE
    kept = slice(RATE // 2, None) if level < 50 else slice(None, RATE // 2)
    assert np.array_equal(spliced[kept], (partner if level < 50 else samples)[kept])


def test_what_is_too_loud_is_scaled_down_and_not_clipped():
    quiet, loud = (apply("noise", scale * music(), 20) for scale in (0.01, 1.0))
    assert np.abs(loud).max() == pytest.approx(1)
    assert loud == pytest.approx(quiet / np.abs(quiet).max(), abs=1e-5)
    over = 4 * music()  # was above full scale already: as it is
    assert np.abs(apply("crop", over, 0.1)).max() > 1


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize(("kind", "level"), [("mp3", 32), ("mp3", 320), ("opus", 6), ("opus", 128)])
def test_codecs_are_aligned(kind, level, sample_rate):
    samples = music(sample_rate, 2)
    altered = apply(kind, samples, level, sample_rate)
    assert abs(lag_s(samples, altered, sample_rate)) <= 0.001
    for part in (slice(None, sample_rate // 4), slice(-sample_rate // 4, None)):
        loss = rms_db(altered[part]) - rms_db(samples[part])
        assert abs(loss) < 4, "an end is missing, or the level is off"


@pytest.mark.parametrize(("kind", "levels"), [("mp3", (32, 64, 128)), ("opus", (16, 32, 64, 128))])
def test_a_higher_bit_rate_is_closer(kind, levels):
    samples = music(duration_s=2)
    errors = [rms_db(apply(kind, samples, level) - samples) for level in levels]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < rms_db(samples) - 10


@pytest.mark.parametrize(
    ("kind", "level"),
    [("mp3", level) for level in (32, 64, 128, 320)] + [("opus", level) for level in (6, 64, 256)],
)
def test_bit_rate_is_constant_and_exact(kind, level):
    codec = coding.CODECS[kind]
    packets, _ = coding.encode(music(codec.sample_rate, 2), level, codec)
    assert np.ptp([packet.size for packet in packets]) <= 1
    seconds = sum(packet.duration * packet.time_base for packet in packets)
    bits = 8 * sum(packet.size for packet in packets)
    assert bits / float(seconds) == pytest.approx(1000 * level, rel=0.01)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("level", [100, 1000, 4000, 10000])
def test_lowpass(level, sample_rate):
    impulse = np.zeros(sample_rate, np.float32)
    impulse[sample_rate // 2] = 1
    answer = apply("lowpass", impulse, level, sample_rate)
    assert answer == pytest.approx(np.roll(answer[::-1], 1), abs=1e-6), "not zero phase"
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(answer)) + 1e-12)  # one bin a hertz
    assert np.abs(gain_db[: level // 2]).max() < 1
    assert np.all(gain_db[2 * level :] < -40)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("level", [0.2, 0.5, 1, 3])
def test_reverb_decays_as_promised(level, sample_rate):
    impulse = np.zeros(4 * sample_rate, np.float32)
    impulse[0] = 1
    answer = apply("reverb", impulse, level, sample_rate).astype(np.float64)
    answer /= answer[0]
    assert np.sum(answer[1:] ** 2) == pytest.approx(1, rel=1e-3)
    left_db = 10 * np.log10(np.cumsum(answer[::-1] ** 2)[::-1] + 1e-12)  # Schroeder
    fit = slice(*np.searchsorted(-left_db, [5, 35]))
    slope = np.polyfit(np.arange(len(answer))[fit] / sample_rate, left_db[fit], 1)[0]
    assert -60 / slope == pytest.approx(level, rel=0.1)


def test_gain_clips_at_full_scale():
    samples = music()
    assert apply("gain", samples, -20) == pytest.approx(samples / 10, abs=1e-6)
    louder = apply("gain", samples, 20)
    assert louder == pytest.approx(np.clip(10 * samples, -1, 1), abs=1e-6)
    assert np.mean(np.abs(louder) == 1) > 0.1


def test_crop_starts_later():
    samples = music(duration_s=2)
    later = apply("crop", samples, 0.5)
    assert np.array_equal(later[: -RATE // 2], samples[RATE // 2 :])
    assert not later[-RATE // 2 :].any()


if __name__ == "__main__":
    print(*digests(), sep="\n")
