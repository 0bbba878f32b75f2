"""What a user writes: the study file, the recipe, the site's settings.

These models are the one definition. The JSON schemas in `workflow/schemas/`
are generated from them (`seedvar schema`), so that editors complete and check
study files, and `config/README.md` explains every key in prose.

Adding a hyper-parameter is adding a field to `Recipe`, with a default that
means "as before": cells are named and fingerprinted by the fields that differ
from their defaults, so nothing that exists is renamed or trained again. For
the same reason a default, once released, never changes.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from seedvar.data.tasks import TASKS
from seedvar.errors import UserError


class _Strict(BaseModel):
    """Refuses keys that it does not know, NaN and infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _slug(label: str) -> dict[str, str]:
    """Marks how a field is written in a slug: its label, followed by the value."""
    return {"slug": label}


class Recipe(_Strict):
    """Every hyper-parameter of one way to fine-tune, but not the seed.

    The defaults are the settings of Zhang et al. (2021), section 3. The order of the
    fields is the order of their parts in a slug.
    """

    optimizer: Literal["adamw", "bertadam", "torch-adamw"] = Field(
        "adamw",
        description="adamw: Adam with bias correction, as in Transformers; bertadam: the same without the "
        "correction, as in BERT's original code; torch-adamw: PyTorch's AdamW.",
    )
    reinit_layers: int = Field(
        0, ge=0, description="Re-initialise the top so many layers, and the pooler.", json_schema_extra=_slug("reinit")
    )
    reinit_pooler: bool = Field(False, description="Re-initialise the pooler alone.", json_schema_extra=_slug("pooler"))
    learning_rate: float = Field(2e-5, gt=0, le=1, description="Peak learning rate.", json_schema_extra=_slug("lr"))
    epochs: int = Field(3, ge=1, description="Passes over the training set.", json_schema_extra=_slug("epochs"))
    batch_size: int = Field(32, ge=1, description="Examples an update.", json_schema_extra=_slug("batch"))
    warmup_ratio: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the updates during which the learning rate rises to its peak; afterwards it "
        "falls linearly to 0.",
        json_schema_extra=_slug("warmup"),
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Decoupled weight decay; biases and LayerNorm weights are exempt.",
        json_schema_extra=_slug("wd"),
    )
    adam_beta2: float = Field(
        0.999, gt=0, lt=1, description="Decay of Adam's second moment.", json_schema_extra=_slug("beta2-")
    )
    adam_epsilon: float = Field(
        1e-8, gt=0, description="Added to the root of Adam's second moment.", json_schema_extra=_slug("eps")
    )
    max_grad_norm: float = Field(
        1.0, ge=0, description="Clip the gradient's global L2 norm here; 0: never.", json_schema_extra=_slug("clip")
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout everywhere (hidden, attention, classifier); without it, what the checkpoint says.",
        json_schema_extra=_slug("dropout"),
    )
    max_length: int = Field(
        128, ge=4, description="Longer inputs are cut to so many tokens.", json_schema_extra=_slug("len")
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="bfloat16: autocast for the forward pass; weights and optimizer stay float32.",
        json_schema_extra=_slug(""),
    )
    evaluations: int = Field(
        10,
        ge=1,
        description="Evaluations on the validation set, evenly spaced over training; the last is at its end.",
        json_schema_extra=_slug("evals"),
    )
    n_train: int | None = Field(
        None,
        ge=2,
        description="Train on so many examples, the same for every seed, balanced over the classes; without "
        "it, on all.",
        json_schema_extra=_slug("n"),
    )
    split: Literal["halves", "dev"] = Field(
        "halves",
        description="halves: validation and test as in Zhang et al. (2021); dev: GLUE's development set as "
        "validation and no test, as in Mosbach et al. (2021).",
        json_schema_extra=_slug(""),
    )

    steps: Annotated[int, Field(ge=1)] | Literal["full"] | None = Field(
        None,
        description="Train for so many updates, whatever `epochs` says; full: for as many as `epochs` passes over the "
        "whole training set take, though n_train makes it smaller.",
        json_schema_extra=_slug("steps"),
    )
    mixout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Mixout with this probability, in place of all dropout (Lee et al. 2020).",
        json_schema_extra=_slug("mixout"),
    )
    mixout_gradient: Literal["true", "official"] = Field(
        "true",
        description="true: the derivative of Mixout's forward pass; official: without its factor 1 / (1 - p), as in "
        "the authors' code.",
        json_schema_extra=_slug("gradient-"),
    )
    layerwise_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Layer-wise learning-rate decay: each layer learns this much slower than the one above it.",
        json_schema_extra=_slug("llrd"),
    )
    pretrained_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight decay towards the pre-trained weights; the classifier's goes towards 0.",
        json_schema_extra=_slug("priorwd"),
    )
    frozen_layers: int = Field(
        0,
        ge=0,
        description="Do not train the embeddings and the lowest so many layers.",
        json_schema_extra=_slug("frozen"),
    )
    stop_failed_after: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Stop a run that after this share of its training has never been better than the majority score "
        "on validation; it is marked stopped.",
        json_schema_extra=_slug("stop"),
    )

    diagnostics_every: int | None = Field(
        None,
        ge=1,
        description="Every so many updates, record gradient norms, sizes of updates and distances from the start, "
        "block by block, in diagnostics.csv.",
        json_schema_extra=_slug("diagnostics"),
    )

    def changes(self) -> dict[str, Any]:
        """Returns the fields that differ from their defaults, in field order: the recipe's identity."""
        return {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }

    def slug(self) -> str:
        """Returns the readable folder name, such as `bertadam` or `adamw+reinit2+lr1e-4`."""
        fields = type(self).model_fields
        parts = [self.optimizer]
        for name, value in self.changes().items():
            if name != "optimizer":
                parts.append(fields[name].json_schema_extra["slug"] + _slug_value(value))
        return "+".join(parts)


