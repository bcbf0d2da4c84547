# Experiment C: which training music does an output resemble, and how sure is that?
#
# Makes: results/influence/excerpts.parquet                         excerpts of control tracks
#        results/clips/control-excerpts/{shard}.parquet             their clips
#        results/clips/control_roundtrip-{generator}/{shard}.parquet   the same through a codec
#        results/influence/indexes.parquet                          which clips are in which index
#        results/influence/matches/{encoder}/{clips}/{shard}.parquet   match tables by index and prompt_track
#        results/influence/nearest/{encoder}/{clips}/{shard}.parquet   nearest clip of each output
#        results/influence/{generator}/*                            p-values, songs, artists, parts of
#        results/tables/{table}.csv                                 the tables of INFLUENCE_PARTS

# table -> its parts, a generator
INFLUENCE_PARTS = {
    name: [name]
    for name in ["exceedance", "calibration", "calibration_curve", "planted", "paired"]
    + ["prompt_vs_training", "songs", "evidence", "agreement", "outputs"]
} | {
    name: [f"{name}-{encoder}" for encoder in ACTIVE]
    for name in ["concentration", "lorenz", "hubness"]
}


rule excerpts:
    input:
        tracks="results/corpus/tracks.csv",
        lists=expand(
            "results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS
        ),
    output:
        excerpts="results/influence/excerpts.parquet",
        clips=expand(
            "results/clips/control-excerpts/{shard}.parquet", shard=control_shards()
        ),
    log:
        "results/logs/excerpts.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        flags=flags(config["influence"], "excerpts")
        + " "
        + flags(config["generation"], "duration_s"),
        clip_s=config["clips"]["duration_s"],
        clips=lambda wildcards, output: each("--clips", output.clips),
        seed=config["seed"],
        code=code("excerpts"),
    message:
        "Drawing excerpts of control tracks"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} excerpts --tracks {input.tracks} {params.flags}"
        " --clip-duration-s {params.clip_s} --out {output.excerpts} {params.clips} {input.lists}"


rule control_roundtrips:
    input:
        excerpts="results/influence/excerpts.parquet",
        weights=lambda wildcards: weights_of(wildcards.generator),
    output:
        clips="results/clips/control_roundtrip-{generator}/{shard}.parquet",
    log:
        "results/logs/control_roundtrips/{generator}-{shard}.log",
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
        # not an output: a file is named by all that it depends on, and a killed run goes on with it
        audio="results/influence/{generator}/audio",
        clip_s=config["clips"]["duration_s"],
        shard=lambda wildcards: int(wildcards.shard),
        shards=config["generation"]["shards"],
        device=config["encode"]["device"],
        code=lambda wildcards: code_of("control-roundtrips", wildcards.generator),
    message:
        "Sending excerpts through the codec of {wildcards.generator}, part {wildcards.shard}"
    shell:
        "python -m musical_roots --log {log} control-roundtrips --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --code {params.code} --excerpts {input.excerpts}"
        " --shard {params.shard} {params.shards} --clip-duration-s {params.clip_s} --audio {params.audio}"
        " --out {output.clips}"


rule indexes:
    input:
        lists=expand(
            "results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS
        ),
    output:
        indexes="results/influence/indexes.parquet",
    log:
        "results/logs/indexes.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        seed=config["seed"],
        code=code("indexes"),
    message:
        "Drawing indexes of equal size"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} indexes --out {output.indexes} {input.lists}"


rule attribute:
    input:
        queries=asked,
        parents=parents_of,
        index=expand("results/embeddings/{{encoder}}/{clips}.npy", clips=INDEXED),
        indexes="results/influence/indexes.parquet",
    output:
        matches="results/influence/matches/{encoder}/{clips}/{shard}.parquet",
        nearest="results/influence/nearest/{encoder}/{clips}/{shard}.parquet",
    log:
        "results/logs/attribute/{encoder}-{clips}-{shard}.log",
    wildcard_constraints:
        clips="control-excerpts|planted|(vamps|control_roundtrip)-[a-z0-9]+",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        # some 2 GB a million clips of the index, whatever the number of queries
        mem_mb=4000,
        runtime=240,
    params:
        files=lambda wildcards, input: each("--queries", input.queries)
        + each("--parents", input.parents),
        indexes=lambda wildcards: indexes_of(wildcards.clips),
        k=lambda wildcards: 1 if wildcards.clips == "planted" else config["search"]["k"],
        code=code("attribute"),
    message:
        "Attributing {wildcards.clips}, part {wildcards.shard}, with {wildcards.encoder}"
    shell:
        "python -m musical_roots --log {log} attribute {params.files} --indexes {input.indexes} {params.indexes}"
        " --k {params.k} --matches {output.matches} --nearest {output.nearest} {input.index}"


