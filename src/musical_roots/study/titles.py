"""What is seen in each figure, as a heading over it: by what it draws."""

TITLES = {
    "listening_agreement": "How often listeners choose the clip that the encoder puts nearer",
    "listening_curves": "Agreement of listeners, by how far apart the encoder has two clips",
    "listening_people": "How far people agree with each other, and an encoder with them",
    "simulated_power": "How many listeners and clips a listening study needs to see agreement",
    "simulated_coverage": "Which ways to read answers find agreement where there is none",
    "robustness": "How often a changed clip still finds its original, beside the paper's figure 1",
    "robustness_extended": "The same for changes that the paper did not try",
    "robustness_cosine": "How near a changed clip stays to its original",
    "bins": "Where the paper's bins of cosine lie for each encoder",
    "openvamp_training": "What the generator learns: loss on music that it heard, and never heard",
    "ngram_overlap": "How much of what it made up stands in the training set, beside real music",
    "vamps": "What vamps look like, beside the prompts that they were made from",
    "exceedance": "How near outputs come to the training set, beside music that was never heard",
    "calibration": "p-values of outputs, beside those of music that was never heard",
    "planted": "How many planted copies are found, by what was done to them",
    "coded_index": "What is found where the index, too, went through the generator's codec",
    "prompt_vs_training": "How often training music, or other music, is nearer than the prompt",
    "concentration": "Whether a few songs take most of the matches, beside two nulls",
    "hubness": "Clips that are near to everything, before and after correction",
    "agreement": "Whether encoders, and the generator's tokens, name the same tracks",
    "race": "What attribution methods tell of what retraining tells",
    "retrieval": "How often an encoder knows a song by another of its clips",
    "competition": "How many outputs are discovered in competition with control music",
    "competition_planted": "How many planted copies are discovered in that competition",
    "lengths": "What longer training leaves of the music in vamps",
    "dose": "What music leaves in vamps that training hears more often",
}


def title(draws: str, generator: str = "", name: str = "") -> str:
    """Heading of a figure; without one that is known, its name."""
    told = TITLES.get(draws) or name.replace("_", " ")
    if name.endswith("_small_training"):
        generator = name.removesuffix("_training")
    return f"{told} ({generator})" if generator else told
