# What is there to read beside figures and pages: notebooks, and answers to what readers ask.
#
# Makes: results/notebooks/{notebook}.html   a notebook of notebooks/, executed: one an experiment
#        results/pages/questions.html        docs/questions.md, answered from this run's tables


rule notebooks:
    input:
        expand("<results>/notebooks/{notebook}.html", notebook=STUDY.notebooks),


rule notebook:
    input:
        notebook="notebooks/{notebook}.ipynb",
        needs=lambda wildcards: STUDY.notebooks[wildcards.notebook].needs,
    output:
        report(
            "<results>/notebooks/{notebook}.html",
            category=lambda wildcards: STUDY.notebooks[wildcards.notebook].section,
            labels={"what": "notebook", "name": "{notebook}"},
        ),
    log:
        "<logs>/notebook/{notebook}.log",
    wildcard_constraints:
        notebook="|".join(STUDY.notebooks),
    params:
        # what a notebook imports
        **stage(
            "report notebook",
            verbatim(["musical_roots.questions.conclusions", "musical_roots.study"]),
        ),
        results=lambda wildcards, output: os.path.dirname(os.path.dirname(output[0])),
    message:
        "Executing the notebook {wildcards.notebook}"
    shell:
        "MUSICAL_ROOTS_RESULTS={params.results:q} {params.call} --log {log:q}"
        " --notebook {input.notebook:q} --out {output:q}"


rule questions:
    input:
        page="docs/questions.md",
        tables=STUDY.asked_tables,
        figures=expand("<results>/figures/{figure}.svg", figure=STUDY.figures),
    output:
        report(
            "<results>/pages/questions.html",
            category=QUESTIONS,
            labels={"what": "page", "name": "questions"},
        ),
    log:
        "<logs>/questions.log",
    params:
        **stage("report questions"),
        figures=lambda wildcards, input: each("--figures", input.figures),
    message:
        "Answering what readers of the paper ask"
    shell:
        "{params.call} --log {log:q} --page {input.page:q} {params.figures}"
        " --out {output:q} {input.tables:q}"
