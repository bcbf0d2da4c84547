# Clip lists -> raw features -> unit vectors. Every kind of clip goes this way: {clips} is train,
# control or perturbed-{kind}, the folder of a clip list.
#
# Makes: results/features/{encoder}/{clips}/{shard}.npy      what the encoder says, float32
#        results/embeddings/{encoder}/statistics.npy         fitted on train
#        results/embeddings/{encoder}/{clips}/{shard}.npy    unit vectors, float16; .parquet, .json

from musical_roots.encoders.checkpoints import SOURCES

CHECKPOINTS = f"{CACHE}/checkpoints"
INDEXED = [f"{split}/{shard}" for split in SPLITS for shard in CLIP_SHARDS]


rule embeddings:
    input:
        expand(
            "results/embeddings/{encoder}/{clips}.npy",
            encoder=ACTIVE,
            clips=INDEXED + [f"perturbed-{kind}/000" for kind in KINDS],
        ),


for name, source in SOURCES.items():

    rule:
        name:
            f"weights_{name}"
        output:
            expand("{folder}/{file}", folder=CHECKPOINTS, file=source.converted),
        log:
            f"results/logs/weights/{name}.log",
        conda:
            "../../envs/main.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
        params:
            encoder=name,
            folder=lambda wildcards, output: os.path.dirname(output[0]),
        message:
            f"Fetching the weights of {name}"
        shell:
            "python -m musical_roots --log {log} weights --encoder {params.encoder} --checkpoints {params.folder:q}"


rule encode:
    input:
        clips="results/clips/{clips}/{shard}.parquet",
        audio=rendered,
        weights=weights,
    output:
        features="results/features/{encoder}/{clips}/{shard}.npy",
        provenance="results/features/{encoder}/{clips}/{shard}.json",
    log:
        "results/logs/encode/{encoder}-{clips}-{shard}.log",
    benchmark:
        "results/benchmarks/encode/{encoder}-{clips}-{shard}.tsv"
    wildcard_constraints:
        clips=r"[a-z0-9-]+",
    # Rendered audio is removed once every encoder has read it: that comes before new rendering.
    priority: 1
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        checkpoints=CHECKPOINTS,
        flags=flags(config["encode"], "batch"),
        seed=config["seed"],
        code=lambda wildcards: code("encode", module(wildcards.encoder)),
    message:
        "Encoding {wildcards.clips}/{wildcards.shard} with {wildcards.encoder}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} encode --encoder {wildcards.encoder}"
        " --clips {input.clips} --checkpoints {params.checkpoints:q} {params.flags}"
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
        clips=r"[a-z0-9-]+",
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
