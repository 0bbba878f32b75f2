"""Arms that are, task by task, the best of some: what a study file says of them under `select`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from seedvar.errors import UserError
from seedvar.strict import NAME_IN_WORDS, Strict, differ_by_case, is_name

ArmList = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


Selections = Annotated[
    dict[str, ArmList | Annotated[dict[str, ArmList], Field(min_length=1)]],
    Field(
        min_length=1,
        description="Arms that are, task by task, the best of some by mean validation score: a name, and the arms "
        "to choose from, for all tasks or by task. Tables compare it in their place; changing it trains nothing.",
    ),
]


class Selecting(Strict):
    """A study, of one's own runs or of a table's, that may compare the best of some arms in their place: `select`."""

    @property
    def selections(self) -> dict[str, dict[str, list[str]]]:
        """The arms that each selection chooses from, by its name and the task."""
        return {
            name: arms if isinstance(arms, dict) else {task: arms for task in self.tasks}
            for name, arms in (self.select or {}).items()
        }

    @property
    def selected_in_words(self) -> list[str]:
        """Says for captions what each selection is, a sentence each."""
        sentences = []
        for name, by_task in self.selections.items():
            on: dict[str, list[str]] = {}
            for task, arms in by_task.items():
                on.setdefault(", ".join(arms), []).append(task)
            best_of = "; ".join(f"{arms} ({', '.join(tasks)})" if len(on) > 1 else arms for arms, tasks in on.items())
            sentences.append(f"{name} is, task by task, the best of these by mean validation score: {best_of}.")
        return sentences

    def compared_names(self) -> list[str]:
        """Returns the names of the arms that are compared: each selection is in the place of its first arm."""
        stands_for = {
            arm: name for name, by_task in self.selections.items() for arms in by_task.values() for arm in arms
        }
        return list(dict.fromkeys(stands_for.get(arm, arm) for arm in self.arm_names()))


def check_selections(study: Selecting, arms: list[str], path: Path | str) -> None:
    """Refuses a selection of what the study does not have.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    where, of_arm = f"{path}: select", {}
    for name, by_task in study.selections.items():
        if not is_name(name):
            raise UserError(f"{where}: '{name}' is not a name; accepted: {NAME_IN_WORDS}")
        if name in arms:
            raise UserError(f"{where}: '{name}' is an arm; accepted: another name")
        for task in by_task:
            if task not in study.tasks:
                raise UserError(f"{where}.{name}: unknown task '{task}'; accepted: {', '.join(study.tasks)}")
        if missing := [task for task in study.tasks if task not in by_task]:
            raise UserError(f"{where}.{name}.{missing[0]}: is missing; accepted: the arms to choose from on every task")
        for chosen_from in by_task.values():
            for arm in chosen_from:
                if arm not in arms:
                    raise UserError(f"{where}.{name}: unknown arm '{arm}'; accepted: {', '.join(arms)}")
                if (other := of_arm.setdefault(arm, name)) != name:
                    raise UserError(
                        f"{where}.{name}: '{arm}' is in {other} too; accepted: an arm in one selection, since that "
                        "takes its place"
                    )
                if chosen_from.count(arm) > 1:
                    raise UserError(f"{where}.{name}: '{arm}' is listed twice; each arm is accepted once")
    if of_arm.get(study.baseline):
        raise UserError(
            f"{path}: baseline: '{study.baseline}' is one of those that select.{of_arm[study.baseline]} chooses from; "
            f"accepted: {', '.join(study.compared_names())}"
        )
    for one, other in differ_by_case([*arms, *study.selections]):
        raise UserError(f"{where}: '{one}' and '{other}' differ by capitals alone; accepted: another name for one")
