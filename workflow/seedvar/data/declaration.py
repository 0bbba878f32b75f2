"""What a user writes about a task: where its data are, what is text and what is label, and how it is scored."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field, field_validator

from seedvar.data.labels import MOST_CLASSES, label_text, listing
from seedvar.data.metrics import METRICS, load_metric
from seedvar.data.resolve import default_metric, metrics_for
from seedvar.data.sources import SOURCES, kind_of, load_source
from seedvar.strict import NAME_IN_WORDS, SeedNumber, Strict, is_name

AnySource = Union[tuple(load_source(kind).Source for kind in SOURCES)]  # noqa: UP007, made from the list
Share = Annotated[float, Field(gt=0, lt=1)]


class SplitShares(Strict):
    """Validation and test as shares of the training data, for what the source does not have."""

    validation: Share = Field(0.0, description="Share of the training data that becomes validation.")
    test: Share = Field(0.0, description="Share of the training data that becomes test.")
    seed: SeedNumber = Field(0, description="Seed of the choice, the same for all runs.")


class Declaration(Strict):
    """A task: its data, its labels and its metric."""

    source: AnySource = Field(
        description="{train: …, validation: …, test: …} of files that end in .csv, .tsv, .jsonl, .json or .parquet; "
        "{hub: owner/name, config: …, revision: …, splits: …}; or {synthetic: …} of the package's own data."
    )
    text: str | list[str] = Field(description="The text column, or a list of two.")
    label: str = Field("label", min_length=1, validate_default=True, description="The label's column.")
    labels: list[str | int | float | bool] | Literal["number"] | None = Field(
        None,
        description="Names of the classes in the order of their numbers, or number for regression; without it, what "
        "the training data hold, sorted.",
    )
    metric: str | None = Field(
        None,
        description=f"One of {', '.join(METRICS)}; without it, {default_metric(False)}, or {default_metric(True)} of "
        "numbers.",
    )
    positive: str | int | float | bool | None = Field(
        None, description="The class whose F1 counts; without it, the second of two."
    )
    split: SplitShares | Literal["halves", "held_out"] | None = Field(
        None,
        validate_default=True,
        description="How validation and test come. Without it, as the source has them; halves: the validation split, "
        "halved label by label; held_out: 1,000 training examples are validation and the validation split is test; "
        "{validation: 0.1, test: 0.1}: shares of the training data for what the source does not have.",
    )
    data: str | None = Field(
        None, description="What the collection is called in paths and tables; without it, as the task."
    )
    description: str = Field("", description="What the task is, and where it comes from.")

    @property
    def columns(self) -> list[str]:
        """The one or two text columns."""
        return [self.text] if isinstance(self.text, str) else list(self.text)

    def splits(self) -> list[str]:
        """Lists the splits that the source has: of train, validation, test."""
        return self.source.there(_made(self.split))

    @field_validator("source", mode="wrap")
    @classmethod
    def _one_kind(cls, value, _):
        if isinstance(value, Strict):
            return value
        return load_source(kind_of(value)).Source.model_validate(value, strict=True)

    @field_validator("text", mode="before")
    @classmethod
    def _columns(cls, value):
        names = value if isinstance(value, list) else [value]
        if not (all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names) in (1, 2)):
            raise ValueError("accepted: the name of the text column, or a list of two")
        return value

    @field_validator("label")
    @classmethod
    def _label_is_no_text(cls, value, info):
        text = info.data.get("text")
        if value == text or (isinstance(text, list) and value in text):
            raise ValueError("is a text column too; accepted: another column")
        return value

    @field_validator("labels", mode="before")
    @classmethod
    def _classes(cls, value):
        if value is None or value == "number":
            return value
        if not isinstance(value, list) or len(value) < 2:
            raise ValueError("accepted: a list of at least 2 classes, or number")
        try:
            names = [label_text(one) for one in value]
        except ValueError as error:
            raise ValueError(f"a class is {error}; accepted: text, numbers, true and false") from None
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the class '{twice}' is there twice; accepted: each class once")
        if len(names) > MOST_CLASSES:
            raise ValueError(f"{len(names):,} classes look like numbers; accepted: at most {MOST_CLASSES:,}, or number")
        return value

    @field_validator("metric")
    @classmethod
    def _metric_suits(cls, value, info):
        if value is None or "labels" not in info.data:
            return value
        if value not in METRICS:
            raise ValueError(f"accepted: {', '.join(METRICS)}")
        regression = info.data["labels"] == "number"
        if regression is not load_metric(value).REGRESSION:
            what = "numbers" if regression else "classes, unless labels is number"
            raise ValueError(f"the labels are {what}; accepted: {', '.join(metrics_for(regression))}")
        return value

    @field_validator("positive", mode="before")
    @classmethod
    def _positive_is_a_class(cls, value, info):
        if value is None or not {"labels", "metric"} <= info.data.keys():
            return value
        labels, metric = info.data["labels"], info.data["metric"]
        if metric is None or not load_metric(metric).NEEDS_POSITIVE:
            of_one = [name for name in METRICS if load_metric(name).NEEDS_POSITIVE]
            raise ValueError(f"is for the score of one class; accepted: leave it out, or metric: {', '.join(of_one)}")
        try:
            name = label_text(value)
        except ValueError:
            raise ValueError("accepted: the name of a class") from None
        if labels is not None and name not in (names := [label_text(one) for one in labels]):
            raise ValueError(f"accepted: {listing(names)}")
        return value

    @field_validator("split", mode="before")
    @classmethod
    def _split_is_known(cls, value):
        if value is None or isinstance(value, SplitShares) or value in ("halves", "held_out"):
            return value
        if not isinstance(value, dict) or not value:
            raise ValueError("accepted: halves, held_out, or shares such as {validation: 0.1, test: 0.1}")
        return SplitShares.model_validate(value)

    @field_validator("split")
    @classmethod
    def _split_suits(cls, value, info):
        if "source" not in info.data:
            return value
        made = _made(value)
        there = info.data["source"].there(made)
        if value in ("halves", "held_out"):
            if "validation" not in there:
                raise ValueError("needs a validation split, which the source does not have; accepted: shares of train")
            if "test" in there:
                raise ValueError("makes a test set, and the source has one; accepted: leave out one of the two")
        for name in sorted(made & set(there)):
            raise ValueError(f"{name}: the source has a {name} split; accepted: leave out one of the two")
        if isinstance(value, SplitShares) and value.validation + value.test >= 1:
            raise ValueError("the shares leave nothing to train on; accepted: a sum below 1")
        if "validation" not in {*there, *made}:
            raise ValueError(
                "the source has no validation split; accepted: split: {validation: 0.1}, or a source of it"
            )
        return value

    @field_validator("data")
    @classmethod
    def _data_is_a_name(cls, value):
        if value is not None and not is_name(value):
            raise ValueError(f"accepted: {NAME_IN_WORDS}")
        return value


def _made(split) -> set[str]:
    if not isinstance(split, SplitShares):
        return set()
    return {name for name in ("validation", "test") if getattr(split, name)}
