# Pages to hear a study by.
#
# Makes: results/pages/listen_to_{generator}.html   vamps, beside their prompts and what they resemble
#        results/pages/listen_to_perturbed.html     perturbed and spliced clips, level by level

HEARD = STUDY.auditions["perturbed"]


rule auditions:
    input:
        expand("<results>/pages/listen_to_{page}.html", page=STUDY.auditions),


rule audition_vamps:
    input:
        outputs=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].made(),
        clips=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].lists(),
        tracks="<results>/corpus/tracks.csv",
        lists=STUDY.corpus(),
        nearest=said_of(
            lambda name, encoder: STUDY[f"vamps-{name}"].influence(
                "nearest", [encoder]
            )
        ),
        null=said_of(
            lambda name, encoder: STUDY.null(name).influence("nearest", [encoder])
        ),
        p_values=said_of(
            lambda name, encoder: f"{RESULTS}/influence/{name}/p_values.parquet"
        ),
        songs=said_of(lambda name, encoder: f"{RESULTS}/influence/{name}/songs.parquet"),
        tokens=said_of(lambda name, encoder: STUDY.token_evidence(name)["p_values"]),
        verdicts=said_of(
            lambda name, encoder: f"{RESULTS}/influence/{name}/outputs.csv"
        ),
    output:
        report(
            "<results>/pages/listen_to_{generator}.html",
            category=lambda wildcards: STUDY.auditions[wildcards.generator].section,
            labels={"what": "audio", "name": "{generator}"},
        ),
    log:
        "<logs>/audition/{generator}.log",
    params:
        **stage("audition vamps"),
        files=lambda wildcards, input: " ".join(
            [
                each("--outputs", input.outputs),
                each("--output-clips", input.clips),
                each("--output-nearest", input.nearest),
                each("--roundtrip-nearest", input.null),
                each("--p-values", input.p_values),
                each("--songs", input.songs),
                each("--token-p-values", input.tokens),
                each("--verdicts", input.verdicts),
            ]
        ),
        flags=flags({"count": GENERATION["to_hear"]}),
        title=lambda wildcards: STUDY.auditions[wildcards.generator].title,
        text=lambda wildcards: STUDY.auditions[wildcards.generator].text,
    message:
        "A page to hear {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} {params.files} {params.flags} --tracks {input.tracks:q}"
        " --title {params.title:q} --text {params.text:q} --out {output:q} {input.lists:q}"


# Whose codec is heard, if one is.
HEARD_CODEC = [
    STUDY.models[KINDS[kind]["generator"]] for kind in HEARD.kinds if kind == "codec"
]


rule audition_perturbed:
    input:
        clips=[path for kind in HEARD.kinds for path in STUDY.perturbed(kind).lists()],
        ranks=[
            f"{RESULTS}/matches/{HEARD.encoder}/perturbed-{kind}.parquet"
            for kind in HEARD.kinds
        ],
        robustness="<results>/tables/robustness.csv",
        tracks="<results>/corpus/tracks.csv",
        lists=STUDY.corpus(),
        vamps=STUDY.vamps() if "splice_vamp" in HEARD.kinds else [],
        weights=[file for model in HEARD_CODEC for file in model.files],
    output:
        report(
            "<results>/pages/listen_to_perturbed.html",
            category=HEARD.section,
            labels={"what": "audio", "name": "perturbed"},
        ),
    log:
        "<logs>/audition/perturbed.log",
    params:
        **stage(
            "audition perturbed",
            lambda wildcards: [model.module for model in HEARD_CODEC],
        ),
        files=lambda wildcards, input: " ".join(
            [
                each("--perturbed-clips", input.clips),
                each("--original-ranks", input.ranks),
                each("--outputs", input.vamps),
            ]
        ),
        flags=flags(config["robustness"], "sample_rate"),
        crossfades=" ".join(
            f"--crossfade {kind} {fade.rpartition(' ')[2]}"
            for kind in HEARD.kinds
            if (fade := crossfade(kind))
        ),
        codec=[
            f"--generator {model.name} --checkpoints {shlex.quote(model.checkpoints)}"
            for model in HEARD_CODEC
        ],
        title=HEARD.title,
        text=HEARD.text,
    message:
        "A page to hear perturbed clips"
    shell:
        "{params.call} --log {log:q} {params.files} {params.flags} {params.crossfades} {params.codec}"
        " --robustness {input.robustness:q} --tracks {input.tracks:q} --title {params.title:q}"
        " --text {params.text:q} --out {output:q} {input.lists:q}"
