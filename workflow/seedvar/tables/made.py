"""How the runs of a study were made: machine, time and versions, from the records of their cells where these are."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pandas as pd

from seedvar.cells.places import RESULT, cell_folder, log_file
from seedvar.cells.record import read_record
from seedvar.errors import UserError
from seedvar.tables.failed_jobs import failed_jobs

OF_A_CELL = ["data", "model", "task", "slug", "init_seed", "order_seed"]
RECORDED = ["machine", "wall_time_s", "resumed_after", "versions", "commit"]


def how_made(runs: pd.DataFrame, results: Path) -> pd.DataFrame:
    """Looks up the cells of runs.

    Args:
        runs: The table of runs.
        results: The results folder, whose cells may be there or not.

    Returns:
        A row each, with the same index. `machine`, `wall_time_s` (seconds over all starts), `resumed_after` (the
        updates after which it was taken up), `versions` and `commit` of the code are missing where there is no record
        of this very run; `log`, the file, where there is none. `failed_before`: whether a job of it failed.
    """
    found = pd.DataFrame(None, index=runs.index, columns=[*RECORDED, "log", "failed_before"], dtype=object)
    failed = failed_jobs(results)
    if not {*OF_A_CELL, "fingerprint"} <= set(runs):
        return found
    for index, row in zip(runs.index, runs[[*OF_A_CELL, "fingerprint"]].to_dict("records"), strict=True):
        with contextlib.suppress(UserError):  # no record, or not a cell's name
            folder = cell_folder(*(row[name] for name in OF_A_CELL))
            log = log_file(results, "train", folder)
            found.at[index, "log"] = log if log.is_file() else None
            result = results / folder / RESULT
            record = read_record(result)
            if record.fingerprint == row["fingerprint"]:
                what = [_machine(record), record.wall_time_s, record.resumed_after, _versions(record), record.commit]
                for name, value in zip(RECORDED, what, strict=True):
                    found.at[index, name] = value
                made_at = result.stat().st_mtime
                found.at[index, "failed_before"] = any(time <= made_at for time in failed.get(log, []))
    return found


def _machine(record) -> str:
    if record.device != "cpu":
        shared = f", up to {record.cells_per_gpu} runs side by side" if record.cells_per_gpu > 1 else ""
        return f"{record.device}{shared}"
    return f"{record.processor or 'a processor'}, {record.threads} thread{'s' if record.threads > 1 else ''} a run"


def _versions(record) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.versions.items())
