"""Measures how a network trains, every so many updates, without changing how it trains.

| quantity        | of                 | what                                                                  |
|-----------------|--------------------|-----------------------------------------------------------------------|
| `gradient_norm` | a block and a kind | L2 norm of the gradient before clipping (Mosbach et al. 2021, Fig. 4) |
| `update_ratio`  | a block            | L2 norm of the update over that of the weights                        |
| `distance`      | a block            | L2 distance from the weights at the start (Zhang et al. 2021, Fig. 7) |
| `saturation`    | a threshold        | share of the units behind the pooler's tanh that are further from 0   |
| `entropy`       | the classifier     | mean entropy of the batch's predictions, nats                         |
| `step_multiple` | the optimizer      | see below                                                             |

A block is the embeddings, a layer, the norm above the top layer, the pooler or the classifier; a kind is a
module inside it, such as `attention.self.query`, its weight and bias together. As in the code of Mosbach et
al., the first update is measured, then every so many after it; of distances the last one too. Saturation is
measured before dropout (their code: behind it, where dropout has scaled the kept units up), and not in
families without a tanh before the classifier.

`step_multiple` says how much larger the update is than bias-corrected Adam's would have been from the same
moments: `measured`, the L2 norm of the change of all weights over η ‖m̂ / (√v̂ + ε)‖, and `analytic`,
(1 − β₁ᵗ) / √(1 − β₂ᵗ) for Adam without correction (Zhang et al. 2021, Fig. 1), 1 with it. Weight decay
is part of the measured change. Where the learning rate is 0 there is nothing to compare.
"""

from __future__ import annotations

import torch
from torch import nn

from seedvar.methods.hooks import Watcher
from seedvar.models.families import family_of
from seedvar.models.layers import blocks_in, embeddings_of, final_norm_of, pooler_of

THRESHOLDS = (0.85, 0.90, 0.95, 0.99)  # of saturation, as in the code of Mosbach et al. (2021)


def watch(model: nn.Module, optimizer: torch.optim.Optimizer, recipe) -> Diagnostics:
    """Starts the measurements that the recipe asks for."""
    return Diagnostics(model, optimizer, recipe.diagnostics_every)


