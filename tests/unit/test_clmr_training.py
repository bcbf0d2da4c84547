"""Views of a track, and what is learned from them."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from plain_clmr import plain_clmr, plain_encode
from torch import nn

from musical_roots import cli
from musical_roots.encoders import clmr, clmr_training, clmr_views
from musical_roots.encoders.base import Settings
from musical_roots.encoders.clmr_views import SAMPLE_RATE, WINDOW
from musical_roots.errors import InputError
from musical_roots.seeding import rng
from musical_roots.weights import files
from musical_roots.weights.formats import clmr as layout

TIME = np.arange(WINDOW) / SAMPLE_RATE
NOISE = (np.random.default_rng(0).standard_normal(WINDOW) / 10).astype(np.float32)


def sine(hertz, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


def rms(audio):
    return np.sqrt(np.mean(np.square(audio[2000:-2000], dtype=np.float64)))


def decibels(after, before):
    return 20 * np.log10(rms(after) / rms(before))


# What alters a view


def test_polarity_turns_the_sign():
    np.testing.assert_array_equal(clmr_views.polarity(NOISE) + NOISE, 0)


@pytest.mark.parametrize("share", [0.0001, 0.01])
def test_noise_has_its_share_of_the_signal(share):
    added = clmr_views.noise(sine(440), share, rng(0, "noise")) - sine(440)
    assert added.std() == pytest.approx(share * sine(440).std(), rel=0.02)
    assert abs(np.corrcoef(added[1:], added[:-1])[0, 1]) < 0.02


@pytest.mark.parametrize("level", [-20, -1])
def test_gain_is_in_decibels(level):
    assert decibels(clmr_views.gain(NOISE, level), NOISE) == pytest.approx(level, abs=1e-3)
    assert np.abs(clmr_views.gain(3 * sine(440), -1)).max() == 1


@pytest.mark.parametrize("cutoff", [2200, 4000])
def test_a_low_pass_keeps_what_is_below(cutoff):
    below, at, above = (
        decibels(clmr_views.lowpass(sine(cutoff * share), cutoff), sine(440))
        for share in (0.7, 1, 1.4)
    )
    assert below > -0.1 and at == pytest.approx(-6, abs=1) and above < -40


@pytest.mark.parametrize("cutoff", [200, 1200])
def test_a_high_pass_keeps_what_is_above(cutoff):
    below, at, above = (
        decibels(clmr_views.highpass(sine(cutoff * share), cutoff), sine(440))
        for share in (0.7, 1, 1.4)
    )
    assert below < -40 and at == pytest.approx(-6, abs=1) and above > -0.1


@pytest.mark.parametrize("milliseconds", [200, 450])
def test_delay_adds_half_of_it_later(milliseconds):
    click = np.zeros(WINDOW, np.float32)
    click[100] = 1
    delayed = clmr_views.delay(click, milliseconds)
    late = 100 + int(milliseconds * 22.05)
    assert (delayed[100], delayed[late]) == (0.5, 0.25)
    assert np.count_nonzero(delayed) == 2


@pytest.mark.parametrize("cents", [-700, -1, 350, 700])
def test_pitch_shifts_a_sine(cents):
    shifted = clmr_views.pitch(sine(440), cents, rng(0, "pitch"))
    assert shifted.shape == (WINDOW,)
    steady = shifted[10_000:40_000]
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 2**20))
    found = spectrum.argmax() * SAMPLE_RATE / 2**20
    assert 1200 * np.log2(found / 440) == pytest.approx(cents, abs=5)
    again = clmr_views.pitch(sine(440), cents, rng(0, "pitch"))
    np.testing.assert_array_equal(again, shifted)


@pytest.mark.parametrize("setting", [(50, 50, 100), (99, 0, 99), (0, 99, 0)])
def test_reverb_is_that_of_delay_lines(setting):
    dry = NOISE[:4000]
    wet = clmr_views.reverb(dry, *setting)
    np.testing.assert_allclose(wet, freeverb(dry, *setting), atol=1e-6)
    assert np.abs(wet - dry).max() > 0.01


def freeverb(audio, reverberance, damping, room):
    """SoX's reverb, sample by sample."""
    loop = 1 - math.exp(math.log(0.7) + (math.log(0.02) - math.log(0.7)) * reverberance / 100)
    hold, scale = 0.2 + 0.3 * damping / 100, 0.1 + 0.9 * room / 100
    wet = np.zeros(len(audio))
    for spread in (0, 12):
        side = np.zeros(len(audio))
        for i, length in enumerate((1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)):
            line = [0.0] * int(scale * (length + spread * (-1) ** i) / 2 + 0.5)
            held = 0.0
            for t, sample in enumerate(audio):
                out = line[t % len(line)]
                held = out + (held - out) * hold
                line[t % len(line)] = sample + held * loop
                side[t] += out
        for i, length in enumerate((225, 341, 441, 556)):
            line = [0.0] * int((length + spread * (-1) ** i) / 2 + 0.5)
            for t, sample in enumerate(side):
                out = line[t % len(line)]
                line[t % len(line)] = sample + out / 2
                side[t] = out - sample
        wet += side / 2
    return audio + 0.015 * wet


