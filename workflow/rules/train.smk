# One cell: one training run. Exit code 0 whenever something was measured, also a collapse.


rule train:
    input:
        unpack(cell_inputs),
        model=MODEL_FILE,
    output:
        CELL_RESULT,
    log:
        "results/logs/train/{data}/{model}/{task}/{slug}/seed-{seed}.log",
    conda:
        "../../envs/seedvar.yaml"
    threads: 1
    resources:
        runtime=cell_minutes,
    params:
        cell=cell_specification,
        options=train_options,
    shell:
        "seedvar train --results results --cell {params.cell:q} {params.options:q} --log {log:q}"


# The weights of a cell, for as long as a probe or a cell that starts from them needs them. Training
# leaves them in the store; if they are not there any more, the cell is trained once more.
rule weights:
    input:
        CELL_RESULT,
    output:
        temp(CELL_WEIGHTS),
    log:
        "results/logs/weights/{data}/{model}/{task}/{slug}/seed-{seed}.log",
    conda:
        "../../envs/seedvar.yaml"
    threads: 1
    resources:
        runtime=cell_minutes,
    params:
        cell=cell_specification,
        options=weights_options,
    shell:
        "seedvar weights --results results --cell {params.cell:q} {params.options:q} --log {log:q}"
