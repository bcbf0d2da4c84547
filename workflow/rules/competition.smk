# Experiment C: discoveries without a floor, and what a generator's own tokens say.
#
# Makes: results/tokens/{generator}/{split}/{shard}.npz            tokens of clips, but openvamp's
#        results/tokens/index/{generator}/{split}/{shard}/         token indexes of a part of the corpus
#        results/tokens/index/{generator}/whole/                   of all of it
#        results/influence/{generator}/excerpt_tokens.npz          tokens of excerpts of control tracks
#        results/influence/{generator}/token_*.parquet             what tokens say
#        results/influence/{generator}/competition.parquet         q of each output
#        results/influence/{generator}/competition{,_planted}.csv  parts of the tables

from musical_roots.generators.base import GENERATORS

# Those whose codec it is: a generator that learned from less has its pair's.
CODECS = "|".join(name for name in GENERATORS if name not in FULL)


rule clip_tokens:
    input:
        clips="<results>/clips/{split}/{shard}.parquet",
        weights=lambda wildcards: STUDY.models[wildcards.generator].files,
    output:
        tokens="<results>/tokens/{generator}/{split}/{shard}.npz",
    log:
        "<logs>/clip_tokens/{generator}-{split}-{shard}.log",
    wildcard_constraints:
        generator=CODECS,
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=GPU,
    params:
        **made_by("competition tokens"),
        device=DEVICE,
    message:
        "Tokens of {wildcards.split} clips by {wildcards.generator}, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --code {params.code}"
        " --clips {input.clips:q} --out {output.tokens:q}"


rule excerpt_tokens:
    input:
        excerpts="<results>/influence/excerpts.parquet",
        weights=lambda wildcards: STUDY.models[wildcards.generator].files,
    output:
        tokens="<results>/influence/{generator}/excerpt_tokens.npz",
    log:
        "<logs>/excerpt_tokens/{generator}.log",
    wildcard_constraints:
        generator=CODECS,
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=GPU,
    params:
        **made_by("competition tokens"),
        device=DEVICE,
    message:
        "Tokens of control excerpts by {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --code {params.code}"
        " --clips {input.excerpts:q} --out {output.tokens:q}"


rule token_shard:
    input:
        clips="<results>/clips/{split}/{shard}.parquet",
        tokens=lambda wildcards: STUDY.tokens_by(
            wildcards.generator, wildcards.split, wildcards.shard
        ),
        indexes="<results>/influence/indexes.parquet",
    output:
        directory("<results>/tokens/index/{generator}/{split}/{shard}"),
    log:
        "<logs>/token_shard/{generator}-{split}-{shard}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("competition token-shard"),
        tokens=lambda wildcards, input: each("--tokens", input.tokens),
    message:
        "Token index of {wildcards.split}, {wildcards.generator}, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} {params.tokens} --clips {input.clips:q}"
        " --indexes {input.indexes:q} --out {output:q}"


rule token_index:
    input:
        lambda wildcards: STUDY.token_shards(wildcards.generator),
    output:
        directory("<results>/tokens/index/{generator}/whole"),
    log:
        "<logs>/token_index/{generator}.log",
    params:
        **stage("competition token-index"),
    message:
        "Token index of the corpus, {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} --out {output:q} {input:q}"


rule token_evidence:
    input:
        outputs=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].made(),
        excerpts="<results>/influence/excerpts.parquet",
        excerpt_tokens=lambda wildcards: f"{RESULTS}/influence/{codec_of(wildcards)}/excerpt_tokens.npz",
        index=lambda wildcards: f"{RESULTS}/tokens/index/{codec_of(wildcards)}/whole",
        # what is planted is of the first part
        tokens=lambda wildcards: STUDY.tokens_by(codec_of(wildcards), "train", "000"),
        clips="<results>/clips/train/000.parquet",
        indexes="<results>/influence/indexes.parquet",
        tracks="<results>/corpus/tracks.csv",
    output:
        nearest="<results>/influence/{generator}/token_nearest.parquet",
        p_values="<results>/influence/{generator}/token_p_values.parquet",
        by_artist="<results>/influence/{generator}/token_by_artist.parquet",
        planted="<results>/influence/{generator}/token_planted.parquet",
    log:
        "<logs>/token_evidence/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("competition token-evidence"),
        outputs=lambda wildcards, input: each("--outputs", input.outputs),
        tokens=lambda wildcards, input: each("--tokens", input.tokens),
        flags=flags(config["corpus"], "split_artists"),
    message:
        "What the tokens of {wildcards.generator} say"
    shell:
        "{params.call} --log {log:q} {params.outputs} --excerpts {input.excerpts:q}"
        " --excerpt-tokens {input.excerpt_tokens:q} --token-index {input.index:q} {params.tokens}"
        " --clips {input.clips:q} --indexes {input.indexes:q} --tracks {input.tracks:q}"
        " {params.flags} --token-nearest-out {output.nearest:q} --p-values-out {output.p_values:q}"
        " --token-by-artist-out {output.by_artist:q} --planted-scores-out {output.planted:q}"


rule compete:
    input:
        outputs=outputs("nearest"),
        matches=outputs("matches"),
        clips=lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].lists(),
        held_out=lambda wildcards: STUDY.held_out(wildcards.generator).influence(
            "matches", STUDY.witnesses
        ),
        held_out_clips=lambda wildcards: STUDY.held_out(wildcards.generator).lists(),
        planted=lambda wildcards: nearest("planted-equal"),
        planted_clips=lambda wildcards: STUDY["planted-equal"].lists(),
        token_nearest=tokens_say("nearest"),
        token_by_artist=tokens_say("by_artist"),
        token_planted=tokens_say("planted"),
        indexes="<results>/influence/indexes.parquet",
        tracks="<results>/corpus/tracks.csv",
        lists=STUDY.corpus(),
        small=lambda wildcards: STUDY.heard_by(wildcards.generator),
    output:
        table="<results>/influence/{generator}/competition.csv",
        each="<results>/influence/{generator}/competition.parquet",
        planted="<results>/influence/{generator}/competition_planted.csv",
    log:
        "<logs>/compete/{generator}.log",
    resources:
        mem_mb=4000,
    params:
        **stage("competition compete"),
        files=lambda wildcards, input: " ".join(
            [
                each("--output-nearest", input.outputs),
                each("--output-matches", input.matches),
                each("--output-clips", input.clips),
                each("--held-out-matches", input.held_out),
                each("--held-out-clips", input.held_out_clips),
                each("--planted-nearest", input.planted),
                each("--planted-clips", input.planted_clips),
                each("--token-nearest", input.token_nearest),
                each("--token-by-artist", input.token_by_artist),
                each("--token-planted", input.token_planted),
                each("--small", input.small),
            ]
        ),
        flags=flags(
            INFLUENCE | config["corpus"],
            *("fdr", "draws", "resamples", "confidence", "split_artists"),
        ),
    message:
        "The training set against a decoy, for outputs of {wildcards.generator}"
    shell:
        "{params.call} --log {log:q} {params.files} {params.flags} --indexes {input.indexes:q}"
        " --tracks {input.tracks:q} --out {output.table:q} --competition-out {output.each:q}"
        " --competition-planted-out {output.planted:q} {input.lists:q}"