def test_each_alteration_has_its_chance_and_its_range(monkeypatch):
    seen = {}

    def record(name):
        def altered(audio, *how):
            seen.setdefault(name, []).append([h for h in how if np.isscalar(h)])
            return audio

        return altered

    names = ("polarity", "noise", "gain", "lowpass", "highpass", "delay", "pitch", "reverb")
    for name in names:
        monkeypatch.setattr(clmr_views, name, record(name))
    for i in range(4000):
        clmr_views.augmented(NOISE[:10], rng(0, "chances", i))
    chances = {"polarity": 0.8, "noise": 0.01, "gain": 0.3, "lowpass": 0.4, "highpass": 0.4}
    chances |= {"delay": 0.3, "pitch": 0.6, "reverb": 0.6}
    for name, chance in chances.items():
        assert len(seen[name]) / 4000 == pytest.approx(chance, abs=0.03), name
    assert len(seen["noise"]) < 80
    assert set(np.ravel(seen["delay"])) == {200, 250, 300, 350, 400, 450}
    for name, low, high in (
        ("noise", 0.0001, 0.01),
        ("gain", -20, -1),
        ("lowpass", 2200, 4000),
        ("highpass", 200, 1200),
        ("pitch", -700, 700),
        ("reverb", 0, 99),
    ):
        values = np.ravel(seen[name])
        assert low <= values.min() and values.max() <= high
        assert values.max() - values.min() > 0.8 * (high - low)


def test_views_are_excerpts_of_the_same_29_seconds(monkeypatch):
    monkeypatch.setattr(clmr_views, "augmented", lambda audio, draw: audio)
    track = np.arange(300 * SAMPLE_RATE, dtype=np.float64)
    starts = np.array([clmr_views.views(track, 0, f"{i}")[:, 0] for i in range(300)])
    apart = np.abs(starts[:, 0] - starts[:, 1])
    assert clmr_views.views(track, 0, "0").shape == (2, WINDOW)
    assert 20 * SAMPLE_RATE < apart.max() <= 29 * SAMPLE_RATE - WINDOW
    assert starts.min() < 20 * SAMPLE_RATE and starts.max() > 270 * SAMPLE_RATE


def test_views_depend_on_the_seed_and_the_item_alone():
    track = np.tile(NOISE, 2)
    one = clmr_views.views(track, 0, "a")
    assert one.shape == (2, WINDOW) and one.dtype == np.float32
    clmr_views.views(track, 0, "b")
    np.testing.assert_array_equal(clmr_views.views(track, 0, "a"), one)
    for other in (clmr_views.views(track, 1, "a"), clmr_views.views(track, 0, "b"), one[::-1]):
        assert (other != one).any()


# The objective


