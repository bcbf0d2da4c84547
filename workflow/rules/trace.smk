# What `musical-roots trace` reads beside embeddings and tables: how near control music comes to the
# training set in its harmony, by which it finds remakes.
#
# Makes: results/trace/harmony_null.csv   control tracks, and the most similar of train


rule harmony:
    input:
        "<results>/trace/harmony_null.csv" if STUDY.attributed else [],


rule harmony_null:
    input:
        tracks="<results>/corpus/tracks.csv",
        rows=STUDY.pitch_classes(),
    output:
        table="<results>/trace/harmony_null.csv",
    log:
        "<logs>/harmony_null.log",
    params:
        **stage("harmony null"),
        rows=lambda wildcards, input: each("--pitch-classes", input.rows),
    message:
        "Harmony of control music beside the training set"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} {params.rows} --out {output.table:q}"
