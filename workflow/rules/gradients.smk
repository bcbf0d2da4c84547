# Attribution by gradients of openvamp, which only the target `counterfactual` asks for.
#
# Makes: results/counterfactual/gradients/{trak,cosine}.parquet, unlearning/{shard}.parquet
#        results/counterfactual/gradient_scores.parquet     all of them: method, output_id, track_id, score

GRADIENTS = COUNTERFACTUAL["gradients"]
OPENVAMP_OUTPUTS = expand(
    "<results>/vamps/openvamp/{shard}.parquet", shard=RETRAINED_VAMPS
)
UNLEARNING = [f"{part:03d}" for part in range(GRADIENTS["unlearning"]["shards"])]
# openvamp is asked after its outputs, and what it was trained on
ASKING = {
    "train": lambda wildcards, input: each("--train-tokens", input.train),
    "outputs": lambda wildcards, input: each("--outputs", input.outputs),
}


rule gradients_cosine:
    input:
        weights="<results>/models/openvamp.safetensors",
        train=STUDY.tokens("train"),
        outputs=OPENVAMP_OUTPUTS,
    output:
        scores="<results>/counterfactual/gradients/cosine.parquet",
    log:
        "<logs>/gradients/cosine.log",
    benchmark:
        "<benchmarks>/gradients_cosine.tsv"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        **stage("gradients cosine"),
        **ASKING,
        flags=flags(GRADIENTS["cosine"]),
    message:
        "Gradients of openvamp: of its outputs and of what it was trained on"
    shell:
        "{params.call} --log {log:q} --weights {input.weights:q} {params.train} {params.outputs}"
        " {params.flags} --out {output.scores:q}"


rule gradients_trak:
    input:
        weights="<results>/models/openvamp.safetensors",
        train=STUDY.tokens("train"),
        outputs=OPENVAMP_OUTPUTS,
    output:
        scores="<results>/counterfactual/gradients/trak.parquet",
    log:
        "<logs>/gradients/trak.log",
    benchmark:
        "<benchmarks>/gradients_trak.tsv"
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        **stage("gradients trak"),
        **ASKING,
        flags=flags(GRADIENTS["trak"]),
    message:
        "TRAK of openvamp's outputs"
    shell:
        "{params.call} --log {log:q} --weights {input.weights:q} {params.train} {params.outputs}"
        " {params.flags} --out {output.scores:q}"


rule gradients_unlearning:
    input:
        weights="<results>/models/openvamp.safetensors",
        train=STUDY.tokens("train"),
        outputs=OPENVAMP_OUTPUTS,
    output:
        scores="<results>/counterfactual/gradients/unlearning/{shard}.parquet",
    log:
        "<logs>/gradients/unlearning-{shard}.log",
    benchmark:
        "<benchmarks>/gradients_unlearning-{shard}.tsv"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        **stage("gradients unlearning"),
        **ASKING,
        flags=flags(
            GRADIENTS["unlearning"],
            *("output_masks", "track_crops", "unlearning_steps", "step_length"),
        ),
        shard=lambda wildcards: f"{int(wildcards.shard)} {len(UNLEARNING)}",
    message:
        "Unlearning openvamp's outputs, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --weights {input.weights:q} {params.train} {params.outputs}"
        " --shard {params.shard} {params.flags} --out {output.scores:q}"


rule gradient_scores:
    input:
        "<results>/counterfactual/gradients/cosine.parquet",
        "<results>/counterfactual/gradients/trak.parquet",
        expand(
            "<results>/counterfactual/gradients/unlearning/{shard}.parquet",
            shard=UNLEARNING,
        ),
    output:
        scores="<results>/counterfactual/gradient_scores.parquet",
    log:
        "<logs>/gradients/join.log",
    params:
        **stage("gradients join"),
    message:
        "Scores by gradients, of all methods"
    shell:
        "{params.call} --log {log:q} --out {output.scores:q} {input:q}"
