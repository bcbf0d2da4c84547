"""What trials are for: the column `kind` of trials.csv."""

TEST = "test"
IDENTICAL, ABSURD = "catch_identical", "catch_absurd"  # X itself, noise: with a right answer
REPEAT = "repeat"  # a test that comes again
