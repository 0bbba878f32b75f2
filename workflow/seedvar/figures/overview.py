"""The one picture: a row an arm, a column a task, every run, its mean, and how many failed over all tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import binomtest

from seedvar.data.shown import factor, higher_is_better, perfect, score_label, title
from seedvar.figures.style import FAILED_COLOUR, in_order
from seedvar.words import KEYS, SYNTHETIC, task_title

POINT = 72  # points an inch
BASELINE_COLOUR, COLOUR = "#000000", "#0072B2"
LOWEST = -40  # of the normalised axis: what is below is drawn there
FAR = 10  # interquartile ranges beyond the quartiles: on an axis in its own unit, what is there is drawn at the edge
SMALLEST_LETTERS = 6  # points
DIAMETER = 4.0  # of a mark, in points, where there is room
LEAST_STEP = 1.4  # between the centres of marks of one score, in points, where there is room
SHARE_OF_ROW = 0.86  # of a row that marks may take


def numbers(runs: pd.DataFrame, summary: pd.DataFrame, baseline: str | None = None) -> pd.DataFrame:
    """Puts every run and its arm's mean on one axis: 0 is the trivial predictor, 100 perfect.

    Args:
        runs: runs.csv.
        summary: summary.csv, for the means of the runs that did not fail and their intervals.
        baseline: Name of the baseline arm; its rows come first.

    Returns:
        The runs, with `shown`, what is drawn of the score, and `mean`, `mean_low`, `mean_high` in its units;
        `is_normalised`, which is so for all or for none: not where a task has no trivial predictor, or a perfect one.
    """
    about = summary.set_index(["task", "arm"])[["ok_mean", "ok_mean_low", "ok_mean_high"]]
    about.columns = ["mean", "mean_low", "mean_high"]
    chosen = [*KEYS, "metric", "split", "score", "majority", "degenerate"]
    chosen += [name for name in ("status", "slug") if name in runs]
    rows = runs[chosen].join(about, on=["task", "arm"])
    best = rows["metric"].map({metric: perfect(metric) for metric in rows["metric"].unique()})
    room = best - rows["majority"]
    normalised = bool(room.notna().all() and (room != 0).all())
    for name in ("score", "mean", "mean_low", "mean_high"):
        if normalised:
            rows["shown" if name == "score" else name] = 100 * (rows[name] - rows["majority"]) / room
        else:
            scale = rows["metric"].map({metric: factor(metric) for metric in rows["metric"].unique()})
            rows["shown" if name == "score" else name] = scale * rows[name]
    swapped = rows["mean_low"] > rows["mean_high"]  # an error, turned round
    rows.loc[swapped, ["mean_low", "mean_high"]] = rows.loc[swapped, ["mean_high", "mean_low"]].to_numpy()
    rows["is_normalised"], rows["is_baseline"] = normalised, rows["arm"] == baseline
    return rows.sort_values("is_baseline", ascending=False, kind="stable").reset_index(drop=True)


def stacks(x: np.ndarray, diameter: float) -> list[np.ndarray]:
    """Returns the marks, by their positions in `x`, that share a diameter of the axis, from left to right."""
    order = np.argsort(x, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(np.floor(x[order] / diameter))) + 1) if len(x) else []


def swarm(x: np.ndarray, diameter: float, height: float) -> np.ndarray:
    """Shifts marks up and down until each can be seen.

    Marks whose places on the axis share a diameter are stacked, as far apart as the height allows.

    Args:
        x: Places on the axis, shape (marks,), in points.
        diameter: Of a mark, in points.
        height: That all shifts together may take, in points.

    Returns:
        The shifts, shape (marks,), in points: no two marks have place and shift in common.
    """
    shifts = np.zeros(len(x))
    for stack in stacks(x, diameter):
        n = len(stack)
        step = min(diameter, (height - diameter) / max(1, n - 1))
        # Alternately above and below, the middle first
        ranks = np.array([(i + 1) // 2 * (-1) ** i for i in range(n)])
        shifts[stack] = step * (ranks + (0.5 if n % 2 == 0 else 0.0))
    return shifts


def tooltips(numbers: pd.DataFrame) -> dict[str, str]:
    """Says of each run, by the id of its mark, what it is: arm, seed, score, and why it has failed."""
    said = {}
    for number, row in numbers.iterrows():
        scale, metric = factor(row["metric"]), row["metric"]
        points = " × 100" if scale == 100 else ""
        init, order = (f"{row[name]:g}" if pd.notna(row[name]) else "?" for name in ("init_seed", "order_seed"))
        seed = f"seed {init}" if init == order else f"initialisation seed {init}, order seed {order}"
        score = f"{100 * row['score']:.1f}" if scale == 100 else f"{row['score']:.4g}"
        text = f"{row['arm']} on {task_title(row['task'])}, {seed}: {score} ({row['split']} {title(metric)}{points})"
        if row["degenerate"]:
            why = "it diverged" if row.get("status") == "diverged" else "no better than the trivial predictor"
            known = "" if pd.isna(row["majority"]) else f", {scale * row['majority']:.4g}"
            text += f"; failed: {why}{known}"
        if "slug" in row:
            text += f"; {row['slug']}"
        said[f"run-{number}"] = text
    return said


def draw(numbers: pd.DataFrame, width: float = 7.0) -> Figure:
    """Draws the picture.

    Args:
        numbers: As of `numbers`.
        width: Of the picture, in inches: about 7 for a page, 3.3 for a column.
    """
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    a_line = min(len(tasks), 4 if width > 5 else 2)
    lines = -(-len(tasks) // a_line)
    letters = 8 if width > 5 and len(arms) <= 12 else SMALLEST_LETTERS
    gutter = min(0.4 * width, 0.15 + 0.6 * letters / POINT * max(len(arm) for arm in arms))
    gap, above, below = (0.14, 0.3, 0.36) if width > 5 else (0.1, 0.26, 0.32)
    counts = numbers.groupby("arm", sort=False)["degenerate"].agg(lambda failed: f"{int(failed.sum())}/{len(failed)}")
    room = 0.62 * letters / POINT * counts.str.len().max()  # for the counts of failed runs
    failed_width = (0.6 if width > 5 else 0.36) + room
    panel = (width - gutter - failed_width - a_line * gap) / a_line
    normalised = bool(numbers["is_normalised"].iloc[0])
    if not normalised:
        below += 0.14
    limits = _limits(numbers["shown"]) if normalised else None
    row = _row_height(numbers, limits, panel, len(arms))
    foot = (2 if width > 5 else 4) * 1.3 * letters / POINT
    height = lines * (above + row * len(arms) + below) + foot
    figure = Figure(figsize=(width, height))
    for number, task in enumerate(tasks):
        line, column = divmod(number, a_line)
        top = height - line * (above + row * len(arms) + below) - above
        left = gutter + column * (panel + gap)
        box = (left / width, (top - row * len(arms)) / height, panel / width, row * len(arms) / height)
        ax = figure.add_axes(box)
        rows = numbers[numbers["task"] == task]
        _panel(ax, rows, arms, limits or _own_limits(rows), panel * POINT, row * POINT)
        ax.set_title(task, fontsize=letters + 1)
        _letters(ax, letters)
        if not normalised:
            label, n_beyond = score_label(rows["metric"].iloc[0], rows["split"].iloc[0]), _n_beyond(rows)
            ax.set_xlabel(f"{label}; {n_beyond} beyond, at the edge" if n_beyond else label, fontsize=letters)
        _names(ax, arms, numbers, column == 0, letters)
    top = height - above
    box = ((width - failed_width + gap) / width, (top - row * len(arms)) / height)
    ax = figure.add_axes((*box, (failed_width - 1.3 * gap - room) / width, row * len(arms) / height))
    _failures(ax, numbers, arms, letters)
    figure.text(
        0.5, 0.04 / height, _legend(numbers, width), ha="center", va="bottom", fontsize=letters, linespacing=1.3
    )
    return figure


def _limits(shown: pd.Series) -> tuple[float, float]:
    return max(LOWEST, min(float(shown.min()), 0.0)) - 6, 104.0


def _own_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Returns the ends of a task's axis in its own unit: a run far off, as a perplexity may be, squeezes no others."""
    shown, majority = rows["shown"], factor(rows["metric"].iloc[0]) * rows["majority"].iloc[0]
    near = pd.concat([shown[~_is_far(shown)], pd.Series([majority]).dropna()])
    room = 0.08 * (near.max() - near.min()) or 1.0
    return float(near.min() - room), float(near.max() + room)


