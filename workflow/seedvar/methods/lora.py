"""LoRA (Hu et al. 2022): pre-trained weights stay as they are; products of two small matrices are trained beside them.

A Linear layer W of a block computes W x + (α / r) B A x, A drawn as PyTorch draws Linear layers and B = 0 at the start:
the adapters of the library `peft`, on every Linear layer of every block, which Dettmers et al. (2023) found to matter
most. Their numbers come from a stream of their own, so that arms of one seed share the classifier.

What is drawn anew is trained whole, without adapters: the classifier, and layers or a pooler that the recipe
re-initialises. All else, embeddings, norms, biases and the pre-trained pooler, stays as it is.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from seedvar.models.layers import blocks_in, is_drawn, pretrained
from seedvar.streams import stream_seed


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Puts adapters into a network and takes what is pre-trained out of training."""
    from peft import LoraConfig, inject_adapter_in_model

    kept = set(map(id, pretrained(model).values()))
    whole = [parameter for parameter in model.parameters() if id(parameter) not in kept or is_drawn(parameter)]
    targets = adapted_layers(model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if targets:
        config = LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            target_modules=targets,
            fan_in_fan_out=isinstance(model.get_submodule(targets[0]), Conv1D),
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(init_seed, "lora"))
            inject_adapter_in_model(config, model)
    for parameter in whole:
        parameter.requires_grad_(True)


def adapted_layers(model: nn.Module) -> list[str]:
    """Lists the Linear layers that get an adapter: of all blocks, but those that are drawn anew."""
    inside = {id(module) for block in blocks_in(model) for module in block.modules()}
    return [
        name
        for name, module in model.named_modules()
        if id(module) in inside and isinstance(module, nn.Linear | Conv1D) and not is_drawn(module.weight)
    ]
