"""What an output would have been without some of the training tracks: influence, by retraining."""
