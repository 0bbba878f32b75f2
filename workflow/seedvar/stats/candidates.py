"""What a study chose from: the arms of each selection."""

from __future__ import annotations

import pandas as pd

from seedvar.stats.describe import describe, fill_undefined, filled, judged_checkpoint


def candidates(runs: pd.DataFrame) -> pd.DataFrame:
    """Describes the arms that each selection of a study chose from.

    Args:
        runs: The runs table of a study that selects, with all of its arms.

    Returns:
        One row a selection, task and arm, in the order of the table: `selection`, `task`, `arm`; `selected`, whether it
        was chosen; `n` runs, of which `failed`; mean and SD of the validation scores that it was chosen by
        (`mean_validation`, `sd_validation`), and of those that are judged (`mean`, `sd`).
    """
    rows = []
    for (task, arm), group in fill_undefined(runs).groupby(["task", "arm"], sort=False):
        if pd.isna(group["selection"].iloc[0]) or not group["selection"].iloc[0]:
            continue
        chosen_by = describe(filled(group, "validation", judged_checkpoint(group)))
        judged = describe(group["score"].to_numpy(float))
        rows.append(
            {
                "selection": group["selection"].iloc[0],
                "task": task,
                "arm": arm,
                "selected": bool(group["selected"].iloc[0]),
                "metric": group["metric"].iloc[0],
                "n": len(group),
                "failed": int(group["degenerate"].sum()),
                "mean_validation": chosen_by["mean"],
                "sd_validation": chosen_by["sd"],
                "mean": judged["mean"],
                "sd": judged["sd"],
            }
        )
    return pd.DataFrame(rows)
