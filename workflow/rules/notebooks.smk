# The notebook that walks through a finished study, run on its tables.
NOTEBOOK_PAGE = f"{STUDY_FOLDER}/notebook.html"
NOTEBOOK_MODULES = [
    "notebook",
    "figures/distribution",
    "figures/learning_curves",
    "stats/compare",
    "stats/describe",
    "stats/planning",
    "stats/selection",
]
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
        src=sorted(
            {path for name in NOTEBOOK_MODULES for path in sources_of(f"{name}.py")}
        ),
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
    shell:
        "SEEDVAR_STUDY={input.study:q} python -m seedvar.notebook {input.notebook} --out {output}"
        " > {log} 2>&1"
