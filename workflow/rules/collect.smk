# Cells to tables. The command reads the study file and finds the cells by itself, so that
# no command line grows with their number.


rule collect:
    input:
        results=all_results,
        looks=all_looks,
        study=PLAN.study_file,
        src=list_file("collect"),
    output:
        runs=f"{STUDY_FOLDER}/runs.csv",
        curves=f"{STUDY_FOLDER}/curves.csv",
        predictions=f"{STUDY_FOLDER}/predictions.parquet",
    log:
        f"results/logs/collect/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar collect {input.study:q} --results results {params.warm:q} --log {log:q}"


rule collect_diagnostics:
    input:
        results=all_results,
        looks=all_looks,
        study=PLAN.study_file,
        src=list_file("collect"),
    output:
        f"{STUDY_FOLDER}/diagnostics.parquet",
    log:
        f"results/logs/collect/{PLAN.name}-diagnostics.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar collect {input.study:q} --part diagnostics --results results {params.warm:q} --log {log:q}"
