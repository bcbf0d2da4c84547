# Experiment B: robustness to perturbation.
#
# Makes: results/tables/robustness.csv   one row an encoder, kind, generator and level


rule robustness:
    input:
        matches=rules.search.input,
        lists=sorted(
            {path for kind in STUDY.kinds for path in STUDY.perturbed(kind).lists()}
        ),
    output:
        table="<results>/tables/robustness.csv",
    log:
        "<logs>/robustness.log",
    params:
        **stage("robustness summarise"),
        matches=lambda wildcards: [
            f"--matches {kind} {shlex.quote(f'{RESULTS}/matches/{encoder}/perturbed-{kind}.parquet')}"
            for encoder, kind in STUDY.matched()
        ],
        flags=flags(config["robustness"], "resamples", "confidence"),
    message:
        "Experiment B: robustness to perturbation"
    shell:
        "{params.call} --log {log:q} {params.matches} {params.flags} --out {output.table:q}"
        " {input.lists:q}"
