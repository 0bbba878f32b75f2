"""The parts of a network that methods act on, found by the addresses of its family."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from seedvar.errors import UserError
from seedvar.models.families import family_of


def layers_of(model: nn.Module, field: str, accepted: str) -> list[nn.Module]:
    """Returns the blocks, from the bottom to the top; of an encoder and a decoder, those of the encoder first.

    Args:
        model: A sequence classifier.
        field: The recipe field that needs single layers, for the message.
        accepted: The value of that field which needs none.

    Raises:
        UserError: The family's blocks share their parameters, so that there is no single layer.
    """
    stacks = family_of(model.config.model_type).stacks
    if not stacks:
        raise UserError(
            f"recipe: {field}: all layers of {model.config.model_type} share one set of parameters, so that none can "
            f"be treated by itself; accepted: {accepted}"
        )
    return [layer for path in stacks for layer in model.get_submodule(path)]


def blocks_in(model: nn.Module) -> list[nn.Module]:
    """Returns the blocks as `layers_of`; or, where they share their parameters, all of them as one."""
    family = family_of(model.config.model_type)
    return layers_of(model, "", "") if family.stacks else [model.base_model.encoder]


def embeddings_of(model: nn.Module) -> list[nn.Parameter]:
    """Returns the parameters below the first block, such as the embeddings and, in a large ELECTRA, their projection.

    In DeBERTa and MPNet these are the embeddings of relative positions, too, which all blocks use.
    """
    encoder, found = model.base_model, []
    known = dict(encoder.named_modules())
    for path in family_of(model.config.model_type).embeddings:
        if path in known:
            found += known[path].parameters(recurse=path != "")
    return list(dict.fromkeys(found))


def pooler_of(model: nn.Module) -> nn.Module | None:
    """Returns what is pre-trained between the blocks and the classifier, or None where there is nothing."""
    path = family_of(model.config.model_type).pooler
    return model.get_submodule(path) if path else None


def final_norm_of(model: nn.Module) -> nn.Module | None:
    """Returns the norm above the top block, or None where blocks end in their own."""
    path = family_of(model.config.model_type).final
    return model.base_model.get_submodule(path) if path else None


def pretrained(model: nn.Module) -> dict[str, nn.Parameter]:
    """Returns the parameters that a checkpoint brings, by name: the encoder's and the pooler's."""
    brought = {id(parameter) for parameter in model.base_model.parameters()}
    pooler = pooler_of(model)
    brought |= {id(parameter) for parameter in pooler.parameters()} if pooler is not None else set()
    return {name: parameter for name, parameter in model.named_parameters() if id(parameter) in brought}


def is_norm(module: nn.Module) -> bool:
    """Says whether a module is a LayerNorm or an RMSNorm, whichever library's."""
    return isinstance(module, nn.LayerNorm) or type(module).__name__.endswith("RMSNorm")


def init_std(config) -> float:
    """Returns the standard deviation that a checkpoint's weights were drawn with."""
    return getattr(config, "initializer_range", getattr(config, "init_std", 0.02))


def mark_drawn(parameters: Iterable[nn.Parameter]) -> None:
    """Remembers of parameters that they are drawn anew, so that methods which keep what is pre-trained train them."""
    for parameter in parameters:
        parameter.drawn_anew = True


def is_drawn(parameter: nn.Parameter) -> bool:
    """Says whether a parameter was drawn anew."""
    return getattr(parameter, "drawn_anew", False)
