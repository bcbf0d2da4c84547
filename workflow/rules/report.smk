# Figures, pages, the notebook, the verdict on each claim, checks of the results, and the report.
#
# Makes: results/figures/{figure}.svg and .png
#        results/tables/claims.csv            each claim against what was found
#        results/checks.txt                   what tests/results found in the results
#        results/pages/*.html                 tables to read in a browser
#        results/notebooks/robustness.html    the notebook, executed
#        results/report.html                  all of it, in one file that works offline

import hashlib
from pathlib import Path

from musical_roots.experiments.verdicts import TIERS
from musical_roots.perturb import PERTURBATIONS
from musical_roots.provenance import commit

ROBUSTNESS = {
    "table": "results/tables/robustness.csv",
    "category": "Experiment B, robustness",
}
# Name of a figure -> the table that it draws, and where it stands in the report.
FIGURES = {"robustness": ROBUSTNESS, "robustness_recall": ROBUSTNESS}
if any(PERTURBATIONS[kind].family == "extended" for kind in KINDS):
    FIGURES["robustness_extended"] = ROBUSTNESS
GENERATION = "Generation"
OPENVAMP_TABLES = []
if "openvamp" in GENERATING:
    OPENVAMP_TABLES = [
        f"results/tables/{name}.csv" for name in ["openvamp", "codec", "ngram_overlap"]
    ]
    FIGURES |= {
        name: {"table": f"results/tables/{name}.csv", "category": GENERATION}
        for name in ["openvamp_training", "ngram_overlap"]
    }
for name in set(GENERATING) & set(GENERATORS):
    FIGURES[f"vamps_of_{name}"] = {
        "table": f"results/vamps/{name}/000.parquet",
        "category": GENERATION,
    }

ATTRIBUTION = "Experiment C, influence"
INFLUENCE_FIGURES = {  # figure -> the table that it draws
    "exceedance": "exceedance",
    "calibration": "calibration_curve",
    "planted": "planted",
    "prompt_vs_training": "prompt_vs_training",
    "concentration": "lorenz",
    "hubness": "hubness",
    "agreement": "agreement",
}
INFLUENCE_TABLES = rules.influence.input
for name in ATTRIBUTED:
    FIGURES |= {
        f"{figure}_of_{name}": {
            "table": f"results/tables/{table}.csv",
            "category": ATTRIBUTION,
            "generator": f"--generator {name}",
        }
        for figure, table in INFLUENCE_FIGURES.items()
    }

PAGES = {
    "robustness": {
        "title": "Experiment B: robustness to perturbation",
        "category": "Experiment B, robustness",
        "tables": ["results/tables/robustness.csv"],
        "text": "A row an encoder, kind and level. cosine_low and cosine_high bound the mean cosine"
        " to the original, by a bootstrap clustered by track; cosine_floor is the mean cosine to a"
        " random clip of another track. Ranks are among all clips of the corpus; track_recall_at_1"
        " counts any clip of the right track, the original included.",
    },
    "retrieval": {
        "title": "Which encoder knows a song: same-track retrieval",
        "category": "Encoders",
        "tables": ["results/tables/retrieval.csv"],
        "text": "Share of control clips (of tracks that nothing was trained or fitted on) whose nearest"
        " neighbour among all control clips is of the same track (near duplicates count as one), with an interval by a bootstrap clustered by track;"
        " chance is that share for a neighbour drawn at random.",
    },
    "claims": {
        "title": "Claims against results",
        "category": "Claims",
        "tables": ["results/tables/claims.csv"],
        "text": "Certainty says how surely the source makes the claim: A authors' text or code,"
        " Q quoted from the paper by a third party, S a secondary digest, I our inference, ours our"
        " own expectation. A claim about encoders that are not in this study is not comparable.",
    },
    "corpus": {
        "title": "The corpus: recordings, splits, credits",
        "category": "Corpus",
        "tables": ["results/corpus/tracks.csv", "results/corpus/rejected.csv"],
        "text": "Train and control share no artist. A group_id that differs from the track_id marks"
        " a near duplicate of the track that it names.",
    },
}

if OPENVAMP_TABLES:
    PAGES["generation"] = {
        "title": "openvamp: what it learned, what of it the training set has, and what its codec loses",
        "category": GENERATION,
        "tables": OPENVAMP_TABLES,
        "text": "openvamp: loss (nats a masked token) and accuracy at masked places, on tracks that it"
        " was trained on and on control tracks, which it never saw. codec: distance of a control clip to"
        " itself after the mel spectrum and Griffin-Lim alone, and after so many codebooks; no decoder: the mel"
        " frames that all tokens stand for, as they are. ngram_overlap: share of generated tokens that stand in"
        " an 8-gram of the training set; overlap_elsewhere leaves out the prompt's own track and its duplicates;"
        " the rows for real music are what music has by itself.",
    }
