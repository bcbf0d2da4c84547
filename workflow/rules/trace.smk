# What `musical-roots trace` reads beside embeddings and tables: harmony of whole tracks, by which it
# finds remakes, and how near control music comes to the training set in it.
#
# Makes: results/trace/harmony/{split}/{shard}.npz   pitch classes of tracks, every half second
#        results/trace/harmony_null.csv              control tracks, and the most similar of train


rule harmony:
    input:
        "<results>/trace/harmony_null.csv" if STUDY.attributed else [],


rule harmony_tracks:
    input:
        tracks="<results>/corpus/tracks.csv",
    output:
        rows="<results>/trace/harmony/{split}/{shard}.npz",
    log:
        "<logs>/harmony_tracks/{split}-{shard}.log",
    params:
        **stage("harmony tracks"),
        shard=lambda wildcards: f"{int(wildcards.shard)} {len(STUDY['train'].shards)}",
    message:
        "Pitch classes of {wildcards.split} tracks, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} --split {wildcards.split}"
        " --shard {params.shard} --out {output.rows:q}"


rule harmony_null:
    input:
        train=STUDY.pitch_classes("train"),
        control=STUDY.pitch_classes("control"),
    output:
        table="<results>/trace/harmony_null.csv",
    log:
        "<logs>/harmony_null.log",
    params:
        **stage("harmony null"),
        train=lambda wildcards, input: each("--train-pitch-classes", input.train),
        control=lambda wildcards, input: each("--control-pitch-classes", input.control),
    message:
        "Harmony of control music beside the training set"
    shell:
        "{params.call} --log {log:q} {params.train} {params.control} --out {output.table:q}"
