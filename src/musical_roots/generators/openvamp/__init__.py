"""openvamp: a masked acoustic token model, trained by the workflow on the train split alone."""