rule exceedance:
    input:
        outputs=lambda wildcards: attributed("nearest", f"vamps-{wildcards.generator}"),
        null=lambda wildcards: attributed("nearest", null_of(wildcards.generator)),
        control=attributed("nearest", "control-excerpts"),
    output:
        table="results/influence/{generator}/exceedance.csv",
    log:
        "results/logs/exceedance/{generator}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=lambda wildcards, input: each("--outputs", input.outputs)
        + each("--control-roundtrip", input.null)
        + each("--control", input.control),
        flags=flags(config["influence"], "resamples", "confidence"),
        seed=config["seed"],
        code=code("exceedance"),
    message:
        "Exceedance of {wildcards.generator}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} exceedance {params.files} {params.flags}"
        " --out {output.table}"


rule calibrate:
    input:
        outputs=lambda wildcards: attributed("nearest", f"vamps-{wildcards.generator}"),
        null=lambda wildcards: attributed("nearest", null_of(wildcards.generator)),
        planted=attributed("nearest", "planted"),
        clips=expand("results/clips/perturbed-{kind}/000.parquet", kind=KINDS),
    output:
        p_values="results/influence/{generator}/p_values.parquet",
        table="results/influence/{generator}/calibration.csv",
        curve="results/influence/{generator}/calibration_curve.csv",
        paired="results/influence/{generator}/paired.csv",
        planted="results/influence/{generator}/planted.csv",
    log:
        "results/logs/calibrate/{generator}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=lambda wildcards, input: each("--outputs", input.outputs)
        + each("--control-roundtrip", input.null)
        + each("--planted", input.planted)
        + each("--planted-clips", input.clips),
        flags=flags(config["influence"], "fdr", "draws", "resamples", "confidence"),
        seed=config["seed"],
        code=code("calibrate"),
    message:
        "Calibrating what {wildcards.generator} resembles"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} calibrate {params.files} {params.flags}"
        " --p-values {output.p_values} --out {output.table} --curve {output.curve} --paired {output.paired}"
        " --planted-out {output.planted}"


rule resemblance:
    input:
        matches=lambda wildcards: attributed("matches", f"vamps-{wildcards.generator}"),
        outputs=lambda wildcards: embedded(f"vamps-{wildcards.generator}"),
        null=lambda wildcards: attributed("nearest", null_of(wildcards.generator)),
        tracks="results/corpus/tracks.csv",
        indexes="results/influence/indexes.parquet",
        index=expand(
            "results/embeddings/{encoder}/{clips}.npy",
            encoder=ACTIVE,
            clips=INDEXED,
        ),
    output:
        prompts="results/influence/{generator}/prompt_vs_training.csv",
        songs="results/influence/{generator}/songs.parquet",
        artists="results/influence/{generator}/artists.parquet",
        found="results/influence/{generator}/songs.csv",
        evidence="results/influence/{generator}/evidence.csv",
    log:
        "results/logs/resemblance/{generator}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=lambda wildcards, input: each("--matches", input.matches)
        + each("--outputs", input.outputs)
        + each("--control-roundtrip", input.null),
        flags=flags(config["influence"], "resamples", "confidence"),
        seed=config["seed"],
        code=code("resemblance"),
    message:
        "Songs and artists that {wildcards.generator} resembles"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} resemblance {params.files} {params.flags}"
        " --tracks {input.tracks} --indexes {input.indexes} --prompts {output.prompts} --songs {output.songs}"
        " --artists {output.artists} --found {output.found} --evidence {output.evidence} {input.index}"


