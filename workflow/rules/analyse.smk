# Tables to statistics.


rule statistics:
    input:
        tables=statistic_tables,
        src=statistic_code,
    output:
        f"{STUDY_FOLDER}/{{statistic}}.csv",
    log:
        f"results/logs/statistics/{PLAN.name}-{{statistic}}.log",
    wildcard_constraints:
        statistic="|".join(PLAN.statistics),
    priority: 1
    conda:
        "../../envs/seedvar.yaml"
    params:
        baseline=baseline_option,
        matters=matters_option,
        looks=looks_option,
        slack=slack_option,
        warm=warm_option,
    shell:
        "seedvar statistics {wildcards.statistic:q} {input.tables:q} {params.baseline:q} {params.matters:q}"
        " {params.slack:q} {params.looks:q} --out {output:q}"
        " {params.warm:q} --log {log:q}"


rule tables:
    input:
        tables=printed_tables,
        src=list_file("printed"),
    output:
        markdown=f"{STUDY_FOLDER}/tables/{{table}}.md",
        latex=f"{STUDY_FOLDER}/tables/{{table}}.tex",
    log:
        f"results/logs/tables/{PLAN.name}-{{table}}.log",
    wildcard_constraints:
        table="|".join(PRINTED),
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar tables {input.tables:q} --layout {wildcards.table:q} --out {output:q}"
        " {params.warm:q} --log {log:q}"


rule findings:
    input:
        tables=[f"{STUDY_FOLDER}/{name}.csv" for name in FOUND_IN],
        src=list_file("findings"),
    output:
        f"{STUDY_FOLDER}/findings.json",
    log:
        f"results/logs/findings/{PLAN.name}.log",
    priority: 1
    conda:
        "../../envs/seedvar.yaml"
    params:
        study=study_folder,
        warm=warm_option,
    shell:
        "seedvar findings {params.study:q} --out {output:q} {params.warm:q} --log {log:q}"
