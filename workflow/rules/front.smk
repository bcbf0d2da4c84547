# The study's front page: the answers, every figure with caption and table, and links to the pages.
#
# Makes: results/tables/short_answers.csv   what the study found, in some lines
#        results/index.html                 the front page; the pages and tables lie beside it


rule short_answers:
    input:
        tables=STUDY.tables(),
        tally="<results>/tables/claims_tally.csv",
    output:
        table="<results>/tables/short_answers.csv",
    log:
        "<logs>/short_answers.log",
    params:
        **stage("report answers"),
    message:
        "Answering what the study asks"
    shell:
        "{params.call} --log {log:q} --short-answers-out {output.table:q} {input.tables:q}"
        " {input.tally:q} > /dev/null"


rule front:
    input:
        pages=[path for path in rules.reported.input if path.endswith(".html")],
        figures=rules.figures.input,
        tables=sorted({figure.table for figure in STUDY.figures.values()}),
        answers="<results>/tables/short_answers.csv",
        config=rules.provenance.output.config,
    output:
        page="<results>/index.html",
    log:
        "<logs>/front.log",
    params:
        **stage("report front"),
        texts=REPORT_TEXTS + PAGE_TEXTS,
        captions="workflow/report",
    message:
        "Writing the front page"
    shell:
        "{params.call} --log {log:q} --config-file {input.config:q} --short-answers {input.answers:q}"
        " --captions {params.captions:q} --out {output.page:q} {input.pages:q}"
