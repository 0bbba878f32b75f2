# The notebook that walks through a finished study, run on its tables.
NOTEBOOK_PAGE = f"{STUDY_FOLDER}/notebook.html"
NOTEBOOK_TABLES = {
    f"{STUDY_FOLDER}/{table}"
    for name in ("distribution", "learning-curves")
    if name in PLAN.figures
    for table in FIGURES[name].tables
}


rule notebook:
    input:
        tables=sorted(NOTEBOOK_TABLES),
        study=PLAN.study_file,
        notebook="notebooks/finished_study.py",
        src=list_file("notebook"),
    output:
        report(
            NOTEBOOK_PAGE,
            caption="../report/notebook.rst",
            category="Notebook",
            labels={"notebook": "a walk through the study"},
        ),
    log:
        f"results/logs/notebook/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar notebook {input.notebook:q} --study {input.study:q} --out {output:q} {params.warm:q} --log {log:q}"
