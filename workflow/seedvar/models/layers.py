"""The parts of a network that methods act on, found by the addresses of its family."""

from __future__ import annotations

from torch import nn

from seedvar.errors import UserError
from seedvar.models.families import family_of


def layers_of(model: nn.Module, field: str, accepted: str) -> list[nn.Module]:
    """Returns the encoder blocks, from the bottom to the top.

    Args:
        model: A sequence classifier.
        field: The recipe field that needs single layers, for the message.
        accepted: The value of that field which needs none.

    Raises:
        UserError: The family's blocks share their parameters, so that there is no single layer.
    """
    path = family_of(model.config.model_type).layers
    if path is None:
        raise UserError(
            f"recipe: {field}: all layers of {model.config.model_type} share one set of parameters, so that none can "
            f"be treated by itself; accepted: {accepted}"
        )
    return list(model.get_submodule(path))


def embeddings_of(model: nn.Module) -> list[nn.Module]:
    """Returns what lies below the first block: the embeddings and, in a large ELECTRA, their projection."""
    encoder, family = model.base_model, family_of(model.config.model_type)
    return [getattr(encoder, name) for name in family.embeddings if hasattr(encoder, name)]


def pooler_of(model: nn.Module) -> nn.Linear | None:
    """Returns the pre-trained pooler's Linear, or None where there is none."""
    path = family_of(model.config.model_type).pooler
    return model.get_submodule(path) if path else None
