"""What an output would have been without some of the training tracks: influence, by retraining."""

# what is made beside a truth, and goes with it, if it is there
MORE = ("gradient_scores.parquet", "dose.csv", "lengths.csv")

# a row of the race's ceilings, which is none itself: see `bounds`
SECOND_SEED = "two seeds of one half"
