# Train tracks that openvamp hears more often, by lot, and what that leaves in outputs prompted
# elsewhere; and longer training. Only the target `counterfactual` makes it: it takes hours. A study
# takes the tables that lie beside a truth of its outputs, as it takes that.
#
# Makes: results/counterfactual/dose/{network}.parquet     every track of a network, its dose and measures
#        results/counterfactual/dose.csv                   means by dose, and trends
#        results/counterfactual/lengths.csv                networks that were trained for longer
#        results/tables/dose.csv, lengths.csv              what is there of these for this study's outputs

DOSE = COUNTERFACTUAL["dose"]


rule dose_network:
    input:
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
        outputs=OPENVAMP_OUTPUTS,
    output:
        table="<results>/counterfactual/dose/{network}.parquet",
    log:
        "<logs>/dose/{network}.log",
    benchmark:
        "<benchmarks>/dose_network-{network}.tsv"
    wildcard_constraints:
        network=r"\d+",
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=GPU,
    params:
        **stage("dose network"),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        control=lambda wildcards, input: each("--control-tokens", input.control),
        outputs=lambda wildcards, input: each("--outputs", input.outputs),
        flags=flags(
            DOSE | OPENVAMP | {"track_masks": DOSE["masks"]},
            *(
                "doses",
                "tracks_a_dose",
                "track_masks",
                "codebooks",
                "entries",
                "width",
            ),
            *("layers", "steps", "batch", "precision"),
        ),
        device=DEVICE,
    message:
        "Training openvamp on tracks with doses, network {wildcards.network}"
    shell:
        "{params.call} --log {log:q} --number {wildcards.network} {params.train} {params.control}"
        " {params.outputs} {params.flags} --device {params.device} --out {output.table:q}"


rule dose:
    input:
        networks=expand(
            "<results>/counterfactual/dose/{network}.parquet",
            network=range(DOSE["networks"]),
        ),
    output:
        table="<results>/counterfactual/dose.csv",
    log:
        "<logs>/dose/summarise.log",
    params:
        **stage("dose summarise"),
        flags=flags(DOSE | config["robustness"], "deals", "resamples", "confidence"),
    message:
        "Dose and response"
    shell:
        "{params.call} --log {log:q} {params.flags} --out {output.table:q} {input.networks:q}"


rule length:
    input:
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
        outputs=OPENVAMP_OUTPUTS,
    output:
        table="<results>/counterfactual/lengths/{steps}x{batch}.parquet",
    log:
        "<logs>/dose/length-{steps}x{batch}.log",
    benchmark:
        "<benchmarks>/length-{steps}x{batch}.tsv"
    wildcard_constraints:
        steps=r"\d+",
        batch=r"\d+",
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=GPU,
    params:
        **stage("dose length"),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        control=lambda wildcards, input: each("--control-tokens", input.control),
        outputs=lambda wildcards, input: each("--outputs", input.outputs),
        flags=flags(OPENVAMP, "codebooks", "entries", "width", "layers", "precision"),
        device=DEVICE,
    message:
        "Training openvamp for {wildcards.steps} steps of {wildcards.batch} crops"
    shell:
        "{params.call} --log {log:q} {params.train} {params.control} {params.outputs} {params.flags}"
        " --steps {wildcards.steps} --batch {wildcards.batch} --device {params.device}"
        " --out {output.table:q}"


rule lengths:
    input:
        networks=[
            f"{RESULTS}/counterfactual/lengths/{steps}x{crops}.parquet"
            for steps, crops in DOSE["lengths"]
        ],
    output:
        table="<results>/counterfactual/lengths.csv",
    log:
        "<logs>/dose/lengths.log",
    params:
        **stage("dose join-lengths"),
    message:
        "How long openvamp is trained"
    shell:
        "{params.call} --log {log:q} --out {output.table:q} {input.networks:q}"


rule take_dose:
    input:
        about=STUDY.race.truth[-1:],
        dose=STUDY.retraining.beside.get("dose", ()),
        lengths=STUDY.retraining.beside.get("lengths", ()),
    output:
        dose="<results>/tables/dose.csv",
        lengths="<results>/tables/lengths.csv",
    log:
        "<logs>/dose/take.log",
    params:
        **stage("dose take"),
        dose=lambda wildcards, input: each("--dose", input.dose),
        lengths=lambda wildcards, input: each("--lengths", input.lengths),
    message:
        "Taking what lies beside the truth by retraining, if it is of these outputs"
    shell:
        "{params.call} --log {log:q} --about {input.about:q} {params.dose} {params.lengths}"
        " --dose-out {output.dose:q} --lengths-out {output.lengths:q}"
