"""What a user writes: the study file and the site's settings, and how they are read and checked.

These models and `recipe.Recipe` are the one definition. The JSON schemas in `workflow/schemas/`
are generated from them (`seedvar schema`), so that editors complete and check study files, and
`config/README.md` explains every key in prose.
"""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Literal

from pydantic import Field, create_model

from seedvar.cells.recipe import Recipe, SeedNumber, Strict
from seedvar.study.probes import Probes
from seedvar.study.reading import _Loader

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


# --------------------------------------------------------------------------- reading


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
