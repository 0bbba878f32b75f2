# Tables to figures. A figure depends on tables alone and can be drawn without a model or data.


rule distribution:
    input:
        runs=f"{STUDY_FOLDER}/runs.csv",
        src=[
            source_path(f"figures/{name}")
            for name in ("distribution.py", "__init__.py", "seedvar.mplstyle")
        ],
    output:
        png=report(
            f"{STUDY_FOLDER}/figures/distribution.png",
            caption="../report/distribution.rst",
            category="Figures",
            labels={"figure": "Scores of every run"},
        ),
        pdf=f"{STUDY_FOLDER}/figures/distribution.pdf",
    log:
        f"results/logs/figures/{PLAN.name}-distribution.log",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar figure distribution --runs {input.runs} --out {output} --log {log}"


rule learning_curves:
    input:
        runs=f"{STUDY_FOLDER}/runs.csv",
        curves=f"{STUDY_FOLDER}/curves.csv",
        src=[
            source_path(f"figures/{name}")
            for name in ("curves.py", "__init__.py", "seedvar.mplstyle")
        ],
    output:
        png=report(
            f"{STUDY_FOLDER}/figures/learning-curves.png",
            caption="../report/learning-curves.rst",
            category="Figures",
            labels={"figure": "Learning curves"},
        ),
        pdf=f"{STUDY_FOLDER}/figures/learning-curves.pdf",
    log:
        f"results/logs/figures/{PLAN.name}-learning-curves.log",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar figure learning-curves --runs {input.runs} --curves {input.curves}"
        " --out {output} --log {log}"


rule diagnostic_figure:
    input:
        runs=f"{STUDY_FOLDER}/runs.csv",
        diagnostics=f"{STUDY_FOLDER}/diagnostics.csv",
        src=[
            source_path(f"figures/{name}")
            for name in (
                "diagnostics.py",
                "curves.py",
                "__init__.py",
                "seedvar.mplstyle",
            )
        ],
    output:
        png=report(
            f"{STUDY_FOLDER}/figures/{{figure}}.png",
            caption="../report/diagnostics.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        pdf=f"{STUDY_FOLDER}/figures/{{figure}}.pdf",
    log:
        f"results/logs/figures/{PLAN.name}-{{figure}}.log",
    wildcard_constraints:
        figure="|".join(DIAGNOSTIC_FIGURES),
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar figure {wildcards.figure} --runs {input.runs} --diagnostics {input.diagnostics}"
        " --out {output} --log {log}"
