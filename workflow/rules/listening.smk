# Experiment A: from answers of listeners to tables; simulated ones until people have answered.
#
# Makes: results/listening/simulated_answers/    a file a simulated listener, as people's are
#        results/tables/{table}.csv              src/musical_roots/study/answers.py

LISTENING = config["listening"]
if STUDY.listening_tables() and not STUDY.simulated_answers():
    if not os.path.isdir(ANSWERS := LISTENING["responses"]):
        stop(f"{ANSWERS}: no such folder of answers; mend listening.responses")
TRIALS = expand("<results>/listening/{arm}/trials.csv", arm=STUDY.stimuli.arms)
MANIFESTS = expand("<results>/listening/{arm}/manifest.json", arm=STUDY.stimuli.arms)


rule listening:
    input:
        STUDY.listening_tables(),


rule simulated_answers:
    input:
        trials=TRIALS,
        manifests=MANIFESTS,
    output:
        directory("<results>/listening/simulated_answers"),
    log:
        "<logs>/listening/simulated_answers.log",
    params:
        **stage("listening simulate"),
        studies=pairs("--asked", "trials", "manifests"),
        listeners=flags(LISTENING, "simulated_listeners"),
        spread=flags(LISTENING["power"], "listener_sd", "x_sd"),
    message:
        "Experiment A: answers of simulated listeners"
    shell:
        "{params.call} --log {log:q} {params.studies} {params.listeners} {params.spread} --out {output:q}"


rule listening_analysis:
    input:
        STUDY.simulated_answers(),
        trials=TRIALS,
        manifests=MANIFESTS,
        table1="config/paper/table1.csv",
        bins="config/paper/bins.csv",
    output:
        list(STUDY.answer_tables().values()),
    log:
        "<logs>/listening/analysis.log",
    params:
        **stage("listening analyse"),
        studies=pairs("--asked", "trials", "manifests"),
        answers=flags(STUDY.answered_by),
        seen=STUDY.answers_seen(),
        rules=flags(LISTENING["exclusions"]),
        how=flags(LISTENING["analysis"]),
        tables=verbatim(
            " ".join(
                f"--table-out {shlex.join(pair)}"
                for pair in STUDY.answer_tables().items()
            )
        ),
    message:
        "Experiment A: analysing answers"
    shell:
        "{params.call} --log {log:q} {params.answers} {params.studies} --paper-table1 {input.table1:q}"
        " --paper-bins {input.bins:q} {params.rules} {params.how} {params.tables}"


rule listening_power:
    output:
        power="<results>/tables/simulated_power.csv",
        coverage="<results>/tables/simulated_coverage.csv",
    log:
        "<logs>/listening/power.log",
    params:
        **stage("listening power"),
        flags=flags(LISTENING["power"]),
        ours=flags(STUDY.our_design()),
        confidence=flags(LISTENING["analysis"], "confidence"),
    message:
        "Experiment A: simulated listeners, and what a design can show"
    shell:
        "{params.call} --log {log:q} {params.flags} {params.ours} {params.confidence}"
        " --coverage-out {output.coverage:q} --out {output.power:q}"


rule listening_exceedance:
    input:
        thresholds="<results>/tables/listening_thresholds.csv",
        exceedance="<results>/tables/exceedance.csv",
    output:
        table="<results>/tables/listening_exceedance.csv",
    log:
        "<logs>/listening/exceedance.log",
    params:
        **stage("listening exceedance"),
    message:
        "Experiment C at what listeners call similar"
    shell:
        "{params.call} --log {log:q} --thresholds {input.thresholds:q}"
        " --exceedance {input.exceedance:q} --out {output.table:q}"
