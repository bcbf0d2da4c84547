# Exact cosine neighbours of every perturbed clip among all clips of the corpus.
#
# Makes: results/matches/{encoder}/perturbed-{kind}.parquet   match table
#        results/tables/retrieval.csv                         same-track recall of each encoder


rule search:
    input:
        [
            f"<results>/matches/{encoder}/perturbed-{kind}.parquet"
            for encoder, kind in STUDY.matched()
        ],


rule match:
    input:
        queries=lambda wildcards: STUDY[f"perturbed-{wildcards.kind}"].embeddings(
            wildcards.encoder
        ),
        targets="<results>/clips/perturbed-{kind}/targets.parquet",
        index=lambda wildcards: STUDY.corpus_embeddings([wildcards.encoder]),
    output:
        matches="<results>/matches/{encoder}/perturbed-{kind}.parquet",
    log:
        "<logs>/match/{encoder}-{kind}.log",
    params:
        **stage("search match"),
        queries=lambda wildcards, input: each("--queries", input.queries),
        flags=flags(config["search"]),
    message:
        "Searching perturbed clips ({wildcards.kind}) with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.queries} --targets {input.targets:q}"
        " {params.flags} --out {output.matches:q} {input.index:q}"


# Tracks that no statistics were fitted on, where there are some.
rule retrieval:
    input:
        shards=[
            path
            for encoder in STUDY.encoders
            for path in STUDY[STUDY.splits[-1]].embeddings(encoder)
        ],
    output:
        table="<results>/tables/retrieval.csv",
    log:
        "<logs>/retrieval.log",
    params:
        **stage("search retrieval"),
        flags=flags(config["robustness"], "resamples", "confidence"),
    message:
        "Same-track retrieval on control tracks"
    shell:
        "{params.call} --log {log:q} {input.shards:q} {params.flags} --out {output.table:q}"
