import numpy as np
import pandas as pd
import pytest

from musical_roots import audio, generate, perturb, perturbed
from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError
from musical_roots.seeding import rng


def corpus(tracks=5, clips=6):
    rows = [
        {
            "clip_id": f"{track:02d}{clip:02d}",
            "track_id": f"t{track}",
            "group_id": f"g{track // 2}",  # tracks 0 and 1 are near duplicates, and so on
            "split": "train",
            "start_s": 3.0 * clip,
            "duration_s": 3.0,
        }
        for track in range(tracks)
        for clip in range(clips)
    ]
    lengths = pd.DataFrame(
        {"track_id": [f"t{n}" for n in range(tracks)], "duration_s": 3.0 * clips}
    )
    return pd.DataFrame(rows), lengths


def test_queries_are_spread_over_tracks_and_have_context():
    clips, tracks = corpus()
    chosen = perturbed.choose_queries(clips, tracks, 7, seed=0, context_s=1.5)
    assert len(chosen) == 7
    assert chosen.track_id.value_counts().tolist() == [2, 2, 1, 1, 1]
    assert chosen.start_s.between(1.5, 18 - 4.5).all()


def test_queries_do_not_depend_on_the_order_of_clips():
    clips, tracks = corpus()
    shuffled = clips.sample(frac=1, random_state=1)
    one, other = (
        perturbed.choose_queries(c, tracks, 7, seed=0, context_s=1.5) for c in (clips, shuffled)
    )
    pd.testing.assert_frame_equal(one, other)
    assert not one.equals(perturbed.choose_queries(clips, tracks, 7, seed=1, context_s=1.5))


def test_more_queries_than_clips_takes_them_all():
    clips, tracks = corpus()
    assert len(perturbed.choose_queries(clips, tracks, 1000, seed=0, context_s=1.5)) == 5 * 4


def test_no_room_for_context_is_said():
    clips, tracks = corpus(clips=1)
    with pytest.raises(InputError, match=r"1\.5 s of music on both sides"):
        perturbed.choose_queries(clips, tracks, 5, seed=0, context_s=1.5)


def test_the_other_track_is_no_near_duplicate():
    clips, _ = corpus()
    others = perturbed.other_track(clips, clips, "floor", seed=0)
    group = clips.set_index("clip_id").group_id
    assert (group[others].to_numpy() != clips.group_id.to_numpy()).all()
    assert len(set(others)) > 5


def test_one_track_alone_has_no_other():
    clips, _ = corpus(tracks=2)
    with pytest.raises(InputError, match="nothing to compare"):
        perturbed.other_track(clips, clips, "floor", seed=0)


def two_queries_at_two_levels():
    clips, _ = corpus()
    queries = clips.iloc[[1, 8]].reset_index(drop=True)
    return queries, perturbed.perturbed_clips(queries, "pitch", "semitones", [5, 0], ["0400"] * 2)


def test_perturbed_clips_are_named_by_what_they_hold():
    queries, made = two_queries_at_two_levels()
    assert made.clip_id.is_unique
    assert made.level.tolist() == [0, 0, 5, 5]
    alone = perturbed.perturbed_clips(queries, "pitch", "semitones", [5], ["0400", "0400"])
    assert alone.clip_id.tolist() == made.clip_id.tolist()[2:]


def test_targets_name_the_original_and_a_random_clip():
    _, made = two_queries_at_two_levels()
    pairs = perturbed.targets(made, dict.fromkeys(made.parent_clip_id, "0400"))
    assert pairs.target.value_counts().to_dict() == {"original": 4, "random": 4}
    original = pairs[pairs.target == "original"].set_index("query_clip_id").clip_id
    assert np.array_equal(original[made.clip_id], made.parent_clip_id)


def test_a_partner_is_named_with_what_is_left_out_of_a_search():
    clips, _ = corpus()
    planned, _ = perturbed.plan(clips.iloc[[1, 20]], clips, "splice_training", [25, 50], seed=0)
    group = clips.set_index("clip_id").group_id
    assert (group[planned.partner_clip_id].to_numpy() == planned.partner_group_id).all()
    assert (planned.partner_group_id != planned.group_id).all()
    assert set(planned.generator) == {""}


@pytest.mark.parametrize(("kind", "drawn_as"), [("noise", "noise"), ("mix", "mashup")])
def test_draws_are_named_as_they_were(monkeypatch, tmp_path, kind, drawn_as):
    asked = []
    monkeypatch.setattr(perturbed, "rng", lambda *words: asked.append(words) or rng(*words))
    monkeypatch.setattr(perturbed.perturb, "render", lambda *how: np.zeros(8, np.float32))
    clips, _ = corpus()
    planned, _ = perturbed.plan(clips.iloc[[1]], clips, kind, [10], seed=0)
    perturbed.render_clips(planned, clips.assign(path="a.wav"), tmp_path / "audio", 8000, seed=7)
    assert asked[-1] == (7, f"perturb.{drawn_as}", clips.clip_id[1])


# -- prompts and their vamps -----------------------------------------------------------------------

RATE, CLIP = 8000, 1.0


@pytest.fixture
def music(tmp_path):
    """A corpus of 4 tracks of 6 s, the last of control, and what draws vamps for its prompts."""
    rows = []
    for number in range(4):
        path = tmp_path / f"track{number}.wav"
        audio.write(path, noise(number, 6), RATE)
        for start in range(5):
            name = f"t{number}"
            about = {"track_id": name, "group_id": name, "path": str(path)}
            about |= {"split": "control" if number == 3 else "train"}
            about |= {"start_s": float(start), "duration_s": CLIP}
            rows.append({"clip_id": clip_id(name, float(start), CLIP), **about})
    return pd.DataFrame(rows)


