# The coded index of Experiment C: a part of the corpus, and prompts, after a generator's codec.
#
# Makes: results/clips/coded-{train,control,prompts}-{generator}/{shard}.parquet   clip lists
#        results/influence/coded-{generator}/indexes.parquet            which clips are in which index
#        results/influence/coded-{generator}/{matches,nearest}/{encoder}/{clips}/{shard}.parquet
#        results/influence/coded-{generator}/prompts/{encoder}.parquet  cosines of vamps to prompts
#        results/influence/{generator}/coded_index.csv                  a part of tables/coded_index.csv

CODED = "|".join(STUDY.coded) or "none"


rule code_clips:
    input:
        lists=lambda wildcards: STUDY.before_codec(wildcards.of, wildcards.generator),
        first=lambda wildcards: (
            f"{RESULTS}/clips/queries.parquet" if wildcards.of in STUDY.splits else []
        ),
        weights=lambda wildcards: STUDY.models[wildcards.generator].files,
    output:
        clips="<results>/clips/coded-{of}-{generator}/{shard}.parquet",
        audio=temp(directory("<results>/audio/coded-{of}-{generator}-{shard}")),
    log:
        "<logs>/code_clips/{of}-{generator}-{shard}.log",
    benchmark:
        "<benchmarks>/code_clips/{of}-{generator}-{shard}.tsv"
    wildcard_constraints:
        of="train|control|prompts",
        generator=CODED,
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=GPU,
    params:
        **stage("coded render", module),
        checkpoints=lambda wildcards: STUDY.models[wildcards.generator].checkpoints,
        chosen=lambda wildcards, input: (
            f"--per-track {INFLUENCE['coded_clips_per_track']} {each('--first', input.first)}"
            if input.first
            else ""
        ),
        shard=lambda wildcards: f"{int(wildcards.shard)} {GENERATION['shards']}",
        device=DEVICE,
    message:
        "Sending {wildcards.of} through the codec of {wildcards.generator}, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --shard {params.shard}"
        " {params.chosen} --audio-out {output.audio:q} --out {output.clips:q} {input.lists:q}"


rule coded_indexes:
    input:
        coded=lambda wildcards: STUDY.coded_lists(wildcards.generator),
        indexes="<results>/influence/indexes.parquet",
        tracks="<results>/corpus/tracks.csv",
    output:
        indexes="<results>/influence/coded-{generator}/indexes.parquet",
    log:
        "<logs>/coded_indexes/{generator}.log",
    wildcard_constraints:
        generator=CODED,
    params:
        **stage("coded indexes"),
        flags=flags(config["corpus"], "split_artists"),
    message:
        "Listing the coded indexes of {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} --indexes {input.indexes:q} --tracks {input.tracks:q}"
        " {params.flags} --out {output.indexes:q} {input.coded:q}"


rule attribute_coded:
    input:
        queries=lambda wildcards: STUDY[wildcards.clips].embeddings(
            wildcards.encoder, wildcards.shard
        ),
        corpus=lambda wildcards: STUDY.corpus_list(wildcards.encoder),
        coded=lambda wildcards: [
            path
            for part in STUDY.coded_corpus(wildcards.generator)
            for path in part.embeddings(wildcards.encoder)
        ],
        indexes="<results>/influence/coded-{generator}/indexes.parquet",
        tracks="<results>/corpus/tracks.csv",
    output:
        matches="<results>/influence/coded-{generator}/matches/{encoder}/{clips}/{shard}.parquet",
        nearest="<results>/influence/coded-{generator}/nearest/{encoder}/{clips}/{shard}.parquet",
    log:
        "<logs>/attribute_coded/{generator}-{encoder}-{clips}-{shard}.log",
    wildcard_constraints:
        generator=CODED,
    resources:
        mem_mb=memory(2000, 2, "corpus", "coded"),
        runtime=240,
        gpu=GPU,
    params:
        **stage("influence attribute"),
        queries=lambda wildcards, input: each("--queries", input.queries),
        index=lambda wildcards: each("--index", STUDY.coded_indexes(wildcards.clips)),
        prompt_track=lambda wildcards: each(
            "--prompt-track", STUDY[wildcards.clips].prompt_track
        ),
        k=1,
        device=DEVICE,
        flags=flags(config["corpus"], "split_artists"),
    message:
        "Attributing {wildcards.clips} in the coded index, part {wildcards.shard}, with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.queries} --indexes {input.indexes:q} {params.index}"
        " {params.prompt_track} --k {params.k} --device {params.device} {params.flags}"
        " --tracks {input.tracks:q}"
        " --out {output.matches:q} --nearest-out {output.nearest:q} {input.corpus:q} {input.coded:q}"


rule coded_prompts:
    input:
        outputs=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].embeddings(
            wildcards.encoder
        ),
        prompts=lambda wildcards: STUDY[f"prompts-{wildcards.generator}"].embeddings(
            wildcards.encoder
        ),
        coded=lambda wildcards: STUDY[
            f"coded-prompts-{wildcards.generator}"
        ].embeddings(wildcards.encoder),
    output:
        cosines="<results>/influence/coded-{generator}/prompts/{encoder}.parquet",
    log:
        "<logs>/coded_prompts/{generator}-{encoder}.log",
    wildcard_constraints:
        generator=CODED,
    params:
        **stage("coded prompts"),
        files=lambda wildcards, input: " ".join(
            [
                each("--output-embeddings", input.outputs),
                each("--prompt-embeddings", input.prompts),
                each("--coded-prompt-embeddings", input.coded),
            ]
        ),
    message:
        "Outputs of {wildcards.generator} and their prompts after the codec, with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.files} --out {output.cosines:q}"


rule coded_index:
    input:
        outputs=lambda wildcards: STUDY.coded_nearest(
            wildcards.generator, STUDY[f"vamps-{wildcards.generator}"]
        ),
        null=lambda wildcards: STUDY.coded_nearest(
            wildcards.generator, STUDY.null(wildcards.generator)
        ),
        planted=lambda wildcards: [
            path
            for part in STUDY.coded_copies(wildcards.generator)
            for path in STUDY.coded_nearest(wildcards.generator, part)
        ],
        copies=lambda wildcards: [
            path
            for part in STUDY.coded_copies(wildcards.generator)
            for path in part.lists()
        ],
        prompts=lambda wildcards: expand(
            "<results>/influence/coded-{generator}/prompts/{encoder}.parquet",
            generator=wildcards.generator,
            encoder=STUDY.hearing(f"coded-train-{wildcards.generator}"),
        ),
        corpus=STUDY.corpus(),
        coded=lambda wildcards: STUDY.coded_lists(wildcards.generator),
    output:
        table="<results>/influence/{generator}/coded_index.csv",
    log:
        "<logs>/coded_index/{generator}.log",
    wildcard_constraints:
        generator=CODED,
    resources:
        mem_mb=4000,
    params:
        **stage("coded compare"),
        files=lambda wildcards, input: " ".join(
            [
                each("--output-nearest", input.outputs),
                each("--roundtrip-nearest", input.null),
                each("--planted-nearest", input.planted),
                each("--planted-clips", input.copies),
                each("--prompt-cosines", input.prompts),
            ]
        ),
        flags=flags(INFLUENCE, "fdr", "draws", "resamples", "confidence"),
    message:
        "What the coded index of {wildcards.generator} finds"
    shell:
        "{params.call} --log {log:q} {params.files} {params.flags} --out {output.table:q}"
        " {input.corpus:q} {input.coded:q}"
