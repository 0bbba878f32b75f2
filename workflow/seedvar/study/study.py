"""A study file: the grid of cells, and the comparison that it is for.

These models and `cells.recipe.Recipe` are the one definition. The JSON schemas in `workflow/schemas/`
are generated from them (`seedvar schema`), so that editors complete and check study files, and
`config/README.md` explains every key in prose.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, create_model

from seedvar.cells.recipe import Recipe
from seedvar.data.declaration import Declaration
from seedvar.models.checkpoints import model_name
from seedvar.strict import Difference, SeedNumber, Strict
from seedvar.study.probes import Probes
from seedvar.study.selecting import Selecting, Selections
from seedvar.study.tasks import known_declaration

MODEL_HELP = "A hub id, a local folder, the embedded model syn-bert, or a name that config.yaml lists under models."
SLACK_HELP = (
    "The second rule for failed runs: a run's last training loss is at least 1 minus this share of the loss of a "
    "constant prediction. Tables alone depend on it."
)
ModelName = Annotated[str, Field(min_length=1)]

# A grid holds a list of values for each field that varies; expanded in full.
Grid = create_model(
    "Grid",
    __base__=Strict,
    __doc__="A list of values for every recipe field that varies, or of models; all combinations are trained.",
    model=(Annotated[list[ModelName], Field(min_length=1)] | None, Field(None, description="Models to train.")),
    **{
        name: (
            Annotated[list[Annotated[field.annotation, *field.metadata, Field()]], Field(min_length=1)] | None,
            Field(None, description=field.description),
        )
        for name, field in Recipe.model_fields.items()
    },
)


class RecipeBy(Recipe):
    """A recipe, with what differs on single tasks or for single models."""

    by_model: dict[str, Recipe] = Field(
        {}, description="What differs for single models, by the model as it is written under model."
    )
    by_task: dict[str, Recipe] = Field({}, description="What differs on single tasks, by the task's name.")

    def changes_on(self, task: str, model: str) -> dict:
        """Returns the fields that the study file sets; those under `by_model` win, and those under `by_task` last."""
        changes = self.model_dump(exclude_unset=True, exclude=set(RecipeBy.model_fields) - set(Recipe.model_fields))
        changes.pop("model", None)
        for special in (self.by_model.get(model), self.by_task.get(task)):
            if special is not None:
                changes |= special.model_dump(exclude_unset=True)
        return changes


class Arm(RecipeBy):
    """A recipe and, where it is not the study's, the model that it trains."""

    model: ModelName | None = Field(None, description=f"The arm's model; without it, the study's. {MODEL_HELP}")


SeedCount = Annotated[int, Field(ge=1, lt=2**31)]  # how many cells that may come to: `checks.MOST_CELLS`
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
    statistic: Literal["mean", "quality", "sd"] = Field(
        "mean",
        description="The interval: of the mean of all runs, with failures that may not have been seen yet; of the mean "
        "of those that did not fail (quality); or of the SD of these.",
    )
    batch: int = Field(5, ge=2, le=10_000, description="Seeds to add at a time, to every task and arm.")
    at_most: int = Field(50, ge=2, lt=2**31, description="Stop at so many seeds in any case.")

    @property
    def counts(self) -> list[int]:
        """Numbers of seeds after each batch."""
        return [min(n, self.at_most) for n in range(self.batch, self.at_most + self.batch, self.batch)]


class SeedsUntilDecided(Strict):
    """As many seeds as it takes: more and more, until every comparison with the baseline is decided."""

    until: Literal["decided"] = Field(
        description="Add seeds until every arm's comparison with the baseline is settled."
    )
    question: Literal["failures", "quality", "mean"] = Field(
        "mean",
        description="What is asked of every arm, over all tasks together: whether its runs fail more or less often; "
        "whether those that do not fail score higher or lower (quality); or the mean of all its runs.",
    )
    batch: int = Field(5, ge=2, le=10_000, description="Seeds to begin with; there are twice as many at every look.")
    at_most: int = Field(50, ge=2, lt=2**31, description="Stop at so many seeds in any case.")

    @property
    def counts(self) -> list[int]:
        """Numbers of seeds at each look: every look costs, so they double."""
        counts = [min(self.batch, self.at_most)]
        while counts[-1] < self.at_most:
            counts.append(min(2 * counts[-1], self.at_most))
        return counts


class Score(Strict):
    """What of each run is judged: its score at one checkpoint, on one split. Tables alone depend on it."""

    checkpoint: Literal["last", "best"] = Field(
        "last", description="last: at the end of training; best: the evaluation with the best validation score."
    )
    split: Literal["validation", "test"] | None = Field(
        None, description="The split; without it, test where a task has one and validation where not."
    )

    @property
    def in_words(self) -> str:
        """Says it for captions."""
        where = f"on {self.split}" if self.split else "on test, or where there is none on validation"
        when = "at the end of training" if self.checkpoint == "last" else "at the best checkpoint by validation"
        return f"Scores are those {when}, {where}."


@dataclass(frozen=True)
class Trained:
    """What an arm is on one task: a recipe and a model.

    Attributes:
        model: The model as the study file writes it.
        recipe: All hyper-parameters.
    """

    model: str
    recipe: Recipe

    @property
    def model_name(self) -> str:
        """Folder name of the model."""
        return model_name(self.model)


