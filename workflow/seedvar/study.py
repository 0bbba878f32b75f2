"""What a user writes: the study file and the site's settings, and how they are read and checked.

These models and `recipe.Recipe` are the one definition. The JSON schemas in `workflow/schemas/`
are generated from them (`seedvar schema`), so that editors complete and check study files, and
`config/README.md` explains every key in prose.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model

from seedvar.data.tasks import TASKS
from seedvar.errors import UserError
from seedvar.probes import Probes
from seedvar.recipe import CONFLICTS, Recipe, SeedNumber, Strict
from seedvar.runs_table import TableStudy, check_table_study

# A grid holds a list of values for each field that varies; expanded in full.
Grid = create_model(
    "Grid",
    __base__=Strict,
    __doc__="A list of values for every recipe field that varies; all combinations are trained.",
    **{
        name: (
            Annotated[list[Annotated[field.annotation, *field.metadata, Field()]], Field(min_length=1)] | None,
            Field(None, description=field.description),
        )
        for name, field in Recipe.model_fields.items()
    },
)


class RecipeByTask(Recipe):
    """A recipe, with what differs on single tasks."""

    by_task: dict[str, Recipe] = Field({}, description="What differs on single tasks, by the task's name.")

    def changes_on(self, task: str) -> dict:
        """Returns the fields that the study file sets for a task, those under `by_task` last."""
        changes = self.model_dump(exclude_unset=True, exclude={"by_task"})
        if task in self.by_task:
            changes |= self.by_task[task].model_dump(exclude_unset=True)
        return changes


SeedCount = Annotated[int, Field(ge=1, le=100_000)]
SeedList = Annotated[list[SeedNumber], Field(min_length=1)]


class CrossedSeeds(Strict):
    """Every initialisation seed with every order seed (Zhang et al. 2021, appendix B)."""

    init: SeedCount | SeedList = Field(description="Seeds of the classifier's and the re-initialised layers' weights.")
    order: SeedCount | SeedList = Field(description="Seeds of data order and dropout.")


class SeedsUntil(Strict):
    """As many seeds as it takes: batch after batch, until every interval is narrow enough."""

    width: float = Field(
        gt=0, description="Add seeds until the 95 % interval of every task and arm is at most so wide, end to end."
    )
    statistic: Literal["mean", "sd"] = Field(
        "mean", description="The interval: of the mean (t) or the SD (chi-squared)."
    )
    batch: int = Field(5, ge=2, description="Seeds to add at a time, to every task and arm.")
    at_most: int = Field(50, ge=2, description="Stop at so many seeds in any case.")

    @property
    def counts(self) -> list[int]:
        """Numbers of seeds after each batch."""
        return [min(n, self.at_most) for n in range(self.batch, self.at_most + self.batch, self.batch)]


class Study(Strict):
    """A study file: a grid of cells plus the comparison it is for."""

    description: str = Field("", description="The question that the study answers, and its source.")
    data: Literal["glue", "synthetic"] = Field(description="Where the tasks come from.")
    model: str = Field(
        min_length=1,
        description="A hub id, a local folder, the embedded model syn-bert, or a name that config.yaml lists "
        "under models.",
    )
    tasks: list[str] = Field(min_length=1, description="Names of tasks.")
    seeds: SeedCount | SeedList | CrossedSeeds | SeedsUntil = Field(
        description="A count (seeds 0, 1, …), a list, {init: …, order: …} for crossed seeds, or {width: …} for as many "
        "as it takes."
    )
    recipe: RecipeByTask = Field(RecipeByTask(), description="What all arms have in common.")
    arms: dict[str, RecipeByTask] | None = Field(None, description="Named recipes: what each changes in `recipe`.")
    grid: Grid | None = Field(None, description="Instead of arms: lists of values, expanded in full.")
    baseline: str | None = Field(None, description="The arm that the others are compared with.")
    probes: Probes = Field(Probes(), description="Measurements on the weights of finished cells.")

    def named_recipes(self, task: str) -> dict[str, Recipe]:
        """Returns the recipe of every arm on a task, by the arm's name and in the file's order.

        What is more special wins: the common recipe, its `by_task`, the arm, the arm's `by_task`.
        """
        common = self.recipe.changes_on(task)
        if self.grid is None:
            return {name: Recipe(**{**common, **arm.changes_on(task)}) for name, arm in (self.arms or {}).items()}
        varied = self.grid.model_dump(exclude_none=True)
        recipes = {}
        for values in itertools.product(*varied.values()):
            values = dict(zip(varied, values, strict=True))
            shown = {"optimizer": self.recipe.optimizer, **values}
            recipes[Recipe(**shown).slug()] = Recipe(**{**common, **values})
        return recipes

    def arm_names(self) -> list[str]:
        """Returns the names of the arms in the file's order."""
        return list(self.named_recipes(self.tasks[0]))

    @property
    def is_crossed(self) -> bool:
        """Whether every initialisation seed is trained with every order seed."""
        return isinstance(self.seeds, CrossedSeeds)

    @property
    def adds_seeds(self) -> bool:
        """Whether the study adds seeds until its intervals are narrow enough."""
        return isinstance(self.seeds, SeedsUntil)

    def recipes(self) -> list[Recipe]:
        """Returns every recipe of the study, once for each task and arm."""
        return [recipe for task in self.tasks for recipe in self.named_recipes(task).values()]

    def seed_pairs(self) -> list[tuple[int, int]]:
        """Returns (init seed, order seed) of every run of an arm; equal unless the seeds are crossed.

        Of a study that adds seeds as it goes, all that it may come to.
        """
        numbers = lambda seeds: list(range(seeds)) if isinstance(seeds, int) else list(seeds)  # noqa: E731
        if self.is_crossed:
            return list(itertools.product(numbers(self.seeds.init), numbers(self.seeds.order)))
        return [(seed, seed) for seed in numbers(self.seeds.at_most if self.adds_seeds else self.seeds)]