def _is_far(shown: pd.Series) -> pd.Series:
    low, high = shown.quantile([0.25, 0.75])
    return ~shown.between(low - FAR * (high - low), high + FAR * (high - low)) & (high > low)


def _n_beyond(rows: pd.DataFrame) -> int:
    shown = rows["shown"].dropna()
    return int((~shown.between(*_own_limits(rows))).sum())


def _row_height(numbers: pd.DataFrame, limits: tuple[float, float] | None, panel: float, n_arms: int) -> float:
    """Returns the height of a row, in inches: more where many runs have one score, for all to be seen."""
    most = 1
    for _, rows in numbers.groupby("task", sort=False):
        low, high = limits or _own_limits(rows)
        for _, here in rows.groupby("arm", sort=False):
            x = (np.clip(here["shown"].to_numpy(float), low, high) - low) / (high - low) * panel * POINT
            most = max(most, *map(len, stacks(x, DIAMETER)))
    usual = min(0.34, 6.5 / n_arms)
    return max(0.13, usual, min(most * LEAST_STEP / POINT / SHARE_OF_ROW, 8 / n_arms))


def _panel(ax, rows: pd.DataFrame, arms: list[str], limits: tuple[float, float], width: float, height: float) -> None:
    """Draws the runs of a task; `width` of the panel and `height` of a row in points."""
    diameter = min(DIAMETER, 0.3 * height)
    ax.set_xlim(*limits)
    ax.set_ylim(len(arms) - 0.5, -0.5)
    a_point = (limits[1] - limits[0]) / width
    if rows["is_normalised"].iloc[0]:
        ax.axvline(0, linestyle="--", color="#555555", linewidth=0.8, zorder=1)
        ax.set_xticks([0, 50, 100])
    elif rows["majority"].notna().all():
        at = factor(rows["metric"].iloc[0]) * rows["majority"].iloc[0]
        ax.axvline(at, linestyle="--", color="#555555", linewidth=0.8, zorder=1)
    for place, arm in enumerate(arms):
        here = rows[rows["arm"] == arm]
        if here.empty:
            continue
        colour = BASELINE_COLOUR if here["is_baseline"].iloc[0] else COLOUR
        x = np.clip(here["shown"].to_numpy(float), *limits)
        failed = here["degenerate"].to_numpy(bool)
        x_points, room = (x - limits[0]) / a_point, SHARE_OF_ROW * height
        y = place + swarm(x_points, diameter, room) / height
        step = (room - diameter) / max(1, max(map(len, stacks(x_points, diameter))) - 1)
        size = min(diameter, max(1.3 * step, 1.2))  # smaller where they are many
        mean, low, high = (float(here[name].iloc[0]) for name in ("mean", "mean_low", "mean_high"))
        if not np.isnan(low):
            ax.plot(np.clip([low, high], *limits), [place] * 2, color=colour, linewidth=0.8, alpha=0.55, zorder=2)
        if not np.isnan(mean):
            ax.plot([mean] * 2, [place - 0.4, place + 0.4], color=colour, linewidth=1.4, alpha=0.8, zorder=2)
        width_of_edge = 0.35 if size > 2.5 else 0
        edge = {"linestyle": "", "markeredgecolor": "white", "markeredgewidth": width_of_edge, "zorder": 3}
        edge["clip_on"] = False  # what lies at the edge of the panel is drawn whole
        for kind, marker, larger, fill in ((~failed, "o", 1.0, colour), (failed, "X", 1.25, FAILED_COLOUR)):
            for i in np.flatnonzero(kind):
                (mark,) = ax.plot(x[i], y[i], marker, color=fill, markersize=larger * size, **edge)
                mark.set_gid(f"run-{here.index[i]}")
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x")


