# Query clips of Experiment B, and their perturbed copies.
#
# Makes: results/clips/queries.parquet                  the clips that are perturbed
#        results/clips/perturbed-{kind}/000.parquet     their copies at every level: a clip list
#        results/clips/perturbed-{kind}/targets.parquet pairs whose cosine and rank are wanted

CODEC = config["robustness"]["perturbations"]["codec"]["generator"]


rule queries:
    input:
        clips="results/corpus/clips.csv",
        tracks="results/corpus/tracks.csv",
        lists=expand(
            "results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS
        ),
    output:
        queries="results/clips/queries.parquet",
    log:
        "results/logs/queries.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        flags=flags(config["robustness"], "queries"),
        seed=config["seed"],
        code=code("queries"),
    message:
        "Drawing query clips"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} queries --tracks {input.tracks} {params.flags}"
        " --out {output.queries} {input.lists}"


rule perturb:
    input:
        queries="results/clips/queries.parquet",
        lists=expand(
            "results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS
        ),
        weights=lambda wildcards: weights_of(CODEC) if wildcards.kind == "codec" else [],
    output:
        clips="results/clips/perturbed-{kind}/000.parquet",
        targets="results/clips/perturbed-{kind}/targets.parquet",
        audio=temp(directory("results/audio/perturbed-{kind}")),
    log:
        "results/logs/perturb/{kind}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=120,
    params:
        levels=lambda wildcards: flags(
            {"level": config["robustness"]["perturbations"][wildcards.kind]["levels"]}
        ),
        flags=flags(config["robustness"], "sample_rate"),
        generator=lambda wildcards: (
            f"--generator {CODEC} {checkpoints(CODEC)}"
            if wildcards.kind == "codec"
            else ""
        ),
        seed=config["seed"],
        code=lambda wildcards: code(
            "perturb", *([module(CODEC)] if wildcards.kind == "codec" else [])
        ),
    message:
        "Perturbing: {wildcards.kind}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} perturb --queries {input.queries} --kind {wildcards.kind}"
        " {params.levels} {params.flags} {params.generator} --audio {output.audio}"
        " --out {output.clips} --targets {output.targets} {input.lists}"
