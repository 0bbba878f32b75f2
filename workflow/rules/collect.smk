# Cells to tables. The command reads the study file and finds the cells by itself, so that
# no command line grows with their number.


rule collect:
    input:
        results=RESULTS,
        study=PLAN.study_file,
        src=[source_path(name) for name in ("collect.py", "record.py", "grid.py")],
    output:
        runs=f"{STUDY_FOLDER}/runs.csv",
        curves=f"{STUDY_FOLDER}/curves.csv",
        predictions=f"{STUDY_FOLDER}/predictions.parquet",
    log:
        f"results/logs/collect/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar collect {input.study:q} --results results --log {log}"
