"""What a method may do to a training run: the functions that its module may have, and who is told of updates.

load_encoder(model, weights)                   replaces the pre-trained encoder, in place
change_model(model, recipe, init_seed)         changes the network before training, in place
learning_rate_factors(model, recipe)           a factor by `id` of a parameter, 1 where not listed
watch(model, optimizer, recipe) -> Watcher     is told of every update
"""

from __future__ import annotations

import importlib

from seedvar.methods import names_of

HOOKS = ("load_encoder", "change_model", "learning_rate_factors", "watch")


class Watcher:
    """Follows a training run. Each method of it is called by the loop and may be left as it is here.

    A run that was stopped goes on with a new watcher, which saw the weights at the start of training, as the first did,
    and gets the `rows` of the first. Nothing else lasts from one update to the next.
    """

    def __init__(self):
        self.rows: list[dict] = []  # what goes into diagnostics.csv

    def before_update(self, update: int) -> None:
        """Is called with the number of the update, from 1, when gradients are there and not yet clipped."""

    def after_update(self, update: int) -> None:
        """Is called when the optimizer has changed the weights."""

    def at_end(self, updates: int) -> None:
        """Is called at the end of training with the number of updates that were made."""

    def is_hopeless(self, task, curve: list[dict], labels, share_done: float) -> bool:
        """Is asked after every evaluation whether to stop: see `methods.stopping`."""
        return False


def methods_with(hook: str, recipe) -> list:
    """Returns the given function of every method that the recipe uses and that has it.

    Raises:
        TypeError: There is no such hook, or a method has none: a misspelt one would be passed over in silence.
    """
    if hook not in HOOKS:
        raise TypeError(f"{hook} is no hook of methods; there are {', '.join(HOOKS)}")
    found = []
    for name in names_of(recipe.changes()):
        module = importlib.import_module(f"seedvar.methods.{name}")
        if not any(hasattr(module, each) for each in HOOKS):
            raise TypeError(f"methods/{name}.py has none of {', '.join(HOOKS)}")
        found += [getattr(module, hook)] if hasattr(module, hook) else []
    return found
