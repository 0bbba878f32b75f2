"""Builds the network of a cell: the pre-trained encoder with a fresh classifier on top."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.data.task import Task
from seedvar.errors import UserError
from seedvar.methods.hooks import methods_with
from seedvar.models.families import family_of
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
        UserError: The family is unknown, or has not what the recipe re-initialises.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()  # the loading report lists the classifier as missing: so it should be
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(folder, num_labels=task.n_classes)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: holds no model that Transformers can load ({str(error).splitlines()[0]})") from None
    family = family_of(config.model_type)
    if recipe.dropout is not None:
        for key in family.dropout:
            if hasattr(config, key):
                setattr(config, key, recipe.dropout)
    model, loading = AutoModelForSequenceClassification.from_pretrained(
        folder, config=config, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True
    )
    # A checkpoint that has been fine-tuned brings a classifier of its own: it is drawn anew as well.
    encoder = {id(parameter) for parameter in model.base_model.parameters()}
    head = {name for name, parameter in model.named_parameters() if id(parameter) not in encoder}
    names = sorted(head | set(loading["missing_keys"]))
    init_fresh(model, names, getattr(config, "initializer_range", 0.02), generator(init_seed, "classifier"))
    for load_encoder in methods_with("load_encoder", recipe):
        load_encoder(model, intermediate_weights)
    for change_model in methods_with("change_model", recipe):
        change_model(model, recipe, init_seed)
    return model


@torch.no_grad()
def init_fresh(model: nn.Module, names: list[str], std: float, stream: torch.Generator) -> None:
    """Draws the classifier, and every other parameter that the checkpoint does not hold.

    Matrices come from N(0, std²), LayerNorm weights are 1 and biases 0 (both papers; Mosbach et
    al. 2021 call it `manually_init_weights`).
    """
    for name in names:
        parameter = model.get_parameter(name)
        if parameter.dim() > 1:
            parameter.normal_(0.0, std, generator=stream)
        else:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
