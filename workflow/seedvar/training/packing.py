"""Packed batches: the tokens of all examples one behind another, and none that only fill up a rectangle.

A batch that is padded to its longest example spends 20 to 50 % of its arithmetic on padding. Here everything but
attention sees one row of tokens; attention goes example by example, those of similar lengths together. And of the last
layer only the first token of each example is read (by the pooler or the classification head), so that layer computes
its query, its output and its feed-forward part for these alone. The logits, the loss and the gradients are those of
a padded batch, but for the order in which floats are added.

It is Transformers' own network that computes: what is replaced is its attention function, by the interface that
Transformers has for that, and the forward pass of the last layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from types import MethodType

import numpy as np
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from seedvar.models.families import family_of
from seedvar.training.batches import Examples
from seedvar.training.dropout import draw_bits, kept_by, scale_of_kept

NAME = "seedvar_packed"  # of the attention function, among those of Transformers


# What a group costs in attention on a CPU, measured forward and backward: as much as this many of its weights
GROUP_COST = 10_000


@dataclass(frozen=True)
class Group:
    """Examples of similar lengths whose attention is computed together, as a rectangle an example and head.

    Attributes:
        examples: Which of the batch.
        tokens: Which of the batch's.
        length: Of the longest.
        into: Which row of the group's tokens, (tokens · heads, size of a head), goes into each place of its rectangles,
            shape (examples · heads · length,); the first one into places that are left free.
        out_of: Which place each row is in, shape (tokens · heads,).
        free: The places that are left free; None if there is none.
        closed: What is added to scores so that nobody attends to those, shape (examples · heads, 1, length).
    """

    examples: slice
    tokens: slice
    length: int
    into: torch.Tensor
    out_of: torch.Tensor
    free: torch.Tensor | None
    closed: torch.Tensor | None

    @classmethod
    def of(cls, first: int, last: int, lengths: np.ndarray, start: int, heads: int) -> Group:
        """Makes the group of the examples from `first` to before `last`, whose first token is at `start`."""
        length, n_tokens = int(lengths[-1]), int(lengths.sum())
        is_token = np.arange(length) < lengths[:, None]
        by_head = np.broadcast_to(is_token[:, None], (len(lengths), heads, length)).reshape(-1)
        token = np.zeros(is_token.shape, np.int64)
        token[is_token] = np.arange(n_tokens)
        row = np.where(is_token[:, None], token[:, None] * heads + np.arange(heads)[:, None], 0).reshape(-1)
        places = np.flatnonzero(by_head)
        out_of = np.empty(len(places), np.int64)
        out_of[row[places]] = places
        free = np.flatnonzero(~by_head)
        closed = np.where(is_token, np.float32(0), np.float32(-np.inf)).repeat(heads, axis=0)[:, None]
        return cls(
            slice(first, last),
            slice(start, start + n_tokens),
            length,
            torch.from_numpy(row),
            torch.from_numpy(out_of),
            torch.from_numpy(free) if len(free) else None,
            torch.from_numpy(closed) if len(free) else None,
        )

    def __len__(self) -> int:
        return self.examples.stop - self.examples.start

    def rectangles(self, tokens: torch.Tensor) -> torch.Tensor:
        """Arranges the group's tokens (tokens, heads, size) as (examples · heads, length, size)."""
        rows = tokens.reshape(-1, tokens.shape[-1]).index_select(0, self.into)
        return rows.view(-1, self.length, tokens.shape[-1])

    def empty(self, rectangles: torch.Tensor, tokens: torch.Tensor) -> None:
        """Writes what is in the rectangles into the group's `tokens`, which lie one behind another."""
        size = rectangles.shape[-1]
        torch.index_select(rectangles.reshape(-1, size), 0, self.out_of, out=tokens.view(-1, size))