# A field that is set, a condition under which that makes no sense, and why.
CONFLICTS = [
    (
        "reinit_pooler",
        lambda r: r.reinit_layers > 0,
        "reinit_layers re-initialises the pooler too; give one of the two",
    ),
    ("mixout", lambda r: r.dropout is not None, "mixout takes the place of dropout; give one of the two"),
    ("steps", lambda r: r.steps == "full" and r.n_train is None, "'full' is for few-sample training; give n_train too"),
    (
        "pretrained_decay",
        lambda r: r.weight_decay > 0,
        "weight_decay pulls the same weights towards 0; give one of the two",
    ),
    ("mixout_gradient", lambda r: r.mixout == 0, "there is no gradient of Mixout without it; give mixout too"),
]


def _slug_value(value) -> str:
    if value is True:
        return ""
    if isinstance(value, float) and 0 < value < 0.01:
        mantissa, exponent = f"{value:.9e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


# A grid holds a list of values for each field that varies; expanded in full.
Grid = create_model(
    "Grid",
    __base__=_Strict,
    __doc__="A list of values for every recipe field that varies; all combinations are trained.",
    **{
        name: (
            Annotated[list[Annotated[field.annotation, *field.metadata, Field()]], Field(min_length=1)] | None,
            Field(None, description=field.description),
        )
        for name, field in Recipe.model_fields.items()
    },
)

SeedNumber = Annotated[int, Field(ge=0, lt=2**31)]
SeedCount = Annotated[int, Field(ge=1, le=100_000)]
SeedList = Annotated[list[SeedNumber], Field(min_length=1)]


class CrossedSeeds(_Strict):
    """Every initialisation seed with every order seed (Zhang et al. 2021, appendix B)."""

    init: SeedCount | SeedList = Field(description="Seeds of the classifier's and the re-initialised layers' weights.")
    order: SeedCount | SeedList = Field(description="Seeds of data order and dropout.")


class Study(_Strict):
    """A study file: a grid of cells plus the comparison it is for."""

    description: str = Field("", description="The question that the study answers, and its source.")
    data: Literal["glue", "synthetic"] = Field(description="Where the tasks come from.")
    model: str = Field(
        min_length=1,
        description="A hub id, a local folder, the embedded model syn-bert, or a name that config.yaml lists "
        "under models.",
    )
    tasks: list[str] = Field(min_length=1, description="Names of tasks.")
    seeds: SeedCount | SeedList | CrossedSeeds = Field(
        description="A count (seeds 0, 1, …), a list, or {init: …, order: …} for crossed seeds."
    )
    recipe: Recipe = Field(Recipe(), description="What all arms have in common.")
    arms: dict[str, Recipe] | None = Field(None, description="Named recipes: what each changes in `recipe`.")
    grid: Grid | None = Field(None, description="Instead of arms: lists of values, expanded in full.")
    baseline: str | None = Field(None, description="The arm that the others are compared with.")

    def named_recipes(self) -> dict[str, Recipe]:
        """Returns the recipe of every arm, by the arm's name and in the file's order."""
        common = self.recipe.model_dump(exclude_unset=True)
        if self.grid is None:
            arms = self.arms or {}
            return {name: Recipe(**{**common, **arm.model_dump(exclude_unset=True)}) for name, arm in arms.items()}
        varied = self.grid.model_dump(exclude_none=True)
        recipes = {}
        for values in itertools.product(*varied.values()):
            values = dict(zip(varied, values, strict=True))
            shown = {"optimizer": self.recipe.optimizer, **values}
            recipes[Recipe(**shown).slug()] = Recipe(**{**common, **values})
        return recipes

    def seed_pairs(self) -> list[tuple[int, int]]:
        """Returns (init seed, order seed) of every run of an arm; equal unless the seeds are crossed."""
        numbers = lambda seeds: list(range(seeds)) if isinstance(seeds, int) else list(seeds)  # noqa: E731
        if isinstance(self.seeds, CrossedSeeds):
            return list(itertools.product(numbers(self.seeds.init), numbers(self.seeds.order)))
        return [(seed, seed) for seed in numbers(self.seeds)]


