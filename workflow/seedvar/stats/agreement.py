"""Judges from stored predictions whether runs agree example by example, beyond their scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import entr, softmax

from seedvar.data.shown import is_regression, listed, sign
from seedvar.stats.describe import judged_checkpoint, require_baseline
from seedvar.words import SEEDS


@dataclass(frozen=True)
class Outputs:
    """What the runs of one task and arm answered on the same examples.

    Attributes:
        seeds: The init and order seed of each run.
        examples: Number of each example in its source, shape (examples,).
        labels: Shape (examples,).
        logits: Shape (runs, examples, classes); one class is regression. NaN for a diverged run.
    """

    seeds: list[tuple[int, int]]
    examples: np.ndarray
    labels: np.ndarray
    logits: np.ndarray

    @property
    def diverged(self) -> np.ndarray:
        return ~np.isfinite(self.logits).all(axis=(1, 2))

    def select(self, runs: np.ndarray | list[int]) -> Outputs:
        """Keeps some runs, by number or by a mask."""
        numbers = np.arange(len(self.seeds))[runs]
        return Outputs([self.seeds[i] for i in numbers], self.examples, self.labels, self.logits[numbers])

    def on(self, examples: np.ndarray) -> Outputs:
        """Keeps the examples with these numbers, all of which there are, in increasing order."""
        keep = np.isin(self.examples, examples)
        return Outputs(self.seeds, self.examples[keep], self.labels[keep], self.logits[:, keep])


def read_outputs(predictions: pd.DataFrame, runs: pd.DataFrame) -> dict[tuple[str, str], Outputs]:
    """Arranges the predictions of the judged checkpoint on the judged split by task and arm.

    Args:
        predictions: The table of predictions (see `collect.py`), with one column `logit_<k>` a
            class. An example that not every run of the arm has is left out.
        runs: The runs table; its columns `checkpoint` and `split` name what is judged.
    """
    judged = predictions[predictions["checkpoint"] == judged_checkpoint(runs)]
    arms = dict(list(judged.groupby(["task", "arm"], sort=False, observed=True)))
    logit_columns = [name for name in predictions.columns if name.startswith("logit_")]
    # An empty column belongs to another task with more classes; all runs of this one tell that.
    has_values = judged.groupby("task", observed=True)[logit_columns].count() > 0
    outputs = {}
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        if (task, arm) not in arms:
            continue
        rows = arms[task, arm]
        rows = rows[rows["split"] == group["split"].iloc[0]].sort_values([*SEEDS, "example"])
        seeds = rows[SEEDS].drop_duplicates()
        examples, times = np.unique(rows["example"], return_counts=True)
        if len(seeds) and (times != len(seeds)).any():
            rows = rows[rows["example"].isin(examples[times == len(seeds)])]
        n_examples = len(rows) // max(len(seeds), 1)
        used = [name for name in logit_columns if has_values.loc[task, name]] or logit_columns[:1]
        outputs[task, arm] = Outputs(
            seeds=list(seeds.itertuples(index=False, name=None)),
            examples=rows["example"].to_numpy()[:n_examples],
            labels=rows["label"].to_numpy(float)[:n_examples],
            logits=rows[used].to_numpy(float).reshape(len(seeds), n_examples, len(used)),
        )
    return outputs


def weighted_scores(
    metric: str, labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1
) -> np.ndarray:
    """Scores runs on examples that count several times or not at all, such as bootstrap resamples.

    Where a score is not defined (a correlation with a constant, F1 without any positive) it is 0.

    Args:
        metric: One of `data.metrics.METRICS`.
        labels: Shape (examples,).
        logits: Shape (runs, examples, classes), finite.
        weights: How often an example counts, shape (examples, resamples).
        positive: Number of the class that the F1 of a class is of.

    Returns:
        Shape (runs, resamples).

    Raises:
        UserError: The metric is not listed.
    """
    return listed(metric).weighted(labels, logits, weights, positive)


def positive_class(runs: pd.DataFrame) -> int:
    """Returns the number of the class that counts, for runs of one task; the second where the table does not say."""
    value = runs["positive"].iloc[0] if "positive" in runs else 1
    return 1 if pd.isna(value) else int(value)


def class_counts(predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts how many runs chose each class: shape (runs, examples) to (examples, classes)."""
    return (predicted[:, :, None] == np.arange(n_classes)).sum(axis=0)


