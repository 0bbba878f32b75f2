"""A cell: one training run, the unit that is scheduled, cached and invalidated."""

from __future__ import annotations

from dataclasses import dataclass

from seedvar.cells import places
from seedvar.cells.recipe import Recipe

# An intermediate task is learned with these fields of the recipe. The others, such as re-initialised layers or a
# small training set, are about the task itself.
INTERMEDIATE_FIELDS = {
    "optimizer", "learning_rate", "epochs", "batch_size", "warmup_ratio", "weight_decay", "adam_beta2", "adam_epsilon",
    "max_grad_norm", "dropout", "max_length", "precision", "evaluations", "split", "head", "segment_ids",
    "gradient_checkpointing",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One training run: the unit that is scheduled, cached and invalidated.

    Attributes:
        data: What the task's collection of data is called, such as `glue` or `synthetic`.
        model: Folder name of the model, see `models.checkpoints`.
        task: Task name.
        recipe: All hyper-parameters.
        init_seed: Seed of the weights that are drawn.
        order_seed: Seed of data order and dropout.
        intermediate_data: What the collection of the recipe's intermediate task is called, where it has one.
    """

    data: str
    model: str
    task: str
    recipe: Recipe
    init_seed: int
    order_seed: int
    intermediate_data: str | None = None

    @property
    def seed_name(self) -> str:
        """`3`, or `i3-o7` where the two seeds differ."""
        return places.seed_name(self.init_seed, self.order_seed)

    def folder(self) -> str:
        """Returns the cell's folder below the results folder."""
        seeds = (self.init_seed, self.order_seed)
        return places.cell_folder(self.data, self.model, self.task, self.recipe.slug(), *seeds)

    def weights_file(self) -> str:
        """Returns where the weights of its last checkpoint are, while something needs them."""
        return f"{self.folder()}/{places.WEIGHTS}"

    def data_folder(self) -> str:
        """Returns the folder of its tokenised data below the results folder."""
        return places.data_folder(self.data, self.model, self.task, self.recipe.max_length)

    def intermediate(self) -> Cell | None:
        """Returns the cell whose encoder this one starts from; the same for all its seeds, as in the papers."""
        if self.recipe.intermediate_task is None:
            return None
        recipe = Recipe(**{name: value for name, value in self.recipe.changes().items() if name in INTERMEDIATE_FIELDS})
        data = self.intermediate_data or self.data
        return Cell(data, self.model, self.recipe.intermediate_task, recipe, init_seed=0, order_seed=0)

    def specification(self) -> dict:
        """Returns the cell as plain values: what Snakemake compares and the fingerprint covers."""
        specification = {
            "data": self.data,
            "model": self.model,
            "task": self.task,
            "recipe": self.recipe.changes(),
            "seed": {"init": self.init_seed, "order": self.order_seed},
        }
        if self.intermediate_data not in (None, self.data):
            specification["intermediate_data"] = self.intermediate_data
        return specification

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
            intermediate_data=specification.get("intermediate_data"),
        )
