"""openvamp's codec: tokens and back."""

import faiss
import numpy as np
import pytest
import tiny_openvamp
import torch
from tiny_openvamp import music

from musical_roots.errors import InputError
from musical_roots.experiments.generation import stft_distance
from musical_roots.generators.openvamp import codec
from musical_roots.generators.openvamp.quantiser import BEAM, Search

CODEC = tiny_openvamp.trained_codec()
WINDOW = torch.hann_window(codec.WINDOW, dtype=torch.float64)


@pytest.mark.parametrize("samples", [1, codec.HOP, 24_000, 24_001, 72_000 - 1])
def test_shapes(samples):
    audio = music(3)[:samples]
    tokens = CODEC.encode(audio)
    assert tokens.shape == (4, 1 + samples // codec.HOP)
    assert tokens.dtype == np.int64
    assert 0 <= tokens.min() <= tokens.max() < 64
    assert CODEC.decode(tokens, samples).shape == (samples,)


def test_no_better_tokens_are_found_one_codebook_after_the_other():
    """The beam search is at least as good as the greedy choice, written out."""
    audio = codec.levelled(music(4, seed=9))
    frames = codec.log_mel(audio)
    left = frames.copy()
    for book in CODEC.codebooks:
        distance = ((left[:, None] - book) ** 2).sum(axis=2)
        left -= book[distance.argmin(axis=1)]
    tokens = CODEC.encode(audio)
    found = sum(book[row] for book, row in zip(CODEC.codebooks, tokens, strict=True))
    ours, greedy = ((frames - found) ** 2).sum(), (left**2).sum()
    assert ours <= 1.001 * greedy
    assert ours < 0.5 * ((frames - frames.mean(axis=0)) ** 2).sum()


def test_tokens_are_those_that_faiss_finds():
    """But where float32, which faiss has, cannot tell which way is the nearer."""
    frames = codec.log_mel(codec.levelled(music(60, seed=3)))
    ours, theirs = Search(CODEC.codebooks)(frames), faiss_tokens(CODEC.codebooks, frames)
    assert (ours == theirs).all(axis=0).mean() > 0.99
    left = [((frames - CODEC.frames(tokens)) ** 2).sum(axis=1) for tokens in (ours, theirs)]
    assert np.abs(np.sort(left[0]) - np.sort(left[1])).max() < 0.1 * left[1].mean()
    assert left[0].mean() == pytest.approx(left[1].mean(), rel=1e-4)


def faiss_tokens(codebooks: np.ndarray, frames: np.ndarray) -> np.ndarray:
    quantiser = faiss.ResidualQuantizer(frames.shape[1], 4, 6)
    quantiser.max_beam_size = BEAM
    faiss.copy_array_to_vector(codebooks.ravel(), quantiser.codebooks)
    quantiser.is_trained = True
    return faiss.unpack_bitstrings(quantiser.compute_codes(frames), 4, 6).T


def test_where_the_beam_holds_all_ways_the_nearest_is_found():
    draws = np.random.default_rng(0)
    books, frames = draws.normal(size=(2, 4, 16)), draws.normal(size=(300, 16))
    sums = (books[0][:, None] + books[1]).reshape(16, 16)
    nearest = ((frames[:, None] - sums) ** 2).sum(axis=2).argmin(axis=1)
    assert np.array_equal(Search(books)(frames), [nearest // 4, nearest % 4])


def test_no_frames_have_no_tokens():
    tokens = Search(CODEC.codebooks)(np.empty((0, codec.MELS), np.float32))
    assert tokens.shape == (4, 0) and tokens.dtype == np.int64


@pytest.mark.parametrize("sample", [np.nan, np.inf])
def test_audio_that_is_not_finite_has_no_tokens(sample):
    frames = np.zeros((200, codec.MELS))
    frames[150, 3] = sample
    with pytest.raises(InputError, match=r"^audio: 1 of 200 frames are not finite; mend"):
        Search(CODEC.codebooks)(frames)
    audio = music(1)
    audio[100] = sample
    with pytest.raises(InputError, match="not finite"), np.errstate(invalid="ignore"):
        CODEC.encode(audio)


def test_no_last_bit_changes_a_token():
    frames = codec.log_mel(codec.levelled(music(20, seed=4))).astype(float)
    noise = np.random.default_rng(0).normal(size=frames.shape)
    search = Search(CODEC.codebooks)
    tokens = search(frames)
    assert np.array_equal(search(frames + 1e-12 * noise), tokens)
    assert not np.array_equal(search(frames + 1e-2 * noise), tokens)
    assert np.array_equal(search(frames[100:300]), tokens[:, 100:300])


def test_tokens_do_not_depend_on_the_level_and_the_level_comes_back():
    audio = music(2)
    assert np.array_equal(CODEC.encode(audio), CODEC.encode(0.01 * audio))
    loud, quiet = CODEC.reconstruct(audio, 4), CODEC.reconstruct(0.01 * audio, 4)
    assert np.allclose(quiet, 0.01 * loud, atol=1e-6)
    level = 20 * np.log10(np.std(loud) / np.std(audio))
    assert abs(level) < 3


def test_silence_stays_silence():
    assert np.abs(CODEC.reconstruct(np.zeros(24_000, np.float32), 4)).max() == 0


def test_each_codebook_brings_the_audio_nearer():
    audio = codec.levelled(music(3, seed=5))
    frames = codec.log_mel(audio)
    tokens = CODEC.encode(audio)
    errors = [
        ((frames - sum(b[t] for b, t in zip(CODEC.codebooks[:n], tokens[:n], strict=True))) ** 2)
        .mean()
        for n in range(1, 5)
    ]  # fmt: skip
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.8 * errors[0]
    noise = np.random.default_rng(0).standard_normal(len(audio)).astype(np.float32)
    coded = CODEC.decode(tokens, len(audio))
    assert stft_distance(audio, coded)[1] < stft_distance(audio, codec.levelled(noise))[1]


def test_the_way_back_from_an_unquantised_mel_keeps_the_mel():
    frames = codec.log_mel(codec.levelled(music(2)))
    again = codec.log_mel(codec.to_audio(frames, 48_000))
    inner = slice(5, -5)
    assert np.abs(again - frames)[inner].mean() < 0.5  # nats; a random pairing of frames has 2
    assert np.corrcoef(again[inner].ravel(), frames[inner].ravel())[0, 1] > 0.95


def test_decoding_repeats_to_the_bit_and_so_does_training():
    tokens = CODEC.encode(music(1))
    assert CODEC.decode(tokens, 24_000).tobytes() == CODEC.decode(tokens, 24_000).tobytes()
    frames = [codec.log_mel(music(10))]
    made = [codec.train(frames, 2, 64, seed=seed, decoder_steps=2).tensors() for seed in (1, 1, 2)]
    for name, tensor in made[0].items():
        assert tensor.tobytes() == made[1][name].tobytes()
    assert made[0]["codebooks"].tobytes() != made[2]["codebooks"].tobytes()


def test_too_few_frames_are_refused():
    with pytest.raises(InputError, match=r"entries: 64 entries want as many frames.* 51; lower it"):
        codec.train([codec.log_mel(music(1))], 2, 64, seed=0, decoder_steps=1)


def test_a_file_comes_back(tmp_path):
    CODEC.save(tmp_path / "codec.safetensors", {})
    assert np.array_equal(codec.load(tmp_path / "codec.safetensors").codebooks, CODEC.codebooks)


@pytest.mark.parametrize("frames", [2, 3, codec.AT_ONCE, 3 * codec.AT_ONCE + 1])
def test_spectra_go_to_audio_and_back_as_by_torch(frames):
    """However many at a time: `torch.stft` and `torch.istft` take all frames at once."""
    audio = music(3)[: (frames - 1) * codec.HOP].astype(float)
    how = {"n_fft": codec.WINDOW, "hop_length": codec.HOP, "window": WINDOW}
    theirs = torch.stft(torch.from_numpy(audio), **how, pad_mode="constant", return_complex=True)
    spectra = np.fft.rfft(codec._windows(audio) * WINDOW.numpy())
    np.testing.assert_allclose(spectra, theirs.T.numpy(), atol=1e-12)
    spectra = spectra * np.exp(1j * np.arange(frames))[:, None]  # of no audio: frames disagree
    theirs = torch.istft(torch.from_numpy(spectra.T.copy()), **how, length=len(audio)).numpy()
    squares = np.tile(WINDOW.numpy() ** 2, (frames, 1))
    for some in (1, 2, frames):
        starts = range(0, frames, some)
        weights = codec._added([squares[at : at + some] for at in starts], frames)
        ours = codec._overlapped([spectra[at : at + some] for at in starts], weights)
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_how_many_frames_are_taken_at_once_changes_nothing(monkeypatch):
    audio = music(2, seed=6)
    frames = codec.log_mel(audio)
    back = codec.to_audio(frames, len(audio))
    monkeypatch.setattr(codec, "AT_ONCE", 7)
    assert np.array_equal(codec.log_mel(audio), frames)
    np.testing.assert_allclose(codec.to_audio(frames, len(audio)), back, atol=1e-6)