def test_nt_xent_is_that_of_a_loop():
    draw = np.random.default_rng(0)
    first, second = draw.standard_normal((2, 5, 7))
    both = np.concatenate([first, second])
    losses = []
    for i, z in enumerate(both):
        cosines = [z @ other / np.linalg.norm(z) / np.linalg.norm(other) for other in both]
        weights = np.exp(np.array(cosines) / 0.5)
        losses.append(-np.log(weights[(i + 5) % 10] / (weights.sum() - weights[i])))
    loss = clmr_training.nt_xent(torch.from_numpy(first), torch.from_numpy(second))
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-12)


def test_nt_xent_has_known_values():
    alike = torch.ones(4, 3)
    assert clmr_training.nt_xent(alike, alike).item() == pytest.approx(math.log(7))
    apart = torch.eye(2)
    known = math.log((math.exp(2) + 2) / math.exp(2))
    assert clmr_training.nt_xent(apart, 3 * apart).item() == pytest.approx(known)


# The network


def test_the_network_and_its_gradients_are_those_of_plain_modules():
    encoder = clmr_training.SampleCNN(torch.float64).double()
    draw = np.random.default_rng(0)
    for parameter in encoder.parameters():
        if parameter.requires_grad and parameter.ndim == 1:  # scales of either sign
            nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
    state = encoder.state_dict()
    network = plain_clmr({name: state[name].numpy() for name in clmr.shapes()}).double().train()
    layers = [m for m in network if isinstance(m, nn.Conv1d | nn.BatchNorm1d)]
    for plain, ours in zip(layers, (m for pair in encoder.sequential for m in pair), strict=True):
        plain.load_state_dict(ours.state_dict())
    clips, way = (torch.from_numpy(draw.standard_normal((2, n))) for n in (WINDOW, 512))
    features = encoder(clips)
    plain = network(clips[:, None])
    torch.testing.assert_close(features, plain)
    (features * way).sum().backward()
    (plain * way).sum().backward()
    for theirs, ours in zip(layers, (m for pair in encoder.sequential for m in pair), strict=True):
        # rounding goes with the largest of them, and differs from processor to processor
        for name in ["weight"] + ["bias"] * isinstance(ours, nn.BatchNorm1d):
            mine, plains = (getattr(layer, name).grad for layer in (ours, theirs))
            error = (mine - plains).abs().max() / plains.abs().max()
            assert error < 1e-9, name
        if isinstance(ours, nn.BatchNorm1d):
            torch.testing.assert_close(ours.running_mean, theirs.running_mean)
            torch.testing.assert_close(ours.running_var, theirs.running_var)


def test_the_projector_is_simclrs():
    shapes = [tuple(p.shape) for p in clmr_training.projector().parameters()]
    assert shapes == [(512, 512), (64, 512)]


# Training


@pytest.fixture(scope="module")
def tracks():
    """Tones over noise, each of its own, 4 s."""
    at = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    made = {}
    for i in range(6):
        hiss = np.random.default_rng(i).standard_normal(len(at)) / 50
        made[f"track {i}"] = np.float32(0.3 * np.sin(2 * np.pi * 100 * 1.7**i * at) + hiss)
    return made


def train(*tracks, device="cpu", precision="bf16", **how):
    return clmr_training.train(*tracks, device=device, precision=precision, **how)


