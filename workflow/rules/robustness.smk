# Experiment B: robustness to perturbation.
#
# Makes: results/tables/robustness.csv   one row an encoder, kind and level


rule robustness:
    input:
        matches=rules.search.input,
        lists=expand("results/clips/perturbed-{kind}/000.parquet", kind=KINDS),
        clips="results/corpus/clips.csv",
    output:
        table="results/tables/robustness.csv",
    log:
        "results/logs/robustness.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        flags=flags(config["robustness"], "resamples", "confidence"),
        pairs=lambda wildcards: [
            f"--pair results/matches/{encoder}/perturbed-{kind}.parquet"
            f" results/clips/perturbed-{kind}/000.parquet"
            for encoder in ACTIVE
            for kind in KINDS
        ],
        seed=config["seed"],
        code=code("robustness"),
    message:
        "Experiment B: robustness to perturbation"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} robustness {params.pairs} --clips {input.clips}"
        " {params.flags} --out {output.table}"
