"""What the models and the data at hand do not allow."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from seedvar.cells.recipe import Recipe
from seedvar.data.prepare import longest_input
from seedvar.data.splits import split
from seedvar.data.task import Task
from seedvar.errors import UserError
from seedvar.models.checkpoints import About
from seedvar.models.configuration import depth_of
from seedvar.models.families import BARE, LINEAR, NO_CHECKPOINTING, OFFICIAL_HEADS, family_of, has_segments
from seedvar.models.layouts import weights_of
from seedvar.study.study import Study


def check_models(study: Study, known: dict[str, About], path: Path) -> None:
    """Refuses what a model cannot do.

    Args:
        study: The study.
        known: What is known of each model, by its folder name.
        path: The study file, for messages.

    Raises:
        UserError: A recipe or a probe asks for what a model lacks.
    """
    for arm, trained in [pair for task in study.tasks for pair in study.arms_on(task).items()]:
        about = known[trained.model_name]
        check_recipe(f"{path}: arm '{arm}'", trained.model_name, trained.recipe, about.config)
        probe = study.probes.forgetting
        is_probed = probe is not None and arm in (probe.arms or [arm])
        if is_probed and (family_of(about.config["model_type"]).layers is None or not about.has_word_head):
            raise UserError(
                f"{path}: probes.forgetting: {trained.model_name} has no single layers or no masked-word head; "
                "accepted: leave it out"
            )


def check_recipe(where: str, name: str, recipe: Recipe, config: dict) -> None:
    """Refuses a recipe that asks for what a model cannot do.

    Args:
        where: The file and the arm, for messages.
        name: What the model is called.
        recipe: The recipe.
        config: The model's `config.json`.

    Raises:
        UserError: One sentence with the field and what is accepted.
    """
    family, depth, changes = family_of(config.get("model_type")), depth_of(config) or 0, recipe.changes()
    refuse = lambda field, reason, accepted: UserError(f"{where}: {field}: {reason}; accepted: {accepted}")  # noqa: E731
    for field in ("reinit_layers", "frozen_layers", "layerwise_decay"):
        if field in changes and family.layers is None:
            raise UserError(
                f"{where}: {field}: the layers of {name} share one set of parameters, so that none "
                f"can be treated by itself; accepted: {Recipe.model_fields[field].default}"
            )
    for field in ("reinit_layers", "frozen_layers"):
        if getattr(recipe, field) > depth:
            raise UserError(
                f"{where}: {field}: {getattr(recipe, field)} is not accepted; "
                f"{name} has {depth} layers, so 0 to {depth} is"
            )
    if "max_length" in changes and recipe.max_length > (longest := longest_input(config)):
        raise UserError(
            f"{where}: max_length: {recipe.max_length:,} is not accepted; {name} takes {longest} tokens, so "
            f"4 to {longest} is"
        )
    if recipe.reinit_pooler and family.pooler is None:
        raise refuse("reinit_pooler", f"{name} has no pre-trained pooler", "false")
    _check_inputs_and_head(name, recipe, config, refuse)
    if recipe.mixout and family.matrices != LINEAR:
        raise refuse("mixout", f"it mixes Linear layers, and the attention of {name} has none", "0")
    if recipe.lora_rank and family.matrices == BARE:
        raise refuse("lora_rank", f"it adapts Linear layers, and the attention of {name} has none", "leave it out")
    if recipe.lora_rank and importlib.util.find_spec("peft") is None:
        raise refuse("lora_rank", "the package peft is not installed", "pip install 'peft>=0.18,<1', or leave it out")
    if recipe.biases_only and not any(weight.endswith("bias") for weight in weights_of(family.layout, config)):
        raise refuse("biases_only", f"the blocks of {name} have no biases", "false")
    if recipe.gradient_checkpointing and config["model_type"] in NO_CHECKPOINTING:
        raise refuse("gradient_checkpointing", f"Transformers cannot do it with the family of {name}", "false")


def _check_inputs_and_head(name: str, recipe: Recipe, config: dict, refuse) -> None:
    if recipe.head == "official" and config["model_type"] not in OFFICIAL_HEADS:
        reason = f"{name} has the head of Transformers alone, and {' and '.join(OFFICIAL_HEADS)} have another"
        raise refuse("head", reason, "transformers")
    if not recipe.segment_ids and not has_segments(config):
        raise refuse("segment_ids", f"{name} is told of no segments in any case", "leave it out")


def check_sizes(study: Study, known: dict[str, tuple[Task, dict[str, list[int]]]], path: Path) -> None:
    """Refuses few-sample training sets that the data, where they are at hand, are too small for.

    Args:
        study: The study.
        known: Of each task whose data are at hand, the task and the examples of each split by class.
        path: The study file, for messages.

    Raises:
        UserError: There are fewer examples than a recipe asks for.
    """
    for task in study.tasks:
        wanted = {arm: recipe for arm, recipe in study.named_recipes(task).items() if recipe.n_train is not None}
        if wanted and task not in known:
            classes = study.declaration(task).labels
            for arm, recipe in wanted.items() if isinstance(classes, list) else ():
                _check_equal_parts(f"{path}: arm '{arm}'", task, recipe, len(classes))
        if not wanted or task not in known:
            continue
        declared, counts = known[task]
        labels = {name: np.repeat(np.arange(len(n)), n) for name, n in counts.items()}  # in some order
        for arm, recipe in wanted.items():
            try:
                split(declared, labels, recipe.split, recipe.n_train, recipe.sampling == "balanced")
            except UserError as error:
                raise UserError(f"{path}: arm '{arm}': {error}") from None
            _check_equal_parts(f"{path}: arm '{arm}'", task, recipe, declared.n_classes)


def _check_equal_parts(where: str, task: str, recipe: Recipe, n_classes: int) -> None:
    """Refuses a number of examples that is not what would be trained on."""
    if recipe.sampling == "balanced" and recipe.n_train % n_classes:
        n = recipe.n_train - recipe.n_train % n_classes
        raise UserError(
            f"{where}: recipe: n_train: {recipe.n_train} of {task} cannot be had in equal parts of {n_classes} classes"
            f"; accepted: a multiple of {n_classes}, such as {n or n_classes}, or sampling: random"
        )
