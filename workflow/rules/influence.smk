# Experiment C: which training music does an output resemble, and how sure is that?
#
# Makes: results/influence/excerpts.parquet                         excerpts of control tracks
#        results/clips/control-excerpts/{shard}.parquet             their clips
#        results/clips/control_roundtrip-{generator}/{shard}.parquet   the same through a codec
#        results/influence/indexes.parquet                          which clips are in which index
#        results/influence/matches/{encoder}/{clips}/{shard}.parquet   match tables by index
#        results/influence/nearest/{encoder}/{clips}/{shard}.parquet   nearest clip of each output
#        results/influence/{generator}/*                            p-values, songs, artists, parts of
#        results/tables/{table}.csv                                 src/musical_roots/study/tables.py

INFLUENCE = config["influence"]


rule excerpts:
    input:
        tracks="<results>/corpus/tracks.csv",
        lists=STUDY.corpus(),
    output:
        excerpts="<results>/influence/excerpts.parquet",
        clips=STUDY.excerpts(),
    log:
        "<logs>/excerpts.log",
    params:
        **stage("influence excerpts"),
        flags=flags(
            GENERATION | {"count": INFLUENCE["excerpts"]}, "count", "duration_s"
        ),
        clip_s=config["clips"]["duration_s"],
        clips=lambda wildcards, output: each("--clips-out", output.clips),
    message:
        "Drawing excerpts of control tracks"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} {params.flags}"
        " --clip-duration-s {params.clip_s} --out {output.excerpts:q} {params.clips}"
        " {input.lists:q}"


rule control_roundtrips:
    input:
        excerpts="<results>/influence/excerpts.parquet",
        weights=lambda wildcards: STUDY.models[wildcards.generator].files,
    output:
        clips="<results>/clips/control_roundtrip-{generator}/{shard}.parquet",
    log:
        "<logs>/control_roundtrips/{generator}-{shard}.log",
    wildcard_constraints:
        generator="|".join(GENERATORS),
    priority: 5
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=GPU,
    params:
        **made_by("influence control-roundtrips"),
        # not an output: a file is named by all that it depends on, and a killed run goes on with it
        audio=f"{RESULTS}/influence/{{generator}}/audio",
        clip_s=config["clips"]["duration_s"],
        shard=lambda wildcards: f"{int(wildcards.shard)} {GENERATION['shards']}",
        device=DEVICE,
    message:
        "Sending excerpts through the codec of {wildcards.generator}, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --code {params.code}"
        " --excerpts {input.excerpts:q} --shard {params.shard} --clip-duration-s {params.clip_s}"
        " --audio-out {params.audio:q} --out {output.clips:q}"


rule indexes:
    input:
        lists=STUDY.corpus(),
        small=STUDY.small(),
        tracks="<results>/corpus/tracks.csv",
    output:
        indexes="<results>/influence/indexes.parquet",
    log:
        "<logs>/indexes.log",
    params:
        **stage("influence indexes"),
        small=lambda wildcards, input: each("--small", input.small),
        flags=flags(config["corpus"], "split_artists"),
    message:
        "Drawing indexes of equal size"
    shell:
        "{params.call} --log {log:q} {params.small} --tracks {input.tracks:q} {params.flags}"
        " --out {output.indexes:q} {input.lists:q}"


rule attribute:
    input:
        queries=lambda wildcards: STUDY[wildcards.clips].embeddings(
            wildcards.encoder, wildcards.shard
        ),
        parents=parents,
        corpus=lambda wildcards: STUDY.corpus_list(wildcards.encoder),
        inverted=lambda wildcards: STUDY.inverted(wildcards.encoder),
        indexes="<results>/influence/indexes.parquet",
        tracks="<results>/corpus/tracks.csv",
    output:
        matches="<results>/influence/matches/{encoder}/{clips}/{shard}.parquet",
        nearest="<results>/influence/nearest/{encoder}/{clips}/{shard}.parquet",
    log:
        "<logs>/attribute/{encoder}-{clips}-{shard}.log",
    resources:
        # some 2 GB a million clips of the index, whatever the number of queries: twice its bytes
        mem_mb=memory(2000, 2, "corpus"),
        runtime=240,
        gpu=GPU,
    params:
        **stage("influence attribute"),
        queries=lambda wildcards, input: each("--queries", input.queries),
        parents=lambda wildcards, input: each("--parents", input.parents),
        index=lambda wildcards: each("--index", STUDY[wildcards.clips].indexes),
        prompt_track=lambda wildcards: each(
            "--prompt-track", STUDY[wildcards.clips].prompt_track
        ),
        k=lambda wildcards: STUDY[wildcards.clips].k or config["search"]["k"],
        inverted=lambda wildcards, input: each("--inverted", input.inverted),
        device=DEVICE,
        flags=flags(config["corpus"], "split_artists"),
    message:
        "Attributing {wildcards.clips}, part {wildcards.shard}, with {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.queries} {params.parents} --indexes {input.indexes:q}"
        " {params.index} {params.prompt_track} {params.flags} {params.inverted} --k {params.k}"
        " --device {params.device}"
        " --tracks {input.tracks:q}"
        " --out {output.matches:q} --nearest-out {output.nearest:q} {input.corpus:q}"