for name in GENERATING:
    PAGES[f"vamps_of_{name}"] = {
        "title": f"Vamps of {name}, with what each was made from",
        "category": GENERATION,
        "tables": expand(
            "results/vamps/{name}/{shard}.parquet", name=name, shard=vamp_shards(name)
        ),
        "text": "A row a vamp. kept_s is the time of which a token at least is the prompt's own,"
        " kept_share the share of tokens that are.",
    }
if ATTRIBUTED:
    PAGES["findings"] = {
        "title": "Experiment C: what outputs resemble, and what control music gives by itself",
        "category": ATTRIBUTION,
        "tables": [
            f"results/tables/{table}.csv"
            for table in ["findings", "calibration", "paired", "concentration", "songs"]
        ],
        "text": "Similarity is not influence: a p-value says how seldom control music, which the generator"
        " never saw, sent through its codec, comes as near to the training set. false_positives_at_05 and"
        " ks_rejected are measured on control tracks (both should be near .05 or below). paired:"
        " best match in the training set less best match in a control index of equal size. songs: how"
        " often the prompt's own track, or artist, comes first, where it is included, by three ways"
        " to add clips up: the sum and the maximum of cosines, and evidence (-log10 of p-values).",
    }
    PAGES["verdicts"] = {
        "title": "Experiment C: the verdict on each output",
        "category": ATTRIBUTION,
        "tables": ["results/tables/outputs.csv"],
        "text": " ".join(f"{tier}: {rule}." for tier, rule in TIERS.items())
        + " A match is found where the adjusted p-value is at most"
        f" {config['influence']['fdr']}. Columns that end with _prompt_included count the prompt's"
        " own track, too. The untrained control has no say.",
    }

# Model trained by this run -> heading and table of what its card says.
CARDS = {}
if OPENVAMP_TABLES and not OPENVAMP["checkpoint"]:
    CARDS["openvamp"] = {
        "Loss (nats a masked token)": "results/tables/openvamp_training.csv",
        "At masked places of its own recordings, and of the control split": "results/tables/openvamp.csv",
        "What its codec loses": "results/tables/codec.csv",
        "Share of generated tokens in an 8-gram of the training set": "results/tables/ngram_overlap.csv",
    }
if "clmr_open" in ACTIVE:
    CARDS["clmr_open"] = {
        "Loss": "results/tables/clmr_open_training.csv",
        "Same-track retrieval on the control split": "results/tables/retrieval.csv",
    }


rule figures:
    input:
        expand(
            "results/figures/{figure}.{suffix}", figure=FIGURES, suffix=["svg", "png"]
        ),


for name in FIGURES:

    rule:
        name:
            f"figure_{name}"
        input:
            table=FIGURES[name]["table"],
        output:
            svg=report(
                f"results/figures/{name}.svg",
                caption=f"../report/{name.split('_of_')[0]}.rst",
                category=FIGURES[name]["category"],
                labels={"what": "figure", "name": name},
            ),
            png=f"results/figures/{name}.png",
        log:
            f"results/logs/figure/{name}.log",
        conda:
            "../../envs/main.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            name=name.split("_of_")[0],
            generator=FIGURES[name].get("generator", ""),
            code=code("figure"),
        message:
            f"Drawing {name}"
        shell:
            "python -m musical_roots --log {log} figure --name {params.name} --table {input.table}"
            " {params.generator} --svg {output.svg} --png {output.png}"


rule claims:
    input:
        expected="config/expected.yaml",
        tables=[
            "results/tables/robustness.csv",
            "results/tables/retrieval.csv",
            *OPENVAMP_TABLES,
            *INFLUENCE_TABLES,
        ],
    output:
        table="results/tables/claims.csv",
    log:
        "results/logs/claims.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("claims"),
    message:
        "Checking the claims"
    shell:
        "python -m musical_roots --log {log} claims --expected {input.expected} --out {output.table} {input.tables}"


rule check:
    input:
        tests="tests/results/test_results.py",
        tables=[
            "results/tables/robustness.csv",
            "results/tables/claims.csv",
            *OPENVAMP_TABLES,
            *INFLUENCE_TABLES,
        ],
        corpus=rules.corpus.input,
        embeddings=rules.embeddings.input,
        config="results/config.json",
    output:
        "results/checks.txt",
    log:
        "results/logs/check.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Testing the results"
    shell:
        "python -m pytest -p no:cacheprovider -rA --tb=short -c pyproject.toml --rootdir ."
        " {input.tests} > {log} 2>&1 || {{ cat {log}; exit 1; }}; grep -E '^(PASSED|FAILED)' {log}"
        " > {output}"


