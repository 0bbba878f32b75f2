"""The scores of a study so far, drawn in text: a strip for each task and arm."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from seedvar.data.shown import factor, sign, title
from seedvar.engine.plan import Plan
from seedvar.status.state import StudyState
from seedvar.study.grid import expand
from seedvar.study.study import Score
from seedvar.words import task_title

DOT = "·"  # a run
SIGNS = {0: " ", 1: DOT}
WIDEST, NARROWEST = 40, 10  # strips, in characters


def score_lines(study: StudyState, plan: Plan, width: int) -> list[str]:
    """Draws the scores of the cells that are done, from the majority score to the best so far.

    Args:
        study: The state.
        plan: The study's plan.
        width: Of the terminal, in characters.

    Returns:
        A line for each task, and below it one for each of its arms; nothing where no cell is done.
    """
    states = dict(zip(plan.all_cells, study.cells, strict=True))
    records: dict[str, dict[str, list]] = {}
    for arm, cell in expand(plan.study):
        state = states[cell.folder()]
        arms = records.setdefault(cell.task, {}).setdefault(arm, [])
        if state.state == "done":
            arms.append(state.record)
    lines = []
    for task, arms in records.items():
        lines += _task_lines(task, {arm: found for arm, found in arms.items() if found}, plan.study.score, width)
    about = f"Scores so far; {DOT} is a run, a digit so many at one place, x the runs that failed:"
    return [about, *lines] if lines else []


def _task_lines(task: str, arms: dict[str, list], judged: Score, width: int) -> list[str]:
    if not arms:
        return []
    runs, counts = {}, {}
    for arm, records in arms.items():
        found = [(record, _score(record, judged)) for record in records]
        runs[arm] = [score for record, score in found if score is not None and not record.degenerate]
        counts[arm] = (len(records) - len(runs[arm]), len(records))
    first = next(iter(arms.values()))[0]
    metric, split = first.metric, judged.split or first.reported_split
    low = first.majority.get(split, 0.0)
    high = max(
        (score for scores in runs.values() for score in scores), key=lambda score: sign(metric) * score, default=low
    )
    names = max(len(arm) for arm in arms)
    notes = {arm: f"{failed}/{n} failed" for arm, (failed, n) in counts.items()}
    note = max(len(text) for text in notes.values())
    crosses = {arm: "x" if failed == 1 else f"{failed}x" if failed else "" for arm, (failed, _) in counts.items()}
    cross = max(len(text) for text in crosses.values())
    wide = max(NARROWEST, min(WIDEST, width - (4 + names + 2 + note + 2 + cross + 3 + len(" 9: 999"))))
    ends = [f"{score * factor(metric):.4g}" for score in (low, high)]
    lines = [f"  {task_title(task)}, {split} {title(metric)}: from {ends[0]} (majority) to {ends[1]} (best)"]
    for arm, scores in runs.items():
        strip = _strip([_place(score, low, high, wide) for score in scores], wide)
        lines.append(f"    {arm:<{names}}  {notes[arm]:>{note}}  {crosses[arm]:>{cross}} {strip}")
    return lines


def _score(record, judged: Score) -> float | None:
    return record.scores[judged.checkpoint].get(judged.split or record.reported_split, {}).get(record.metric)


def _place(score: float, low: float, high: float, width: int) -> int:
    """Returns the column of a score; what is worse than the majority score stands in the first."""
    share = (score - low) / (high - low) if high != low else 0.0
    return min(width - 1, max(0, int(share * width)))


def _strip(places: Iterable[int], width: int) -> str:
    """Draws runs in their columns; where there are more than nine in one, the digits are shares of the fullest."""
    counts = Counter(places)
    most = max(counts.values(), default=0)
    each = [counts[place] if most <= 9 else math.ceil(9 * counts[place] / most) for place in range(width)]
    return f"|{''.join(SIGNS.get(n, str(n)) for n in each)}|" + (f" 9: {most}" if most > 9 else "")