class SiteConfig(_Strict):
    """config/config.yaml: what depends on the place where studies run, not on the science."""

    study: str = Field(
        "quickstart", description="Name of a file in config/studies/, or the path of a study file elsewhere."
    )
    glue_dir: str | None = Field(
        None,
        description="Folder with GLUE in the hub's Parquet layout; without it the hub is asked. The environment "
        "variable SEEDVAR_GLUE_DIR wins.",
    )
    models: dict[str, str] = Field(
        {},
        description="Short names for models: a hub id, a folder, or package:NAME/FOLDER for a folder inside an "
        "installed Python package.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is one.")
    warm_start: bool = Field(
        True,
        description="Start local cells as forks of a process that has imported PyTorch already; saves seconds a cell.",
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


def read_study(path: Path | str) -> Study:
    """Reads and checks a study file.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    study = _validate(Study, read_yaml(path), path)
    _check_study(study, path)
    return study


def read_site_config(values: dict, path: Path | str = "config/config.yaml") -> SiteConfig:
    """Checks the merged settings of config.yaml and the command line's `--config`."""
    site = _validate(SiteConfig, values, path)
    if glue_dir := os.environ.get("SEEDVAR_GLUE_DIR"):
        site = site.model_copy(update={"glue_dir": glue_dir})
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


def _check_study(study: Study, path: Path | str) -> None:
    """Checks what the types above cannot say."""
    name = Path(path).stem
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name) or name in RESERVED:
        raise UserError(
            f"{path}: '{name}' is no name for a study; accepted: letters, digits and . _ + -, "
            f"but not {', '.join(RESERVED)}"
        )
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
    recipes = study.named_recipes()
    if not recipes:
        raise UserError(f"{path}: arms: there is none; at least one arm is accepted")
    n_combinations = 1
    for values in (study.grid.model_dump(exclude_none=True) if study.grid else {}).values():
        n_combinations *= len(values)
    if study.grid and len(recipes) < n_combinations:
        raise UserError(f"{path}: grid: a value is listed twice; each value is accepted once")
    by_slug: dict[str, str] = {}
    for name, recipe in recipes.items():
        if recipe.slug() in by_slug:
            raise UserError(
                f"{path}: arms: '{name}' is the same recipe as '{by_slug[recipe.slug()]}'; each recipe is accepted once"
            )
        by_slug[recipe.slug()] = name
        for field, other, reason in CONFLICTS:
            if field in recipe.changes() and other(recipe):
                raise UserError(f"{path}: arm '{name}': {field}: {reason}")
    if study.baseline is not None and study.baseline not in recipes:
        raise UserError(f"{path}: baseline: unknown arm '{study.baseline}'; accepted: {', '.join(recipes)}")
    if study.baseline is None and len(recipes) > 1:
        raise UserError(f"{path}: baseline: is missing; accepted: {', '.join(recipes)}")


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
        part for part in place if not re.fullmatch(r"(constrained-)?(int|list)(\[.*\])?|CrossedSeeds|function.*", part)
    ]
    key = ".".join(shown)
    if problem["type"] == "extra_forbidden":
        parts = place[:-1]
        owner = model
        if parts and parts[0] in ("recipe", "arms"):
            owner = Recipe
        elif parts and parts[0] == "grid":
            owner = Grid
        elif "CrossedSeeds" in parts:
            owner = CrossedSeeds
        accepted = list(owner.model_fields)
        close = difflib.get_close_matches(place[-1], accepted, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"{key}: unknown key{hint}; accepted: {', '.join(accepted)}"
    if problem["type"] == "missing":
        return f"{key}: is missing; accepted: {_accepted(model, key)}"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    if key == "seeds":
        message = "accepted: a count of at least 1, a list of numbers from 0, or {init: …, order: …}"
    given = "" if isinstance(problem["input"], dict | list) else f" {problem['input']!r} is not accepted;"
    return f"{key}:{given} {message}"


def _accepted(model: type[BaseModel], key: str) -> str:
    field = model.model_fields.get(key)
    text = (field.description if field else None) or "a value"
    return text[0].lower() + text[1:].rstrip(".")


def json_schema(model: type[BaseModel]) -> dict:
    """Returns the JSON schema (draft 2020-12) of a study file or of config.yaml."""
    schema = model.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
