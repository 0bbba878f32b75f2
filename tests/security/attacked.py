"""A project to attack, and what lies in and beside it before and after."""

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from helpers import environment_of, run_snakemake

SCORES = {"old": (0.5, 0.7, 0.71), "new": (0.8, 0.81, 0.84)}


def snapshot(root, leave_out=()):
    """Returns what lies below a folder: path to content or target of a link, with times of change."""
    found = {}
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(place, name) not in leave_out]
        for name in [*folders, *files]:
            path = Path(place, name)
            if path.is_symlink():
                found[path] = f"link to {os.readlink(path)}"
            elif path.is_dir():
                found[path] = "folder"
            else:
                found[path] = (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
    return found


@dataclass
class Project:
    """A copy of the workflow in a folder of its own.

    Attributes:
        root: The folder, with `canary` in it.
        folder: The copy.
    """

    root: Path
    folder: Path

    @property
    def canary(self):
        return self.root / "canary"

    def outside(self):
        """Returns what lies in and beside the project, but for results/ and Snakemake's own folder."""
        return snapshot(self.root, {self.folder / "results", self.folder / ".snakemake"})

    def write(self, path, text):
        """Writes a file of the user's, relative to the project."""
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def study(self, path, file, description="", baseline="old", task="one", metric="accuracy"):
        """Writes a study of a table of runs."""
        columns = {"task": "task", "arm": "arm", "seed": "seed"}
        tasks = {task: {"metric": metric, "score": "test", "majority": 0.5}}
        runs = {"file": file, "columns": columns, "tasks": tasks}
        values = {"description": description, "runs": runs, "baseline": baseline}
        return self.write(path, json.dumps(values))  # JSON is YAML

    def table(self, path, scores=SCORES, task="one"):
        """Writes a table of runs."""
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"task": task, "arm": arm, "seed": i, "test": s} for arm in scores for i, s in enumerate(scores[arm])]
        pd.DataFrame(rows).to_csv(path, index=False)
        return path

    def snakemake(self, *arguments, **options):
        """Runs Snakemake in the project."""
        return run_snakemake(self.folder, *arguments, **options)

    def run(self, *command, environment=None):
        """Runs a command in the project, in a process of its own."""
        variables = environment_of(self.folder) | (environment or {})
        return subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=300)
