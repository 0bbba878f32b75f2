# A table of contents: what a study is made of. workflow/rules says what is made from what,
# workflow/seedvar how. Run with: snakemake --config study=NAME


include: "workflow/rules/imports.smk"
include: "workflow/rules/settings.smk"


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


if PLAN.is_table and not PLAN.site.from_tables:

    include: "workflow/rules/import.smk"

elif not PLAN.site.from_tables:

    include: "workflow/rules/data.smk"
    include: "workflow/rules/train.smk"
    include: "workflow/rules/collect.smk"
    include: "workflow/rules/probes.smk"

    if PLAN.adds_seeds:

        include: "workflow/rules/sequential.smk"

elif PLAN.published_tables:

    include: "workflow/rules/published.smk"


include: "workflow/rules/analyse.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/notebooks.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        all_results,
        TABLES,
        FIGURE_FILES,
        NOTEBOOK_PAGE,
        f"{STUDY_FOLDER}/report.html",


rule figures:
    input:
        FIGURE_FILES,


rule cells:
    input:
        all_results,


onstart:
    start_progress(workflow.dag)


onsuccess:
    end_progress(workflow.dag)


onerror:
    end_progress(workflow.dag, failed=True)