@pytest.fixture(scope="module")
def trained(tracks):
    """Learned from views that are not altered: easy enough for four steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clmr_views, "augmented", lambda audio, draw: audio)
        patch.setattr(clmr_training, "CONTROL_EVERY", 3)
        return train(tracks, tracks, seed=0, steps=4, batch_size=6, learning_rate=1e-3)


def test_the_loss_falls(trained):
    _, curve = trained
    assert list(curve.columns) == ["step", "train_loss", "control_loss"]
    assert curve.step.tolist() == [1, 2, 3, 4]
    assert curve.train_loss[0] > 1.5 and curve.train_loss[3] < 1
    assert curve.control_loss.notna().tolist() == [False, False, True, True]


def test_what_was_trained_is_a_clmr(trained, tracks):
    tensors, _ = trained
    assert {name: tensor.shape for name, tensor in tensors.items()} == clmr.shapes()
    assert all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values())
    clips = np.stack([track[:WINDOW] for track in tracks.values()])
    features = clmr.Network(tensors, Settings())(clips)
    plain = np.stack([plain_encode(plain_clmr(tensors), clip) for clip in clips])
    np.testing.assert_allclose(features, plain, atol=1e-5 * plain.max())
    assert (features.std(axis=0) > 0).mean() > 0.3


def test_a_trained_network_is_saved_as_one_is_published(tmp_path):
    state = clmr_training.SampleCNN().state_dict()
    torch.save({f"encoder.{name}": tensor for name, tensor in state.items()}, tmp_path / "ours.pt")
    [(tensors, random)] = layout.convert(tmp_path / "ours.pt", "clmr")
    assert not random
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, state[name])


def test_training_repeats_to_the_bit_and_hangs_on_the_seed(tracks):
    def run(seed, tracks=tracks, **how):
        return train(tracks, {}, seed=seed, steps=2, batch_size=2, **how)

    (one, curve), (again, curve_again) = run(0), run(0, dict(reversed(tracks.items())))
    for name, tensor in one.items():
        np.testing.assert_array_equal(again[name], tensor)
    assert curve.equals(curve_again) and curve.control_loss.isna().all()
    other, _ = run(1)
    assert (other["sequential.0.0.weight"] != one["sequential.0.0.weight"]).any()
    _, single = run(0, precision="fp32")
    np.testing.assert_allclose(single.train_loss, curve.train_loss, atol=0.2)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_precision_that_is_asked_for_is_trained_in_and_noted(monkeypatch, tmp_path, precision):
    asked = {}

    def train(audio, control, **how):
        asked.update(how)
        columns = ["step", "train_loss", "control_loss"]
        return {"half": np.zeros(3, np.float32)}, pd.DataFrame([(1, 1.0, 1.0)], columns=columns)

    monkeypatch.setattr(clmr_training, "train", train)
    table = pd.DataFrame(columns=["root", "path", "split", "track_id"])
    table.to_csv(tmp_path / "tracks.csv", index=False)
    flags = {"tracks": "tracks.csv", "out": "clmr_open.safetensors", "curve-out": "curve.csv"}
    words = [word for flag, file in flags.items() for word in (f"--{flag}", tmp_path / file)]
    words += ["--steps", 1, "--batch", 2, "--precision", precision, "--device", "cpu"]
    words += ["--seed", 0]
    CliRunner().invoke(cli.stages, ["train", "clmr-open", *map(str, words)], catch_exceptions=False)
    _, about = files.read(tmp_path / "clmr_open.safetensors")
    assert asked["precision"] == about["precision"] == precision


def test_every_track_comes_once_in_an_epoch(tracks, monkeypatch):
    seen = []

    def views(audio, seed, item):
        seen.append(item)
        return np.zeros((2, WINDOW), np.float32)

    monkeypatch.setattr(clmr_training, "views", views)
    with clmr_training._threads() as pool:
        batches = list(clmr_training._batches(tracks, 0, 4, 3, pool))
    assert [batch.shape for batch in batches] == 4 * [(2, 3, WINDOW)]
    assert sorted(item.split(" ", 1)[1] for item in seen[:6]) == sorted(tracks)
    assert sorted(item.split(" ", 1)[1] for item in seen[6:]) == sorted(tracks)
    assert {item.split(" ", 1)[0] for item in seen} == {"0", "1", "2", "3"}


def test_too_few_tracks_are_an_input_error(tracks):
    short = {**tracks, "short": np.zeros(WINDOW - 1, np.float32)}
    with pytest.raises(InputError, match=r"batch of 7 tracks needs as many, and there are 6"):
        train(short, {}, seed=0, steps=1, batch_size=7)