def disagreement(counts: np.ndarray) -> float:
    """Returns the chance that two different runs disagree on an example, from `class_counts`.

    Mean over examples of 1 − (Σ_j n_ij² − R) / (R (R − 1)), which is the mean over all pairs of R
    runs. NaN for one run.
    """
    runs = counts[0].sum() if len(counts) else 0
    return float(1 - ((counts**2).sum(axis=1) - runs).mean() / (runs * (runs - 1))) if runs > 1 else np.nan


def fleiss_kappa(counts: np.ndarray) -> float:
    """Returns Fleiss' kappa (1971), the agreement of runs beyond chance, from `class_counts`.

    (P − P_e) / (1 − P_e) with P = 1 − `disagreement` and P_e = Σ_j p_j². 1 is full agreement, 0 that of
    chance. NaN for one run, or if all answers are the same class.
    """
    agreement = 1 - disagreement(counts)
    if np.isnan(agreement) or np.count_nonzero(counts.any(axis=0)) == 1:
        return np.nan
    chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return float((agreement - chance) / (1 - chance))


def jensen_shannon(probabilities: np.ndarray) -> float:
    """Returns the Jensen-Shannon divergence between runs, in nats, averaged over examples and pairs.

    KL(p‖m) / 2 + KL(q‖m) / 2 with m = (p + q) / 2, from 0 to ln 2 = .693.

    Args:
        probabilities: Shape (runs, examples, classes).
    """
    runs, examples, _ = probabilities.shape
    if runs < 2 or examples == 0:
        return np.nan
    entropy_of_mean = sum(entr((one + probabilities[i + 1 :]) / 2).sum() for i, one in enumerate(probabilities)) / (
        examples * runs * (runs - 1) / 2
    )
    return float(max(entropy_of_mean - entr(probabilities).sum() / (examples * runs), 0.0))


