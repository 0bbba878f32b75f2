# Snakemake's own HTML report: figures, tables, and how each was made. The inner call only reads
# the records of this run, so it needs no lock.


report: "../report/workflow.rst"


rule report:
    input:
        TABLES,
        FIGURE_FILES,
    output:
        f"{STUDY_FOLDER}/report.html",
    log:
        f"results/logs/report/{PLAN.name}.log",
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        config=config_options,
    shell:
        "snakemake {input} --report {output} --nolock --config {params.config} > {log} 2>&1"
