"""Methods: what a recipe may do beyond plain fine-tuning, one module each, and which field belongs to which.

A method's module is imported, and is part of a cell's fingerprint, only where the recipe sets one of
its fields; so adding or editing a method leaves the cells that do not use it valid. Adding one is a
field in `cells.recipe.Recipe`, a line in `METHODS`, and a module here with one or more of the functions
that `hooks.py` lists.
"""

from __future__ import annotations

# Recipe field to module. Methods act in this order, which is part of a cell's fingerprint.
METHODS = {
    "intermediate_task": "intermediate",
    "head": "heads",
    "segment_ids": "segment_ids",
    "gradient_checkpointing": "checkpointing",
    "reinit_layers": "reinit",
    "reinit_pooler": "reinit",
    "frozen_layers": "freezing",
    "biases_only": "bitfit",  # behind what draws weights anew: those it trains whole; so does LoRA
    "lora_rank": "lora",
    "lora_alpha": "lora",
    "lora_dropout": "lora",
    "mixout": "mixout",  # behind the others: it remembers the weights that fine-tuning starts from
    "mixout_gradient": "mixout",
    "layerwise_decay": "layerwise_decay",
    "pretrained_decay": "pretrained_decay",
    "diagnostics_every": "diagnostics",
    "stop_failed_after": "stopping",
}


def names_of(changed_fields) -> list[str]:
    """Lists the modules of the methods that these recipe fields belong to, in the order in which they act."""
    return list(dict.fromkeys(module for field, module in METHODS.items() if field in changed_fields))
