# A table of runs from elsewhere takes the place of cells.


rule import_runs:
    input:
        tables=[str(path) for path in PLAN.table_files],
        study=PLAN.study_file,
        src=list_file("import"),
    output:
        [f"{STUDY_FOLDER}/{name}" for name in sorted(PLAN.study.tables)],
    log:
        f"results/logs/import/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        place=runs_place,
        warm=warm_option,
    shell:
        "seedvar import {input.study:q} {params.place:q} --results results {params.warm:q} --log {log:q}"
