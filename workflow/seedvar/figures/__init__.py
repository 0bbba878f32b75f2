"""Figures: what there is to draw, and when.

A figure is one module here, named as the figure with _ for -, with two functions, and one line in `FIGURES`:

    numbers(table, ...) -> DataFrame     what is drawn, from the study's tables; written as a CSV beside the figure
    draw(numbers) -> Figure              draws it, from these numbers alone

and, if it comes as SVG too, `tooltips(numbers) -> dict`, what is said of a mark by its id.
The arguments of `numbers` are tables of the study (`runs`: runs.csv), and, if it wants that, the `baseline`. On a table
that is not listed the figure does not depend. No Matplotlib is imported here: the workflow reads this list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class FigureKind:
    """A figure that a study may have.

    Attributes:
        title: What the report calls it.
        tables: Files of the study that `numbers` takes.
        caption: What is shown, with the interval and the test.
        when: Whether a study has it.
        of_all_arms: Whether it shows every arm, and not those that are compared: a study may let the best of some
            stand for them (`select`).
    """

    title: str
    tables: tuple[str, ...]
    caption: str
    when: Callable = lambda study: True
    of_all_arms: bool = False


def _has_diagnostics(study) -> bool:
    return any(recipe.diagnostics_every for recipe in study.recipes())


def _has_comparisons(study) -> bool:
    return study.baseline is not None and len(study.compared_names()) > 1


def _varies(study, *fields: str) -> bool:
    """Whether recipes of one task and one model differ in a field."""
    for task in study.tasks:
        found: dict[str, set] = {}
        for arm in study.arms_on(task).values():
            found.setdefault(arm.model, set()).add(tuple(getattr(arm.recipe, field) for field in fields))
        if any(len(values) > 1 for values in found.values()):
            return True
    return False


OVERVIEW = "overview"  # the one picture: it comes as SVG and at a column's width too
COLUMN = 3.3  # that width, in inches
FIGURES = {
    OVERVIEW: FigureKind(
        "Every run",
        ("runs.csv", "summary.csv"),
        "Every run of every arm (rows, the baseline first) on every task (columns), on one axis: 0 is the trivial "
        "predictor, 100 a perfect score. A point is a run (one seed), a cross a failed run; a tick is the mean of the "
        "runs that did not fail, with its 95 % interval (Student's). On the right the share of failed runs over all "
        "tasks, with its exact 95 % interval. Scores far below the trivial predictor are drawn at the edge. Where a "
        "task has no trivial predictor, the axes are those of the scores, and a run further than ten interquartile "
        "ranges from the others is drawn at the edge, too.",
    ),
    "distribution": FigureKind(
        "Scores of every run",
        ("runs.csv",),
        "The score of every run, one panel a task and one column an arm (Zhang et al. 2021, "
        "Fig. 2). A point is a run (one seed), a cross a failed run; failed runs are counted under each arm. Boxes "
        "span the quartiles, whiskers 1.5 interquartile ranges (where config.yaml asks for violins instead, they are "
        "kernel density estimates); the dashed line is the majority score. A score that is not defined is drawn at the "
        "majority score.",
    ),
    "learning-curves": FigureKind(
        "Learning curves",
        ("runs.csv", "curves.csv"),
        "Training loss (above) and validation score (below) over the updates of training (Zhang et al. 2021, Figs. "
        "3, 6 and 11; Mosbach et al. 2021, Figs. 2c, 8a and 14), failed runs of an arm (dotted) apart from the "
        "others; n is given task by task. Thick lines are means, as long as all n runs train. Up to 25 runs have a "
        "thin line each; of more, a band goes from the smallest to the largest value. Of more than 6 arms each has a "
        "panel, with the means of the others in grey. A score that is not defined is drawn as 0, an error that is not "
        "as the majority score.",
    ),
    "expected-performance": FigureKind(
        "Best of n runs",
        ("runs.csv", "expected.csv"),
        "Expected score of the run with the best validation score of n, drawn from the runs of an arm with "
        "replacement; bands hold the middle 68 % of draws (Zhang et al. 2021, Figs. 4 and 12). Above, its test score, "
        "which may fall as n grows: selection then fits the validation set. Of more than 6 arms each has a panel, with "
        "the others in grey, on test, or on validation where a task has no test split.",
    ),
    "loss-against-score": FigureKind(
        "Training loss and score",
        ("runs.csv",),
        "The mean training loss since the last evaluation but one against the score; a point"
        " is a run, a cross a failed run (Mosbach et al. 2021, Fig. 8b); up to 6 arms have a colour each. Spearman's "
        "correlation is that of the runs that did not fail.",
    ),
    "comparisons": FigureKind(
        "Every arm against the baseline",
        ("runs.csv", "decisions.csv"),
        "Difference of each arm's mean score from the baseline arm's, of the runs that did not fail, with its 95 % "
        "Welch interval, not adjusted, and the number of failed runs. Filled points and bold counts are settled at .05 "
        "by the one rule of the study, which adjusts for all of its questions. There is no point where all runs of an "
        "arm failed.",
        _has_comparisons,
    ),
    "seeds-needed": FigureKind(
        "Seeds needed",
        ("seeds_needed.csv",),
        "Runs an arm that it takes to settle, with 80 % power at the level that the family of all questions leaves: "
        "the stated difference of means of the runs that do not fail (Welch, at their SDs so far), SDs of a ratio of 2 "
        "(Brown-Forsythe, normal scores), and failure rates of 20 % and 2 %.",
        _has_comparisons,
    ),
    "aggregate": FigureKind(
        "All tasks together",
        ("runs.csv", "aggregate.csv", "improvement.csv"),
        "Every arm over all tasks (Agarwal et al. 2021). Left: the mean of the tasks' normalised mean scores, failed "
        "runs included, with a 95 % interval that allows for failures that were not seen (there is none where all runs "
        "of a task failed), and the interquartile mean. Right: the chance that a run of the arm is better than one "
        "of the baseline, averaged over tasks, ties counted half, with its 95 % interval. Nothing is adjusted, "
        "and nothing is settled by it.",
        lambda study: len(study.tasks) > 1 and _has_comparisons(study),
    ),
    "performance-profiles": FigureKind(
        "Performance profiles",
        ("runs.csv", "profiles.csv"),
        "The share of runs that score above each level, averaged over tasks; scores are normalised so that 0 is the"
        " trivial predictor and 1 perfect (Agarwal et al. 2021). Bands are pointwise 95 % "
        "intervals (Clopper and Pearson's). Above 6 arms each has a panel, the others in grey.",
        lambda study: len(study.tasks) > 1,
    ),
    "seed-grid": FigureKind(
        "Initialisation and order",
        ("runs.csv",),
        "Scores (× 100, but errors as they are) of every initialisation seed with every order seed (Zhang et al. 2021, "
        "Fig. 9), with their means and their SDs (ddof = 1; Fig. 10); bold is the best of each row, crosses are failed "
        "runs.",
        lambda study: study.is_crossed,
    ),
    "sources": FigureKind(
        "Sources of randomness",
        ("sources.csv", "runs.csv"),
        "The SD over runs that each seed makes by itself, several by coming together, and what is left: components of "
        "an analysis of variance with random effects, failed runs included, with generalised intervals that hold in at "
        "least 93 % of simulated studies where no run failed; else there is none. A component that is estimated to be "
        "negative is drawn as 0.",
        lambda study: study.crosses_sources,
    ),
    "real-or-noise": FigureKind(
        "Real or noise",
        ("noise.csv",),
        "The SD over seeds of the runs that did not fail (bars), and what it is made of: the SD that would be seen on "
        "all the examples that there could be (real), and what comes from these few (noise), after Jordan (2024), with "
        "95 % intervals where simulations say that they hold. The squares of the two add up to the square of the SD; "
        "where the noise alone is larger than the SD, real is 0.",
    ),
    "reinit-depth": FigureKind(
        "Re-initialised layers",
        ("runs.csv",),
        "Scores against the number of re-initialised layers (Zhang et al. 2021, Figs. 5 and 13), of the runs that "
        "differ in nothing else but the optimizer. Boxes span the quartiles, whiskers 1.5 interquartile ranges; "
        "crosses are failed runs, the dashed line is the majority score.",
        lambda study: _varies(study, "reinit_layers", "reinit_pooler"),
        of_all_arms=True,
    ),
    "training-length": FigureKind(
        "Length of training",
        ("runs.csv",),
        "Scores (above) and the share of failed runs (below) against the number of updates (Zhang et al. 2021, Figs. "
        "8 and 14), of the runs that differ in nothing else but the optimizer and re-initialised layers, whose number "
        "a panel's title gives where each task has its own. Lines are "
        "means over all runs, bands their range; crosses are failed runs, the dashed line is the majority score.",
        lambda study: _varies(study, "epochs", "steps"),
        of_all_arms=True,
    ),
    "learning-rates": FigureKind(
        "Learning rates",
        ("runs.csv",),
        "Scores against the learning rate, by optimizer and number of epochs (Mosbach et al. 2021, Figs. 5 and 9), "
        "of the runs that differ in nothing else. Boxes span the quartiles, whiskers 1.5 interquartile ranges; "
        "crosses are failed runs, the dashed line is the majority score.",
        lambda study: _varies(study, "learning_rate"),
        of_all_arms=True,
    ),
    "gradient-norms": FigureKind(
        "Gradient norms",
        ("runs.csv", "diagnostics.parquet"),
        "The L2 norm of the gradient before clipping, block by block: failed runs above, the others below (Mosbach et "
        "al. 2021, Figs. 4, 10, 11 and 12). An arm of which some runs failed has a column, with the first failed and "
        "the first other run by seed over their updates; where there is none, lines are geometric means over the runs "
        "of all arms, over the share of a run's training. Blocks go from the bottom of the network (dark) to its top. "
        "Gradients that vanish towards the bottom"
        " are the sign of a failed run.",
        _has_diagnostics,
        of_all_arms=True,
    ),
    "weight-distance": FigureKind(
        "Distance from the start",
        ("runs.csv", "diagnostics.parquet"),
        "The L2 distance of every block from its weights at the start of fine-tuning (after re-initialisation) over "
        "the updates of training (Zhang et al. 2021, Figs. 7 and 15 to 18). Lines are means over all runs of an arm, "
        "up to where the first of them ends; bands, drawn for up to 6 arms, are their range.",
        _has_diagnostics,
        of_all_arms=True,
    ),
    "update-ratios": FigureKind(
        "Size of updates",
        ("runs.csv", "diagnostics.parquet"),
        "The L2 norm of an update over that of the weights it changes, block by block, over the share of a "
        "run's training: failed runs above, the others below. Lines are geometric means over the runs of all arms.",
        _has_diagnostics,
        of_all_arms=True,
    ),
    "saturation-and-entropy": FigureKind(
        "Saturation and entropy",
        ("runs.csv", "diagnostics.parquet"),
        "Above, the share of units behind the pooler's tanh that are further from 0 than .99; below, the mean "
        "entropy of the predictions of a training batch (nats), over the share of a run's training. "
        "Lines are medians over the runs of all arms, dotted "
        "those of failed runs; bands go from the lower to the upper quartile.",
        _has_diagnostics,
        of_all_arms=True,
    ),
    "step-multiple": FigureKind(
        "Steps without bias correction",
        ("runs.csv", "diagnostics.parquet"),
        "Left, how much larger an update is than bias-corrected Adam's from the same moments: points are measured, "
        "medians over all runs of an optimizer with their range; the line is (1 - b1^t) / sqrt(1 - b2^t), b1 = .9 and "
        "b2 = .999, for Adam without the correction, up to update 1,000,000 (Zhang et al. 2021, Fig. 1). Right, its "
        "inverse (Mosbach et al. 2021, Fig. 6). Dotted lines stand at the number of updates that most arms of a task "
        "train for.",
        _has_diagnostics,
        of_all_arms=True,
    ),
    "forgetting": FigureKind(
        "Forgetting",
        ("runs.csv", "forgetting.csv"),
        "The perplexity of masked words with the pre-trained word head on the fine-tuned encoder, when the top k "
        "layers are replaced by the pre-trained ones (Mosbach et al. 2021, Fig. 2). A line is a run, dotted where "
        "it failed; at the right end is the pre-trained model. One mask draw for all.",
        lambda study: study.probes.forgetting is not None,
        of_all_arms=True,
    ),
    "surface": FigureKind(
        "Loss surface",
        ("runs.csv", "surface.csv"),
        "Training loss (left) and gradient norm (right) on the plane through the start of fine-tuning (0, 0) and "
        "the ends of two runs (Mosbach et al. 2021, Fig. 7), dropout off.",
        lambda study: study.probes.surface is not None,
        of_all_arms=True,
    ),
}