def noise(seed, duration_s):
    draw = np.random.default_rng(seed)
    return (0.1 * draw.standard_normal(round(duration_s * RATE))).astype(np.float32)


def vamps(folder, places, generator="openvamp", settings=("paper_time", "periodic"), numbers=()):
    """List of vamps of prompts of 2 s at (track, start) of `places`; a vamp is noise of its own."""
    rows = []
    for setting in settings:
        for track, start in places:
            for number in numbers or [None]:
                name = f"{generator} {setting} {track} {start} {number}"
                path = folder / f"{name}.wav"
                audio.write(path, noise(len(rows) + 100 * len(generator), 2), RATE)
                rows.append(
                    {
                        "output_id": name,
                        "generator": generator,
                        "setting": setting,
                        "prompt_id": f"{track} {start}",
                        "prompt_track_id": f"t{track}",
                        "prompt_group_id": f"t{track}",
                        "prompt_split": "control" if track == 3 else "train",
                        "prompt_path": str(folder / f"track{track}.wav"),
                        "prompt_start_s": float(start),
                        "duration_s": 2.0,
                        "path": str(path),
                    }
                    | ({} if number is None else {"vamp": number})
                )
    return pd.DataFrame(rows)


def test_a_prompt_is_spliced_with_the_same_time_of_its_vamp(music, tmp_path):
    made = vamps(tmp_path, [(0, 1), (2, 3), (3, 0)])
    planned, pairs, known = perturbed.plan_vamps(made, music, [25, 75], CLIP, 9, seed=0)
    # the prompts and vamps that Experiment C cuts, in the first setting, of train prompts alone
    first = made[(made.setting == "paper_time") & (made.prompt_split == "train")]
    cut = generate.vamp_clips(first, CLIP)
    first_clips = cut[cut.start_s == 0].set_index("clip_id")
    parents = planned.set_index("partner_clip_id").parent_clip_id
    assert parents.to_dict() == first_clips.parent_clip_id.to_dict()
    assert len(planned) == 4 and set(planned.kind) == {"splice_vamp"}
    original = pairs[pairs.target == "original"].set_index("query_clip_id").clip_id
    assert (original[planned.clip_id] == planned.parent_clip_id.to_numpy()).all()
    rendered = perturbed.render_clips(planned, known, tmp_path / "spliced", RATE, seed=0)
    where = music.set_index("clip_id")
    for clip in rendered.itertuples():
        prompt = where.loc[clip.parent_clip_id]
        one, _ = audio.read(prompt.path, RATE, prompt.start_s, CLIP)
        other, _ = audio.read(first_clips.path[clip.partner_clip_id], RATE, 0, CLIP)
        heard, _ = audio.read(clip.path, RATE, clip.start_s, CLIP)
        at = round(clip.level / 100 * RATE)
        assert np.array_equal(heard, np.concatenate([one[:at], other[at:]]))
        alone = perturb.render(
            prompt.path, prompt.start_s, CLIP, "splice_vamp", clip.level, RATE, rng(0, ""),
            (first_clips.path[clip.partner_clip_id], 0.0),
        )  # fmt: skip
        assert np.array_equal(heard, alone)


def test_another_setting_is_another_vamp(music, tmp_path):
    made = vamps(tmp_path, [(0, 1)])
    for setting in ("paper_time", "periodic"):
        how = [50], CLIP, 9, 0, setting
        planned, _, known = perturbed.plan_vamps(made, music, *how)
        (path,) = known.set_index("clip_id").path[planned.partner_clip_id]
        assert path == made.set_index("setting").path[setting]


def test_each_generator_has_its_rows_and_first_vamps(music, tmp_path):
    places = [(0, 1), (1, 2)]
    several = vamps(tmp_path, places, "other (random weights)", numbers=(1, 0))
    both = pd.concat([vamps(tmp_path, places), several], ignore_index=True)
    planned, _, known = perturbed.plan_vamps(both, music, [50], CLIP, 9, seed=0)
    assert planned.generator.value_counts().to_dict() == {"openvamp": 2, several.generator[0]: 2}
    assert planned.clip_id.is_unique and known.clip_id.is_unique
    heard = known.set_index("clip_id").path[planned.partner_clip_id]
    assert all(path.endswith(("None.wav", " 0.wav")) for path in heard)


def test_prompts_that_cannot_be_found_are_left_out_and_no_more_than_asked(music, tmp_path):
    made = vamps(tmp_path, [(0, 1), (1, 2), (2, 3), (2, 0)])
    known = music[~((music.track_id == "t1") & (music.start_s == 2))]
    planned, _, _ = perturbed.plan_vamps(made, known, [50], CLIP, 9, seed=0)
    assert set(planned.track_id) == {"t0", "t2"} and len(planned) == 3
    fewer, _, _ = perturbed.plan_vamps(made, known, [50], CLIP, 2, seed=0)
    assert set(fewer.clip_id) < set(planned.clip_id) and len(fewer) == 2
    shuffled = made.sample(frac=1, random_state=0).sort_values("setting", kind="stable")
    again, _, _ = perturbed.plan_vamps(shuffled, known, [50], CLIP, 2, seed=0)
    pd.testing.assert_frame_equal(again, fewer)


def test_no_prompt_that_can_be_found_is_said(music, tmp_path):
    with pytest.raises(InputError, match="splice_vamp: no vamp's prompt is a train clip"):
        perturbed.plan_vamps(vamps(tmp_path, [(3, 0)]), music, [50], CLIP, 9, seed=0)
