"""What `seedvar check` says about the data of a task."""

from __future__ import annotations

import numpy as np

from seedvar.data.examples import Examples
from seedvar.data.labels import shortened
from seedvar.data.metrics import load_metric
from seedvar.data.scoring import better, failure_rule, majority_score, metric_names
from seedvar.data.shown import factor, higher_is_better, title
from seedvar.data.sources import content
from seedvar.data.splits import split
from seedvar.data.suspicious import much_cut, suspicions
from seedvar.data.unknown import check_unknown, unknown_share

SHOWN = 3  # examples
LOOKED_AT = 400  # examples: as many as are tokenised, evenly spread over all
MOST_CLASSES_SHOWN = 12


def describe(
    examples: Examples, source: dict, how: str = "halves", tokenizers=(), max_length: int | None = None
) -> list[str]:
    """Describes a task in lines.

    Args:
        examples: See `examples.read_examples`.
        source: Where they are from, see `sources.located`.
        how: The recipe's `split`, see `splits.split`.
        tokenizers: Those of the study's models that are at hand: called with columns of texts, each gives
            `input_ids`; it has a `name` and an `unk_token_id`.
        max_length: Where inputs are cut.

    Raises:
        UserError: A tokenizer knows next to nothing of the texts.
    """
    task = examples.task
    parts = split(task, examples.labels, how)
    labels = {name: examples.labels[part.source][part.rows] for name, part in parts.items()}
    lines = [f"{task.name}: {', '.join(task.columns)} -> {task.label}; from {_origin(source)}"]
    for name, part in parts.items():
        of = "" if part.source == name else f", from the source's {part.source} split"
        lines.append(f"  {name}: {len(part.rows):,} examples{of}; {_labels_in_words(task, labels[name])}")
    if "test" not in parts:
        lines.append(f"  test: none; {title(task.metric)} is judged on validation")
    counted = {}
    for tokenizer in tokenizers:
        ids = _token_ids(examples, tokenizer)
        lengths = np.array([len(row) for row in ids])
        lines.append(_lengths(ids, examples, tokenizer, max_length))
        if max_length:
            counted[tokenizer.name] = lengths
    lines += _first_examples(examples)
    lines += _metric_lines(task, {name: values for name, values in labels.items() if name != "train"})
    odd = suspicions(examples, how) + [text for lengths in counted.values() for text in much_cut(lengths, max_length)]
    return lines + [f"  warning: {text}" for text in dict.fromkeys(odd)]


def _origin(source: dict) -> str:
    if "train" in source:
        return ", ".join(path for paths in source.values() if isinstance(paths, list) for path in paths)
    if "folder" in source:
        return f"{source['folder']}/{source['config'] or ''} ({source['hub']})"
    if "synthetic" in source:
        return "the package's grammar (synthetic)"
    return content(source)


def _labels_in_words(task, labels: np.ndarray) -> str:
    if task.is_regression:
        return f"labels {labels.min():g} to {labels.max():g}, mean {labels.mean(dtype=float):.3g}"
    counts = np.bincount(labels.astype(int), minlength=task.n_classes)
    shown = [f"{name} ({count:,})" for name, count in zip(task.classes, counts, strict=True)][:MOST_CLASSES_SHOWN]
    rest = task.n_classes - len(shown)
    return f"{task.n_classes} classes: {', '.join(shown)}" + (f" and {rest} more" if rest else "")


def _token_ids(examples: Examples, tokenizer) -> list[list[int]]:
    """Tokenises as many examples as are looked at."""
    task = examples.task
    columns = [[text for texts in examples.texts.values() for text in texts[c]] for c in range(len(task.columns))]
    n = len(columns[0])
    places = range(n) if n <= LOOKED_AT else np.linspace(0, n - 1, LOOKED_AT).astype(int)
    return tokenizer(*[[column[i] for i in places] for column in columns])["input_ids"]


def _lengths(ids: list[list[int]], examples: Examples, tokenizer, max_length: int | None) -> str:
    """Says how long inputs are in tokens, and how many the tokenizer does not know."""
    task, lengths = examples.task, np.array([len(row) for row in ids])
    n = sum(len(values) for values in examples.labels.values())
    of = "" if n == len(ids) else f", of {len(ids)} of {n:,}"
    line = f"  tokens an example ({tokenizer.name}{of}): median {np.median(lengths):.0f}"
    line += f", 95 % {np.quantile(lengths, 0.95):.0f}, longest {lengths.max():,}"
    if max_length:
        cut = int((lengths > max_length).sum())
        line += f"; {cut:,} ({100 * cut / len(lengths):.1f} %) are cut at {max_length}"
    if tokenizer.unk_token_id is not None:
        special = tokenizer(*[[""]] * len(task.columns))["input_ids"][0]
        share = unknown_share(np.concatenate([np.array(row) for row in ids]), tokenizer.unk_token_id, special)
        line += f"; unknown tokens: {100 * share:.1f} %"
        if check_unknown(share, task.name, tokenizer.name):
            line += ", which is much: is it the model's own tokenizer, and the text in its language?"
    return line


def _first_examples(examples: Examples) -> list[str]:
    task, lines = examples.task, []
    for texts, label in zip(zip(*examples.texts["train"], strict=True), examples.labels["train"], strict=True):
        name = f"{label:g}" if task.is_regression else task.classes[int(label)]
        lines.append(f"  e.g. {name}: {' | '.join(shortened(text, 90 // len(texts)) for text in texts)}")
        if len(lines) == SHOWN:
            break
    return lines


def _metric_lines(task, labels: dict[str, np.ndarray]) -> list[str]:
    metric = task.metric
    points = lambda name, value: f"{factor(name) * value:.1f}" if factor(name) == 100 else f"{value:.4g}"  # noqa: E731
    of_class = f" of the class {task.classes[task.positive]}" if load_metric(metric).NEEDS_POSITIVE else ""
    also = "".join(f", with {title(name)}" for name in metric_names(metric)[1:])
    direction = "the higher, the better" if higher_is_better(metric) else "the lower, the better"
    trivial = ", ".join(f"{points(metric, majority_score(task, values))} on {name}" for name, values in labels.items())
    reported = "test" if "test" in labels else "validation"
    decides, limit = failure_rule(task, labels[reported])
    side = "at most" if better(decides, limit + 1, limit) else "at least"
    return [
        f"  metric: {title(metric)}{of_class} ({direction}){also}; the trivial predictor has {trivial}",
        f"  a run has failed if at the end its {title(decides)} on {reported} is {side} {points(decides, limit)}"
        " or not defined",
    ]