rule exceedance:
    input:
        outputs=outputs("nearest"),
        control=lambda wildcards: nearest("control-excerpts"),
        null=null,
    output:
        table="<results>/influence/{generator}/exceedance.csv",
    log:
        "<logs>/exceedance/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("influence exceedance"),
        outputs=lambda wildcards, input: each("--output-nearest", input.outputs),
        control=lambda wildcards, input: each("--control-nearest", input.control),
        null=lambda wildcards, input: each("--roundtrip-nearest", input.null),
        flags=flags(INFLUENCE, "resamples", "confidence"),
    message:
        "Exceedance of {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} {params.outputs} {params.control} {params.null} {params.flags}"
        " --out {output.table:q}"


rule calibrate:
    input:
        outputs=outputs("nearest"),
        null=null,
        control=lambda wildcards: nearest("control-excerpts"),
        planted=lambda wildcards: nearest("planted"),
        clips=lambda wildcards: STUDY["planted"].lists(),
    output:
        p_values="<results>/influence/{generator}/p_values.parquet",
        table="<results>/influence/{generator}/calibration.csv",
        curve="<results>/influence/{generator}/calibration_curve.csv",
        paired="<results>/influence/{generator}/paired.csv",
        planted="<results>/influence/{generator}/planted.csv",
    log:
        "<logs>/calibrate/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("influence calibrate"),
        outputs=lambda wildcards, input: each("--output-nearest", input.outputs),
        null=lambda wildcards, input: each("--roundtrip-nearest", input.null),
        control=lambda wildcards, input: each("--control-nearest", input.control),
        planted=lambda wildcards, input: each("--planted-nearest", input.planted),
        clips=lambda wildcards, input: each("--planted-clips", input.clips),
        flags=flags(INFLUENCE, "fdr", "draws", "resamples", "confidence"),
    message:
        "Calibrating what {wildcards.generator} resembles"
    shell:
        "{params.call} --log {log:q} {params.outputs} {params.null} {params.control} {params.planted}"
        " {params.clips} {params.flags} --p-values-out {output.p_values:q} --out {output.table:q}"
        " --calibration-curve-out {output.curve:q} --paired-out {output.paired:q} --planted-out {output.planted:q}"


rule resemblance:
    input:
        matches=outputs("matches"),
        outputs=lambda wildcards: [
            path
            for encoder in STUDY.witnesses
            for path in STUDY[f"vamps-{wildcards.generator}"].embeddings(encoder)
        ],
        null=null,
        tracks="<results>/corpus/tracks.csv",
        indexes="<results>/influence/indexes.parquet",
        corpus=STUDY.corpus_embeddings(STUDY.witnesses),
    output:
        prompts="<results>/influence/{generator}/prompt_vs_training.csv",
        songs="<results>/influence/{generator}/songs.parquet",
        artists="<results>/influence/{generator}/artists.parquet",
        found="<results>/influence/{generator}/songs.csv",
        evidence="<results>/influence/{generator}/evidence.csv",
    log:
        "<logs>/resemblance/{generator}.log",
    resources:
        mem_mb=memory(2000, 2, "corpus", "matches"),
    params:
        **stage("influence resemblance"),
        matches=lambda wildcards, input: each("--output-matches", input.matches),
        outputs=lambda wildcards, input: each("--output-embeddings", input.outputs),
        null=lambda wildcards, input: each("--roundtrip-nearest", input.null),
        flags=flags(INFLUENCE, "resamples", "confidence"),
    message:
        "Songs and artists that {wildcards.generator} resembles"
    shell:
        "{params.call} --log {log:q} {params.matches} {params.outputs} {params.null} {params.flags}"
        " --tracks {input.tracks:q} --indexes {input.indexes:q} --prompt-vs-training-out {output.prompts:q}"
        " --songs-out {output.songs:q} --artists-out {output.artists:q} --found-out {output.found:q}"
        " --evidence-out {output.evidence:q} {input.corpus:q}"