rule concentration:
    input:
        outputs=lambda wildcards: embedded(
            f"vamps-{wildcards.generator}", wildcards.encoder
        ),
        control=lambda wildcards: embedded("control-excerpts", wildcards.encoder),
        output_matches=lambda wildcards: attributed(
            "matches", f"vamps-{wildcards.generator}", wildcards.encoder
        ),
        control_matches=lambda wildcards: attributed(
            "matches", "control-excerpts", wildcards.encoder
        ),
        tracks="results/corpus/tracks.csv",
        indexes="results/influence/indexes.parquet",
        index=expand("results/embeddings/{{encoder}}/{clips}.npy", clips=INDEXED),
    output:
        table="results/influence/{generator}/concentration-{encoder}.csv",
        lorenz="results/influence/{generator}/lorenz-{encoder}.csv",
        hubness="results/influence/{generator}/hubness-{encoder}.csv",
    log:
        "results/logs/concentration/{generator}-{encoder}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=lambda wildcards, input: each("--outputs", input.outputs)
        + each("--control", input.control)
        + each("--output-matches", input.output_matches)
        + each("--control-matches", input.control_matches),
        flags=flags(config["influence"], "draws", "hubness_clips"),
        k=config["search"]["k"],
        seed=config["seed"],
        code=code("concentration"),
    message:
        "Concentration and hubs of {wildcards.generator}'s matches, {wildcards.encoder}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} concentration {params.files} {params.flags}"
        " --k {params.k} --tracks {input.tracks} --indexes {input.indexes} --out {output.table} --lorenz {output.lorenz}"
        " --hubness {output.hubness} {input.index}"


rule verdicts:
    input:
        outputs=lambda wildcards: expand(
            "results/vamps/{{generator}}/{shard}.parquet",
            shard=vamp_shards(wildcards.generator),
        ),
        p_values="results/influence/{generator}/p_values.parquet",
        songs="results/influence/{generator}/songs.parquet",
        ngram_overlap=lambda wildcards: (
            ["results/generation/ngram_overlap.parquet"]
            if wildcards.generator == "openvamp"
            else []
        ),
        control_roundtrips=lambda wildcards: (
            attributed("matches", f"control_roundtrip-{wildcards.generator}")
            if wildcards.generator in GENERATORS
            else []
        ),
        tracks="results/corpus/tracks.csv",
    output:
        agreement="results/influence/{generator}/agreement.csv",
        outputs="results/influence/{generator}/outputs.csv",
    log:
        "results/logs/verdicts/{generator}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=lambda wildcards, input: each("--outputs", input.outputs)
        + each("--ngram-overlap", input.ngram_overlap)
        + each("--control-roundtrips", input.control_roundtrips)
        + each("--without", [name for name in ACTIVE if name == "random"]),
        flags=flags(config["influence"], "fdr", "resamples", "confidence"),
        seed=config["seed"],
        code=code("verdicts"),
    message:
        "Verdicts on the outputs of {wildcards.generator}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} verdicts {params.files} {params.flags}"
        " --p-values {input.p_values} --songs {input.songs} --tracks {input.tracks}"
        " --agreement {output.agreement} --out {output.outputs}"


# One table of all generators and encoders.
rule influence_tables:
    input:
        [
            f"results/influence/{generator}/{part}.csv"
            for generator in ATTRIBUTED
            for parts in INFLUENCE_PARTS.values()
            for part in parts
        ],
        # what they are called: random weights are marked there, wherever they come from
        expand("results/vamps/{generator}/000.parquet", generator=ATTRIBUTED),
    output:
        expand("results/tables/{table}.csv", table=INFLUENCE_PARTS)
        if ATTRIBUTED
        else [],
    log:
        "results/logs/influence.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        parts=[
            f"--part results/tables/{table}.csv results/vamps/{generator}/000.parquet"
            f" results/influence/{generator}/{part}.csv"
            for table, parts in INFLUENCE_PARTS.items()
            for generator in ATTRIBUTED
            for part in parts
        ],
        code=code("join"),
    message:
        "Experiment C: tables of all generators and encoders"
    shell:
        "python -m musical_roots --log {log} join {params.parts}"


rule findings:
    input:
        exceedance="results/tables/exceedance.csv",
        calibration="results/tables/calibration.csv",
        paired="results/tables/paired.csv",
        prompts="results/tables/prompt_vs_training.csv",
        concentration="results/tables/concentration.csv",
        hubness="results/tables/hubness.csv",
    output:
        table="results/tables/findings.csv",
    log:
        "results/logs/findings.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("findings"),
    message:
        "Experiment C: what was found, in sentences"
    shell:
        "python -m musical_roots --log {log} findings --exceedance {input.exceedance}"
        " --calibration {input.calibration} --paired {input.paired} --prompts {input.prompts}"
        " --concentration {input.concentration} --hubness {input.hubness} --out {output.table}"


rule influence:
    input:
        [f"results/tables/{table}.csv" for table in [*INFLUENCE_PARTS, "findings"]]
        if ATTRIBUTED
        else [],