class Study(Selecting):
    """A study file: a grid of cells plus the comparison it is for."""

    description: str = Field("", description="The question that the study answers, and its source.")
    model: ModelName | None = Field(
        None, description=f"{MODEL_HELP} May be left out where every arm names its own, or the grid does."
    )
    tasks: Annotated[list[str], Field(min_length=1)] | Annotated[dict[str, Declaration | None], Field(min_length=1)] = (
        Field(
            description="Names of tasks; or names with declarations of your own data, empty for a task that is known."
        )
    )
    seeds: SeedCount | SeedList | CrossedSeeds | SeedsUntil | SeedsUntilDecided = Field(
        description="A count (seeds 0, 1, …), a list, {init: …, order: …} for crossed seeds, or {width: …} or "
        "{until: decided} for as many as it takes."
    )
    recipe: RecipeBy = Field(RecipeBy(), description="What all arms have in common.")
    arms: dict[str, Arm] | None = Field(None, description="Named recipes: what each changes in `recipe`.")
    grid: Grid | None = Field(None, description="Instead of arms: lists of values, expanded in full.")
    baseline: str | None = Field(None, description="The arm that the others are compared with.")
    smallest_difference: Difference | Annotated[dict[str, Difference], Field(min_length=1)] | None = Field(
        None,
        description="The smallest difference of mean scores that would matter, as a fraction (0.01 is a point), for "
        "all tasks or by task: only then may two arms be called the same.",
    )
    loss_slack: float = Field(0.0, ge=0, lt=1, description=SLACK_HELP)
    select: Selections | None = None
    score: Score = Field(Score(), description="What all tables, tests and figures judge; changing it trains nothing.")
    probes: Probes = Field(Probes(), description="Measurements on the weights of finished cells.")

    _arms: dict[str, dict[str, Trained]] = PrivateAttr(default_factory=dict)  # by task; each is made once

    def model_copy(self, **changes) -> Study:
        """Returns a copy, with other arms where they or what they have in common are changed."""
        copy = super().model_copy(**changes)
        copy._arms = {}
        return copy

    def what_matters(self) -> dict[str, float] | float | None:
        """Returns the smallest difference of means that would matter."""
        return self.smallest_difference

    def arms_on(self, task: str) -> dict[str, Trained]:
        """Returns what every arm is on a task, by the arm's name and in the file's order.

        What is more special wins: the common recipe, its `by_model`, its `by_task`, the arm, the arm's `by_model`,
        the arm's `by_task`.
        """
        if task not in self._arms:
            self._arms[task] = self._named(task) if self.grid is None else self._combined(task)
        return self._arms[task]

    def _named(self, task: str) -> dict[str, Trained]:
        trained = {}
        for name, arm in (self.arms or {}).items():
            model = arm.model or self.model or ""
            recipe = Recipe(**{**self.recipe.changes_on(task, model), **arm.changes_on(task, model)})
            trained[name] = Trained(model, recipe)
        return trained

    def _combined(self, task: str) -> dict[str, Trained]:
        varied = self.grid.model_dump(exclude_none=True)
        trained = {}
        for values in itertools.product(*varied.values()):
            values = dict(zip(varied, values, strict=True))
            model = values.pop("model", self.model or "")
            shown = Recipe(**{"optimizer": self.recipe.optimizer, **values}).slug()
            if "model" in varied:
                own = [name for name in varied if name != "model"]
                shown = f"{model_name(model)}+{shown}" if own else model_name(model)
            trained[shown] = Trained(model, Recipe(**{**self.recipe.changes_on(task, model), **values}))
        return trained

    def named_recipes(self, task: str) -> dict[str, Recipe]:
        """Returns the recipe of every arm on a task, by the arm's name and in the file's order."""
        return {name: trained.recipe for name, trained in self.arms_on(task).items()}

    def arm_names(self) -> list[str]:
        """Returns the names of the arms in the file's order."""
        return list(self.arms_on(next(iter(self.tasks))))

    def models(self) -> list[str]:
        """Returns the models that arms train, as the study file writes them, each once."""
        return list(dict.fromkeys(arm.model for arm in self.arms_on(next(iter(self.tasks))).values()))

    def declaration(self, task: str) -> Declaration:
        """Returns what a task of the study, or an intermediate task, declares: here, in config/tasks or the package.

        Raises:
            UserError: There is no such task, or its file is not in order.
        """
        own = self.tasks.get(task) if isinstance(self.tasks, dict) else None
        return own or known_declaration(task)

    @property
    def is_crossed(self) -> bool:
        """Whether every initialisation seed is trained with every order seed."""
        return isinstance(self.seeds, CrossedSeeds)

    @property
    def crosses_sources(self) -> bool:
        """Whether seeds are crossed: those of runs, or in the grid those that are fields of a recipe."""
        seeds = ("dropout_seed", "sample_seed", "split_seed")
        return self.is_crossed or any(getattr(self.grid, name, None) for name in seeds)

    @property
    def adds_seeds(self) -> bool:
        """Whether the study adds seeds until its intervals are narrow enough or its comparisons decided."""
        return isinstance(self.seeds, SeedsUntil | SeedsUntilDecided)

    @property
    def looks(self) -> int:
        """How often the study may test its comparisons: p-values are multiplied by it."""
        return len(self.seeds.counts) if isinstance(self.seeds, SeedsUntilDecided) else 1

    @property
    def n_seeds(self) -> int:
        """Number of runs of an arm on a task, or the most that there may be; nothing is listed for it."""
        number = lambda seeds: seeds if isinstance(seeds, int) else len(seeds)  # noqa: E731
        if self.is_crossed:
            return number(self.seeds.init) * number(self.seeds.order)
        return number(self.seeds.at_most if self.adds_seeds else self.seeds)

    @property
    def n_arms(self) -> int:
        """Number of arms; no grid is expanded for it."""
        if self.grid is None:
            return len(self.arms or {})
        return math.prod(len(values) for values in self.grid.model_dump(exclude_none=True).values())

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