def _names(ax, arms: list[str], numbers: pd.DataFrame, shown: bool, letters: float) -> None:
    ax.set_yticks(range(len(arms)), arms if shown else [""] * len(arms), fontsize=letters)
    ax.tick_params(axis="y", length=0)
    if shown and numbers["is_baseline"].any():
        ax.get_yticklabels()[0].set_fontweight("bold")


def _letters(ax, letters: float) -> None:
    ax.tick_params(axis="x", labelsize=letters, length=2)
    ax.xaxis.labelpad = 1


def _failures(ax, numbers: pd.DataFrame, arms: list[str], letters: float) -> None:
    """Draws the share of failed runs over all tasks, with Clopper and Pearson's interval."""
    for place, arm in enumerate(arms):
        failed = numbers.loc[numbers["arm"] == arm, "degenerate"]
        k, n = int(failed.sum()), len(failed)
        interval = binomtest(k, n).proportion_ci(0.95, method="exact")
        ax.barh(place, 100 * k / n, height=0.62, color=FAILED_COLOUR, alpha=0.45)
        ax.plot([100 * interval.low, 100 * interval.high], [place] * 2, color="#333333", linewidth=0.9)
        ax.text(106, place, f"{k}/{n}", va="center", fontsize=letters)
    ax.set_xlim(0, 100)
    ax.set_ylim(len(arms) - 0.5, -0.5)
    ax.set_yticks([])
    ax.set_xticks([0, 100])
    ax.set_title("failed, %", fontsize=letters + 1)
    _letters(ax, letters)
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False)


def _legend(numbers: pd.DataFrame, width: float) -> str:
    """Says what the axis and the marks are."""
    split = numbers["split"].iloc[0] if numbers["split"].nunique() == 1 else "test or validation"
    if numbers["is_normalised"].iloc[0]:
        turned = (
            "" if all(higher_is_better(metric) for metric in numbers["metric"].unique()) else ", errors turned round"
        )
        axis = f"{split} score: 0 the trivial predictor, 100 perfect{turned}"
    else:
        axis = "dashed: the trivial predictor, where there is one"
    per_cell = numbers.groupby(["task", "arm"]).size()
    n = f"n = {per_cell.min()}" if per_cell.nunique() == 1 else f"n = {per_cell.min()} to {per_cell.max()}"
    marks = f"• a run ({n}), × a failed run, | mean of those that did not fail, — its 95 % interval"
    first = "; baseline in bold" if numbers["is_baseline"].any() else ""
    synthetic = f"; tasks {SYNTHETIC}… are synthetic" if numbers["task"].str.startswith(SYNTHETIC).any() else ""
    if width > 5:
        return f"{axis}{first}{synthetic}\n{marks}"
    before, after = marks.split(", | ")
    return f"{axis}\n{(first + synthetic).removeprefix('; ')}\n{before},\n| {after}"
