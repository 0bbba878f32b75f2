"""What a method may do to a training run, and who calls it."""

from __future__ import annotations

import importlib

from seedvar.methods import names_of


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


def methods_with(hook: str, recipe) -> list:
    """Returns the given function of every method that the recipe uses and that has it."""
    modules = [importlib.import_module(f"seedvar.methods.{name}") for name in names_of(recipe.changes())]
    return [getattr(module, hook) for module in modules if hasattr(module, hook)]
