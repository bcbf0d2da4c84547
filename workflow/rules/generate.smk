# Prompts -> vamps -> clip lists. openvamp is trained here, on the train split alone.
#
# Makes: results/models/openvamp-codec.safetensors, openvamp.safetensors
#        results/tokens/{split}/{shard}.npz            tokens of the tracks, by openvamp's codec
#        results/generation/prompts.parquet            what is vamped upon
#        results/vamps/{generator}/{shard}.parquet     one row a vamp, with its provenance
#        results/vamps/{generator}/audio/              the vamps, and their tokens
#        results/clips/vamps-{generator}/{shard}.parquet, prompts-{generator}/{shard}.parquet
#        results/tables/{openvamp,openvamp_training,codec,ngram_overlap}.csv
#        results/generation/ngram_overlap.parquet      tokens in n-grams of the training set

from musical_roots import external

OPENVAMP = config["generators"]["openvamp"]
SETTINGS = {
    name: {key: value for key, value in setting.items() if key != "activate"}
    for name, setting in config["generation"]["settings"].items()
    if setting["activate"]
}


if OPENVAMP["checkpoint"]:
    GIVEN = [
        f"{OPENVAMP['checkpoint']}/{file}"
        for file in [*TRAINED["openvamp"], "openvamp_training.csv"]
    ]
    for path in GIVEN:
        if not os.path.isfile(path):
            stop(
                f"generators.openvamp.checkpoint: there is no {path}; mend it, or set it to null"
            )

    rule openvamp_checkpoint:
        input:
            GIVEN,
            tracks="results/corpus/tracks.csv",
        output:
            codec="results/models/openvamp-codec.safetensors",
            weights="results/models/openvamp.safetensors",
            curve="results/tables/openvamp_training.csv",
        log:
            "results/logs/openvamp_checkpoint.log",
        conda:
            "../../envs/main.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            folder=OPENVAMP["checkpoint"],
            flags=flags(OPENVAMP, "codebooks", "entries", "width", "layers"),
            code=code("openvamp-checkpoint"),
        message:
            "Taking openvamp from {params.folder}"
        shell:
            "python -m musical_roots --log {log} openvamp-checkpoint --folder {params.folder:q} --tracks {input.tracks}"
            " {params.flags} --codec {output.codec} --weights {output.weights} --curve {output.curve}"

else:

    rule train_openvamp_codec:
        input:
            tracks="results/corpus/tracks.csv",
        output:
            codec="results/models/openvamp-codec.safetensors",
        log:
            "results/logs/train_openvamp_codec.log",
        # what the longest job waits for comes first
        priority: 10
        conda:
            "../../envs/main.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            flags=flags(OPENVAMP, "codebooks", "entries", "decoder_steps"),
            seed=config["seed"],
            code=code("train-codec"),
        message:
            "Training openvamp's codec on the train split"
        shell:
            "python -m musical_roots --log {log} --seed {params.seed} train-codec --tracks {input.tracks} {params.flags}"
            " --out {output.codec}"

    rule train_openvamp:
        input:
            codec="results/models/openvamp-codec.safetensors",
            train=tokens_of("train"),
            control=tokens_of("control"),
        output:
            weights="results/models/openvamp.safetensors",
            curve="results/tables/openvamp_training.csv",
        log:
            "results/logs/train_openvamp.log",
        benchmark:
            "results/benchmarks/train_openvamp.tsv"
        priority: 10
        conda:
            "../../envs/main.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=1440,
            gpu=int(config["encode"]["device"] == "cuda"),
        params:
            tokens=lambda wildcards, input: [f"--train {path}" for path in input.train]
            + [f"--control {path}" for path in input.control],
            flags=flags(OPENVAMP, "width", "layers", "steps", "batch", "precision"),
            device=config["encode"]["device"],
            seed=config["seed"],
            code=code("train-openvamp"),
        message:
            "Training openvamp on the train split"
        shell:
            "python -m musical_roots --log {log} --seed {params.seed} train-openvamp {params.tokens} {params.flags}"
            " --codec {input.codec} --device {params.device} --out {output.weights} --curve {output.curve}"


rule tokenise:
    input:
        tracks="results/corpus/tracks.csv",
        codec="results/models/openvamp-codec.safetensors",
    output:
        tokens="results/tokens/{split}/{shard}.npz",
    log:
        "results/logs/tokenise/{split}-{shard}.log",
    priority: 10
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        shard=lambda wildcards: int(wildcards.shard),
        shards=len(CLIP_SHARDS),
        code=code("tokenise"),
    message:
        "Turning {wildcards.split} tracks into tokens, part {wildcards.shard}"
    shell:
        "python -m musical_roots --log {log} tokenise --tracks {input.tracks} --split {wildcards.split}"
        " --shard {params.shard} {params.shards} --codec {input.codec} --out {output.tokens}"


rule openvamp_quality:
    input:
        weights="results/models/openvamp.safetensors",
        train=tokens_of("train"),
        control=tokens_of("control"),
    output:
        table="results/tables/openvamp.csv",
    log:
        "results/logs/openvamp_quality.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        tokens=lambda wildcards, input: [f"--train {path}" for path in input.train]
        + [f"--control {path}" for path in input.control],
        seed=config["seed"],
        code=code("openvamp-quality"),
    message:
        "Measuring openvamp on train and control"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} openvamp-quality --weights {input.weights}"
        " {params.tokens} --out {output.table}"


# VampNet's packages, in a folder that only its own process imports from.
rule vampnet:
    input:
        "envs/vampnet.txt",
    output:
        directory(APART["vampnet"]),
    log:
        "results/logs/vampnet.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        flags="",
    message:
        "Installing VampNet beside the environment"
    shell:
        INSTALL


