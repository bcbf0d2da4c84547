# Cosine neighbours of every perturbed clip among all clips of the corpus. Two kinds may be one
# clip set, searched with and without the track that a clip was spliced with.
#
# Makes: results/matches/{encoder}/perturbed-{kind}.parquet   match table
#        results/tables/retrieval.csv                         same-track recall of each encoder
#        results/tables/bins.csv                              the paper's bins of cosine
#        results/tables/bins_histogram.csv                    how the cosines lie among them
#        results/tables/paper_encoders.csv                    whether encoders may be the paper's


rule search:
    input:
        [
            f"<results>/matches/{encoder}/perturbed-{kind}.parquet"
            for encoder, kind in STUDY.matched()
        ],


rule match:
    input:
        queries=lambda wildcards: STUDY.perturbed(wildcards.kind).embeddings(
            wildcards.encoder
        ),
        targets=lambda wildcards: STUDY.perturbed(wildcards.kind).targets(),
        index=lambda wildcards: STUDY.corpus_embeddings([wildcards.encoder]),
        inverted=lambda wildcards: STUDY.inverted(wildcards.encoder),
    output:
        matches="<results>/matches/{encoder}/perturbed-{kind}.parquet",
    log:
        "<logs>/match/{encoder}-{kind}.log",
    resources:
        gpu=GPU,
    params:
        **stage("search match"),
        queries=lambda wildcards, input: each("--queries", input.queries),
        flags=flags(config["search"], "k"),
        inverted=lambda wildcards, input: each("--inverted", input.inverted),
        leave_out=lambda wildcards: STUDY.left_out(wildcards.kind),
        device=DEVICE,
    message:
        "Searching perturbed clips ({wildcards.kind}) with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.queries} --targets {input.targets:q}"
        " {params.flags} {params.inverted} --device {params.device} --leave-out {params.leave_out}"
        " --out {output.matches:q} {input.index:q}"


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


rule bins:
    input:
        bins="config/paper/bins.csv",
        neighbours="config/paper/neighbours.csv",
        shards=[
            path
            for encoder in STUDY.hearing("train")
            for path in STUDY["train"].embeddings(encoder)
        ],
    output:
        table="<results>/tables/bins.csv",
        histogram="<results>/tables/bins_histogram.csv",
        encoders="<results>/tables/paper_encoders.csv",
    log:
        "<logs>/bins.log",
    params:
        **stage("search bins"),
        flags=flags({"count": config["bins"]["clips"]}),
    message:
        "The paper's bins of cosine"
    shell:
        "{params.call} --log {log:q} {params.flags} --paper-bins {input.bins:q}"
        " --paper-neighbours {input.neighbours:q} --histogram-out {output.histogram:q}"
        " --paper-encoders-out {output.encoders:q} --out {output.table:q} {input.shards:q}"
