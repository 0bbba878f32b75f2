# A study that adds seeds: after each batch of seeds, a look decides whether another follows. Only such
# studies have a checkpoint, one a batch.


checkpoint look:
    input:
        results=batch_results,
        study=PLAN.study_file,
        src=[source_path(name) for name in ("sequential.py", "stats/planning.py")],
    output:
        f"{STUDY_FOLDER}/seeds/{{batch}}.json",
    log:
        f"results/logs/look/{PLAN.name}-{{batch}}.log",
    wildcard_constraints:
        batch=r"\d+",
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        model=PLAN.model.name,
    shell:
        "seedvar look {input.study:q} --batch {wildcards.batch} --model {params.model}"
        " --results results --out {output} --log {log}"
