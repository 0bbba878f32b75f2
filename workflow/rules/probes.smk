# Measurements on the weights of finished cells, each one a job.


rule forgetting:
    input:
        weights=forgetting_weights,
        model=forgetting_model,
        src=list_file("forgetting"),
    output:
        f"{STUDY_FOLDER}/{places.FORGETTING}",
    log:
        f"results/logs/forgetting/{PLAN.name}/{{task}}-{{arm}}-{{seed}}.log",
    wildcard_constraints:
        arm=r"[\w.+-]+",
    conda:
        "../../envs/seedvar.yaml"
    threads: 1
    resources:
        runtime=forgetting_minutes,
    params:
        cell=forgetting_specification,
        text=forgetting_text,
        options=probe_options,
    shell:
        "seedvar forgetting --results results --cell {params.cell:q} {params.text:q}"
        " --out {output:q} {params.options:q} --log {log:q}"


rule surface:
    input:
        weights=surface_weights,
        src=list_file("surface"),
    output:
        f"{STUDY_FOLDER}/{places.SURFACE}",
    log:
        f"results/logs/surface/{PLAN.name}/{{row}}.log",
    wildcard_constraints:
        row=r"\d+",
    conda:
        "../../envs/seedvar.yaml"
    threads: 1
    resources:
        runtime=surface_minutes,
    params:
        cells=surface_specifications,
        grid=SURFACE_GRID,
        options=probe_options,
    shell:
        "seedvar surface --results results --first {params.cells[0]:q} --second {params.cells[1]:q}"
        " {params.grid:q} --row {wildcards.row:q} --out {output:q} {params.options:q} --log {log:q}"


# Where the surface goes through the first run that failed, or that did not: which one, when the arm's runs are there.
if SURFACE_IS_LATE:

    checkpoint choose_runs:
        input:
            results=all_results,
            looks=all_looks,
            study=PLAN.study_file,
            src=list_file("collect"),
        output:
            f"{STUDY_FOLDER}/{places.SURFACE_RUNS}",
        log:
            f"results/logs/surface/{PLAN.name}/runs.log",
        localrule: True
        conda:
            "../../envs/seedvar.yaml"
        params:
            warm=warm_option,
        shell:
            "seedvar collect {input.study:q} --part surface-runs --results results {params.warm:q} --log {log:q}"


rule collect_forgetting:
    input:
        probes=[f"{STUDY_FOLDER}/{path}" for path in FORGETTING],
        study=PLAN.study_file,
        src=list_file("collect"),
    output:
        f"{STUDY_FOLDER}/forgetting.csv",
    log:
        f"results/logs/collect/{PLAN.name}-forgetting.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar collect {input.study:q} --part forgetting --results results {params.warm:q} --log {log:q}"


rule collect_surface:
    input:
        probes=SURFACE_ROWS,
        study=PLAN.study_file,
        src=list_file("collect"),
    output:
        f"{STUDY_FOLDER}/surface.csv",
    log:
        f"results/logs/collect/{PLAN.name}-surface.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar collect {input.study:q} --part surface --results results {params.warm:q} --log {log:q}"
