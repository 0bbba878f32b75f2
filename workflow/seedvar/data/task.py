"""The task: what decides a cell's numbers about its data. `resolve.py` makes it out of a declaration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Shares:
    """Validation and test taken off the training data, stratified by class.

    Attributes:
        validation: Share of the training data; 0 where the source has a split of its own.
        test: The same; 0 also where there shall be none.
        seed: Of the choice, whatever the seed of a run.
    """

    validation: float = 0.0
    test: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """A data set with its metric.

    Attributes:
        name: As in a study file.
        data: What the collection is called in paths and tables, such as `glue`.
        columns: The one or two text columns.
        classes: Names of the classes in the order of their numbers; () for regression.
        metric: The score, one of `metrics.METRICS`.
        label: The label's column.
        positive: Number of the class that the F1 of a class is of.
        split: How validation and test come: None, as the source has them; `halves`, the validation split halved
            label by label; `held_out`, 1,000 examples off the training set are validation and the validation
            split is test (Zhang et al. 2021, Table 3, for small and large tasks); or shares.
    """

    name: str
    data: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    metric: str
    label: str = "label"
    positive: int = 1
    split: str | Shares | None = None

    @property
    def is_regression(self) -> bool:
        return not self.classes

    @property
    def n_classes(self) -> int:
        """Number of classes, which is that of outputs of the network; 1 for regression."""
        return len(self.classes) or 1

    def as_dict(self) -> dict:
        """Returns the task in JSON's types, without what has its default: a new field changes no older task."""
        values = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            values[field.name] = list(value) if isinstance(value, tuple) else value
        if isinstance(self.split, Shares):
            values["split"] = {name: value for name, value in asdict(self.split).items() if value}
        return values

    @classmethod
    def from_dict(cls, values: dict) -> Task:
        """Returns the task that `as_dict` wrote down."""
        split = values.get("split")
        split = Shares(**split) if isinstance(split, dict) else split
        return cls(
            **{**values, "columns": tuple(values["columns"]), "classes": tuple(values["classes"])} | {"split": split}
        )
