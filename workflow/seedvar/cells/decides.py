"""What decides a cell's result, by names that stay when files move.

A digest of code (`syntax.code_digest`) stands in a cell's fingerprint under its name here. A module that is moved
keeps its name, so that the move invalidates nothing. What is a list of alternatives, such as optimizers, counts by
the ones that a cell uses, and such a list is a module that holds nothing else. `tests/cells/test_decides.py` walks
what training reaches and fails for a module that is in none of these lists, and for an entry that training does not
reach.
"""

from __future__ import annotations

from seedvar.cells.syntax import PACKAGE as PACKAGE
from seedvar.data.metrics import ALSO
from seedvar.methods import names_of

# Decides the result of every cell.
EVERY_CELL = {
    "batches": "training/batches.py",
    "cell": "training/cell.py",
    "determinism": "training/determinism.py",
    "dropout": "training/dropout.py",
    "hooks of methods": "methods/hooks.py",
    "layers": "models/layers.py",
    "loop": "training/loop.py",
    "network": "training/network.py",
    "packing": "training/packing.py",
    "parameter groups": "training/parameter_groups.py",
    "schedule": "training/schedule.py",
    "scoring": "data/scoring.py",
    "splits": "data/splits.py",
    "streams": "streams.py",
    "task": "data/task.py",
    "tokens": "data/tokens.py",
    "vocabulary": "training/vocabulary.py",
}

# Alternatives, each a module. Of an optimizer those of its modules that take part.
OPTIMIZERS = {
    "adamw": ("adamw",),
    "bertadam": ("bertadam", "adamw"),
    "torch-adamw": ("torch_adamw",),
}
READ_OUT = "models/read_out.py"  # of families whose row says how they read an answer out
OPTIMIZER_FOLDER, METRIC_FOLDER, METHOD_FOLDER = "training/optimizers", "data/metrics", "methods"

# Reached by training, but without influence on a result: they read, write, check, name or list things.
# The defaults of a recipe are fixed by a test instead. A family's row stands in the fingerprint by itself.
WITHOUT_INFLUENCE = [
    "cells/cell.py",
    "cells/decides.py",
    "cells/places.py",
    "cells/recipe.py",
    "cells/record.py",
    "cells/store.py",
    "cells/syntax.py",
    "data/metrics/__init__.py",
    "errors.py",
    "files.py",
    "methods/__init__.py",
    "models/families.py",
    "models/layouts.py",
    "signals.py",
    "strict.py",
    "training/device.py",
    "training/optimizers/__init__.py",
    "training/resuming.py",
    "words.py",
]


def code_of(changes: dict, metric: str, family: dict) -> dict[str, str]:
    """Returns the code that decides a cell: name to path below the package.

    Args:
        changes: The recipe's fields that differ from their defaults, as of `Recipe.changes`.
        metric: Name of the task's metric.
        family: The row of the model's family, as of `Family.row`.
    """
    optimizer = OPTIMIZERS[changes.get("optimizer", "adamw")]
    return {
        **EVERY_CELL,
        **{f"optimizer {name}": f"{OPTIMIZER_FOLDER}/{name}.py" for name in optimizer},
        **{f"method {name}": f"{METHOD_FOLDER}/{name}.py" for name in names_of(changes)},
        **{f"metric {name}": f"{METRIC_FOLDER}/{name}.py" for name in [metric, *ALSO.get(metric, ())]},
        **({"read-out": READ_OUT} if family.get("read_out") else {}),
    }
