# The model and the tokenised data that cells share. Both are known by their content,
# which is a parameter and not an input: touching or copying the files runs nothing again.


rule model:
    output:
        "results/models/{model}/model.json",
    log:
        "results/logs/model/{model}.log",
    priority: 100
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        content=PLAN.model_content,
        place=model_place,
    shell:
        "seedvar model --name {wildcards.model} {params.place}"
        " --out results/models/{wildcards.model} --log {log}"


rule data:
    input:
        model="results/models/{model}/model.json",
        src=source_list("data"),
    output:
        "results/data/{data}/{model}/{task}-len{length}/data.json",
    log:
        "results/logs/data/{data}/{model}/{task}-len{length}.log",
    priority: 100
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        content=lambda wildcards: PLAN.data_content[wildcards.task],
        task=lambda wildcards: asdict(TASKS[wildcards.task]),
        options=data_options,
    shell:
        "seedvar data --task {wildcards.task} --model results/models/{wildcards.model}"
        " --max-length {wildcards.length}"
        " --out results/data/{wildcards.data}/{wildcards.model}/{wildcards.task}-len{wildcards.length}"
        " {params.options} --log {log}"


# Makes the embedded model anew, beside the one that is shipped: `snakemake pretrain`.
rule pretrain:
    input:
        src=[
            source_path(name)
            for name in ("models/pretrain.py", "data/grammar.py", "data/synthetic.py")
        ],
    output:
        directory("results/models/syn-bert-new"),
    log:
        "results/logs/pretrain.log",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar pretrain --out {output} --log {log}"
