# Experiment A before there are answers: what listeners hear, and the page on which they answer.
#
# Makes: results/listening/{arm}/trials.csv          who hears what: the paper's arm, and ours
#        results/listening/{arm}/manifest.json       by what answers are checked: study_id, trials
#        results/listening/{arm}/page/               a folder for any web server, audio included
#        results/listening/{arm}/webmushra/, reseval/ the same trials for these programs
#        results/listening/{arm}/sounds.csv          which clips are silent, or softer than the rest
#        results/listening/paper/stimuli_skipped.csv X's that had no clip in a bin
#        results/listening/ours/stimuli_counts.csv   X's and pairs that were found, of those wanted

STIMULI, STUDY_PAGE = config["listening"]["stimuli"], config["listening"]["page"]


wildcard_constraints:
    arm="paper|ours",


rule stimuli:
    input:
        expand("<results>/listening/{arm}/trials.csv", arm=STUDY.stimuli.arms),
        expand("<results>/listening/{arm}/manifest.json", arm=STUDY.stimuli.arms),
        expand("<results>/listening/{arm}/page/audio", arm=STUDY.stimuli.arms),
        expand("<results>/listening/{arm}/webmushra", arm=STUDY.stimuli.arms),


rule trials_by_bins:
    input:
        index=[
            path
            for encoder in STUDY.stimuli.encoders
            for path in STUDY["train"].embeddings(encoder)
        ],
        bins="<results>/tables/bins.csv",
    output:
        trials="<results>/listening/paper/trials.csv",
        skipped="<results>/listening/paper/stimuli_skipped.csv",
    log:
        "<logs>/stimuli/by_bins.log",
    params:
        **stage("stimuli by-bins"),
        flags=flags(STIMULI, "paper_x", "bin_width"),
        questions=flags(STUDY_PAGE, "questions"),
    message:
        "Experiment A: choosing clips by bins of cosine, as the paper did"
    shell:
        "{params.call} --log {log:q} --bins {input.bins:q} {params.flags} {params.questions}"
        " --skipped-out {output.skipped:q} --out {output.trials:q} {input.index:q}"


rule trials_by_ranks:
    input:
        index=[
            path
            for encoder in STUDY.stimuli.encoders
            for path in STUDY["train"].embeddings(encoder)
        ],
        queries=[
            path
            for encoder in STUDY.stimuli.encoders
            for name in (*STUDY.stimuli.vamps, *STUDY.stimuli.perturbed)
            for path in STUDY[name].embeddings(encoder)
        ],
        vamps=[path for name in STUDY.stimuli.vamps for path in STUDY[name].lists()],
        perturbed=[
            path for name in STUDY.stimuli.perturbed for path in STUDY[name].lists()
        ],
        tracks="<results>/corpus/tracks.csv",
    output:
        trials="<results>/listening/ours/trials.csv",
        counts="<results>/listening/ours/stimuli_counts.csv",
    log:
        "<logs>/stimuli/by_ranks.log",
    params:
        **stage("stimuli by-ranks"),
        lists=lambda wildcards, input: " ".join(
            [
                each("--queries", input.queries),
                each("--vamps", input.vamps),
                each("--perturbed", input.perturbed),
            ]
        ),
        flags=flags(STIMULI, "ours_x", "pairs", "catch_share", "repeat_share"),
        questions=flags({"questions": STUDY_PAGE["questions_ours"]}),
    message:
        "Experiment A: choosing clips by rank"
    shell:
        "{params.call} --log {log:q} {params.lists} --tracks {input.tracks:q} {params.flags}"
        " {params.questions} --counts-out {output.counts:q} --out {output.trials:q} {input.index:q}"


rule stimuli_audio:
    input:
        trials="<results>/listening/{arm}/trials.csv",
        lists=STUDY.corpus(),
        vamps=[path for name in STUDY.stimuli.vamps for path in STUDY[name].lists()],
        perturbed=[
            path for name in STUDY.stimuli.perturbed for path in STUDY[name].lists()
        ],
    output:
        audio=directory("<results>/listening/{arm}/page/audio"),
        sounds="<results>/listening/{arm}/sounds.csv",
    log:
        "<logs>/stimuli/{arm}_audio.log",
    params:
        **stage("stimuli render"),
        lists=lambda wildcards, input: " ".join(
            [each("--vamps", input.vamps), each("--perturbed", input.perturbed)]
        ),
        flags=flags(STIMULI, "sample_rate", "loudness_lufs", "fade_ms"),
        rate=flags({"perturbed_rate": config["robustness"]["sample_rate"]}),
    message:
        "Experiment A: writing what listeners hear ({wildcards.arm})"
    shell:
        "{params.call} --log {log:q} --arm-trials {input.trials:q} {params.lists} {params.flags}"
        " {params.rate} --audio-out {output.audio:q} --out {output.sounds:q} {input.lists:q}"


rule stimuli_page:
    input:
        trials="<results>/listening/{arm}/trials.csv",
        audio="<results>/listening/{arm}/page/audio",
    output:
        manifest="<results>/listening/{arm}/manifest.json",
        page=expand("<results>/listening/{{arm}}/page/{name}", name=STUDY.stimuli.files),
    log:
        "<logs>/stimuli/{arm}_page.log",
    params:
        **stage("stimuli page"),
        source=STUDY.stimuli.page,
        flags=flags(STUDY_PAGE, "headphone_test", "contact", "consent", "post_url"),
        sound=flags(STIMULI, "bin_width", "sample_rate", "loudness_lufs", "fade_ms"),
        rate=flags({"perturbed_rate": config["robustness"]["sample_rate"]}),
        sure=lambda wildcards: written({"ask_sure": wildcards.arm == "ours"}),
        page=lambda wildcards, output: os.path.dirname(output.page[0]),
    message:
        "Experiment A: the page for listeners ({wildcards.arm})"
    shell:
        "{params.call} --log {log:q} --arm-trials {input.trials:q} --arm {wildcards.arm}"
        " --sounds {input.audio:q} {params.flags} {params.sound} {params.rate} {params.sure}"
        " --page-out {params.page:q} --out {output.manifest:q}"


rule stimuli_layouts:
    input:
        trials="<results>/listening/{arm}/trials.csv",
        audio="<results>/listening/{arm}/page/audio",
    output:
        webmushra=directory("<results>/listening/{arm}/webmushra"),
        reseval=directory("<results>/listening/{arm}/reseval"),
    log:
        "<logs>/stimuli/{arm}_layouts.log",
    params:
        **stage("stimuli layouts"),
    message:
        "Experiment A: the same trials for webMUSHRA and ReSEval ({wildcards.arm})"
    shell:
        "{params.call} --log {log:q} --arm-trials {input.trials:q} --arm {wildcards.arm}"
        " --sounds {input.audio:q} --webmushra-out {output.webmushra:q}"
        " --reseval-out {output.reseval:q}"
