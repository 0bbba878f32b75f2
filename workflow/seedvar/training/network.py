"""Builds the network of a cell: the pre-trained encoder with a fresh classifier on top."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.data.task import Task
from seedvar.errors import UserError, first_line
from seedvar.methods.hooks import methods_with
from seedvar.models.families import family_of
from seedvar.models.layers import init_std, mark_drawn, pretrained
from seedvar.models.layouts import TIED, is_buffer
from seedvar.streams import generator


def build_model(
    folder: Path, task: Task, recipe: Recipe, init_seed: int, intermediate_weights: Path | None = None
) -> nn.Module:
    """Loads a checkpoint and gives it a new head.

    Args:
        folder: A checkpoint in the hub's layout.
        task: Decides the number of outputs (1 for regression).
        recipe: Decides dropout and what is re-initialised.
        init_seed: Seed of the streams `classifier` and `reinit`; arms that share it share the
            classifier's initial weights whatever else they re-initialise.
        intermediate_weights: Of the cell whose encoder this one starts from, where the recipe has
            an intermediate task.

    Returns:
        A sequence classifier in float32 on the CPU.

    Raises:
        UserError: The family is unknown, or has not what the recipe re-initialises; or the checkpoint's encoder is
            not whole.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()  # instead of the loading report, see `_check_loading`
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(folder, num_labels=task.n_classes, trust_remote_code=False)
    except Exception as error:  # what a value is checked by raises many kinds
        raise _not_loadable(folder, error) from None
    family = family_of(config.model_type)
    if recipe.dropout is not None:
        for key in family.dropout:
            if hasattr(config, key):
                setattr(config, key, recipe.dropout)
    try:
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # of a classifier with other classes; of nothing else, see `_check_loading`
            use_safetensors=True,
            trust_remote_code=False,
        )
    except Exception as error:  # as above
        raise _not_loadable(folder, error) from None
    # A checkpoint that has been fine-tuned brings a classifier of its own: it is drawn anew as well.
    head = {name for name, _ in model.named_parameters()} - set(pretrained(model))
    _check_loading(folder, model, head, loading)
    names = sorted(head | set(loading["missing_keys"]) - set(_tied(model)))
    print(f"drawn anew: {', '.join(names)}", file=sys.stderr, flush=True)
    init_fresh(model, names, init_std(config), generator(init_seed, "classifier"))
    if family.read_out:
        from seedvar.models.read_out import make_ready

        make_ready(model, family.read_out)
    for load_encoder in methods_with("load_encoder", recipe):
        load_encoder(model, intermediate_weights)
    for change_model in methods_with("change_model", recipe):
        change_model(model, recipe, init_seed)
    return model


def _not_loadable(folder: Path, error: Exception) -> UserError:
    return UserError(f"{folder}: holds no model that Transformers can load ({first_line(error)})")


def _check_loading(folder: Path, model: nn.Module, head: set[str], loading: dict) -> None:
    """Refuses a checkpoint that has not filled the encoder: it would be trained as pre-trained.

    Only a pooler may be missing, which some checkpoints do not have.

    Raises:
        UserError: Another weight was missing, had another shape, or found no place.
    """
    pooler = family_of(model.config.model_type).pooler
    mismatched = {name for name, *_ in loading["mismatched_keys"]}
    prefix, tied = f"{model.base_model_prefix}.", _tied(model)
    parts = {name for name, _ in model.base_model.named_children()}
    unused = {name.removeprefix(prefix) for name in loading["unexpected_keys"] if name.startswith(prefix)}
    unused |= {name for name in loading["unexpected_keys"] if name.split(".")[0] in parts}
    wrong = {
        "lacks": {name for name in loading["missing_keys"] if not (pooler and name.startswith(f"{pooler}."))}
        - head
        - set(tied),
        "has in another shape": mismatched - head,
        "has no place for": {name for name in unused if not name.startswith("pooler.") and not is_buffer(name)},
    }
    for problem, names in wrong.items():
        if names:
            first = ", ".join(sorted(names)[:3])
            raise UserError(
                f"{folder}: is not loaded as it is: it {problem} {len(names)} weights of the encoder, such as {first}; "
                "accepted: a checkpoint whose configuration and weights belong together"
            )


def _tied(model: nn.Module) -> list[str]:
    """Lists what is one and the same weight as another: where a file holds one of them, none is missing."""
    return [f"{model.base_model_prefix}.{name}" for name in TIED]


@torch.no_grad()
def init_fresh(model: nn.Module, names: list[str], std: float, stream: torch.Generator) -> None:
    """Draws the classifier, and every other parameter that the checkpoint does not hold.

    Matrices come from N(0, std²), LayerNorm weights are 1 and biases 0 (both papers; Mosbach et
    al. 2021 call it `manually_init_weights`).
    """
    for name in names:
        parameter = model.get_parameter(name)
        mark_drawn([parameter])
        if parameter.dim() > 1:
            parameter.normal_(0.0, std, generator=stream)
        else:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
