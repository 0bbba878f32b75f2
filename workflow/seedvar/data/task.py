"""The task: what decides a cell's numbers about its data, resolved from a declaration and the training labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from seedvar.data.labels import MOST_CLASSES, in_class_order, label_text, listing
from seedvar.data.metrics import METRICS, load_metric


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


def default_metric(regression: bool) -> str:
    """Returns the metric of a task that names none: the first listed one for classes, or for numbers."""
    return next(name for name in METRICS if load_metric(name).REGRESSION is regression)


def metrics_for(regression: bool) -> list[str]:
    """Lists the metrics for classes, or those for numbers."""
    return [name for name in METRICS if load_metric(name).REGRESSION is regression]


def resolve(declaration, name: str, training_labels: Iterable[str] = ()) -> Task:
    """Makes the task out of what its user declared and, where that leaves it open, of the training labels.

    Args:
        declaration: A `declaration.Declaration`.
        name: The task's name.
        training_labels: Names of classes as of `labels.label_text`, with repetitions or without; not looked at if
            the classes or `number` are declared.

    Raises:
        ValueError: The classes are too many or too few, or do not go with the metric; one sentence, which starts
            with the key.
    """
    regression = declaration.labels == "number"
    if regression:
        classes = ()
    elif declaration.labels is not None:
        classes = tuple(label_text(value) for value in declaration.labels)
    else:
        classes = tuple(in_class_order(training_labels))
    if not regression and len(classes) > MOST_CLASSES:
        raise ValueError(
            f"{declaration.label}: {len(classes):,} different labels look like numbers; "
            f"accepted: 'labels: number', or at most {MOST_CLASSES:,} classes"
        )
    if not regression and len(classes) < 2:
        found = f"every training example has the label '{classes[0]}'" if classes else "there is no training label"
        raise ValueError(f"{declaration.label}: {found}; accepted: at least 2 classes")
    metric = declaration.metric or default_metric(regression)
    if declaration.positive is not None:
        wanted = label_text(declaration.positive)
        if wanted not in classes:
            raise ValueError(f"positive: '{wanted}' is not accepted; accepted: {listing(classes)}")
        positive = classes.index(wanted)
    elif load_metric(metric).NEEDS_POSITIVE and len(classes) > 2:
        others = [other for other in metrics_for(False) if not load_metric(other).NEEDS_POSITIVE]
        raise ValueError(
            f"positive: is missing, and {metric} is the score of one class; accepted: {listing(classes)}, or another "
            f"metric: {', '.join(others)}"
        )
    else:
        positive = 1
    split = declaration.split
    return Task(
        name=name,
        data=declaration.data or name,
        columns=tuple(declaration.columns),
        classes=classes,
        metric=metric,
        label=declaration.label,
        positive=positive,
        split=Shares(**split.model_dump()) if hasattr(split, "model_dump") else split,
    )
