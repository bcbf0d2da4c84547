# The folder of a study as an RO-Crate: to deposit, and for programs to read what is in it.
#
# Makes: results/ro-crate-metadata.json   what is in the folder, made of what, by what
#        results/workflow/                a copy of the workflow that made it

WORKFLOW_FILES = [
    "Snakefile",
    "workflow/Snakefile",
    *sorted(glob.glob("workflow/rules/*.smk")),
    "envs/main.lock",
]


rule crate:
    input:
        rules.report.output,
        rules.reported.input,
        rules.front.output,
        workflow=WORKFLOW_FILES,
        citation="CITATION.cff",
    output:
        metadata="<results>/ro-crate-metadata.json",
        workflow=directory("<results>/workflow"),
    log:
        "<logs>/crate.log",
    params:
        **stage("report crate"),
        workflow=lambda wildcards, input: each("--workflow", input.workflow),
        command=command_for("all"),
    message:
        "Describing the study's folder as an RO-Crate"
    shell:
        "{params.call} --log {log:q} {params.workflow} --citation {input.citation:q}"
        " --made-with {params.command:q} --workflow-out {output.workflow:q}"
        " --out {output.metadata:q}"
