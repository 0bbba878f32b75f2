# Measurements on the weights of finished cells, each one a job.


rule forgetting:
    input:
        weights=forgetting_weights,
        model=f"results/models/{PLAN.model.name}/model.json",
        src=source_path("probes/forgetting.py"),
    output:
        f"{STUDY_FOLDER}/probes/forgetting/{{task}}/{{arm}}/seed-{{seed}}.csv",
    log:
        f"results/logs/forgetting/{PLAN.name}/{{task}}-{{arm}}-{{seed}}.log",
    wildcard_constraints:
        arm=r"[\w.+-]+",
    conda:
        "../../envs/seedvar.yaml"
    resources:
        runtime=probe_minutes,
    params:
        cell=forgetting_specification,
        text=FORGETTING_TEXT,
        warm=warm_option,
    shell:
        "seedvar forgetting --results results --cell {params.cell:q} {params.text}"
        " --out {output} {params.warm} --log {log}"


rule surface:
    input:
        weights=[f"results/{cell.weights_file()}" for cell in SURFACE_RUNS],
        src=source_path("probes/surface.py"),
    output:
        f"{STUDY_FOLDER}/probes/surface/{{row}}.csv",
    log:
        f"results/logs/surface/{PLAN.name}/{{row}}.log",
    wildcard_constraints:
        row=r"\d+",
    conda:
        "../../envs/seedvar.yaml"
    resources:
        runtime=probe_minutes,
    params:
        cells=[cell.specification() for cell in SURFACE_RUNS],
        grid=SURFACE_GRID,
        warm=warm_option,
    shell:
        "seedvar surface --results results --first {params.cells[0]:q} --second {params.cells[1]:q}"
        " {params.grid} --row {wildcards.row} --out {output} {params.warm} --log {log}"


rule collect_forgetting:
    input:
        probes=[f"{STUDY_FOLDER}/{path}" for path in FORGETTING],
        study=PLAN.study_file,
        src=[source_path(name) for name in ("collect.py", "grid.py")],
    output:
        f"{STUDY_FOLDER}/forgetting.csv",
    log:
        f"results/logs/collect/{PLAN.name}-forgetting.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        model=PLAN.model.name,
    shell:
        "seedvar collect {input.study:q} --part forgetting --model {params.model}"
        " --results results --log {log}"


rule collect_surface:
    input:
        probes=SURFACE_ROWS,
        study=PLAN.study_file,
        src=[source_path(name) for name in ("collect.py", "grid.py")],
    output:
        f"{STUDY_FOLDER}/surface.csv",
    log:
        f"results/logs/collect/{PLAN.name}-surface.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        model=PLAN.model.name,
    shell:
        "seedvar collect {input.study:q} --part surface --model {params.model}"
        " --results results --log {log}"
