# Snakemake's own HTML report: figures, tables, and how each was made. The inner call only reads
# the records of this run, so it needs no lock.


report: "../report/workflow.rst"


rule report:
    input:
        TABLES,
        FIGURES,
    output:
        f"{STUDY_FOLDER}/report.html",
    log:
        f"results/logs/report/{PLAN.name}.log",
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        study=PLAN.study_file,
        from_tables=PLAN.site.from_tables,
    shell:
        "snakemake {input} --report {output} --nolock"
        " --config study={params.study:q} from_tables={params.from_tables} > {log} 2>&1"
