# The notebook that walks through a finished study, run on its tables in a kernel of its own.
NOTEBOOK_PAGE = f"{STUDY_FOLDER}/notebook.html"
NOTEBOOK_TABLES = {
    f"{STUDY_FOLDER}/{name}.csv"
    for name in ("summary", "expected", "decisions", "seeds_needed")
    if name in PLAN.statistics
} | {
    f"{STUDY_FOLDER}/{table}"
    for name in ("distribution", "learning-curves")
    if name in PLAN.figures
    for table in FIGURES[name].tables
}


rule notebook:
    input:
        tables=sorted(NOTEBOOK_TABLES),
        findings=f"{STUDY_FOLDER}/findings.json",
        study=PLAN.study_file,
        notebook="notebooks/finished_study.py",
        src=list_file("notebook"),
    output:
        page=NOTEBOOK_PAGE,
        notebook=f"{STUDY_FOLDER}/notebook.ipynb",
    log:
        f"results/logs/notebook/{PLAN.name}.log",
    priority: 1  # the report waits for the notebook, that for findings, and those for statistics
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar notebook {input.notebook:q} --study {input.study:q} --out {output.page:q} --log {log:q}"