rule page:
    input:
        lambda wildcards: PAGES[wildcards.page]["tables"],
    output:
        report(
            "results/pages/{page}.html",
            category=lambda wildcards: PAGES[wildcards.page]["category"],
            labels={"what": "table", "name": "{page}"},
        ),
    log:
        "results/logs/page/{page}.log",
    wildcard_constraints:
        page="|".join(PAGES),
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        title=lambda wildcards: PAGES[wildcards.page]["title"],
        text=lambda wildcards: PAGES[wildcards.page]["text"],
        code=code("page"),
    message:
        "Writing the page on {wildcards.page}"
    shell:
        "python -m musical_roots --log {log} page --title {params.title:q} --text {params.text:q} --out {output} {input}"


rule listen:
    input:
        "results/vamps/{generator}/000.parquet",
    output:
        report(
            "results/pages/listen_to_{generator}.html",
            category=GENERATION,
            labels={"what": "audio", "name": "{generator}"},
        ),
    log:
        "results/logs/listen/{generator}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        title=lambda wildcards: f"Some vamps of {label(wildcards.generator)}, beside their prompts",
        text="Settings and splits in turns, the first of each; 24 kHz or the generator's own rate, as"
        " MP3. The prompts' tracks are credited on the page of the corpus.",
        code=code("listen"),
    message:
        "A page to hear {wildcards.generator}"
    shell:
        "python -m musical_roots --log {log} listen --vamps {input} --title {params.title:q} --text {params.text:q}"
        " --out {output}"


rule model_cards:
    input:
        expand("results/models/{model}.md", model=CARDS),


rule model_card:
    input:
        weights="results/models/{model}.safetensors",
        tracks="results/corpus/tracks.csv",
        tables=lambda wildcards: CARDS[wildcards.model].values(),
    output:
        card="results/models/{model}.md",
    log:
        "results/logs/model_card/{model}.log",
    wildcard_constraints:
        model="|".join(CARDS) or "none",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=lambda wildcards: command_for(wildcards.model),
        tables=lambda wildcards: [
            f"--table {heading!r} {path}"
            for heading, path in CARDS[wildcards.model].items()
        ],
        code=code("model-card"),
    message:
        "Writing the model card of {wildcards.model}"
    shell:
        "python -m musical_roots --log {log} model-card --name {wildcards.model} --weights {input.weights}"
        " --tracks {input.tracks} --command {params.command:q} {params.tables} --out {output.card}"


rule provenance:
    input:
        rules.embeddings.input,
    output:
        page=report(
            "results/pages/provenance.html",
            category="Provenance",
            labels={"what": "table", "name": "provenance"},
        ),
        config="results/config.json",
    log:
        "results/logs/provenance.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=json.dumps(config, sort_keys=True),
        encoders=lambda wildcards: [
            f"--encoder results/features/{encoder}/train/000.json"
            for encoder in ACTIVE
        ],
        code=code("provenance"),
        commit=commit(),
    message:
        "Writing down what made the results"
    shell:
        "python -m musical_roots --log {log} provenance --config {params.config:q} {params.encoders}"
        " --config-out {output.config} --out {output.page}"


rule notebook:
    input:
        notebook="notebooks/robustness.ipynb",
        table="results/tables/robustness.csv",
    output:
        report(
            "results/notebooks/robustness.html",
            category="Experiment B, robustness",
            labels={"what": "notebook", "name": "robustness"},
        ),
    log:
        "results/logs/notebook.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("notebook"),
    message:
        "Executing the notebook"
    shell:
        "python -m musical_roots --log {log} notebook --notebook {input.notebook} --out {output}"


# The report is written anew when its text or a caption is.
REPORT_TEXTS = hashlib.sha256(
    b"".join(
        path.read_bytes() for path in sorted(Path("workflow/report").glob("*.rst"))
    )
).hexdigest()


rule reported:
    input:
        rules.figures.input,
        expand("results/pages/{page}.html", page=[*PAGES, "provenance"]),
        expand(
            "results/pages/listen_to_{generator}.html",
            generator=[name for name in GENERATING if name in GENERATORS],
        ),
        rules.notebook.output,
        rules.check.output,


rule report:
    input:
        rules.reported.input,
        config=rules.provenance.output.config,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        text=REPORT_TEXTS,
    message:
        "Writing the report"
    shell:
        # Snakemake writes a report after a run; this run inside the run writes that of the rest.
        "snakemake reported --cores 1 --configfile {input.config} --report {output} > {log} 2>&1"
