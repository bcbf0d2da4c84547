# Figures, pages, the verdict on each claim, checks of the results, and the report.
#
# Makes: results/figures/{figure}.svg and .png
#        results/tables/claims.csv            each claim against what was found
#        results/tables/claims_tally.csv      how many could be tested, and how many hold
#        results/pages/claims.html            the same as a page
#        results/checks.txt                   what tests/results found in the results
#        results/pages/*.html                 tables to read in a browser
#        results/models/{model}.md            a card of each model that was trained here
#        results/report.html                  all of it, in one file that works offline

import glob
import hashlib
from pathlib import Path

import musical_roots
from musical_roots.provenance import commit

# Pages are written anew when what all of them share is.
WEB = sorted((Path(musical_roots.__file__).parent / "web").glob("*"))
PAGE_TEXTS = hashlib.sha256(b"".join(path.read_bytes() for path in WEB)).hexdigest()


rule figures:
    input:
        expand(
            "<results>/figures/{figure}.{suffix}",
            figure=STUDY.figures,
            suffix=["svg", "png"],
        ),


for name, figure in STUDY.figures.items():

    rule:
        name:
            f"figure_{name}"
        input:
            table=figure.table,
            paper=figure.paper or [],
        output:
            svg=report(
                f"<results>/figures/{name}.svg",
                caption=f"../report/{figure.draws}.rst",
                category=figure.section,
                labels={"what": "figure", "name": name},
            ),
            png=f"<results>/figures/{name}.png",
        log:
            f"<logs>/figure/{name}.log",
        params:
            **stage("report figure"),
            flags=flags({"figure": figure.draws, "generator": figure.generator or None}),
            paper=lambda wildcards, input: each("--paper", input.paper),
        message:
            f"Drawing {name}"
        shell:
            "{params.call} --log {log:q} {params.flags} --table {input.table:q} {params.paper}"
            " --svg-out {output.svg:q} --png-out {output.png:q}"


# The paper's own numbers, which claims are read from.
PAPER_NUMBERS = sorted(map(str, Path("config/paper").glob("*.csv")))


rule claims:
    input:
        expected=[f"config/expected{part}.yaml" for part in ("", "_ours", "_figure1")],
        numbers=PAPER_NUMBERS,
        tables=STUDY.tables(),
    output:
        table="<results>/tables/claims.csv",
        tally="<results>/tables/claims_tally.csv",
    log:
        "<logs>/claims.log",
    params:
        **stage("report claims"),
        expected=lambda wildcards, input: each("--expected", input.expected),
        numbers=each("--paper-numbers", PAPER_NUMBERS),
    message:
        "Checking the claims"
    shell:
        "{params.call} --log {log:q} {params.expected} {params.numbers} --out {output.table:q}"
        " --tally-out {output.tally:q} {input.tables:q}"


rule claims_page:
    input:
        table="<results>/tables/claims.csv",
        tally="<results>/tables/claims_tally.csv",
    output:
        report(
            "<results>/pages/claims.html",
            category=CLAIMS,
            labels={"what": "table", "name": "claims"},
        ),
    log:
        "<logs>/page/claims.log",
    params:
        **stage("report claims-page"),
        about=about_tables,
        # what jobs took: no input, for it differs from run to run
        benchmarks=lambda wildcards, output: f"{RESULTS}/benchmarks",
    message:
        "Writing the page on claims"
    shell:
        "{params.call} --log {log:q} --claims {input.table:q} --tally {input.tally:q}"
        " --behind {params.about:q} --benchmarks {params.benchmarks:q} --out {output:q}"


rule check:
    input:
        tests=sorted(glob.glob("tests/results/*.py")),
        tables=STUDY.tables(),
        claims="<results>/tables/claims.csv",
        corpus=rules.corpus.input,
        embeddings=rules.embeddings.input,
        stimuli=rules.stimuli.input,
        config="<results>/config.json",
        figures=rules.figures.input,
        readme=sorted(glob.glob("docs/*.png")),
    output:
        "<results>/checks.txt",
    log:
        "<logs>/check.log",
    params:
        results=lambda wildcards, output: os.path.dirname(output[0]),
    message:
        "Testing the results"
    shell:
        "MUSICAL_ROOTS_RESULTS={params.results:q} python -m pytest -p no:cacheprovider -rA --tb=short"
        " -c pyproject.toml --rootdir . tests/results > {log:q} 2>&1"
        " || {{ cat {log:q}; exit 1; }}; grep -E '^(PASSED|FAILED)|UserWarning:' {log:q} > {output:q}"


