"""The perturbations: what may be done to a clip, how far, and what each promises.

================ ========= ============= =========================================================
kind             unit      levels        promise, measured in ``tests/unit/test_perturb.py``
================ ========= ============= =========================================================
pitch            semitones -12 ... 12    a sine lands within 5 cents; the tempo stays
stretch          %         -20 ... 20    the tempo changes by the level within 0.5 % (20 is
                                         faster); the pitch stays
noise            dB        -30 ... 30    white Gaussian noise; its RMS over the clip's is met
                                         within 0.1 dB (-30 is the quietest)
splice_training  %         0 ... 100     the first samples are the clip's, so many in a hundred;
splice_vamp                              the rest is the other clip's, from the same place of it;
                                         both as loud as they are
splice_crossfade %         0 ... 100     the same with a cross-fade of equal power at the cut
mix              dB        -30 ... 30    the clip's level over its partner's by RMS, within 0.1 dB
mp3              kbit/s    32 ... 320    mono, constant bit rate, aligned with the input in 1 ms
opus             kbit/s    6 ... 256     mono, constant bit rate, aligned with the input in 1 ms
lowpass          Hz        100 ... 20000 zero phase; within 1 dB at half the cut-off, 40 dB down
                                         at twice
reverb           s         0 ... 3       RT60 within 10 %; the tail is as strong as the direct
                                         sound
gain             dB        -30 ... 30    hard clipping at full scale
crop             s         0 ... 1.5     the clip starts that much later
codec            codebooks 1 ... 32      a generator's codec, there and back, without generation
================ ========= ============= =========================================================

The first five are the paper's (section 5.1 and figure 1); the rest is ours. The paper's sixth,
``splice_outside``, is the audio of ``splice_training``, searched for where the other clip's track
cannot be found: `study.clip_sets`. The paper does not say how a splice is cut; ours is a hard cut
unless the config asks for a cross-fade. A perturbation draws only from the generator that it is
handed, so the same seed gives the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import python_stretch

from musical_roots.audio import fit, read, resample
from musical_roots.coding import round_trip
from musical_roots.errors import InputError
from musical_roots.generators.base import Generator

MP3_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
SILENCE_RMS = 1e-5  # below the step of 16 bits: what is left is a decoder's rounding, not music


@dataclass(frozen=True)
class Perturbation:
    """One way to alter a clip.

    Attributes
    ----------
    kind, unit : str
        Its name, and what its level is measured in.
    low, high : float
        The levels that are possible, both included.
    identity : float or None
        The level that changes nothing; None if there is no such level.
    context_s : float
        Seconds of music that it wants on both sides of the clip, so that the clip's edges are made
        of music too; `render` reads them and cuts them off again.
    function : callable
        (audio, sample_rate, level, rng, partner) -> audio; call `apply` instead.
    family : {"paper", "extended"}
        Whether the paper has it.
    needs_partner, needs_generator : bool
        Whether a clip of another track takes part, or a generator's codec.
    choices : tuple of float
        The only possible levels, where not all between `low` and `high` are.
    as_loud : bool
        Whether it is left as loud as it comes out: what is above full scale already in one of two
        clips is no fault of a splice.
    drawn_as : str
        What its random draws are named by, if not by its kind: numbers stay what they were.
    """

    kind: str
    unit: str
    low: float
    high: float
    identity: float | None
    context_s: float
    function: Callable[..., np.ndarray]
    family: Literal["paper", "extended"] = "extended"
    needs_partner: bool = False
    needs_generator: bool = False
    choices: tuple[float, ...] = ()
    as_loud: bool = False
    drawn_as: str = ""

    def apply(
        self,
        audio: np.ndarray,
        sample_rate: int,
        level: float,
        rng: np.random.Generator,
        partner: np.ndarray | None = None,
        generator: Generator | None = None,
        **options: float,
    ) -> np.ndarray:
        """Alter a clip.

        Parameters
        ----------
        audio : ndarray, float32 [samples]
            The clip, with `context_s` more on both sides if its edges matter.
        sample_rate : int
            Hz.
        level : float
            How far, in `unit`.
        rng : Generator
            The only source of chance.
        partner : ndarray, float32 [samples], optional
            The other clip of a splice or mix, as long as `audio`.
        generator : Generator, optional
            Whose codec the round trip goes through.
        **options
            Of the kind: of a splice crossfade_s, the seconds of its cross-fade; without it, or at
            0, the cut is hard.

        Returns
        -------
        ndarray, float32 [samples]
            As long as `audio`. At the identity level it is `audio`. If the peak is above full scale
            and above the input's, all of it is scaled down to full scale, unless `as_loud`.

        Raises
        ------
        InputError
            If the level is not possible, or `audio` or `partner` is silent where their levels are
            compared.
        """
        check_level(self.kind, level)
        if level == self.identity:
            return audio
        if self.needs_partner and (partner is None or len(partner) != len(audio)):
            raise ValueError(f"{self.kind} needs a partner as long as the clip")
        if self.needs_generator and generator is None:
            raise ValueError(f"{self.kind} needs a generator")
        other = generator if self.needs_generator else partner
        altered = self.function(audio, sample_rate, level, rng, other, **options)
        peak = np.abs(altered).max(initial=0.0)
        if not self.as_loud and peak > max(1.0, np.abs(audio).max(initial=0.0)):
            altered = altered / peak
        return altered.astype(np.float32, copy=False)


def check_level(kind: str, level: float) -> None:
    """Refuse a kind that does not exist, or a level that it cannot have.

    Raises
    ------
    InputError
        Names the kind, the level and what is allowed.
    """
    if kind not in PERTURBATIONS:
        raise InputError(f"{kind}: no such perturbation; choose from {', '.join(PERTURBATIONS)}")
    perturbation = PERTURBATIONS[kind]
    allowed = f"{perturbation.low:g} to {perturbation.high:g}"
    possible = perturbation.low <= level <= perturbation.high
    if perturbation.choices:
        allowed = " or ".join(f"{choice:g}" for choice in perturbation.choices)
        possible = level in perturbation.choices
    if not possible:
        allowed = f"choose {allowed} {perturbation.unit}"
        raise InputError(f"{kind}: level {level:g} is not possible; {allowed}")


def render(
    path: Path | str,
    start_s: float,
    duration_s: float,
    kind: str,
    level: float,
    sample_rate: int,
    rng: np.random.Generator,
    partner: tuple[Path | str, float] | None = None,
    generator: Generator | None = None,
    **options: float,
) -> np.ndarray:
    """Read a clip and alter it, with the track's own music beyond its edges.

    Parameters
    ----------
    path : path
        The track.
    start_s, duration_s : float
        The clip within it, in seconds. Beyond the track's ends there is silence.
    kind, level : str, float
        The perturbation, and how far.
    sample_rate : int
        Hz to read and work at.
    rng : Generator
        The only source of chance.
    partner : (path, start_s), optional
        The other clip of a splice or mix.
    generator : Generator, optional
        Whose codec a round trip goes through.
    **options
        Of the kind, as `Perturbation.apply` takes them.

    Returns
    -------
    ndarray, float32 [round(duration_s * sample_rate)]
        At the identity level the same bytes as `audio.read` gives.

    Raises
    ------
    InputError
        As `Perturbation.apply` and `audio.read`; a silent clip is named.
    """
    check_level(kind, level)
    perturbation = PERTURBATIONS[kind]
    margin = 0 if level == perturbation.identity else round(perturbation.context_s * sample_rate)
    samples = round(duration_s * sample_rate)
    audio = _with_margins(path, start_s, samples, margin, sample_rate)
    other = _with_margins(*partner, samples, margin, sample_rate) if partner else None
    try:
        altered = perturbation.apply(audio, sample_rate, level, rng, other, generator, **options)
    except InputError as error:
        raise InputError(f"{path} at {start_s:g} s: {error}") from error
    return altered[margin : margin + samples]


@lru_cache(maxsize=4)  # the levels of a clip follow one another, and decoding costs as much as most
def _with_margins(
    path: Path | str, start_s: float, samples: int, margin: int, sample_rate: int
) -> np.ndarray:
    """A clip with `margin` samples more on both sides: float32."""
    missing = max(0, margin - round(start_s * sample_rate))  # before the track begins
    length_s = (samples + 2 * margin - missing) / sample_rate
    audio, _ = read(path, sample_rate, max(0.0, start_s - margin / sample_rate), length_s)
    return np.pad(audio, (missing, 0))


def _pitch(audio, sample_rate, level, rng, partner):
    ratio = 2 ** (level / 12)
    stretched = _signalsmith(audio, sample_rate, 1 / ratio, rng)
    return fit(resample(stretched, ratio * sample_rate, sample_rate), len(audio))


def _stretch(audio, sample_rate, level, rng, partner):
    stretched = _signalsmith(audio, sample_rate, 1 + level / 100, rng)
    # the centre stays where it is; a faster clip needs the context on both sides
    missing = max(0, len(audio) - len(stretched))
    stretched = np.pad(stretched, (missing // 2, missing - missing // 2))
    first = (len(stretched) - len(audio)) // 2
    return stretched[first : first + len(audio)]


def _signalsmith(audio: np.ndarray, sample_rate: int, rate: float, rng) -> np.ndarray:
    """`audio`, `rate` times as fast. At a half and below its phases are random unless it is seeded.

    Other shifts of pitch made of a stretch and a resampling are 4-22 cents off (audiomentations),
    or smear attacks (phase vocoder).
    """
    stretcher = python_stretch.Signalsmith.Stretch(int(rng.integers(2**31)))
    stretcher.preset(1, sample_rate)
    stretcher.setTimeFactor(rate)
    return stretcher.process(audio[np.newaxis])[0]


def _noise(audio, sample_rate, level, rng, partner):
    return _add(audio, rng.standard_normal(len(audio)), level, "noise")


def _mix(audio, sample_rate, level, rng, partner):
    return _add(audio, partner.astype(np.float64), -level, "mix")


def _add(audio: np.ndarray, other: np.ndarray, level: float, kind: str) -> np.ndarray:
    """`audio` plus `other`, which is brought `level` dB over it (RMS)."""
    rms, other_rms = np.sqrt(np.mean(np.square([audio, other], dtype=np.float64), axis=1))
    if min(rms, other_rms) < SILENCE_RMS:
        which = "clip" if rms < SILENCE_RMS else "partner clip"
        raise InputError(f"{kind}: the {which} is silent, so it has no level; leave such clips out")
    return audio + other * (rms / other_rms * 10 ** (level / 20))


def _splice(audio, sample_rate, level, rng, partner, crossfade_s=None):
    cut = round(level / 100 * len(audio))
    spliced = np.concatenate([audio[:cut], partner[cut:]])
    fade = round((crossfade_s or 0) * sample_rate)
    start = cut - fade // 2
    place = np.arange(max(0, start), min(len(audio), start + fade))
    turn = (place + 0.5 - start) / max(1, fade) * np.pi / 2
    spliced[place] = np.cos(turn) * audio[place] + np.sin(turn) * partner[place]
    return spliced


def _mp3(audio, sample_rate, level, rng, partner):
    return round_trip(audio, sample_rate, level, "mp3")


def _opus(audio, sample_rate, level, rng, partner):
    return round_trip(audio, sample_rate, level, "opus")


def _lowpass(audio, sample_rate, level, rng, partner):
    # a 6th-order Butterworth there and back, written as its gain: 6 dB down at the cut-off
    frequencies = np.fft.rfftfreq(2 * len(audio), 1 / sample_rate)
    gain = 1 / (1 + (frequencies / level) ** 12)
    spectrum = np.fft.rfft(audio, 2 * len(audio)) * gain.astype(np.float32)
    return np.fft.irfft(spectrum, 2 * len(audio))[: len(audio)]


def _reverb(audio, sample_rate, level, rng, partner):
    time = np.arange(1, round(level * sample_rate) + 1) / sample_rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / level)
    room = np.append(1.0, tail / np.linalg.norm(tail)).astype(np.float32)
    size = 1 << (len(audio) + len(room)).bit_length()
    return np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(room, size), size)[: len(audio)]


def _gain(audio, sample_rate, level, rng, partner):
    return np.clip(audio * 10 ** (level / 20), -1.0, 1.0)


def _codec(audio, sample_rate, level, rng, generator):
    rate = generator.sample_rate
    coded = generator.reconstruct(resample(audio, sample_rate, rate), round(level))
    return fit(resample(coded, rate, sample_rate), len(audio))


def _crop(audio, sample_rate, level, rng, partner):
    return fit(audio[round(level * sample_rate) :], len(audio))


SPLICED = {"needs_partner": True, "as_loud": True}
PERTURBATIONS = {
    one.kind: one
    for one in (
        Perturbation("pitch", "semitones", -12, 12, 0, 0.5, _pitch, "paper"),
        # at +20 % a clip of up to 10 s is made of music to its edges
        Perturbation("stretch", "%", -20, 20, 0, 1.0, _stretch, "paper"),
        # no context: the level holds over the clip itself
        Perturbation("noise", "dB", -30, 30, None, 0.0, _noise, "paper"),
        Perturbation("splice_training", "%", 0, 100, 100, 0.0, _splice, "paper", **SPLICED),
        Perturbation("splice_vamp", "%", 0, 100, 100, 0.0, _splice, "paper", **SPLICED),
        Perturbation("splice_crossfade", "%", 0, 100, 100, 0.0, _splice, **SPLICED),
        Perturbation("mix", "dB", -30, 30, None, 0.0, _mix, needs_partner=True, drawn_as="mashup"),
        Perturbation("mp3", "kbit/s", 32, 320, None, 0.25, _mp3, choices=MP3_RATES),
        Perturbation("opus", "kbit/s", 6, 256, None, 0.25, _opus),
        Perturbation("lowpass", "Hz", 100, 20000, None, 0.25, _lowpass),
        Perturbation("reverb", "s", 0, 3, 0, 1.0, _reverb),
        Perturbation("gain", "dB", -30, 30, 0, 0.0, _gain),
        Perturbation("crop", "s", 0, 1.5, 0, 1.5, _crop),
        Perturbation(
            "codec",
            "codebooks",
            1,
            32,
            None,
            0.25,
            _codec,
            needs_generator=True,
            choices=tuple(range(1, 33)),
        ),
    )
}
