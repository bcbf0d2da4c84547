from musical_roots.seeding import rng


def test_a_draw_depends_on_seed_stage_and_item_alone():
    first = rng(1, "noise", "a").random(4).tolist()
    rng(2, "other", "b").random(100)
    assert rng(1, "noise", "a").random(4).tolist() == first


def test_every_part_matters_and_none_runs_into_the_next():
    draws = {
        rng(*parts).random()
        for parts in [(1, "a", "b"), (2, "a", "b"), (1, "b", "b"), (1, "a", "a"), (1, "ab", "")]
    }
    assert len(draws) == 5


def test_a_draw_is_the_same_on_every_machine():
    assert rng(20240125, "queries", "0123456789abcdef").integers(1_000_000) == 804842
