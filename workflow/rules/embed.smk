# Clip sets -> raw features -> unit vectors. Every clip set goes this way: {clips} is its name, and
# src/musical_roots/study/clip_sets.py lists them.
#
# Makes: results/features/{encoder}/{clips}/{shard}.npy      what the encoder says, float32; .json, and
#                                                            .parquet: the clips, and what was heard of each
#        results/embeddings/{encoder}/statistics.npy         fitted on train
#        results/models/clmr_open.safetensors                trained on train, if it is active
#        results/embeddings/{encoder}/{clips}/{shard}.npy    unit vectors, float16; .parquet, .json
#        results/embeddings/{encoder}/corpus.csv             list of the corpus's shards
#        results/export/{encoder}.parquet                    for vector databases; made when asked for


rule embeddings:
    input:
        STUDY.embeddings(),


for download in STUDY.downloads:

    rule:
        name:
            f"weights_{download.name}"
        output:
            list(download.files),
        log:
            f"<logs>/weights/{download.name}.log",
        resources:
            mem_mb=6000,
            runtime=240,
        params:
            **stage("weights fetch", lambda wildcards, of=download: [of.module]),
            flags=flags(
                {"name": download.name, "checkpoints": download.folder}
                | {"local": download.local, "sha256": download.sha256}
                | {"random": config["seed"] if download.random else None}
            ),
        message:
            f"Fetching the weights of {download.name}"
        shell:
            "{params.call} --log {log:q} {params.flags}"


# What laion-clap needs and our environment lacks, in a folder that only its own process imports from.
rule laion_clap:
    input:
        STUDY.models["laion_clap"].packages,
    output:
        directory("<resources>/laion-clap"),
    log:
        "<logs>/laion-clap.log",
    params:
        flags="--require-hashes",
    message:
        "Installing laion-clap beside the environment"
    shell:
        INSTALL


rule train_clmr_open:
    input:
        tracks="<results>/corpus/tracks.csv",
    output:
        weights="<results>/models/clmr_open.safetensors",
        curve="<results>/tables/clmr_open_training.csv",
    log:
        "<logs>/train_clmr_open.log",
    benchmark:
        "<benchmarks>/train_clmr_open.tsv"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=GPU,
    params:
        **stage("train clmr-open"),
        flags=flags(config["encoders"]["clmr_open"], "steps", "batch", "precision"),
        device=DEVICE,
    message:
        "Training clmr_open on the train split"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} {params.flags}"
        " --device {params.device} --out {output.weights:q} --curve-out {output.curve:q}"


rule encode:
    input:
        clips="<results>/clips/{clips}/{shard}.parquet",
        audio=lambda wildcards: STUDY[wildcards.clips].audio(wildcards.shard),
        weights=lambda wildcards: STUDY.models[wildcards.encoder].files,
    output:
        # left where they are, for the stage to see whether they are what it would make: a track more
        # is a new clip list of one part, and a new look at the others
        features=update("<results>/features/{encoder}/{clips}/{shard}.npy"),
        provenance=update("<results>/features/{encoder}/{clips}/{shard}.json"),
        clips=update("<results>/features/{encoder}/{clips}/{shard}.parquet"),
    log:
        "<logs>/encode/{encoder}-{clips}-{shard}.log",
    benchmark:
        "<benchmarks>/encode/{encoder}-{clips}-{shard}.tsv"
    # Rendered audio is removed once every encoder has read it: that comes before new rendering.
    priority: 1
    resources:
        # network, batch and features; the features of a shard are some dozens of times its clip list
        mem_mb=memory(3000, 100, "clips"),
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=GPU,
    params:
        **stage("embed encode", module),
        checkpoints=lambda wildcards: STUDY.models[wildcards.encoder].checkpoints,
        flags=flags(config["encode"], "batch", "device", "precision"),
        choices=lambda wildcards: written(
            {
                key: config["encoders"][wildcards.encoder].get(key)
                for key in ("part", "features")
            }
        ),
        # audio that the run renders may change under the same clip's name
        kept=lambda wildcards: (
            f"--kept-if {CODE.digest('embed encode', *module(wildcards))}"
            if wildcards.clips in STUDY.splits
            else ""
        ),
    message:
        "Encoding {wildcards.clips}/{wildcards.shard} with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} --encoder {wildcards.encoder} --clips {input.clips:q}"
        " --checkpoints {params.checkpoints:q} {params.flags} {params.choices} {params.kept}"
        " --out {output.features:q}"


rule statistics:
    input:
        lambda wildcards: STUDY.fitted_on(wildcards.encoder),
    output:
        statistics="<results>/embeddings/{encoder}/statistics.npy",
    log:
        "<logs>/statistics/{encoder}.log",
    params:
        **stage("embed fit"),
    message:
        "Fitting statistics of {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {input:q} --out {output.statistics:q}"


rule embed:
    input:
        features="<results>/features/{encoder}/{clips}/{shard}.npy",
        provenance="<results>/features/{encoder}/{clips}/{shard}.json",
        clips="<results>/features/{encoder}/{clips}/{shard}.parquet",
        statistics="<results>/embeddings/{encoder}/statistics.npy",
    output:
        vectors="<results>/embeddings/{encoder}/{clips}/{shard}.npy",
        clips="<results>/embeddings/{encoder}/{clips}/{shard}.parquet",
        provenance="<results>/embeddings/{encoder}/{clips}/{shard}.json",
    log:
        "<logs>/embed/{encoder}-{clips}-{shard}.log",
    resources:
        mem_mb=memory(1000, 6, "features"),
    params:
        **stage("embed vectors"),
    message:
        "Embedding {wildcards.clips}/{wildcards.shard} with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} --raw-features {input.features:q}"
        " --statistics {input.statistics:q} --out {output.vectors:q}"


# Hundreds of jobs search through all of the corpus: they wait for its list, and not each for every shard.
rule shard_list:
    input:
        lambda wildcards: STUDY.corpus_embeddings([wildcards.encoder]),
    output:
        table="<results>/embeddings/{encoder}/corpus.csv",
    log:
        "<logs>/shard_list/{encoder}.log",
    params:
        **stage("embed list"),
    message:
        "Listing the corpus's embeddings by {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} --out {output.table:q} {input:q}"


rule export:
    input:
        shards="<results>/embeddings/{encoder}/corpus.csv",
        tracks="<results>/corpus/tracks.csv",
    output:
        table="<results>/export/{encoder}.parquet",
    log:
        "<logs>/export/{encoder}.log",
    params:
        **stage("embed export"),
    message:
        "Exporting the corpus's embeddings by {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} --out {output.table:q} {input.shards:q}"
