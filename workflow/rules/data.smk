# The model and the tokenised data that cells share. Both are known by their content,
# which is a parameter and not an input: touching or copying the files runs nothing again.


rule model:
    output:
        MODEL_FILE,
    log:
        "results/logs/model/{model}.log",
    priority: 100
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        content=model_content,
        place=model_place,
        warm=warm_option,
    shell:
        "seedvar model --name {wildcards.model:q} {params.place:q}"
        " --out results/models/{wildcards.model:q} {params.warm:q} --log {log:q}"


# Of a model, the tokenizer decides the data: its content is a parameter, for model.json tells of more than that.
rule data:
    input:
        model=ancient(MODEL_FILE),
        src=data_code,
    output:
        f"{DATA_FOLDER}/data.json",
    log:
        "results/logs/data/{data}/{model}/{task}-len{length}.log",
    priority: 100
    localrule: True
    conda:
        "../../envs/seedvar.yaml"
    params:
        content=data_content,
        model=model_content,
        declared=data_declared,
        options=data_options,
    shell:
        "seedvar data --task {wildcards.task:q} --content {params.content:q} {params.options:q}"
        " --model results/models/{wildcards.model:q} --max-length {wildcards.length:q} --log {log:q}"


# Makes the embedded model anew, beside the one that is shipped: `snakemake pretrain`.
rule pretrain:
    input:
        src=list_file("pretrain"),
    output:
        directory("results/models/syn-bert-new"),
    log:
        "results/logs/pretrain.log",
    conda:
        "../../envs/seedvar.yaml"
    shell:
        "seedvar pretrain --out {output:q} --log {log:q}"
