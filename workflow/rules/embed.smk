# Clip lists -> raw features -> unit vectors. Every kind of clip goes this way: {clips} is train,
# control, perturbed-{kind}, vamps-{generator}, prompts-{generator}, control-excerpts or
# control_roundtrip-{generator}, the folder of a clip list.
#
# Makes: results/features/{encoder}/{clips}/{shard}.npy      what the encoder says, float32
#        results/embeddings/{encoder}/statistics.npy         fitted on train
#        results/models/clmr_open.safetensors                trained on train, if it is active
#        results/embeddings/{encoder}/{clips}/{shard}.npy    unit vectors, float16; .parquet, .json

INDEXED = [f"{split}/{shard}" for split in SPLITS for shard in CLIP_SHARDS]
GENERATED = [
    f"{what}-{generator}/{shard}"
    for what in ["vamps", "prompts"]
    for generator in GENERATING
    for shard in vamp_shards(generator)
]
# control music, for Experiment C: as it is, and through the generator's codec
CONTROL_MUSIC = [
    f"{clips}/{shard}"
    for clips in (["control-excerpts"] if INFLUENCE else [])
    + [f"control_roundtrip-{name}" for name in ATTRIBUTED if name in GENERATORS]
    for shard in control_shards()
]


rule embeddings:
    input:
        expand(
            "results/embeddings/{encoder}/{clips}.npy",
            encoder=ACTIVE,
            clips=INDEXED
            + [f"perturbed-{kind}/000" for kind in KINDS]
            + GENERATED
            + CONTROL_MUSIC,
        ),


for name in SOURCES:

    rule:
        name:
            f"weights_{name}"
        output:
            weights_of(name),
        log:
            f"results/logs/weights/{name}.log",
        conda:
            "../../envs/main.yaml"
        threads: 1
        resources:
            mem_mb=6000,
            runtime=240,
        params:
            encoder=name,
            folder=lambda wildcards, output: os.path.dirname(output[0]),
            flags=flags(
                {"local": options_of(name)["checkpoint"]}
                | {"sha256": options_of(name).get("sha256")}
            ),
            random="--random" * (options_of(name).get("weights") == "random"),
            seed=config["seed"],
            code=code("weights", module(name)),
        message:
            f"Fetching the weights of {name}"
        shell:
            "python -m musical_roots --log {log} --seed {params.seed} weights --name {params.encoder}"
            " --checkpoints {params.folder:q} {params.flags} {params.random}"


# What laion-clap needs and our environment lacks, in a folder that only its own process imports from.
rule laion_clap:
    input:
        "envs/laion-clap.txt",
    output:
        directory(APART["laion_clap"]),
    log:
        "results/logs/laion-clap.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        flags="--require-hashes",
    message:
        "Installing laion-clap beside the environment"
    shell:
        INSTALL


rule train_clmr_open:
    input:
        tracks="results/corpus/tracks.csv",
    output:
        weights="results/models/clmr_open.safetensors",
        curve="results/tables/clmr_open_training.csv",
    log:
        "results/logs/train_clmr_open.log",
    benchmark:
        "results/benchmarks/train_clmr_open.tsv"
    conda:
        "../../envs/main.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=int(config["encode"]["device"] == "cuda"),
    params:
        flags=flags(config["encoders"]["clmr_open"], "steps", "batch", "precision"),
        device=config["encode"]["device"],
        seed=config["seed"],
        code=code("train-clmr"),
    message:
        "Training clmr_open on the train split"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} train-clmr --tracks {input.tracks} {params.flags}"
        " --device {params.device} --out {output.weights} --curve {output.curve}"


rule encode:
    input:
        clips="results/clips/{clips}/{shard}.parquet",
        audio=rendered,
        weights=lambda wildcards: weights_of(wildcards.encoder),
    output:
        features="results/features/{encoder}/{clips}/{shard}.npy",
        provenance="results/features/{encoder}/{clips}/{shard}.json",
    log:
        "results/logs/encode/{encoder}-{clips}-{shard}.log",
    benchmark:
        "results/benchmarks/encode/{encoder}-{clips}-{shard}.tsv"
    wildcard_constraints:
        clips=r"[a-z0-9_-]+",
    # Rendered audio is removed once every encoder has read it: that comes before new rendering.
    priority: 1
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=240,
        # one job a GPU, where the config names it: snakemake --resources gpu=1
        gpu=int(config["encode"]["device"] == "cuda"),
    params:
        checkpoints=lambda wildcards: checkpoints(wildcards.encoder),
        flags=flags(config["encode"], "batch", "device", "precision"),
        part=lambda wildcards: flags(
            {"part": config["encoders"][wildcards.encoder].get("part")}
        ),
        seed=config["seed"],
        code=lambda wildcards: code("encode", module(wildcards.encoder)),
    message:
        "Encoding {wildcards.clips}/{wildcards.shard} with {wildcards.encoder}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} encode --encoder {wildcards.encoder}"
        " --clips {input.clips} --checkpoints {params.checkpoints:q} {params.flags} {params.part}"
        " --out {output.features}"


rule statistics:
    input:
        expand("results/features/{{encoder}}/train/{shard}.npy", shard=CLIP_SHARDS),
    output:
        statistics="results/embeddings/{encoder}/statistics.npy",
    log:
        "results/logs/statistics/{encoder}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("fit"),
    message:
        "Fitting statistics of {wildcards.encoder} on train"
    shell:
        "python -m musical_roots --log {log} fit {input} --out {output.statistics}"


rule embed:
    input:
        features="results/features/{encoder}/{clips}/{shard}.npy",
        provenance="results/features/{encoder}/{clips}/{shard}.json",
        clips="results/clips/{clips}/{shard}.parquet",
        statistics="results/embeddings/{encoder}/statistics.npy",
    output:
        vectors="results/embeddings/{encoder}/{clips}/{shard}.npy",
        clips="results/embeddings/{encoder}/{clips}/{shard}.parquet",
        provenance="results/embeddings/{encoder}/{clips}/{shard}.json",
    log:
        "results/logs/embed/{encoder}-{clips}-{shard}.log",
    wildcard_constraints:
        clips=r"[a-z0-9_-]+",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("embed"),
    message:
        "Embedding {wildcards.clips}/{wildcards.shard} with {wildcards.encoder}"
    shell:
        "python -m musical_roots --log {log} embed --features {input.features} --clips {input.clips}"
        " --statistics {input.statistics} --out {output.vectors}"
