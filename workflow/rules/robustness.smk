# Experiment B: robustness to perturbation.
#
# Makes: results/tables/robustness.csv   one row an encoder, kind and level


rule robustness:
    input:
        matches=rules.search.input,
        lists=expand("<results>/clips/perturbed-{kind}/000.parquet", kind=STUDY.kinds),
    output:
        table="<results>/tables/robustness.csv",
    log:
        "<logs>/robustness.log",
    params:
        **stage("robustness summarise"),
        matches=lambda wildcards, input: each("--matches", input.matches),
        flags=flags(config["robustness"], "resamples", "confidence"),
    message:
        "Experiment B: robustness to perturbation"
    shell:
        "{params.call} --log {log:q} {params.matches} {params.flags} --out {output.table:q}"
        " {input.lists:q}"
