"""Makes a task out of what its user declared and of the training labels."""

from __future__ import annotations

from collections.abc import Iterable

from seedvar.data.labels import MOST_CLASSES, in_class_order, label_text, listing
from seedvar.data.metrics import METRICS, load_metric
from seedvar.data.task import Shares, Task


def default_metric(regression: bool) -> str:
    """Returns the metric of a task that names none: the first listed one for classes, or for numbers."""
    return next(name for name in METRICS if load_metric(name).REGRESSION is regression)


def metric_of(declaration) -> str:
    """Returns the metric of a declared task, named or not."""
    return declaration.metric or default_metric(declaration.labels == "number")


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
    metric = metric_of(declaration)
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
