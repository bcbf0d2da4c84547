# What openvamp's outputs would have been without some training tracks: models retrained on halves.
#
# Makes: results/counterfactual/truth/*      a truth by retraining, taken where it is of these outputs
# and with `snakemake counterfactual`, in hours:
#        results/counterfactual/members.parquet       what each model learns from
#        results/counterfactual/models/               the models
#        results/counterfactual/{losses,track_losses}/{shard}.parquet   some models each
#        results/counterfactual/{losses,track_losses}.parquet, about.json   the truth

COUNTERFACTUAL = config["counterfactual"]
RETRAINED_VAMPS = STUDY["vamps-openvamp"].shards if OPENVAMP["activate"] else []


rule halves:
    input:
        tracks="<results>/corpus/tracks.csv",
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
    output:
        members="<results>/counterfactual/members.parquet",
    log:
        "<logs>/halves.log",
    params:
        **stage("counterfactual halves"),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        control=lambda wildcards, input: each("--control-tokens", input.control),
        flags=flags(
            COUNTERFACTUAL | config["corpus"],
            *("halves", "second_seeds", "artist_halves", "left_out", "other_halves"),
            "split_artists",
        ),
    message:
        "Drawing what each model is retrained on"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} {params.train} {params.control}"
        " {params.flags}"
        " --out {output.members:q}"


rule retrain:
    input:
        members="<results>/counterfactual/members.parquet",
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
        vamps=expand("<results>/vamps/openvamp/{shard}.parquet", shard=RETRAINED_VAMPS),
        codec="<results>/models/openvamp-codec.safetensors",
    output:
        losses="<results>/counterfactual/losses/{shard}.parquet",
        track_losses="<results>/counterfactual/track_losses/{shard}.parquet",
    log:
        "<logs>/retrain/{shard}.log",
    benchmark:
        "<benchmarks>/retrain/{shard}.tsv"
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=GPU,
    params:
        **stage("counterfactual retrain"),
        shard=lambda wildcards: f"{int(wildcards.shard)} {COUNTERFACTUAL['shards']}",
        train=lambda wildcards, input: each("--train-tokens", input.train),
        control=lambda wildcards, input: each("--control-tokens", input.control),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        flags=flags(
            OPENVAMP
            | {key: COUNTERFACTUAL[key] for key in ("masks", "precision")}
            | {"device": DEVICE},
            *("width", "layers", "steps", "batch", "masks", "precision", "device"),
        ),
        # no output: a file says how it was trained, and a killed run goes on with it
        retrained=f"{RESULTS}/counterfactual/models",
    message:
        "Retraining on halves of the train split, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --members {input.members:q} --shard {params.shard}"
        " {params.train} {params.control} {params.vamps} --codec {input.codec:q} {params.flags}"
        " --retrained {params.retrained:q} --out {output.losses:q}"
        " --track-losses-out {output.track_losses:q}"


rule join_truth:
    input:
        members="<results>/counterfactual/members.parquet",
        losses=expand(
            "<results>/counterfactual/losses/{shard}.parquet",
            shard=STUDY.retraining.shards,
        ),
        track_losses=expand(
            "<results>/counterfactual/track_losses/{shard}.parquet",
            shard=STUDY.retraining.shards,
        ),
        weights="<results>/models/openvamp.safetensors",
        train=STUDY.tokens("train"),
        vamps=expand("<results>/vamps/openvamp/{shard}.parquet", shard=RETRAINED_VAMPS),
    output:
        losses="<results>/counterfactual/losses.parquet",
        track_losses="<results>/counterfactual/track_losses.parquet",
        about="<results>/counterfactual/about.json",
    log:
        "<logs>/join_truth.log",
    params:
        **stage("counterfactual join"),
        losses=lambda wildcards, input: each("--losses", input.losses),
        track_losses=lambda wildcards, input: each("--track-losses", input.track_losses),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        flags=flags(
            COUNTERFACTUAL | {"command": command_for("counterfactual")},
            *("masks", "precision", "command"),
        ),
        # they say what they were trained on
        retrained=f"{RESULTS}/counterfactual/models",
    message:
        "Joining the truth by retraining"
    shell:
        "{params.call} --log {log:q} --members {input.members:q} {params.losses}"
        " {params.track_losses} --weights {input.weights:q} {params.train} {params.vamps}"
        " {params.flags} --retrained {params.retrained:q} --out {output.losses:q} --track-losses-out {output.track_losses:q}"
        " --about-out {output.about:q}"


rule truth:
    input:
        STUDY.retraining.sources,
        weights="<results>/models/openvamp.safetensors",
        train=STUDY.tokens("train"),
        vamps=expand("<results>/vamps/openvamp/{shard}.parquet", shard=RETRAINED_VAMPS),
    output:
        members="<results>/counterfactual/truth/members.parquet",
        losses="<results>/counterfactual/truth/losses.parquet",
        track_losses="<results>/counterfactual/truth/track_losses.parquet",
        about="<results>/counterfactual/truth/about.json",
    log:
        "<logs>/truth.log",
    params:
        **stage("counterfactual take"),
        folder=lambda wildcards: STUDY.retraining.taken_from,
        train=lambda wildcards, input: each("--train-tokens", input.train),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
    message:
        "Taking the truth by retraining from {params.folder}, if it is of these outputs"
    shell:
        "{params.call} --log {log:q} --truth {params.folder:q} --weights {input.weights:q}"
        " {params.train} {params.vamps} --members-out {output.members:q} --out {output.losses:q}"
        " --track-losses-out {output.track_losses:q} --about-out {output.about:q}"


rule counterfactual:
    input:
        STUDY.retraining.made,
        STUDY.retraining.more,
