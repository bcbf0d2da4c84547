# Exact cosine neighbours of every query among all clips of the corpus.
#
# Makes: results/matches/{encoder}/{queries}.parquet   match table; {queries} is a clip list's folder
#        results/tables/retrieval.csv                  same-track recall of each encoder, on control


rule search:
    input:
        expand(
            "results/matches/{encoder}/perturbed-{kind}.parquet",
            encoder=ACTIVE,
            kind=KINDS,
        ),
        expand(
            "results/matches/{encoder}/vamps-{generator}.parquet",
            encoder=ACTIVE,
            # Experiment C searches with vamps on its own, in each index by itself
            generator=[] if INFLUENCE else GENERATING,
        ),


rule match:
    input:
        queries=lambda wildcards: expand(
            "results/embeddings/{{encoder}}/{{queries}}/{shard}.npy",
            shard=query_shards(wildcards.queries),
        ),
        targets=lambda wildcards: expand(
            "results/clips/{{queries}}/{targets}.parquet",
            targets=(
                ["targets"]
                if wildcards.queries.startswith("perturbed")
                else [f"{shard}.targets" for shard in query_shards(wildcards.queries)]
            ),
        ),
        index=expand("results/embeddings/{{encoder}}/{clips}.npy", clips=INDEXED),
    output:
        matches="results/matches/{encoder}/{queries}.parquet",
    log:
        "results/logs/match/{encoder}-{queries}.log",
    wildcard_constraints:
        queries=r"(perturbed|vamps)-[a-z0-9]+",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        flags=flags(config["search"]),
        queries=lambda wildcards, input: [f"--queries {path}" for path in input.queries],
        targets=lambda wildcards, input: [f"--targets {path}" for path in input.targets],
        code=code("search"),
    message:
        "Searching {wildcards.queries} with {wildcards.encoder}"
    shell:
        "python -m musical_roots --log {log} search {params.queries} {params.targets} {params.flags}"
        " --out {output.matches} {input.index}"


# Tracks that no statistics were fitted on, where there are some.
rule retrieval:
    input:
        shards=expand(
            "results/embeddings/{encoder}/{split}/{shard}.npy",
            encoder=ACTIVE,
            split=SPLITS[-1],
            shard=CLIP_SHARDS,
        ),
    output:
        table="results/tables/retrieval.csv",
    log:
        "results/logs/retrieval.log",
    conda:
        "../../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        flags=flags(config["robustness"], "resamples", "confidence"),
        seed=config["seed"],
        code=code("retrieval"),
    message:
        "Same-track retrieval on control tracks"
    shell:
        "python -m musical_roots --log {log} --seed {params.seed} retrieval {input.shards} {params.flags}"
        " --out {output.table}"
