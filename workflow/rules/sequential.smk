# A study that adds seeds: after each batch of seeds, a look decides whether another follows. Only such
# studies have a checkpoint, one a batch.


checkpoint look:
    input:
        results=batch_results,
        study=PLAN.study_file,
        src=list_file("look"),
    output:
        f"{STUDY_FOLDER}/{places.LOOK}",
    log:
        f"results/logs/look/{PLAN.name}-{{batch}}.log",
    wildcard_constraints:
        batch=r"\d+",
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        warm=warm_option,
    shell:
        "seedvar look {input.study:q} --batch {wildcards.batch:q} --results results --out {output:q}"
        " {params.warm:q} --log {log:q}"
