# Query clips of Experiment B, and their perturbed copies.
#
# Makes: results/clips/queries.parquet                  the clips that are perturbed
#        results/clips/perturbed-{kind}/000.parquet     their copies at every level: a clip list
#        results/clips/perturbed-{kind}/targets.parquet pairs whose cosine and rank are wanted

KINDS = config["robustness"]["perturbations"]


rule queries:
    input:
        tracks="<results>/corpus/tracks.csv",
        lists=STUDY.corpus(),
    output:
        queries="<results>/clips/queries.parquet",
    log:
        "<logs>/queries.log",
    params:
        **stage("perturb queries"),
        flags=flags({"count": config["robustness"]["queries"]}),
    message:
        "Drawing query clips"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} {params.flags}"
        " --out {output.queries:q} {input.lists:q}"


rule perturb:
    input:
        queries="<results>/clips/queries.parquet",
        lists=STUDY.corpus(),
        weights=lambda wildcards: [
            file for model in codec(wildcards) for file in model.files
        ],
    output:
        clips="<results>/clips/perturbed-{kind}/000.parquet",
        targets="<results>/clips/perturbed-{kind}/targets.parquet",
        audio=temp(directory("<results>/audio/perturbed-{kind}-000")),
    log:
        "<logs>/perturb/{kind}.log",
    wildcard_constraints:
        kind="|".join(kind for kind in KINDS if kind != "splice_vamp"),
    params:
        **stage(
            "perturb render",
            lambda wildcards: [model.module for model in codec(wildcards)],
        ),
        levels=lambda wildcards: written({"level": KINDS[wildcards.kind]["levels"]}),
        generator=lambda wildcards: [
            f"--generator {model.name} --checkpoints {shlex.quote(model.checkpoints)}"
            for model in codec(wildcards)
        ],
        flags=flags(config["robustness"], "sample_rate"),
        crossfade=lambda wildcards: crossfade(wildcards.kind),
    message:
        "Perturbing: {wildcards.kind}"
    shell:
        "{params.call} --log {log:q} --clips {input.queries:q} --kind {wildcards.kind}"
        " {params.levels} {params.flags} {params.crossfade} {params.generator}"
        " --audio-out {output.audio:q} --out {output.clips:q} --targets-out {output.targets:q}"
        " {input.lists:q}"


rule splice_vamps:
    input:
        vamps=STUDY.vamps(),
        lists=STUDY.corpus(),
    output:
        clips="<results>/clips/perturbed-splice_vamp/000.parquet",
        targets="<results>/clips/perturbed-splice_vamp/targets.parquet",
        audio=temp(directory("<results>/audio/perturbed-splice_vamp-000")),
    log:
        "<logs>/perturb/splice_vamp.log",
    params:
        **stage("perturb splice-vamps"),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        flags=flags(
            {"level": KINDS["splice_vamp"]["levels"]}
            | {"count": config["robustness"]["queries"]}
            | {"clip_duration_s": config["clips"]["duration_s"]}
            | {"sample_rate": config["robustness"]["sample_rate"]}
            | {"setting": KINDS["splice_vamp"]["setting"]}
        ),
        crossfade=crossfade("splice_vamp"),
    message:
        "Splicing prompts and their vamps"
    shell:
        "{params.call} --log {log:q} {params.vamps} {params.flags} {params.crossfade}"
        " --audio-out {output.audio:q} --out {output.clips:q} --targets-out {output.targets:q}"
        " {input.lists:q}"
