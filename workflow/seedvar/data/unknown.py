"""Words that a tokenizer does not know: of many, it is not the model's own, or the text is not in its language."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedvar.errors import UserError

MANY, TOO_MANY = 0.05, 0.5  # shares: what is said, and what is refused


def unknown_share(ids: np.ndarray, unknown: int | None, special: Iterable[int]) -> float:
    """Returns the share of unknown tokens among those that stand for text.

    Args:
        ids: Tokens of any number of examples.
        unknown: The token that stands for what is not known; None where the tokenizer knows every byte.
        special: Tokens that stand for no text.
    """
    text = ids[~np.isin(ids, sorted(set(special) - {unknown}))]
    return 0.0 if unknown is None or not len(text) else float((text == unknown).mean())


def check_unknown(share: float, task: str, model: str) -> str | None:
    """Returns a warning where many tokens are unknown, else None.

    Raises:
        UserError: So many are that the model reads nothing of the task.
    """
    words = f"{task}: the tokenizer of {model} does not know {100 * share:.1f} % of the tokens"
    if share > TOO_MANY:
        raise UserError(
            f"{words}; accepted: at most {100 * TOO_MANY:.0f} %, by the model's own tokenizer and a text in its "
            "language"
        )
    return f"{words}: is it the model's own, and the text in its language?" if share > MANY else None
