"""Methods: what a recipe may do beyond plain fine-tuning, one module each.

A method's module is imported, and is part of a cell's fingerprint, only where the recipe sets one of
its fields; so adding or editing a method leaves the cells that do not use it valid. Adding one is a
field in `study.Recipe`, a line in `METHODS`, and a module here with one or more of

    load_encoder(model, weights)                   replaces the pre-trained encoder, in place
    change_model(model, recipe, init_seed)         changes the network before training, in place
    learning_rate_factors(model, recipe)           a factor by `id` of a parameter, 1 where not listed
    watch(model, optimizer, recipe) -> Watcher     is told of every update
"""

from __future__ import annotations

import importlib

# Recipe field to module. Methods that change the model do so in this order.
METHODS = {
    "intermediate_task": "intermediate",
    "reinit_layers": "reinit",
    "reinit_pooler": "reinit",
    "frozen_layers": "freezing",
    "mixout": "mixout",  # behind the others: it remembers the weights that fine-tuning starts from
    "mixout_gradient": "mixout",
    "layerwise_decay": "layerwise_decay",
    "pretrained_decay": "pretrained_decay",
    "diagnostics_every": "diagnostics",
    "stop_failed_after": "stopping",
}


def names_of(changed_fields) -> list[str]:
    """Lists the modules of the methods that these recipe fields belong to."""
    return list(dict.fromkeys(module for field, module in METHODS.items() if field in changed_fields))