class SiteConfig(Strict):
    """config/config.yaml: what depends on the place where studies run, not on the science."""

    study: str = Field(
        "quickstart", description="Name of a file in config/studies/, or the path of a study file elsewhere."
    )
    glue_dir: str | None = Field(
        None,
        description="Folder with GLUE in the hub's Parquet layout; without it the hub is asked. The environment "
        "variable SEEDVAR_GLUE_DIR wins.",
    )
    runs_dir: str | None = Field(
        None,
        description="Folder with tables of runs that studies name. The environment variable SEEDVAR_RUNS_DIR wins.",
    )
    models: dict[str, str] = Field(
        {},
        description="Short names for models: a hub id, a folder, or package:NAME/FOLDER for a folder inside an "
        "installed Python package.",
    )
    store: str | None = Field(
        None,
        description="Folder that keeps finished cells by fingerprint, such as one that a lab shares; without it, "
        "results/store.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is one.")
    warm_start: bool = Field(
        True,
        description="Start local cells as forks of a process that has imported PyTorch already; saves seconds a cell.",
    )
    distribution: Literal["box", "violin", "points"] = Field(
        "box", description="What the figure of distributions draws behind the runs; points: nothing."
    )
    from_tables: bool = Field(False, description="Draw figures from existing tables; plan no training.")


# --------------------------------------------------------------------------- reading


class _Loader(yaml.SafeLoader):
    """YAML without two surprises: a key given twice is an error, and 2e-5 is a number."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise UserError(
                    f"line {key_node.start_mark.line + 1}: the key '{key}' is given twice; once is accepted"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read_yaml(path: Path | str) -> dict:
    """Reads a YAML file that holds a mapping.

    Raises:
        UserError: There is no such file, it is not YAML, or a key is given twice.
    """
    try:
        with open(path, encoding="utf-8") as file:
            value = yaml.load(file, _Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML ({' '.join(str(error).split())})") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no keys; a mapping of keys to values is accepted")
    return value


def read_study(path: Path | str) -> Study | TableStudy:
    """Reads and checks a study file, of cells to train or (`runs`) of a table of runs.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    values = read_yaml(path)
    _check_name(path)
    if "runs" in values:
        study = _validate(TableStudy, values, path)
        check_table_study(study, path)
    else:
        study = _validate(Study, values, path)
        _check_study(study, path)
    return study


