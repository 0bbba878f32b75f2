"""No segment ids: the two texts of a pair are told apart by what stands between them alone.

As in the code of Mosbach et al. (2021), which gives none to its BERT and ALBERT, and that of Zhang et al. (2021), which
gives none to ELECTRA. To BERT, ALBERT and ELECTRA it is as if all tokens were of the first text; XLNet does not compare
segments.
"""

from __future__ import annotations

from torch import nn


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Keeps segment ids from a network."""
    model.register_forward_pre_hook(_without, with_kwargs=True)


def _without(model: nn.Module, arguments: tuple, inputs: dict) -> tuple[tuple, dict]:
    return arguments, {name: value for name, value in inputs.items() if name != "token_type_ids"}
