# Inverted lists of the corpus, where the config asks for an approximate search: trained on a sample,
# filled shard by shard, merged, and planned for the recall that is wanted.
#
# Makes: results/index/{encoder}/whole.faiss, .parquet, .json   what is searched in, with its plan
#        results/tables/search_recall.csv                       how often each search misses


# Clips that come later are put into the lists that there are: the stage looks whether these are of the
# vectors' fingerprint still. To train anew, delete index/{encoder}.
rule train_index:
    input:
        shards=lambda wildcards: STUDY.corpus_embeddings([wildcards.encoder]),
    output:
        index=update("<results>/index/{encoder}/trained.faiss"),
        clips=update("<results>/index/{encoder}/trained.parquet"),
        about=update("<results>/index/{encoder}/trained.json"),
    log:
        "<logs>/train_index/{encoder}.log",
    resources:
        mem_mb=memory(2000, 0.3, "shards"),
    params:
        **stage("index train"),
        flags=flags(config["search"]["approximate"], "quantiser"),
        kept=f"--kept-if {CODE.digest('index train')}",
    message:
        "Training an index of {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.flags} {params.kept} --out {output.index:q}"
        " {input.shards:q}"


rule fill_index:
    input:
        inverted="<results>/index/{encoder}/trained.faiss",
        shard="<results>/embeddings/{encoder}/{clips}/{shard}.npy",
    output:
        index="<results>/index/{encoder}/{clips}/{shard}.faiss",
        clips="<results>/index/{encoder}/{clips}/{shard}.parquet",
        about="<results>/index/{encoder}/{clips}/{shard}.json",
    log:
        "<logs>/fill_index/{encoder}-{clips}-{shard}.log",
    params:
        **stage("index fill"),
    message:
        "Indexing {wildcards.clips}, part {wildcards.shard}, with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} --inverted {input.inverted:q} --out {output.index:q} {input.shard:q}"


rule merge_index:
    input:
        parts=lambda wildcards: STUDY.index_parts(wildcards.encoder),
    output:
        index="<results>/index/{encoder}/merged.faiss",
        clips="<results>/index/{encoder}/merged.parquet",
        about="<results>/index/{encoder}/merged.json",
    log:
        "<logs>/merge_index/{encoder}.log",
    params:
        **stage("index merge"),
    message:
        "Merging the index of {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} --out {output.index:q} {input.parts:q}"


rule plan_index:
    input:
        inverted="<results>/index/{encoder}/merged.faiss",
        queries=lambda wildcards: STUDY.index_queries(wildcards.encoder),
        shards=lambda wildcards: STUDY.corpus_embeddings([wildcards.encoder]),
    output:
        index="<results>/index/{encoder}/whole.faiss",
        clips="<results>/index/{encoder}/whole.parquet",
        about="<results>/index/{encoder}/whole.json",
    log:
        "<logs>/plan_index/{encoder}.log",
    resources:
        mem_mb=memory(2000, 0.3, "shards"),
    params:
        **stage("index plan"),
        queries=lambda wildcards, input: each("--queries", input.queries),
        flags=flags(config["search"]["approximate"], "recall", "trial_queries"),
        interval=flags(config["robustness"], "resamples", "confidence"),
    message:
        "Measuring what the index of {wildcards.encoder} misses"
    shell:
        "{params.call} --log {log:q} --inverted {input.inverted:q} {params.queries} {params.flags}"
        " {params.interval} --out {output.index:q} {input.shards:q}"


rule search_recall:
    input:
        indexes=[path for encoder in STUDY.encoders for path in STUDY.inverted(encoder)],
    output:
        table="<results>/tables/search_recall.csv",
    log:
        "<logs>/search_recall.log",
    params:
        **stage("index recall"),
    message:
        "How often the searches miss"
    shell:
        "{params.call} --log {log:q} --out {output.table:q} {input.indexes:q}"