def read_site_config(values: dict, path: Path | str = "config/config.yaml") -> SiteConfig:
    """Checks the merged settings of config.yaml and the command line's `--config`."""
    site = _validate(SiteConfig, values, path)
    for field in ("glue_dir", "runs_dir"):
        if folder := os.environ.get(f"SEEDVAR_{field.upper()}"):
            site = site.model_copy(update={field: folder})
    return site


def study_path(name: str) -> Path:
    """Returns the file of a study that is named, or given by its path.

    Raises:
        UserError: There is no such study.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"{path}: there is no such study file")
        return path
    path = Path("config/studies") / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in Path("config/studies").glob("*.yaml"))
        raise UserError(f"--config study={name}: there is no {path}; accepted: {', '.join(known)}, or a path to a file")
    return path


# Folders below results/ that are not a study's.
RESERVED = ["cells", "data", "logs", "models", "store"]


def _check_name(path: Path | str) -> None:
    name = Path(path).stem
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name) or name in RESERVED:
        raise UserError(
            f"{path}: '{name}' is no name for a study; accepted: letters, digits and . _ + -, "
            f"but not {', '.join(RESERVED)}"
        )


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


def _validate(model: type[BaseModel], values: dict, path: Path | str):
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Puts the first problem that pydantic found into one sentence."""
    problems = error.errors(include_url=False)
    problem = min(problems, key=lambda p: p["type"] == "missing")  # a misspelt key explains a missing one
    place = [str(part) for part in problem["loc"]]
    # Pydantic names the branch of a union inside the place; the user's file does not have it.
    shown = [
        part
        for part in place
        if not re.fullmatch(r"(constrained-)?(int|list)(\[.*\])?|CrossedSeeds|SeedsUntil|function.*", part)
    ]
    key = ".".join(shown)
    if problem["type"] == "extra_forbidden":
        parts = place[:-1]
        owner = model
        if parts and parts[0] in ("recipe", "arms"):
            owner = Recipe if "by_task" in parts else RecipeByTask
        elif parts and parts[0] in ("probes", "runs"):
            owner = owner_of(model, parts)
        elif parts and parts[0] == "grid":
            owner = Grid
        elif parts and parts[0] == "seeds":
            owner = SeedsUntil if "SeedsUntil" in parts else CrossedSeeds
        accepted = list(owner.model_fields)
        close = difflib.get_close_matches(place[-1], accepted, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"{key}: unknown key{hint}; accepted: {', '.join(accepted)}"
    if problem["type"] == "missing":
        return f"{key}: is missing; accepted: {_accepted(model, key)}"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    if key == "seeds":
        message = "accepted: a count of at least 1, a list of numbers from 0, {init: …, order: …}, or {width: …}"
    given = "" if isinstance(problem["input"], dict | list) else f" {problem['input']!r} is not accepted;"
    return f"{key}:{given} {message}"


def owner_of(model: type[BaseModel], place: list[str]) -> type[BaseModel]:
    """Returns the model that the keys at a place of a file belong to, such as ["runs", "columns"]."""
    for part in place:
        field = model.model_fields.get(part)
        inner = (
            [t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)] if field else []
        )
        model = inner[0] if inner else model
    return model


def _types(annotation) -> list:
    """Lists the types inside an annotation such as dict[str, X] | None."""
    arguments = get_args(annotation)
    return [annotation] if not arguments else [t for argument in arguments for t in _types(argument)]


def _accepted(model: type[BaseModel], key: str) -> str:
    field = model.model_fields.get(key)
    text = (field.description if field else None) or "a value"
    return text[0].lower() + text[1:].rstrip(".")


def json_schema(model) -> dict:
    """Returns the JSON schema (draft 2020-12) of a study file (`Study | TableStudy`) or of config.yaml."""
    schema = TypeAdapter(model).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
