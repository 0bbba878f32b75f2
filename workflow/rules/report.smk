# One page with all that was found: it needs nothing but itself.


rule report:
    input:
        results=TABLES + FIGURE_FILES + [NOTEBOOK_PAGE],
        runs=f"{STUDY_FOLDER}/runs.csv",
        study=PLAN.study_file,
        template="workflow/report/page.html",
        src=list_file("report"),
    output:
        f"{STUDY_FOLDER}/report.html",
    log:
        f"results/logs/report/{PLAN.name}.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        figures=drawn_figures,
        about=runs_option,
        warm=warm_option,
    shell:
        "seedvar report {input.study:q} --results results --figures {params.figures:q} {params.about:q}"
        " --out {output:q} {params.warm:q} --log {log:q}"
