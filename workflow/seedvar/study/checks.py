"""What the types of a study cannot say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from seedvar.cells.recipe import CONFLICTS, Recipe
from seedvar.data import glue
from seedvar.data.splits import split
from seedvar.data.synthetic import make_examples
from seedvar.data.tasks import TASKS
from seedvar.errors import UserError
from seedvar.models.families import family_of
from seedvar.study.site import SiteConfig
from seedvar.study.study import CrossedSeeds, Study


def _check_study(study: Study, path: Path | str) -> None:
    """Checks what the types above cannot say."""
    known = [name for name, task in TASKS.items() if task.data == study.data]
    for task in study.tasks:
        if task not in known:
            raise UserError(
                f"{path}: tasks: unknown task '{task}' for data '{study.data}'; accepted: {', '.join(known)}"
            )
    for key, values in (("tasks", study.tasks), *_seed_lists(study)):
        if repeated := sorted({value for value in values if values.count(value) > 1}):
            raise UserError(f"{path}: {key}: {repeated[0]} is listed twice; each value is accepted once")
    if (study.arms is None) == (study.grid is None):
        raise UserError(f"{path}: arms: give either arms or grid, and not both")
    for name in study.arms or {}:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
            raise UserError(f"{path}: arms: '{name}' is not a name; accepted: letters, digits and . _ + -")
    recipes = study.named_recipes(study.tasks[0])
    if not recipes:
        raise UserError(f"{path}: arms: there is none; at least one arm is accepted")
    n_combinations = 1
    for values in (study.grid.model_dump(exclude_none=True) if study.grid else {}).values():
        n_combinations *= len(values)
    if study.grid and len(recipes) < n_combinations:
        raise UserError(f"{path}: grid: a value is listed twice; each value is accepted once")
    for key, recipe in (("recipe", study.recipe), *((f"arms.{name}", arm) for name, arm in (study.arms or {}).items())):
        for task in recipe.by_task:
            if task not in study.tasks:
                raise UserError(f"{path}: {key}.by_task: unknown task '{task}'; accepted: {', '.join(study.tasks)}")
    for task in study.tasks:
        _check_recipes(study, task, path)
    if study.baseline is not None and study.baseline not in recipes:
        raise UserError(f"{path}: baseline: unknown arm '{study.baseline}'; accepted: {', '.join(recipes)}")
    if study.baseline is None and len(recipes) > 1:
        raise UserError(f"{path}: baseline: is missing; accepted: {', '.join(recipes)}")
    _check_probes(study, list(recipes), path)


def _check_recipes(study: Study, task: str, path: Path | str) -> None:
    """Checks the recipes of all arms on one task."""
    by_slug: dict[str, str] = {}
    for name, recipe in study.named_recipes(task).items():
        if recipe.slug() in by_slug:
            raise UserError(
                f"{path}: arms: '{name}' is the same recipe as '{by_slug[recipe.slug()]}'; each recipe is accepted once"
            )
        by_slug[recipe.slug()] = name
        for field, other, reason in CONFLICTS:
            if field in recipe.changes() and other(recipe):
                raise UserError(f"{path}: arm '{name}': {field}: {reason}")
        if recipe.intermediate_task is not None:
            accepted = [known for known, t in TASKS.items() if t.data == study.data and known != task]
            if recipe.intermediate_task not in accepted:
                raise UserError(
                    f"{path}: arm '{name}': intermediate_task: '{recipe.intermediate_task}' is not accepted on {task}; "
                    f"accepted: {', '.join(accepted)}"
                )


def _check_probes(study: Study, arms: list[str], path: Path | str) -> None:
    """Refuses probes of runs that the study does not have."""
    if forgetting := study.probes.forgetting:
        for key, values, accepted in (("tasks", forgetting.tasks, study.tasks), ("arms", forgetting.arms, arms)):
            for value in values or []:
                if value not in accepted:
                    raise UserError(
                        f"{path}: probes.forgetting.{key}: '{value}' is not accepted; accepted: {', '.join(accepted)}"
                    )
        if forgetting.text and not Path(forgetting.text).expanduser().is_file():
            raise UserError(
                f"{path}: probes.forgetting.text: there is no file {forgetting.text}; accepted: a text file"
            )
    if surface := study.probes.surface:
        if surface.task not in study.tasks:
            raise UserError(
                f"{path}: probes.surface.task: '{surface.task}' is not accepted; accepted: {', '.join(study.tasks)}"
            )
        if surface.low >= surface.high:
            raise UserError(f"{path}: probes.surface.high: {surface.high} is not accepted; accepted: more than low")
        for key, run in (("first", surface.first), ("second", surface.second)):
            if run.arm not in arms:
                raise UserError(
                    f"{path}: probes.surface.{key}.arm: '{run.arm}' is not accepted; accepted: {', '.join(arms)}"
                )
            if run.seed_pair not in study.seed_pairs():
                raise UserError(
                    f"{path}: probes.surface.{key}.seed: the study has no seed {run.seed}; accepted: its seeds"
                )


def _seed_lists(study: Study) -> list[tuple[str, list[int]]]:
    if isinstance(study.seeds, list):
        return [("seeds", study.seeds)]
    if isinstance(study.seeds, CrossedSeeds):
        pairs = (("seeds.init", study.seeds.init), ("seeds.order", study.seeds.order))
        return [(key, values) for key, values in pairs if isinstance(values, list)]
    return []


def _check_model(config: dict, name: str, study: Study, path: Path) -> None:
    """Refuses what a local model cannot do."""
    family = family_of(config.get("model_type"))
    depth = config.get("num_hidden_layers") or config.get("n_layers") or 0
    if study.probes.forgetting and (family.layers is None or family.word_head is None):
        raise UserError(
            f"{path}: probes.forgetting: {name} has no single layers or no masked-word head; accepted: leave it out"
        )
    for arm, recipe in [pair for task in study.tasks for pair in study.named_recipes(task).items()]:
        for field in ("reinit_layers", "frozen_layers", "layerwise_decay"):
            if field in recipe.changes() and family.layers is None:
                raise UserError(
                    f"{path}: arm '{arm}': {field}: the layers of {name} share one set of parameters, so that none "
                    f"can be treated by itself; accepted: {Recipe.model_fields[field].default}"
                )
        for field in ("reinit_layers", "frozen_layers"):
            if getattr(recipe, field) > depth:
                raise UserError(
                    f"{path}: arm '{arm}': {field}: {getattr(recipe, field)} is not accepted; "
                    f"{name} has {depth} layers, so 0 to {depth} is"
                )
        if recipe.reinit_pooler and family.pooler is None:
            raise UserError(f"{path}: arm '{arm}': reinit_pooler: {name} has no pre-trained pooler; accepted: false")


def _check_sizes(study: Study, site: SiteConfig, path: Path) -> None:
    """Refuses few-sample training sets that the data, where they are at hand, are too small for."""
    if study.data == "glue" and not site.glue_dir:
        return
    for task in [TASKS[name] for name in study.tasks]:
        labels = None
        for arm, recipe in study.named_recipes(task.name).items():
            if recipe.n_train is None:
                continue
            if labels is None and study.data == "synthetic":
                rows = {name: make_examples(task.name, name) for name in ("train", "validation")}
                labels = {name: np.array([row["label"] for row in examples]) for name, examples in rows.items()}
            elif labels is None:
                labels = glue.local_labels(Path(site.glue_dir).expanduser(), task)
            try:
                split(task, labels, recipe.split, recipe.n_train)
            except UserError as error:
                raise UserError(f"{path}: arm '{arm}': {error}") from None
