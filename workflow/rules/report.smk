# Snakemake's own HTML report: figures, tables, the notebook, and how each was made. The inner call
# only reads the records of this run, so it needs no lock.
# The first page says what the study asks, as it stands in its file: no character of it is markup.
config["about"] = {
    "name": PLAN.name,
    "description": as_rest(PLAN.study.description),
    "is_table": PLAN.is_table,
    # There is something to show once the study has been analysed: in the call that writes the report.
    "found": first_page(Path(STUDY_FOLDER)) if "--report" in sys.argv else None,
}


report: "../report/workflow.rst"


rule report:
    input:
        results=TABLES + FIGURE_FILES + [NOTEBOOK_PAGE],
        captions=sorted(str(path) for path in Path("workflow/report").glob("*.rst")),
    output:
        f"{STUDY_FOLDER}/report.html",
    log:
        f"results/logs/report/{PLAN.name}.log",
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        config=config_options,
    shell:
        "snakemake {input.results:q} --report {output:q} --nolock --config {params.config:q} > {log:q} 2>&1"
        " && seedvar seal {output:q}"