# What the paper itself shows of its case study, beside its own numbers.
rule paper_tables:
    input:
        matches=outputs("matches"),
        outputs=lambda wildcards: [
            path
            for encoder in STUDY.witnesses
            for path in STUDY[f"vamps-{wildcards.generator}"].embeddings(encoder)
        ],
        indexes="<results>/influence/indexes.parquet",
        bins="<results>/tables/bins.csv",
        lists=STUDY.corpus(),
        paper2="config/paper/table2.csv",
        paper3="config/paper/table3.csv",
    output:
        table2="<results>/influence/{generator}/paper_table2.csv",
        table3="<results>/influence/{generator}/paper_table3.csv",
        songs="<results>/influence/{generator}/top_songs.csv",
    log:
        "<logs>/paper_tables/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("influence paper-tables"),
        matches=lambda wildcards, input: each("--output-matches", input.matches),
        outputs=lambda wildcards, input: each("--output-embeddings", input.outputs),
        flags=flags(INFLUENCE, "resamples", "confidence"),
    message:
        "The paper's tables 2 and 3, of {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} --generator {wildcards.generator} {params.matches}"
        " {params.outputs} {params.flags} --indexes {input.indexes:q} --bins {input.bins:q}"
        " --paper-table2 {input.paper2:q} --paper-table3 {input.paper3:q}"
        " --table2-out {output.table2:q} --table3-out {output.table3:q}"
        " --top-songs-out {output.songs:q} {input.lists:q}"


rule concentration:
    input:
        outputs=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].embeddings(
            wildcards.encoder
        ),
        control=lambda wildcards: STUDY["control-excerpts"].embeddings(
            wildcards.encoder
        ),
        output_matches=lambda wildcards: STUDY[
            f"vamps-{wildcards.generator}"
        ].influence("matches", [wildcards.encoder]),
        control_matches=lambda wildcards: STUDY["control-excerpts"].influence(
            "matches", [wildcards.encoder]
        ),
        tracks="<results>/corpus/tracks.csv",
        indexes="<results>/influence/indexes.parquet",
        corpus=lambda wildcards: STUDY.corpus_embeddings([wildcards.encoder]),
    output:
        table="<results>/influence/{generator}/concentration-{encoder}.csv",
        lorenz="<results>/influence/{generator}/lorenz-{encoder}.csv",
        hubness="<results>/influence/{generator}/hubness-{encoder}.csv",
    log:
        "<logs>/concentration/{generator}-{encoder}.log",
    resources:
        mem_mb=memory(2000, 2, "corpus"),
    params:
        **stage("influence concentration"),
        files=lambda wildcards, input: " ".join(
            [
                each("--output-embeddings", input.outputs),
                each("--control-embeddings", input.control),
                each("--output-matches", input.output_matches),
                each("--control-matches", input.control_matches),
            ]
        ),
        flags=flags(INFLUENCE, "draws", "hubness_clips"),
        k=config["search"]["k"],
    message:
        "Concentration and hubs of {wildcards.generator}'s matches, {wildcards.encoder}"
    shell:
        "{params.call} --log {log:q} {params.files} {params.flags} --k {params.k}"
        " --tracks {input.tracks:q} --indexes {input.indexes:q} --out {output.table:q}"
        " --lorenz-out {output.lorenz:q} --hubness-out {output.hubness:q} {input.corpus:q}"