def instability(predictions: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Describes how far the runs of each task and arm disagree, example by example.

    Args:
        predictions: The table of predictions (see `collect.py`).
        runs: The runs table.

    Returns:
        One row a task and arm, on the judged split at the judged checkpoint: number of `runs`, of
        which `left_out` diverged and have no predictions; `examples`; `disagreement`; `kappa`; `jsd`;
        `example_variance`, the mean over examples of p (1 − p), p the share of runs that are right
        (Mosbach et al. 2021, appendix: per-point stability); `flipped`, the share of examples on
        which not all runs agree; `mean_score`; `ensemble_score`, that of the mean probabilities (mean
        prediction in regression); `ensemble_gain`, how much better that is. In regression `prediction_sd`,
        the mean over examples of the SD (ddof = 1) over runs in units of the label, takes the place of
        the measures of classes. NaN where a measure is not defined, such as agreement of one run.
    """
    metrics = runs.drop_duplicates(["task", "arm"]).set_index(["task", "arm"])
    rows = []
    for (task, arm), everything in read_outputs(predictions, runs).items():
        outputs = everything.select(~everything.diverged)
        row = {"task": task, "arm": arm, "split": metrics.loc[(task, arm), "split"]}
        row |= {"runs": len(everything.seeds), "left_out": int(everything.diverged.sum())}
        about = metrics.loc[[(task, arm)]]
        measured = measures(outputs, about["metric"].iloc[0], positive_class(about))
        row |= {"examples": len(outputs.examples), **measured}
        rows.append(row)
    return pd.DataFrame(rows)


MEASURES = ["disagreement", "kappa", "jsd", "example_variance", "flipped", "prediction_sd"]
MEASURES += ["mean_score", "ensemble_score", "ensemble_gain"]


def measures(outputs: Outputs, metric: str, positive: int = 1) -> dict[str, float]:
    """Returns the measures of `instability` for runs of which none diverged."""
    row = dict.fromkeys(MEASURES, np.nan)
    runs, examples, n_classes = outputs.logits.shape
    if runs == 0 or examples == 0:
        return row
    regression = n_classes == 1 or is_regression(metric)
    answers = outputs.logits if regression else softmax(outputs.logits, axis=2)
    scored = lambda logits: weighted_scores(metric, outputs.labels, logits, np.ones((examples, 1)), positive)  # noqa: E731
    row["mean_score"] = float(scored(outputs.logits).mean())
    row["ensemble_score"] = float(scored(answers.mean(axis=0)[None]).item())
    row["ensemble_gain"] = sign(metric) * (row["ensemble_score"] - row["mean_score"])
    if runs < 2:
        return row
    if regression:
        return row | {"prediction_sd": float(answers[:, :, 0].std(axis=0, ddof=1).mean())}
    predicted = outputs.logits.argmax(axis=2)
    counts = class_counts(predicted, n_classes)
    right = (predicted == outputs.labels).mean(axis=0)
    row |= {"disagreement": disagreement(counts), "kappa": fleiss_kappa(counts), "jsd": jensen_shannon(answers)}
    row["example_variance"] = float((right * (1 - right)).mean())
    return row | {"flipped": float((counts.max(axis=1) < runs).mean())}


def churn(predictions: pd.DataFrame, runs: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Describes how far each arm answers differently from the baseline arm (Milani Fard et al. 2016).

    Args:
        predictions: The table of predictions (see `collect.py`).
        runs: The runs table.
        baseline: Name of the baseline arm.

    Returns:
        One row a task and arm: number of `pairs` of runs that did not diverge, one a shared seed
        (`paired`), or all pairs where no seed is shared; common `examples`; `churn`, the share of
        examples on which the two runs of a pair differ; of it `broken`, right in the baseline and wrong
        in the arm, and `repaired`, the reverse; `baseline_disagreement`, what two runs of the
        baseline differ by, for comparison. In regression `shift` = mean |difference| of the predictions.
    """
    require_baseline(runs, baseline)
    outputs = read_outputs(predictions, runs)
    rows = []
    for (task, arm), ours in outputs.items():
        if arm == baseline or (task, baseline) not in outputs:
            continue
        theirs = outputs[task, baseline]
        common = np.intersect1d(ours.examples, theirs.examples)
        ours, theirs = (one.select(~one.diverged).on(common) for one in (ours, theirs))
        rows.append({"task": task, "arm": arm, "baseline": baseline, **_churn(ours, theirs)})
    return pd.DataFrame(rows)


def _churn(ours: Outputs, theirs: Outputs) -> dict[str, float]:
    shared = [seeds for seeds in ours.seeds if seeds in theirs.seeds]
    measured = dict.fromkeys(["churn", "broken", "repaired", "baseline_disagreement", "shift"], np.nan)
    a, b = ours.logits, theirs.logits
    if shared:
        a, b = a[[ours.seeds.index(s) for s in shared]], b[[theirs.seeds.index(s) for s in shared]]
    else:  # every run beside every other: (runs, 1, …) against (1, runs, …)
        a, b = a[:, None], b[None]
    pairs = len(shared) or len(a) * b.shape[1]
    row = {"pairs": pairs, "paired": bool(shared), "examples": len(ours.examples)}
    if pairs == 0 or len(ours.examples) == 0:
        return row | measured
    if a.shape[-1] == 1:
        return row | measured | {"shift": float(np.abs(a - b).mean())}
    a, b = a.argmax(axis=-1), b.argmax(axis=-1)
    right_a, right_b = a == ours.labels, b == ours.labels
    measured |= {"churn": float((a != b).mean()), "broken": float((right_b & ~right_a).mean())}
    measured |= {"repaired": float((right_a & ~right_b).mean())}
    counts = class_counts(theirs.logits.argmax(axis=2), theirs.logits.shape[2])
    return row | measured | {"baseline_disagreement": disagreement(counts)}
