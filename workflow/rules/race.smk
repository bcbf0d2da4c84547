# Attribution methods, held against the truth by retraining (rules/counterfactual.smk).
#
# Makes: results/counterfactual/scores/{encoder}.parquet    scores of every track, by an encoder
#        results/counterfactual/scores/tokens.parquet       by openvamp's tokens, and by baselines
#        results/tables/race.csv, removal.csv, race_findings.csv


rule race_embeddings:
    input:
        truth=STUDY.race.truth,
        outputs=lambda wildcards: STUDY.race.outputs(wildcards.encoder),
        corpus=lambda wildcards: STUDY.race.corpus(wildcards.encoder),
        null=lambda wildcards: STUDY.race.null(wildcards.encoder),
        coded=lambda wildcards: STUDY.race.coded(wildcards.encoder),
        coded_null=lambda wildcards: STUDY.race.coded_null(wildcards.encoder),
        indexes=STUDY.race.indexes,
    output:
        scores="<results>/counterfactual/scores/{encoder}.parquet",
    log:
        "<logs>/race_embeddings/{encoder}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("race embeddings"),
        outputs=lambda wildcards, input: each("--output-embeddings", input.outputs),
        null=lambda wildcards, input: each("--roundtrip-nearest", input.null),
        coded=lambda wildcards, input: each("--coded-embeddings", input.coded),
        coded_null=lambda wildcards, input: each("--coded-nearest", input.coded_null),
        indexes=lambda wildcards, input: each("--indexes", input.indexes),
        truth=lambda wildcards, input: os.path.dirname(input.truth[0]),
        k=config["search"]["k"],
    message:
        "Scores of training tracks by {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.outputs} {params.null} {params.coded}"
        " {params.coded_null} {params.indexes} --truth {params.truth:q} --k {params.k} --out {output.scores:q}"
        " {input.corpus:q}"


rule race_tokens:
    input:
        truth=STUDY.race.truth,
        vamps=STUDY.race.vamps,
        train=STUDY.tokens("train"),
        tracks="<results>/corpus/tracks.csv",
    output:
        scores="<results>/counterfactual/scores/tokens.parquet",
    log:
        "<logs>/race_tokens.log",
    resources:
        mem_mb=4000,
    params:
        **stage("race tokens"),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        truth=lambda wildcards, input: os.path.dirname(input.truth[0]),
    message:
        "Scores of training tracks by the generator's own tokens"
    shell:
        "{params.call} --log {log:q} {params.vamps} {params.train} --tracks {input.tracks:q}"
        " --truth {params.truth:q} --out {output.scores:q}"


rule race:
    input:
        truth=STUDY.race.truth,
        scores=STUDY.race.scores,
        vamps=STUDY.race.vamps,
        tracks="<results>/corpus/tracks.csv",
    output:
        race="<results>/tables/race.csv",
        removal="<results>/tables/removal.csv",
        findings="<results>/tables/race_findings.csv",
    log:
        "<logs>/race.log",
    resources:
        mem_mb=4000,
    params:
        **stage("race standings"),
        scores=lambda wildcards, input: each("--scores", input.scores),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        truth=lambda wildcards, input: os.path.dirname(input.truth[0]),
        flags=flags(INFLUENCE, "draws", "resamples", "confidence"),
    message:
        "Attribution methods against the truth by retraining"
    shell:
        "{params.call} --log {log:q} --truth {params.truth:q} {params.scores} {params.vamps}"
        " --tracks {input.tracks:q} {params.flags} --out {output.race:q}"
        " --removal-out {output.removal:q} --findings-out {output.findings:q}"