rule verdicts:
    input:
        outputs=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].made(),
        p_values="<results>/influence/{generator}/p_values.parquet",
        songs="<results>/influence/{generator}/songs.parquet",
        overlap=lambda wildcards: (
            [f"{RESULTS}/generation/ngram_overlap.parquet"]
            if wildcards.generator == "openvamp"
            else []
        ),
        roundtrips=lambda wildcards: (
            STUDY.null(wildcards.generator).influence("matches", STUDY.witnesses)
            if wildcards.generator in GENERATORS
            else []
        ),
        token_p_values=tokens_say("p_values"),
        competition="<results>/influence/{generator}/competition.parquet",
        tracks="<results>/corpus/tracks.csv",
    output:
        agreement="<results>/influence/{generator}/agreement.csv",
        outputs="<results>/influence/{generator}/outputs.csv",
    log:
        "<logs>/verdicts/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("influence verdicts"),
        outputs=lambda wildcards, input: each("--outputs", input.outputs),
        overlap=lambda wildcards, input: each("--ngram-overlap", input.overlap),
        tokens=lambda wildcards, input: each("--token-p-values", input.token_p_values),
        roundtrips=lambda wildcards, input: each(
            "--roundtrip-matches", input.roundtrips
        ),
        without=each(
            "--without", [name for name in STUDY.witnesses if name == "random"]
        ),
        flags=flags(INFLUENCE, "fdr", "resamples", "confidence"),
    message:
        "Verdicts on the outputs of {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} {params.outputs} {params.overlap} {params.tokens}"
        " {params.roundtrips} {params.without} {params.flags} --competition {input.competition:q}"
        " --p-values {input.p_values:q} --songs {input.songs:q}"
        " --tracks {input.tracks:q} --agreement-out {output.agreement:q} --out {output.outputs:q}"


rule training_sets:
    input:
        outputs=lambda wildcards: [
            f"{RESULTS}/vamps/{name}/{shard}.parquet"
            for name in STUDY.pair(wildcards.generator)
            for shard in STUDY[f"vamps-{name}"].shards
        ],
        matches=lambda wildcards: [
            path
            for name in STUDY.pair(wildcards.generator)
            for path in STUDY[f"vamps-{name}"].influence("matches", STUDY.witnesses)
        ],
        clips=lambda wildcards: [
            path
            for name in STUDY.pair(wildcards.generator)
            for path in STUDY[f"vamps-{name}"].lists()
        ],
        small=lambda wildcards: STUDY.small_of(wildcards.generator),
    output:
        table="<results>/influence/{generator}/small_training_set.csv",
    log:
        "<logs>/training_sets/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("influence training-sets"),
        outputs=lambda wildcards, input: each("--outputs", input.outputs),
        matches=lambda wildcards, input: each("--output-matches", input.matches),
        clips=lambda wildcards, input: each("--output-clips", input.clips),
        small=lambda wildcards, input: each("--small", input.small),
        flags=flags(INFLUENCE, "resamples", "confidence"),
    message:
        "Vamps of {wildcards.generator} against those of a smaller training set"
    shell:
        "{params.call} --log {log:q} {params.outputs} {params.matches} {params.clips}"
        " {params.small} {params.flags} --out {output.table:q}"


# One table of all generators and encoders.
rule influence_tables:
    input:
        sorted({path for piece in STUDY.pieces() for path in piece[1:]}),
    output:
        list(dict.fromkeys(piece[0] for piece in STUDY.pieces())),
    log:
        "<logs>/influence.log",
    params:
        **stage("influence join"),
        pieces=[f"--piece {shlex.join(piece)}" for piece in STUDY.pieces()],
    message:
        "Experiment C: tables of all generators and encoders"
    shell:
        "{params.call} --log {log:q} {params.pieces}"


rule findings:
    input:
        exceedance="<results>/tables/exceedance.csv",
        calibration="<results>/tables/calibration.csv",
        paired="<results>/tables/paired.csv",
        prompts="<results>/tables/prompt_vs_training.csv",
        concentration="<results>/tables/concentration.csv",
        hubness="<results>/tables/hubness.csv",
        coded="<results>/tables/coded_index.csv" if STUDY.coded else [],
    output:
        table="<results>/tables/findings.csv",
    log:
        "<logs>/findings.log",
    params:
        **stage("influence findings"),
        coded=lambda wildcards, input: each("--coded-index", input.coded),
    message:
        "Experiment C: what was found, in sentences"
    shell:
        "{params.call} --log {log:q} --exceedance {input.exceedance:q}"
        " --calibration {input.calibration:q} --paired {input.paired:q} --prompt-vs-training {input.prompts:q}"
        " --concentration {input.concentration:q} --hubness {input.hubness:q}"
        " {params.coded} --out {output.table:q}"


rule influence:
    input:
        STUDY.influence_tables(),
