"""Makes inputs ready for models whose classifier reads another token than the first.

Batches are padded on the right. BERT and its kin read the first token, so that this does no harm; the others are told
by the attention mask, and not by what tokens there are, where an example ends.

| `read_out` | whose                                | what                                                          |
|------------|--------------------------------------|---------------------------------------------------------------|
| `left`     | XLNet, which reads the last position | the padding is moved to the left                              |
| `last`     | decoders                             | the last token that is no padding                             |
| `end`      | BART                                 | its decoder's output at the last token of the text: </s>      |

Decoders and BART look for the token to read by its number, which text may hold as well, or a tokenizer may lack.
Here the network is shown numbers that no token has, and its encoder the true ones.
"""

from __future__ import annotations

import torch
from torch import nn

PADDING, END, OTHER = -1, -2, -3


def make_ready(model: nn.Module, read_out: str) -> None:
    """Lets a sequence classifier take batches that are padded on the right, in place."""
    if hasattr(model.config, "use_cache"):
        model.config.use_cache = False  # nothing is generated
    if read_out == "left":
        model.config.type_vocab_size = 3  # XLNet compares segments and has no table of them, so any number will do
        model.register_forward_pre_hook(_pad_left, with_kwargs=True)
        return
    markers = _Markers(model, read_out)
    model.register_forward_pre_hook(markers.show, with_kwargs=True)
    model.base_model.register_forward_pre_hook(markers.restore, with_kwargs=True)


def _pad_left(model: nn.Module, arguments: tuple, inputs: dict) -> tuple[tuple, dict]:
    """Moves the padding of every row to its left."""
    mask = inputs["attention_mask"]
    longest = mask.shape[1]
    places = torch.arange(longest, device=mask.device) - (longest - mask.sum(dim=1, keepdim=True))
    moved = {name: tensor.gather(1, places % longest) for name, tensor in inputs.items()}
    return arguments, moved | {"use_mems": False}


class _Markers:
    """Shows a classifier where its examples end, and its encoder what they say.

    Args:
        model: A sequence classifier that looks for a number of `config.json` in its inputs.
        read_out: `last` or `end`.
    """

    def __init__(self, model: nn.Module, read_out: str):
        self.read_out, self.input_ids = read_out, None
        if read_out == "last":
            model.config.pad_token_id = PADDING
        else:
            model.config.eos_token_id = END

    def show(self, model: nn.Module, arguments: tuple, inputs: dict) -> tuple[tuple, dict]:
        """Gives the classifier marks in place of tokens."""
        self.input_ids, mask = inputs["input_ids"], inputs["attention_mask"]
        if self.read_out == "last":
            return arguments, inputs | {"input_ids": torch.where(mask == 1, OTHER, PADDING)}
        is_last = mask.cumsum(dim=1) == mask.sum(dim=1, keepdim=True)
        return arguments, inputs | {"input_ids": torch.where(is_last & (mask == 1), END, OTHER)}

    def restore(self, encoder: nn.Module, arguments: tuple, inputs: dict) -> tuple[tuple, dict]:
        """Gives the encoder the tokens."""
        if arguments:
            return (self.input_ids, *arguments[1:]), inputs
        return arguments, inputs | {"input_ids": self.input_ids}
