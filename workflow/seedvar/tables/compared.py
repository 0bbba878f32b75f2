"""The runs that a study compares: with `select`, the best of several arms stands for them, task by task.

`runs.csv` holds every run under the name of its own arm, and says of the arms that a selection is made of which one was
chosen. What compares arms sees the chosen runs under the selection's name, and those that were not chosen not at all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedvar.data.shown import sign

SELECTION, SELECTED, TRAINED_AS = "selection", "selected", "trained_as"


def select(runs: pd.DataFrame, chosen_from: dict[str, dict[str, list[str]]], checkpoint: str) -> pd.DataFrame:
    """Chooses, task by task, the arm with the best mean validation score over its runs.

    Args:
        runs: The runs table.
        chosen_from: Name of a selection to task to the arms that it may choose.
        checkpoint: Whose validation scores count, `last` or `best`; one that is not defined is the majority's
            (in a table of somebody else's runs that of the judged split, the only one that is known).

    Returns:
        The table with two more columns: `selection`, what the run's arm may be chosen for, empty where nothing; and
        `selected`, whether it was. The first of equally good arms is chosen.
    """
    trivial = runs["majority_validation" if "majority_validation" in runs else "majority"]
    validation = runs[f"validation_{checkpoint}"].fillna(trivial)
    up = validation * runs["metric"].map({metric: sign(metric) for metric in runs["metric"].unique()})
    means = up.groupby([runs["task"], runs["arm"]]).mean()
    selection, selected = pd.Series("", runs.index), pd.Series(False, runs.index)
    for name, by_task in chosen_from.items():
        selection[runs["arm"].isin({arm for arms in by_task.values() for arm in arms})] = name
        for task, arms in by_task.items():
            best = arms[int(np.argmax([means[task, arm] for arm in arms]))]
            selected |= (runs["task"] == task) & (runs["arm"] == best)
    return runs.assign(**{SELECTION: selection, SELECTED: selected})


def as_compared(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Puts each selection in the place of the arms that it was made from.

    Args:
        tables: Tables of a study by their names, `runs` among them; what has no `task` and `arm` stays as it is.

    Returns:
        The tables without the runs that were not chosen, the others under the selection's name. `trained_as` in `runs`
        is the name of their own arm. Without a selection, the tables as they are.
    """
    runs = tables.get("runs")
    if runs is None or SELECTION not in runs:
        return tables
    arms = runs.fillna({SELECTION: ""}).drop_duplicates(["task", "arm"]).set_index(["task", "arm"])
    chosen = arms[SELECTED].astype(bool)
    left_out, renamed = arms.index[(arms[SELECTION] != "") & ~chosen], arms[SELECTION][chosen]
    own_names = {**tables, "runs": runs.drop(columns=[SELECTION, SELECTED]).assign(**{TRAINED_AS: runs["arm"]})}
    return {name: _renamed(table, left_out, renamed) for name, table in own_names.items()}


def _renamed(table: pd.DataFrame, left_out: pd.MultiIndex, renamed: pd.Series) -> pd.DataFrame:
    if not {"task", "arm"} <= set(table):
        return table
    kept = table[~_places(table).isin(left_out)].reset_index(drop=True)
    names = renamed.reindex(_places(kept)).to_numpy()
    return kept.assign(arm=np.where(pd.isna(names), kept["arm"].astype(str), names))


def _places(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([table["task"].astype(str), table["arm"].astype(str)])