def divide(lengths: np.ndarray, heads: int) -> list[tuple[int, int]]:
    """Divides examples into groups for attention: few groups with few places to fill.

    A group costs `GROUP_COST` weights beside those of its rectangle, examples · heads · longest². The division
    is the cheapest one (by dynamic programming over the lengths), and depends on the lengths alone: a large model has
    a group a length, a small one few.

    Args:
        lengths: Tokens of each example, shape (examples,), ascending.
        heads: Of attention.

    Returns:
        The first example of each group, and the one behind its last.
    """
    values, begin = np.unique(lengths, return_index=True)
    begin = [*begin.tolist(), len(lengths)]
    costs, cuts = np.zeros(len(values) + 1), [0]
    for end in range(1, len(values) + 1):
        n = begin[end] - np.array(begin[:end])
        found = costs[:end] + GROUP_COST + n * (heads * int(values[end - 1]) ** 2)
        cuts.append(int(found.argmin()))
        costs[end] = found[cuts[end]]
    groups, end = [], len(values)
    while end:
        groups.insert(0, (begin[cuts[end]], begin[end]))
        end = cuts[end]
    return groups


@dataclass(frozen=True)
class Packing:
    """Where the examples of a packed batch lie, the shortest first.

    Attributes:
        lengths: Tokens of each example, shape (examples,), ascending.
        starts: Position of each example's first token, shape (examples,), on the device.
    """

    lengths: np.ndarray
    starts: torch.Tensor

    def groups(self, heads: int) -> list[Group]:
        """Returns the examples whose attention is computed together on a CPU, see `divide`."""
        if heads not in self._groups:
            ends = np.cumsum(self.lengths)
            self._groups[heads] = [
                Group.of(first, last, self.lengths[first:last], int(ends[first] - self.lengths[first]), heads)
                for first, last in divide(self.lengths, heads)
            ]
        return self._groups[heads]

    @cached_property
    def _groups(self) -> dict[int, list[Group]]:
        return {}

    @cached_property
    def padded(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """How to fill a rectangle and to empty it.

        Returns:
            The token that goes into each place, shape (examples · longest,), 0 in places that are filled up; whether
            it is a token, shape (examples, longest); and the places that are, shape (tokens,).
        """
        longest = int(self.lengths[-1])
        is_token = np.arange(longest) < self.lengths[:, None]
        source = np.zeros(is_token.shape, np.int64)
        source[is_token] = np.arange(is_token.sum())
        device = self.starts.device
        places = np.flatnonzero(is_token)
        return tuple(torch.from_numpy(array).to(device) for array in (source.reshape(-1), is_token, places))


def batch_maker(model: nn.Module):
    """Returns a function with the arguments of `make_batch` that makes packed batches; it prepares the model for them.

    Returns:
        None where the model's family cannot take them.
    """
    family = family_of(model.config.model_type)
    if family.packing is None:
        return None
    if model.config._attn_implementation != NAME:
        from transformers import AttentionInterface

        AttentionInterface.register(NAME, _attention)
        model.set_attn_implementation(NAME)
        _READ_OUT[family.packing](model)
    return partial(pack_batch, first_position=model.config.pad_token_id + 1 if family.positions_after_padding else 0)


def pack_batch(
    examples: Examples, name: str, rows: np.ndarray, device: torch.device, first_position: int = 0
) -> tuple[dict, torch.Tensor]:
    """Puts the tokens of some examples one behind another.

    Args:
        examples: The examples of the cell.
        name: The part that they are of.
        rows: Their positions in the source split of that part, in ascending order of their lengths.
        device: Where to.
        first_position: What the model calls the position of an example's first token.

    Returns:
        `input_ids`, `token_type_ids` and `position_ids`, each (1, tokens), and the `packing`; and the labels
        (examples,), whole numbers or for regression float32.
    """
    source = examples.source(name)
    first, lengths = source.offsets[rows], source.lengths()[rows]
    starts = np.cumsum(lengths) - lengths
    within = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    places = np.repeat(first, lengths) + within
    inputs = {
        "input_ids": source.input_ids[places].astype(np.int64),
        "token_type_ids": source.token_type_ids[places].astype(np.int64),
        "position_ids": within + first_position,
    }
    inputs = {key: torch.from_numpy(array)[None].to(device) for key, array in inputs.items()}
    packing = Packing(lengths, torch.from_numpy(starts).to(device))
    labels = torch.from_numpy(source.labels[rows])
    return inputs | {"packing": packing}, (labels if examples.task.is_regression else labels.long()).to(device)


def _attention(module, query, key, value, attention_mask, dropout=0.0, scaling=None, packing=None, **unused):
    """Is called by Transformers with queries, keys and values of shape (1, heads, tokens, size of a head)."""
    tokens = (tensor.squeeze(0).transpose(0, 1) for tensor in (query, key, value))
    return attend(*tokens, packing, dropout, scaling)[None], None


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, dropout: float, scaling: float
) -> torch.Tensor:
    """Lets every query attend to the tokens of its own example.

    Args:
        query: Of all tokens, or of one an example; shape (queries, heads, size of a head).
        key: Of all tokens, shape (tokens, heads, size of a head).
        value: As `key`.
        packing: Where the examples lie.
        dropout: Probability of leaving out a weight.
        scaling: Factor of the scores.

    Returns:
        The values, weighted by the softmax of the scores, in the shape of `query`.
    """
    if query.device.type == "cpu":
        return _Attention.apply(query, key, value, packing.groups(key.shape[1]), dropout, scaling)
    return attend_padded(query, key, value, packing, dropout, scaling)


