# Recordings -> tracks -> clips.
#
# Makes: results/corpus/tracks.csv     one row a recording that is kept, with its split and its credit
#        results/corpus/probed/{shard}.pitch_classes.npz   of each recording, every half second, for trace
#        results/corpus/rejected.csv   one row a recording that is not, with the reason
#        results/corpus/clips.csv      one row a clip
#        results/clips/{train,control}/{shard}.parquet   the same clips, as clip lists

from musical_roots.corpus import debian

CORPUS = config["corpus"]
TRACK_SHARDS = [f"{shard:03d}" for shard in range(CORPUS["shards"])]
PACKAGES = {}
if CORPUS["source"] == "debian":
    try:
        PACKAGES = debian.manifest(
            CORPUS["debian"]["packages"], CORPUS["debian"]["only"]
        )
    except InputError as error:
        stop(error)


rule corpus:
    input:
        "<results>/corpus/tracks.csv",
        "<results>/corpus/rejected.csv",
        "<results>/corpus/clips.csv",


rule package:
    output:
        deb="<resources>/packages/{package}.deb",
    log:
        "<logs>/package/{package}.log",
    wildcard_constraints:
        package="[^/]+",
    params:
        call="python -m musical_roots corpus package",
        # of the manifest the row alone: another one fetches only what it names anew
        row=lambda wildcards: written(PACKAGES[wildcards.package], *debian.FETCHED),
        flags=flags(CORPUS["debian"], "mirror"),
    message:
        "Fetching {wildcards.package}"
    shell:
        "{params.call} --log {log:q} {params.row} {params.flags} --out {output.deb:q}"


rule unpack:
    input:
        deb="<resources>/packages/{package}.deb",
        tracks=CORPUS["debian"]["tracks"],
    output:
        folder=directory("<resources>/recordings/{package}"),
    log:
        "<logs>/unpack/{package}.log",
    wildcard_constraints:
        package="[^/]+",
    params:
        **stage("corpus unpack"),
    message:
        "Unpacking {wildcards.package}"
    shell:
        "{params.call} --log {log:q} --deb {input.deb:q} --package {wildcards.package}"
        " --track-list {input.tracks:q} --out {output.folder:q}"


if CORPUS["source"] == "debian":

    rule recordings:
        input:
            folders=expand("<resources>/recordings/{package}", package=PACKAGES),
            tracks=CORPUS["debian"]["tracks"],
        output:
            table="<results>/corpus/recordings.parquet",
        log:
            "<logs>/recordings.log",
        params:
            **stage("corpus recordings"),
            flags=flags({"root": f"{CACHE}/recordings", "only": list(PACKAGES)}),
        message:
            "Listing recordings"
        shell:
            "{params.call} --log {log:q} --source debian {params.flags}"
            " --track-list {input.tracks:q} --out {output.table:q}"

else:

    rule recordings:
        input:
            metadata=CORPUS["folder"]["metadata"] or [],
        output:
            table="<results>/corpus/recordings.parquet",
        log:
            "<logs>/recordings.log",
        params:
            **stage("corpus recordings"),
            flags=flags({"source": CORPUS["source"]} | CORPUS["folder"]),
        message:
            "Listing recordings"
        shell:
            "{params.call} --log {log:q} {params.flags} --out {output.table:q}"


rule probe:
    input:
        recordings="<results>/corpus/recordings.parquet",
    output:
        tracks="<results>/corpus/probed/{shard}.parquet",
        rejected="<results>/corpus/probed/{shard}.rejected.parquet",
        fingerprints="<results>/corpus/probed/{shard}.fingerprints.parquet",
        pitch_classes=STUDY.pitch_classes("{shard}"),
    log:
        "<logs>/probe/{shard}.log",
    params:
        **stage("corpus probe"),
        shard=lambda wildcards: f"{int(wildcards.shard)} {len(TRACK_SHARDS)}",
        flags=flags(CORPUS, "minimum_s", "maximum_s", "silence_lufs", "exclude"),
        pitch_classes=lambda wildcards, output: each(
            "--pitch-classes-out", output.pitch_classes
        ),
    message:
        "Reading recordings, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --recordings {input.recordings:q} --shard {params.shard}"
        " {params.flags} --tracks-out {output.tracks:q} --rejected-out {output.rejected:q}"
        " --fingerprints-out {output.fingerprints:q} {params.pitch_classes}"


rule tracks:
    input:
        tracks=expand("<results>/corpus/probed/{shard}.parquet", shard=TRACK_SHARDS),
        rejected=expand(
            "<results>/corpus/probed/{shard}.rejected.parquet", shard=TRACK_SHARDS
        ),
        fingerprints=expand(
            "<results>/corpus/probed/{shard}.fingerprints.parquet", shard=TRACK_SHARDS
        ),
    output:
        tracks="<results>/corpus/tracks.csv",
        rejected="<results>/corpus/rejected.csv",
    log:
        "<logs>/tracks.log",
    resources:
        mem_mb=4000,
    params:
        **stage("corpus tracks"),
        flags=flags(CORPUS, "near_duplicate_share", "control_share", "split_artists"),
    message:
        "Finding duplicates, splitting by artist"
    shell:
        "{params.call} --log {log:q} {input.tracks:q} {params.flags}"
        " --tracks-out {output.tracks:q} --rejected-out {output.rejected:q}"


rule clips:
    input:
        tracks="<results>/corpus/tracks.csv",
    output:
        clips="<results>/clips/{split}/{shard}.parquet",
    log:
        "<logs>/clips/{split}-{shard}.log",
    params:
        **stage("corpus clips"),
        shard=lambda wildcards: f"{int(wildcards.shard)} {len(STUDY['train'].shards)}",
        clip_s=config["clips"]["duration_s"],
        flags=flags(config["clips"], "hop_s", "silence_lufs", "per_track"),
    message:
        "Cutting {wildcards.split} tracks into clips, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} --split {wildcards.split}"
        " --shard {params.shard} --clip-duration-s {params.clip_s} {params.flags} --out {output.clips:q}"


rule clip_list:
    input:
        STUDY.corpus(),
    output:
        clips="<results>/corpus/clips.csv",
    log:
        "<logs>/clip_list.log",
    params:
        **stage("corpus clip-list"),
    message:
        "Listing clips"
    shell:
        "{params.call} --log {log:q} {input:q} --out {output.clips:q}"
