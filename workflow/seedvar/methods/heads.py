"""The classification head of the authors' code, where that of Transformers is another one.

| family  | `transformers`                         | `official`                                           |
|---------|----------------------------------------|------------------------------------------------------|
| ELECTRA | dropout, Linear, GELU, dropout, Linear | dropout, Linear (Zhang et al. 2021, appendix F)      |
| RoBERTa | dropout, Linear, tanh, dropout, Linear | Linear, tanh, dropout, Linear (Mosbach et al. 2021)  |

All of them read the first token. Of ELECTRA-large's 1,051,650 weights above the encoder that leaves 2,050.
"""

from __future__ import annotations

import torch
from torch import nn

from seedvar.errors import UserError
from seedvar.models.layers import init_std, mark_drawn
from seedvar.streams import generator


class DropoutAndLinear(nn.Module):
    """ELECTRA's head in the code of Zhang et al. (2021).

    Args:
        head: The head of Transformers, of which it keeps the dropout and the shape of the last layer.
    """

    def __init__(self, head: nn.Module):
        super().__init__()
        self.dropout, self.out_proj = head.dropout, nn.Linear(head.dense.in_features, head.out_proj.out_features)

    def forward(self, features: torch.Tensor, **kwargs) -> torch.Tensor:
        """Maps features of shape (batch, tokens, width) to logits."""
        return self.out_proj(self.dropout(features[:, 0]))


class WithoutFirstDropout(nn.Module):
    """RoBERTa's head in the code of Mosbach et al. (2021): the modules of Transformers, one dropout less.

    Args:
        head: The head of Transformers.
    """

    def __init__(self, head: nn.Module):
        super().__init__()
        self.dense, self.dropout, self.out_proj = head.dense, head.dropout, head.out_proj

    def forward(self, features: torch.Tensor, **kwargs) -> torch.Tensor:
        """Maps features of shape (batch, tokens, width) to logits."""
        return self.out_proj(self.dropout(torch.tanh(self.dense(features[:, 0]))))


HEADS = {"electra": DropoutAndLinear, "roberta": WithoutFirstDropout}


@torch.no_grad()
def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Puts the official head in the place of that of Transformers; what is new of it is drawn.

    Raises:
        UserError: The family has no other head than that of Transformers.
    """
    if model.config.model_type not in HEADS:
        raise UserError(f"recipe: head: {model.config.model_type} has no official one; accepted: transformers")
    model.classifier = HEADS[model.config.model_type](model.classifier)
    if isinstance(model.classifier, DropoutAndLinear):
        model.classifier.out_proj.weight.normal_(
            0.0, init_std(model.config), generator=generator(init_seed, "classifier")
        )
        model.classifier.out_proj.bias.zero_()
        mark_drawn(model.classifier.parameters())
