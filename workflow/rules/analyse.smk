# Tables to statistics.


rule summarise:
    input:
        runs=f"{STUDY_FOLDER}/runs.csv",
        src=source_path("stats/describe.py"),
    output:
        f"{STUDY_FOLDER}/summary.csv",
    log:
        f"results/logs/summarise/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar summarise {input.runs} --out {output} --log {log}"


rule compare:
    input:
        runs=f"{STUDY_FOLDER}/runs.csv",
        src=source_path("stats/compare.py"),
    output:
        f"{STUDY_FOLDER}/comparisons.csv",
    log:
        f"results/logs/compare/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        baseline=PLAN.study.baseline,
    shell:
        "seedvar compare {input.runs} --baseline {params.baseline:q} --out {output} --log {log}"


rule tables:
    input:
        table=f"{STUDY_FOLDER}/{{table}}.csv",
        src=[source_path(name) for name in ("tables.py", "figures/__init__.py")],
    output:
        html=report(
            f"{STUDY_FOLDER}/tables/{{table}}.html",
            caption="../report/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        markdown=f"{STUDY_FOLDER}/tables/{{table}}.md",
        latex=f"{STUDY_FOLDER}/tables/{{table}}.tex",
    log:
        f"results/logs/tables/{PLAN.name}-{{table}}.log",
    wildcard_constraints:
        table="summary|comparisons",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar tables {input.table} --out {output} --log {log}"
