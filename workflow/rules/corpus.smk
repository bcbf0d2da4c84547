# Recordings -> tracks -> clips.
#
# Makes: results/corpus/tracks.csv     one row a recording that is kept, with its split and its credit
#        results/corpus/rejected.csv   one row a recording that is not, with the reason
#        results/corpus/clips.csv      one row a clip
#        results/clips/{train,control}/{shard}.parquet   the same clips, as clip lists

from musical_roots.corpus import debian

DEBIAN = config["corpus"]["debian"]
FOLDER = config["corpus"]["folder"]
TRACK_SHARDS = [f"{shard:03d}" for shard in range(config["corpus"]["shards"])]
CLIP_SHARDS = [f"{shard:03d}" for shard in range(config["encode"]["shards"])]


rule corpus:
    input:
        "results/corpus/tracks.csv",
        "results/corpus/rejected.csv",
        "results/corpus/clips.csv",


PACKAGES = {}
if config["corpus"]["source"] == "debian":
    try:
        PACKAGES = debian.manifest(DEBIAN["packages"], DEBIAN["only"])
    except InputError as error:
        stop(error)


RECORDINGS, RECORDING_FLAGS = recordings_of(config["corpus"]["source"])


rule package:
    output:
        deb=f"{CACHE}/packages/{{package}}.deb",
    log:
        "results/logs/package/{package}.log",
    wildcard_constraints:
        package="[^/]+",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        # not an input: an edited manifest fetches again only what it names anew
        manifest=DEBIAN["packages"],
        sha256=lambda wildcards: PACKAGES[wildcards.package]["sha256"],
        flags=flags({key: DEBIAN[key] for key in ["mirror"] if DEBIAN[key]}),
    message:
        "Fetching {wildcards.package}"
    shell:
        "python -m musical_roots --log {log} fetch-package --manifest {params.manifest:q} --package {wildcards.package}"
        " {params.flags} --out {output.deb}"


rule unpack:
    input:
        deb=f"{CACHE}/packages/{{package}}.deb",
        tracks=DEBIAN["tracks"],
    output:
        folder=directory(f"{CACHE}/recordings/{{package}}"),
    log:
        "results/logs/unpack/{package}.log",
    wildcard_constraints:
        package="[^/]+",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    params:
        code=code("unpack"),
    message:
        "Unpacking {wildcards.package}"
    shell:
        "python -m musical_roots --log {log} unpack --deb {input.deb} --package {wildcards.package} --tracks {input.tracks}"
        " --out {output.folder}"


rule recordings:
    input:
        RECORDINGS,
    output:
        table="results/corpus/recordings.parquet",
    log:
        "results/logs/recordings.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        source=config["corpus"]["source"],
        flags=RECORDING_FLAGS,
        code=code("recordings"),
    message:
        "Listing recordings"
    shell:
        "python -m musical_roots --log {log} recordings --source {params.source} {params.flags} --out {output.table}"


rule probe:
    input:
        recordings="results/corpus/recordings.parquet",
    output:
        tracks="results/corpus/probed/{shard}.parquet",
        rejected="results/corpus/probed/{shard}.rejected.parquet",
        fingerprints="results/corpus/probed/{shard}.fingerprints.parquet",
    log:
        "results/logs/probe/{shard}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        shard=lambda wildcards: int(wildcards.shard),
        shards=len(TRACK_SHARDS),
        flags=flags(
            config["corpus"], "minimum_s", "maximum_s", "silence_lufs", "exclude"
        ),
        code=code("probe"),
    message:
        "Reading recordings, part {wildcards.shard}"
    shell:
        "python -m musical_roots --log {log} probe --recordings {input.recordings} --shard {params.shard} {params.shards}"
        " {params.flags} --tracks {output.tracks} --rejected {output.rejected}"
        " --fingerprints {output.fingerprints}"


rule tracks:
    input:
        tracks=expand("results/corpus/probed/{shard}.parquet", shard=TRACK_SHARDS),
        rejected=expand(
            "results/corpus/probed/{shard}.rejected.parquet", shard=TRACK_SHARDS
        ),
        fingerprints=expand(
            "results/corpus/probed/{shard}.fingerprints.parquet", shard=TRACK_SHARDS
        ),
    output:
        tracks="results/corpus/tracks.csv",
        rejected="results/corpus/rejected.csv",
    log:
        "results/logs/tracks.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        flags=flags(
            config["corpus"], "near_duplicate_share", "control_share", "split_artists"
        ),
        seed=config["seed"],
        code=code("tracks"),
    message:
        "Finding duplicates, splitting by artist"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} tracks {input.tracks} {params.flags}"
        " --tracks {output.tracks} --rejected {output.rejected}"


rule clips:
    input:
        tracks="results/corpus/tracks.csv",
    output:
        clips="results/clips/{split}/{shard}.parquet",
    log:
        "results/logs/clips/{split}-{shard}.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        shard=lambda wildcards: int(wildcards.shard),
        shards=len(CLIP_SHARDS),
        flags=flags(config["clips"]),
        seed=config["seed"],
        code=code("clips"),
    message:
        "Cutting {wildcards.split} tracks into clips, part {wildcards.shard}"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} clips --tracks {input.tracks} --split {wildcards.split}"
        " --shard {params.shard} {params.shards} {params.flags} --out {output.clips}"


rule clip_list:
    input:
        expand("results/clips/{split}/{shard}.parquet", split=SPLITS, shard=CLIP_SHARDS),
    output:
        clips="results/corpus/clips.csv",
    log:
        "results/logs/clip_list.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("clip-list"),
    message:
        "Listing clips"
    shell:
        "python -m musical_roots --log {log} clip-list {input} --out {output.clips}"