rule page:
    input:
        lambda wildcards: STUDY.pages[wildcards.page].tables,
    output:
        report(
            "<results>/pages/{page}.html",
            category=lambda wildcards: STUDY.pages[wildcards.page].section,
            labels={"what": "table", "name": "{page}"},
        ),
    log:
        "<logs>/page/{page}.log",
    wildcard_constraints:
        page="|".join(STUDY.pages),
    params:
        **stage("report page"),
        texts=PAGE_TEXTS,
        title=lambda wildcards: STUDY.pages[wildcards.page].title,
        text=lambda wildcards: STUDY.pages[wildcards.page].text,
    message:
        "Writing the page on {wildcards.page}"
    shell:
        "{params.call} --log {log:q} --title {params.title:q} --text {params.text:q}"
        " --out {output:q} {input:q}"


EARLIER_VAMPS = STUDY.earlier_vamps()


rule model_cards:
    input:
        expand("<results>/models/{model}.md", model=STUDY.cards),


rule model_card:
    input:
        weights="<results>/models/{model}.safetensors",
        tracks="<results>/corpus/tracks.csv",
        tables=lambda wildcards: list(STUDY.cards[wildcards.model].values()),
        vamps=lambda wildcards: STUDY.vamps_of(wildcards.model),
        earlier=EARLIER_VAMPS,
    output:
        card="<results>/models/{model}.md",
    log:
        "<logs>/model_card/{model}.log",
    wildcard_constraints:
        model="|".join(STUDY.cards) or "none",
    params:
        **stage("report model-card"),
        command=lambda wildcards: command_for(f"{RESULTS}/models/{wildcards.model}.md"),
        tables=lambda wildcards: [
            f"--result {shlex.join(pair)}"
            for pair in STUDY.cards[wildcards.model].items()
        ],
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        earlier=each("--earlier-vamps", EARLIER_VAMPS),
    message:
        "Writing the model card of {wildcards.model}"
    shell:
        "{params.call} --log {log:q} --model {wildcards.model} --weights {input.weights:q}"
        " --tracks {input.tracks:q} --command {params.command:q} {params.tables} {params.vamps}"
        " {params.earlier} --out {output.card:q}"


rule provenance:
    input:
        rules.embeddings.input,
    output:
        page=report(
            "<results>/pages/provenance.html",
            category=PROVENANCE,
            labels={"what": "table", "name": "provenance"},
        ),
        config="<results>/config.json",
    log:
        "<logs>/provenance.log",
    params:
        **stage("report provenance"),
        config=verbatim(json.dumps(config, sort_keys=True)),
        encoders=each(
            "--sidecar",
            [
                f"{RESULTS}/features/{encoder}/{STUDY.splits[-1]}/000.json"
                for encoder in STUDY.encoders
            ],
        ),
        commit=commit(),
    message:
        "Writing down what made the results"
    shell:
        "{params.call} --log {log:q} --config {params.config:q} {params.encoders}"
        " --config-out {output.config:q} --out {output.page:q}"


# The report is written anew when its text or a caption is.
CAPTIONS = sorted(Path("workflow/report").glob("*.rst"))
REPORT_TEXTS = hashlib.sha256(
    b"".join(path.read_bytes() for path in CAPTIONS)
).hexdigest()


rule reported:
    input:
        rules.figures.input,
        expand(
            "<results>/pages/{page}.html", page=[*STUDY.pages, "claims", "provenance"]
        ),
        rules.auditions.input,
        rules.notebooks.input,
        rules.questions.output,
        rules.check.output,


rule report:
    input:
        rules.reported.input,
        config=rules.provenance.output.config,
    output:
        "<results>/report.html",
    log:
        "<logs>/report.log",
    params:
        text=REPORT_TEXTS,
    message:
        "Writing the report"
    shell:
        # Snakemake writes a report after a run; this run inside the run writes that of the rest.
        "snakemake reported --cores 1 --configfile {input.config:q} --report {output:q} > {log:q} 2>&1"
