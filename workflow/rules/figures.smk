# Tables to figures. A figure depends on tables alone and can be drawn without a model or data.


rule figure:
    input:
        tables=figure_tables,
        src=figure_code,
    output:
        png=f"{STUDY_FOLDER}/figures/{{figure}}.png",
        pdf=f"{STUDY_FOLDER}/figures/{{figure}}.pdf",
        csv=f"{STUDY_FOLDER}/figures/{{figure}}.csv",
    log:
        f"results/logs/figures/{PLAN.name}-{{figure}}.log",
    wildcard_constraints:
        figure="|".join(name for name in PLAN.figures if name != OVERVIEW),
    conda:
        "../../envs/seedvar.yaml"
    params:
        kind=figure_kind,
        warm=warm_option,
    shell:
        "seedvar figure {wildcards.figure:q} {input.tables:q} {params.kind:q} --out {output:q}"
        " {params.warm:q} --log {log:q}"


# The one picture: for a page, for a column of one, and for a browser, where it says what each mark is.
rule overview:
    input:
        tables=[f"{STUDY_FOLDER}/{name}" for name in FIGURES[OVERVIEW].tables],
        src=list_file(f"figure-{OVERVIEW}"),
    output:
        png=f"{STUDY_FOLDER}/figures/{OVERVIEW}.png",
        others=expand(
            f"{STUDY_FOLDER}/figures/{OVERVIEW}{{end}}", end=[".pdf", ".svg", ".csv"]
        ),
        column=expand(
            f"{STUDY_FOLDER}/figures/{OVERVIEW}-column{{end}}", end=[".pdf", ".png"]
        ),
    log:
        f"results/logs/figures/{PLAN.name}-{OVERVIEW}.log",
    conda:
        "../../envs/seedvar.yaml"
    params:
        baseline=baseline_option,
        warm=warm_option,
    shell:
        "seedvar figure overview {input.tables:q} {params.baseline:q} --out {output.png:q} {output.others:q}"
        " --column {output.column:q}"
        " {params.warm:q} --log {log:q}"


rule captions:
    input:
        src=list_file("captions"),
    output:
        f"{STUDY_FOLDER}/figures/README.md",
    log:
        f"results/logs/figures/{PLAN.name}-captions.log",
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        figures=drawn_figures,
        about=about_option,
        warm=warm_option,
    shell:
        "seedvar captions {params.figures:q} {params.about:q} --out {output:q}"
        " {params.warm:q} --log {log:q}"