def attend_padded(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, dropout: float, scaling: float
) -> torch.Tensor:
    """Does what `attend` does by PyTorch's fused kernel over a rectangle: on a GPU many small products are slow."""
    n, (_, heads, size) = len(packing.lengths), query.shape
    source, is_token, places = packing.padded
    key, value = (t.index_select(0, source).view(n, -1, heads, size).transpose(1, 2) for t in (key, value))
    one_each = len(query) == n
    query = (query if one_each else query.index_select(0, source)).view(n, -1, heads, size).transpose(1, 2)
    mask = is_token[:, None, None, :]
    found = scaled_dot_product_attention(query, key, value, mask, dropout, scale=scaling)
    found = found.transpose(1, 2).reshape(-1, heads, size)
    return found if one_each else found.index_select(0, places)


class _Attention(torch.autograd.Function):
    """Softmax attention on a CPU: plain matrix products, which are faster there than the fused kernel."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")
    def forward(ctx, query, key, value, groups, dropout, scaling):
        heads, size = key.shape[1:]
        one_each = len(query) == groups[-1].examples.stop  # one query an example, or one a token
        out = torch.empty_like(query, memory_format=torch.contiguous_format)
        kept = None
        if dropout:
            n_weights = sum(len(group) * group.length ** (1 if one_each else 2) for group in groups) * heads
            kept = kept_by(draw_bits(n_weights), dropout, key.dtype)
        saved, used = [], 0
        for group in groups:
            queries = group.examples if one_each else group.tokens
            q = query[queries].reshape(-1, 1, size) if one_each else group.rectangles(query[queries])
            k, v = group.rectangles(key[group.tokens]), group.rectangles(value[group.tokens])
            score = torch.bmm(q, k.transpose(1, 2)).mul_(scaling).float()
            if group.closed is not None:
                score.add_(group.closed)
            weight = score.softmax(-1).to(key.dtype)
            saved += [q, k, v, weight]
            if dropout:
                weight = weight * kept[used : used + weight.numel()].view_as(weight)
                used += weight.numel()
            found = torch.bmm(weight, v)
            if one_each:
                out[queries] = found.view(-1, heads, size)
            else:
                group.empty(found, out[queries])
        if dropout:
            out *= scale_of_kept(dropout)
        ctx.save_for_backward(kept, *saved)
        ctx.plan = groups, dropout, scaling, query.shape, key.shape
        return out

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, grad_out):
        kept, *saved = ctx.saved_tensors
        groups, dropout, scaling, queries_shape, keys_shape = ctx.plan
        one_each = queries_shape[0] == groups[-1].examples.stop
        grads = [grad_out.new_empty(shape) for shape in (queries_shape, keys_shape, keys_shape)]
        heads, size = keys_shape[1:]
        if dropout:
            grad_out = grad_out * scale_of_kept(dropout)
        used = 0
        for i, group in enumerate(groups):
            q, k, v, weight = saved[4 * i : 4 * i + 4]
            queries = group.examples if one_each else group.tokens
            g = grad_out[queries].reshape(-1, 1, size) if one_each else group.rectangles(grad_out[queries])
            if group.free is not None and not one_each:
                g.view(-1, size).index_fill_(0, group.free, 0)
            grad_weight, dropped = torch.bmm(g, v.transpose(1, 2)), weight
            if dropout:
                mask = kept[used : used + weight.numel()].view_as(weight)
                used += weight.numel()
                dropped = weight * mask
                grad_weight *= mask
            # The derivative of the softmax: w (g - sum of w g). Where there is no token, g and w are 0.
            grad_score = torch._softmax_backward_data(grad_weight.float(), weight.float(), -1, torch.float32)
            grad_score = grad_score.to(weight.dtype).mul_(scaling)
            found = (
                torch.bmm(grad_score, k),
                torch.bmm(grad_score.transpose(1, 2), q),
                torch.bmm(dropped.transpose(1, 2), g),
            )
            for grad, where, part in zip(grads, (queries, group.tokens, group.tokens), found, strict=True):
                if one_each and grad is grads[0]:
                    grad[where] = part.view(-1, heads, size)
                else:
                    group.empty(part, grad[where])
        return *grads, None, None, None


# How the first tokens of the examples are read out of the last layer: from a batch (1, tokens, hidden) to (examples,
# 1, hidden), in which the pooler and the heads find them where they look for them.


def _read_bert(model: nn.Module) -> None:
    """Has the last layer of BERT and those built like it compute the first tokens alone."""

    def forward(layer, hidden, attention_mask=None, *unused, packing, **ignored):
        attention, tokens = layer.attention.self, hidden.squeeze(0)
        first = tokens.index_select(0, packing.starts)
        query, key, value = (
            projection(x).unflatten(-1, (-1, attention.attention_head_size))
            for projection, x in ((attention.query, first), (attention.key, tokens), (attention.value, tokens))
        )
        dropout = attention.dropout.p if attention.training else 0.0
        found = attend(query, key, value, packing, dropout, attention.scaling).flatten(1)
        return layer.feed_forward_chunk(layer.attention.output(found, first))[:, None]

    last = model.base_model.encoder.layer[-1]
    last.forward = MethodType(forward, last)


def _read_distilbert(model: nn.Module) -> None:
    """The same for DistilBERT."""

    def forward(layer, hidden, attention_mask=None, *unused, packing, **ignored):
        attention, tokens = layer.attention, hidden.squeeze(0)
        first = tokens.index_select(0, packing.starts)
        query, key, value = (
            projection(x).unflatten(-1, (-1, attention.attention_head_size))
            for projection, x in ((attention.q_lin, first), (attention.k_lin, tokens), (attention.v_lin, tokens))
        )
        dropout = attention.dropout.p if attention.training else 0.0
        found = attention.out_lin(attend(query, key, value, packing, dropout, attention.scaling).flatten(1))
        found = layer.sa_layer_norm(found + first)
        return layer.output_layer_norm(layer.ffn(found) + found)[:, None]

    last = model.base_model.transformer.layer[-1]
    last.forward = MethodType(forward, last)


def _read_stack(model: nn.Module) -> None:
    """Takes the first tokens out of what the last layer has computed for all: layers that share their parameters."""

    def read(stack, arguments, named, output):
        output.last_hidden_state = output.last_hidden_state.squeeze(0).index_select(0, named["packing"].starts)[:, None]
        return output

    model.base_model.encoder.register_forward_hook(read, with_kwargs=True)


_READ_OUT = {"bert": _read_bert, "distilbert": _read_distilbert, "stack": _read_stack}
