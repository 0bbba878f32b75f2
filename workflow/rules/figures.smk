# Tables to figures. A figure depends on tables alone and can be drawn without a model or data.


rule figure:
    input:
        tables=figure_tables,
        src=figure_code,
    output:
        png=report(
            f"{STUDY_FOLDER}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels=lambda wildcards: {"figure": FIGURES[wildcards.figure].title},
        ),
        pdf=f"{STUDY_FOLDER}/figures/{{figure}}.pdf",
        csv=f"{STUDY_FOLDER}/figures/{{figure}}.csv",
    log:
        f"results/logs/figures/{PLAN.name}-{{figure}}.log",
    wildcard_constraints:
        figure="|".join(PLAN.figures),
    conda:
        "../../envs/seedvar.yaml"
    params:
        caption=figure_caption,
        kind=figure_kind,
        warm=warm_option,
    shell:
        "seedvar figure {wildcards.figure:q} {input.tables:q} {params.kind:q} --out {output:q}"
        " {params.warm:q} --log {log:q}"