rule prompts:
    input:
        tracks="results/corpus/tracks.csv",
        lists=expand(
            "results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS
        ),
    output:
        prompts="results/generation/prompts.parquet",
    log:
        "results/logs/prompts.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        flags=flags(config["generation"], "vamps", "duration_s"),
        seed=config["seed"],
        code=code("prompts"),
    message:
        "Drawing prompts"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} prompts --tracks {input.tracks} {params.flags}"
        " --out {output.prompts} {input.lists}"


rule vamp:
    input:
        prompts="results/generation/prompts.parquet",
        weights=lambda wildcards: weights_of(wildcards.generator),
    output:
        vamps="results/vamps/{generator}/{shard}.parquet",
    log:
        "results/logs/vamp/{generator}-{shard}.log",
    benchmark:
        "results/benchmarks/vamp/{generator}-{shard}.tsv"
    wildcard_constraints:
        generator="|".join(GENERATORS),
    priority: 5
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=int(config["encode"]["device"] == "cuda"),
    params:
        checkpoints=lambda wildcards: checkpoints(wildcards.generator),
        # not an output: a vamp is named by all that it depends on, and a killed run goes on with it
        audio="results/vamps/{generator}/audio",
        settings=json.dumps(SETTINGS),
        shard=lambda wildcards: int(wildcards.shard),
        shards=config["generation"]["shards"],
        device=config["encode"]["device"],
        seed=config["seed"],
        code=lambda wildcards: code_of("vamp", wildcards.generator),
    message:
        "Vamping with {wildcards.generator}, part {wildcards.shard}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} vamp --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --code {params.code} --prompts {input.prompts}"
        " --settings {params.settings:q} --shard {params.shard} {params.shards} --audio {params.audio}"
        " --out {output.vamps}"


EXTERNAL, OUTPUTS = config["generators"]["external"], ""
if EXTERNAL["activate"]:
    try:
        OUTPUTS = external.state(
            external.listed(EXTERNAL["root"], EXTERNAL["manifest"])
        )
    except InputError as error:
        stop(error)


rule external:
    input:
        lists=expand(
            "results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS
        ),
        manifest=EXTERNAL["manifest"] or [],
    output:
        vamps="results/vamps/external/000.parquet",
        rejected="results/vamps/external/rejected.csv",
    log:
        "results/logs/external.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        flags=flags(EXTERNAL, "root", "manifest"),
        duration_s=config["generation"]["duration_s"],
        # the audio is no input: there may be thousands of files, and a missing one is but rejected
        outputs=OUTPUTS,
        code=code("external"),
    message:
        "Listing audio made elsewhere"
    shell:
        "python -m musical_roots --log {log} external {params.flags} --duration-s {params.duration_s} --out {output.vamps}"
        " --rejected {output.rejected} {input.lists}"


rule vamp_clips:
    input:
        vamps="results/vamps/{generator}/{shard}.parquet",
        lists=expand(
            "results/clips/{split}/{part}.parquet", split=SPLITS, part=CLIP_SHARDS
        ),
    output:
        vamps="results/clips/vamps-{generator}/{shard}.parquet",
        targets="results/clips/vamps-{generator}/{shard}.targets.parquet",
        prompts="results/clips/prompts-{generator}/{shard}.parquet",
    log:
        "results/logs/vamp_clips/{generator}-{shard}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        flags=flags(config["clips"], "duration_s"),
        code=code("vamp-clips"),
    message:
        "Cutting the vamps of {wildcards.generator} into clips, part {wildcards.shard}"
    shell:
        "python -m musical_roots --log {log} vamp-clips --vamps {input.vamps} {params.flags} --out {output.vamps}"
        " --targets {output.targets} --prompts {output.prompts} {input.lists}"


rule ngram_overlap:
    input:
        vamps=expand(
            "results/vamps/openvamp/{shard}.parquet", shard=vamp_shards("openvamp")
        ),
        train=tokens_of("train"),
        control=tokens_of("control"),
        tracks="results/corpus/tracks.csv",
    output:
        table="results/tables/ngram_overlap.csv",
        each="results/generation/ngram_overlap.parquet",
    log:
        "results/logs/ngram_overlap.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=lambda wildcards, input: [
            f"--{name} {path}"
            for name in ["vamps", "train", "control"]
            for path in input[name]
        ],
        flags=flags(config["robustness"], "resamples", "confidence"),
        seed=config["seed"],
        code=code("ngram-overlap"),
    message:
        "Counting tokens of openvamp in n-grams of the training set"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} ngram-overlap {params.files} {params.flags}"
        " --tracks {input.tracks} --out {output.table} --each {output.each}"


rule codec_quality:
    input:
        codec="results/models/openvamp-codec.safetensors",
        lists=expand(
            "results/clips/{split}/{shard}.parquet",
            split=SPLITS[-1],
            shard=CLIP_SHARDS,
        ),
    output:
        table="results/tables/codec.csv",
    log:
        "results/logs/codec_quality.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        seed=config["seed"],
        code=code("codec-quality"),
    message:
        "Measuring openvamp's codec"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} codec-quality --codec {input.codec}"
        " --out {output.table} {input.lists}"


rule generation:
    input:
        [
            f"results/clips/vamps-{generator}/{shard}.parquet"
            for generator in GENERATING
            for shard in vamp_shards(generator)
        ],
        (
            expand(
                "results/tables/{table}.csv",
                table=["openvamp", "openvamp_training", "codec", "ngram_overlap"],
            )
            if OPENVAMP["activate"]
            else []
        ),
