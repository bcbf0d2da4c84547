"""What trials are for: the column `kind` of trials.csv."""

TEST = "test"
IDENTICAL, ABSURD = "catch_identical", "catch_absurd"  # X itself, noise: with a right answer
REPEAT = "repeat"  # a test that comes again


def dealt(questions: int, catch_share: float, repeat_share: float) -> tuple[int, int, int]:
    """Tests, catch trials and repeats of a session of so many questions."""
    catches, repeats = round(catch_share * questions), round(repeat_share * questions)
    return max(1, questions - catches - repeats), catches, repeats
