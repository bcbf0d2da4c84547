# What a bare `snakemake --cores N` finds; the table of contents is workflow/Snakefile.
include: "workflow/Snakefile"


workflow.default_target = "all"
