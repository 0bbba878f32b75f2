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


class Watcher:
    """Follows a training run. Each method of it is called by the loop and may be left as it is here."""

    rows: list[dict] = []  # what goes into diagnostics.csv

    def before_update(self, update: int) -> None:
        """Is called with the number of the update, from 1, when gradients are there and not yet clipped."""

    def after_update(self, update: int) -> None:
        """Is called when the optimizer has changed the weights."""

    def is_hopeless(self, task, curve: list[dict], labels, share_done: float) -> bool:
        """Is asked after every evaluation whether to stop: see `methods.stopping`."""
        return False


def names_of(changed_fields) -> list[str]:
    """Lists the modules of the methods that these recipe fields belong to."""
    return list(dict.fromkeys(module for field, module in METHODS.items() if field in changed_fields))


def methods_with(hook: str, recipe) -> list:
    """Returns the given function of every method that the recipe uses and that has it."""
    modules = [importlib.import_module(f"seedvar.methods.{name}") for name in names_of(recipe.changes())]
    return [getattr(module, hook) for module in modules if hasattr(module, hook)]
