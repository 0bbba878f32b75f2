"""Expands a study into cells, and says what each is called and where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seedvar.study import Recipe, Study


@dataclass(frozen=True)
class Cell:
    """One training run: the unit that is scheduled, cached and invalidated.

    Attributes:
        data: `glue` or `synthetic`.
        model: Folder name of the model, see `models.sources`.
        task: Task name.
        recipe: All hyper-parameters.
        init_seed: Seed of the weights that are drawn.
        order_seed: Seed of data order and dropout.
    """

    data: str
    model: str
    task: str
    recipe: Recipe
    init_seed: int
    order_seed: int

    @property
    def seed_name(self) -> str:
        """`3`, or `i3-o7` where the two seeds differ."""
        return str(self.init_seed) if self.init_seed == self.order_seed else f"i{self.init_seed}-o{self.order_seed}"

    def folder(self) -> str:
        """Returns the cell's folder below the results folder."""
        return f"cells/{self.data}/{self.model}/{self.task}/{self.recipe.slug()}/seed-{self.seed_name}"

    def data_folder(self) -> str:
        """Returns the folder of its tokenised data below the results folder."""
        return f"data/{self.data}/{self.model}/{self.task}-len{self.recipe.max_length}"

    def specification(self) -> dict:
        """Returns the cell as plain values: what Snakemake compares and the fingerprint covers."""
        return {
            "data": self.data,
            "model": self.model,
            "task": self.task,
            "recipe": self.recipe.changes(),
            "seed": {"init": self.init_seed, "order": self.order_seed},
        }

    @classmethod
    def from_specification(cls, specification: dict) -> Cell:
        """Inverts `specification`."""
        seed = specification["seed"]
        return cls(
            data=specification["data"],
            model=specification["model"],
            task=specification["task"],
            recipe=Recipe(**specification["recipe"]),
            init_seed=seed["init"],
            order_seed=seed["order"],
        )


def expand(study: Study, model_name: str) -> list[tuple[str, Cell]]:
    """Returns (arm, cell) for every cell of a study: tasks × arms × seeds, in the file's order."""
    return [
        (arm, Cell(study.data, model_name, task, recipe, init_seed, order_seed))
        for task in study.tasks
        for arm, recipe in study.named_recipes().items()
        for init_seed, order_seed in study.seed_pairs()
    ]


def model_folder(results: Path | str, model_name: str) -> Path:
    """Returns where a model is copied to."""
    return Path(results) / "models" / model_name