class Diagnostics(Watcher):
    """Collects one row a quantity, block and kind.

    Args:
        model: The network at the start of fine-tuning, after re-initialisation.
        optimizer: What trains it.
        every: Updates between two measurements.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, every: int):
        super().__init__()
        self.optimizer, self.every = optimizer, every
        self.activations, self.logits = None, None  # of the last training batch
        self._told = {"activations": [], "logits": []}  # by each of its micro-batches
        self._listen(model)
        self.blocks = {
            block: {kind: [p for p in parameters if p.requires_grad] for kind, parameters in kinds.items()}
            for block, kinds in blocks_of(model).items()
        }
        self.start = self._copy()

    def before_update(self, update: int) -> None:
        """Measures the gradients of an update, counted from 1, before they are clipped."""
        for name, parts in self._told.items():
            setattr(self, name, torch.cat(parts) if parts else None)
            parts.clear()
        if not self._is_due(update):
            return
        for block, kinds in self.blocks.items():
            for kind, parameters in kinds.items():
                gradients = [p.grad for p in parameters if p.grad is not None]
                if gradients:
                    self._record(update, "gradient_norm", block, kind, _norm(gradients))
        if self.activations is not None:
            for threshold in THRESHOLDS:
                share = (self.activations.abs() > threshold).float().mean()
                self._record(update, "saturation", "pooler", f"{threshold:.2f}", share)
        if self.logits is not None and self.logits.shape[1] > 1:  # a regression has no distribution over classes
            # A run that diverges has no distribution either; it ends by itself, and not by an error here.
            entropy = torch.distributions.Categorical(logits=self.logits, validate_args=False).entropy().mean()
            self._record(update, "entropy", "classifier", "all", entropy)
        self.before = self._copy()

    def after_update(self, update: int) -> None:
        """Measures what the optimizer did."""
        if not self._is_due(update):
            return
        now = self._copy()
        for block in now:
            if now[block]:
                moved = [a - b for a, b in zip(now[block], self.before[block], strict=True)]
                self._record(update, "update_ratio", block, "all", _norm(moved) / _norm(self.before[block]))
        self._record_distances(update, now)
        moved = [a - b for block in now for a, b in zip(now[block], self.before[block], strict=True)]
        corrected, analytic = corrected_step(self.optimizer, update)
        if corrected is not None and corrected > 0:
            self._record(update, "step_multiple", "all", "measured", _norm(moved) / corrected)
            self._record(update, "step_multiple", "all", "analytic", torch.tensor(analytic))

    def at_end(self, updates: int) -> None:
        """Measures how far all has gone, where the last update was not measured."""
        if updates and not self._is_due(updates):
            self._record_distances(updates, self._copy())

    def _record_distances(self, update: int, now: dict[str, list[torch.Tensor]]) -> None:
        for block, start in self.start.items():
            if start:
                gone = [a - b for a, b in zip(now[block], start, strict=True)]
                self._record(update, "distance", block, "all", _norm(gone))

    def _listen(self, model: nn.Module) -> None:
        """Has the network tell its activations and logits whenever it trains."""

        def keep_logits(module, inputs, output):
            if module.training:
                self._told["logits"].append(output.logits.detach().float())

        def keep_activations(module, inputs, output):
            if module.training:
                self._told["activations"].append(torch.tanh(output.detach().float()))

        model.register_forward_hook(keep_logits)
        if path := family_of(model.config.model_type).before_tanh:
            model.get_submodule(path).register_forward_hook(keep_activations)

    def _is_due(self, update: int) -> bool:
        return (update - 1) % self.every == 0

    def _copy(self) -> dict[str, list[torch.Tensor]]:
        return {
            block: [p.detach().clone() for parameters in kinds.values() for p in parameters]
            for block, kinds in self.blocks.items()
        }

    def _record(self, update: int, quantity: str, block: str, kind: str, value: torch.Tensor) -> None:
        self.rows.append({"update": update, "quantity": quantity, "block": block, "kind": kind, "value": value.item()})


def _norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(t.float()) for t in tensors]))


def corrected_step(optimizer: torch.optim.Optimizer, t: int) -> tuple[torch.Tensor | None, float]:
    """Computes what bias-corrected Adam would have done at update t, from the optimizer's moments.

    Returns:
        The L2 norm η ‖m̂ / (√v̂ + ε)‖ over all parameters, and the multiple of it that theory
        expects of this optimizer; None of an optimizer that has not Adam's moments.
    """
    norms, analytic = [], 1.0
    if "betas" not in optimizer.defaults:
        return None, analytic
    for group in optimizer.param_groups:
        (beta1, beta2), eps = group["betas"], group["eps"]
        if not getattr(optimizer, "correct_bias", True):
            analytic = (1 - beta1**t) / (1 - beta2**t) ** 0.5
        states = [optimizer.state[p] for p in group["params"] if p in optimizer.state]
        m = torch.cat([state["exp_avg"].flatten() for state in states])
        v = torch.cat([state["exp_avg_sq"].flatten() for state in states])
        step = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
        norms.append(group["lr"] * torch.linalg.vector_norm(step))
    return torch.linalg.vector_norm(torch.stack(norms)), analytic


def blocks_of(model: nn.Module) -> dict[str, dict[str, list[nn.Parameter]]]:
    """Groups all parameters of a sequence classifier by block and, within it, by module.

    Returns:
        `embeddings`, `layer 1` (the bottom) to `layer N`, `final norm`, `pooler` and `classifier`, each with
        the parameters of its modules by the module's name. Layers that share their parameters
        are one block, `layers`; a block that a family lacks is not there.
    """
    family = family_of(model.config.model_type)
    places = dict.fromkeys(map(id, embeddings_of(model)), "embeddings")
    for number, layer in enumerate(blocks_in(model), start=1):
        places |= dict.fromkeys(map(id, layer.parameters()), f"layer {number}" if family.stacks else "layers")
    for name, part in (("final norm", final_norm_of(model)), ("pooler", pooler_of(model))):
        places |= dict.fromkeys(map(id, part.parameters()), name) if part is not None else {}
    layers = sorted({place for place in places.values() if place.startswith("layer")}, key=_number)
    order = ["embeddings", *layers, "final norm", "pooler", "classifier"]
    blocks: dict[str, dict[str, list[nn.Parameter]]] = {name: {} for name in order}
    for name, parameter in model.named_parameters():
        block = blocks[places.get(id(parameter), "classifier")]
        block.setdefault(_inside(name.rpartition(".")[0]), []).append(parameter)
    return {name: kinds for name, kinds in blocks.items() if kinds}


def _number(block: str) -> int:
    return int(block.removeprefix("layer").removeprefix("s").strip() or 0)


def _inside(name: str) -> str:
    """A module's name inside its block: what follows the number of its layer."""
    parts = name.split(".")
    numbers = [i for i, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[numbers[0] + 1 :]) if numbers else parts[-1]
