# One cell: one training run. Exit code 0 whenever something was measured, also a collapse.


rule train:
    input:
        data=cell_data,
        model="results/models/{model}/model.json",
        src=cell_sources,
    output:
        "results/cells/{data}/{model}/{task}/{slug}/seed-{seed}/result.json",
    log:
        "results/logs/train/{data}/{model}/{task}/{slug}/seed-{seed}.log",
    conda:
        "../../envs/seedvar.yaml"
    threads: 1
    params:
        cell=cell_specification,
        task=cell_task,
        options=train_options,
    shell:
        "seedvar train --results results --cell {params.cell:q} {params.options} --log {log}"
