# A study that the repository shows, in a clone that has no run of it: its tables are those that were published.


rule published:
    input:
        f"results/{PUBLISHED}/{PLAN.name}/{{table}}",
    output:
        f"{STUDY_FOLDER}/{{table}}",
    log:
        f"results/logs/published/{PLAN.name}-{{table}}.log",
    wildcard_constraints:
        table="|".join(PLAN.published_tables),
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "cp {input:q} {output:q} 2> {log:q}"
