"""The training loop: one function, read from top to bottom."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from seedvar.cells.recipe import Recipe
from seedvar.data.scoring import better, scores, worst
from seedvar.data.task import Task
from seedvar.methods.hooks import methods_with
from seedvar.streams import generator, stream_seed
from seedvar.training.batches import Examples, make_batch, micro_batches, size_of_training_set
from seedvar.training.dropout import use_few_bits
from seedvar.training.packing import batch_maker
from seedvar.training.parameter_groups import make_optimizer
from seedvar.training.resuming import Unfinished
from seedvar.training.schedule import schedule
from seedvar.training.vocabulary import compact, shrunk_by

EVALUATION_BATCH = 64  # examples; no influence on the result beyond rounding


@dataclass
class Outcome:
    """What a run measured.

    Attributes:
        status: `finished`; `diverged` if the loss or the gradient became infinite or NaN; `stopped`
            if the recipe gave the run up (`stop_failed_after`).
        updates: Number of updates that were made.
        curve: One row an evaluation: `update`, `epoch`, `learning_rate`, `train_loss` (mean
            since the last row), `val_loss`, and `val_<metric>` for each metric.
        best_update: Update of the best checkpoint: the highest validation score, the first of equals.
        diagnostics: Rows of `methods.diagnostics`, where the recipe asks for them.
        logits: `last` and `best` checkpoint, then split, to an array of shape (examples, classes).
    """

    status: str = "finished"
    updates: int = 0
    curve: list[dict] = field(default_factory=list)
    best_update: int = 0
    diagnostics: list[dict] = field(default_factory=list)
    logits: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


@dataclass
class Progress:
    """Where a run stands after an update.

    Attributes:
        update: The update, 0 at the start.
        outcome: What has been measured so far.
        shuffled: The training examples in the order of this epoch, as positions in their source split.
        window: Training losses since the last row of the curve.
        best_score: The best validation score so far, by what the recipe chooses the best checkpoint by.
        best_weights: Of the best checkpoint so far, off the device; None if there is none, or if the last is the best.
    """

    best_score: float
    update: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    shuffled: np.ndarray | None = None
    window: list[float] = field(default_factory=list)
    best_weights: dict[str, torch.Tensor] | None = None


def fine_tune(
    model: nn.Module,
    examples: Examples,
    recipe: Recipe,
    order_seed: int,
    device: torch.device,
    log=print,
    unfinished: Unfinished | None = None,
) -> Outcome:
    """Fine-tunes a model and evaluates it along the way.

    Args:
        model: A sequence classifier; trained in place, and left with its last weights.
        examples: What it trains, validates and is tested on; their task decides loss and metrics.
        recipe: The hyper-parameters.
        order_seed: Seed of the streams `order` (data order) and `dropout`.
        device: Where to train.
        log: Called with a line of text at every evaluation.
        unfinished: What an earlier start of the same run has left, and where this one leaves what it has done.

    Returns:
        The curve and the predictions of the last and of the best checkpoint.

    Raises:
        Stopped: The process was asked to end.
    """
    task, train_rows = examples.task, examples.rows("train")
    updates_per_epoch = math.ceil(len(train_rows) / recipe.batch_size)  # the last batch may be smaller
    total = number_of_updates(recipe, examples)
    warmup = int(recipe.warmup_ratio * total)
    evaluate_at = {round(k * total / recipe.evaluations) for k in range(1, recipe.evaluations + 1)} - {0}

    chosen_by = task.metric if recipe.best_by == "metric" else recipe.best_by

    examples, put_back_words = compact(model, examples, recipe)
    batch_of = batch_maker(model) or make_batch
    model.to(device).train()
    if device.type == "cpu":
        use_few_bits(model)
    optimizer = make_optimizer(model, recipe)
    order = generator(order_seed, "order")
    dropout_seed = order_seed if recipe.dropout_seed is None else recipe.dropout_seed
    torch.manual_seed(stream_seed(dropout_seed, "dropout"))  # dropout draws from the global stream, alone
    saved = unfinished.load() if unfinished else None
    if saved:  # before the watchers, which hold on to the groups of the optimizer
        load_optimizer(optimizer, saved["optimizer"], device)
    weights = list(model.parameters())  # looking for them takes longer than clipping a small network's gradients
    watchers = [watch(model, optimizer, recipe) for watch in methods_with("watch", recipe)]
    run = Progress(worst(chosen_by))
    if saved:  # behind the watchers, which look at the weights that training starts from
        run = restore(saved, model, order, watchers, device)
    del saved  # as large as the weights and their moments together

    outcome = run.outcome
    while run.update < total:
        # A new order of the training set at the start of every epoch
        position = run.update % updates_per_epoch
        run.update += 1
        if position == 0:
            run.shuffled = train_rows[torch.randperm(len(train_rows), generator=order).numpy()]
        rows = run.shuffled[position * recipe.batch_size : (position + 1) * recipe.batch_size]

        # The gradient of the batch's mean loss, the sum of those of its micro-batches
        losses = []
        for part in micro_batches(examples, "train", rows, recipe.micro_batch):
            inputs, labels = batch_of(examples, "train", part, device)
            loss = loss_of(forward(model, inputs, recipe), labels, task) * (len(part) / len(rows))
            loss.backward()
            losses.append(loss.detach())
        for watcher in watchers:
            watcher.before_update(run.update)
        norm = nn.utils.clip_grad_norm_(weights, recipe.max_grad_norm or math.inf)
        loss, norm = torch.stack([sum(losses), norm]).tolist()  # the only time that an update waits for the device
        run.window.append(loss)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            outcome.status = "diverged"
            reason = f"loss {loss}, gradient norm {norm}"
            log(f"update {run.update}/{total}: {reason}: diverged, training ends")
            break

        share_of_peak = schedule(run.update - 1, total, warmup)
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * share_of_peak
        optimizer.step()
        for watcher in watchers:
            watcher.after_update(run.update)
        optimizer.zero_grad()
        outcome.updates = run.update

        if run.update in evaluate_at:
            logits = predict(model, examples, "validation", recipe, device, batch_of)
            targets = examples.labels("validation")
            validation = scores(task, targets, logits)
            outcome.curve.append(
                {
                    "update": run.update,
                    "epoch": run.update / updates_per_epoch,
                    "learning_rate": recipe.learning_rate * share_of_peak,
                    "train_loss": sum(run.window) / len(run.window),
                    "val_loss": loss_of(torch.from_numpy(logits), torch.from_numpy(targets), task).item(),
                    **{f"val_{name}": value for name, value in validation.items()},
                }
            )
            run.window = []
            score = validation[chosen_by]
            outcome.logits["last"] = {"validation": logits}
            if better(chosen_by, score, run.best_score):
                run.best_score, outcome.best_update = score, run.update
                outcome.logits["best"] = {"validation": logits}
                run.best_weights = weights_of(model) if run.update < total else None
            row = outcome.curve[-1]
            log(f"update {run.update}/{total}: train loss {row['train_loss']:.4f}, validation {chosen_by} {score:.4f}")
            if any(watcher.is_hopeless(task, outcome.curve, targets, run.update / total) for watcher in watchers):
                outcome.status = "stopped"
                log(f"update {run.update}/{total}: never better than the majority score, training is stopped")
                break
        if unfinished:
            unfinished.after_update(run.update, total, lambda: snapshot(run, model, optimizer, order, watchers, device))

    for watcher in watchers:
        watcher.at_end(outcome.updates)
    outcome.diagnostics = [row for watcher in watchers for row in watcher.rows]
    if "last" in outcome.logits and not np.isfinite(outcome.logits["last"]["validation"]).all():
        outcome.status = "diverged"  # by the very last update

    # Each checkpoint is tested with its own weights, reloaded in full: reusing a cast of the last
    # weights for the best checkpoint is what spoiled the test scores of the official code.
    if outcome.status == "diverged":  # the weights before the fatal update are not a result of this recipe
        outcome.logits["last"] = {
            name: np.full((len(part.rows), task.n_classes), np.nan, np.float32)
            for name, part in examples.parts.items()
            if name != "train"
        }
    elif "test" in examples.parts:
        outcome.logits["last"]["test"] = predict(model, examples, "test", recipe, device, batch_of)
    if run.best_weights is None:  # the last is the best, or no evaluation gave a score
        outcome.best_update, outcome.logits["best"] = outcome.updates, outcome.logits["last"]
    elif "test" in examples.parts:
        swap_weights(model, run.best_weights)
        outcome.logits["best"]["test"] = predict(model, examples, "test", recipe, device, batch_of)
        swap_weights(model, run.best_weights)
    rates = [recipe.learning_rate * schedule(update, total, warmup) for update in range(outcome.updates)]
    put_back_words(shrunk_by(recipe.weight_decay, rates))
    return outcome


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copies the weights of a model to where they take no memory of the device."""
    return {name: tensor.to("cpu", copy=True) for name, tensor in model.state_dict().items()}


def swap_weights(model: nn.Module, others: dict[str, torch.Tensor]) -> None:
    """Exchanges the weights of a model for others, one tensor at a time, in place."""
    for name, tensor in model.state_dict().items():
        own = tensor.to("cpu", copy=True)
        tensor.copy_(others[name])
        others[name] = own


def snapshot(run: Progress, model, optimizer, order: torch.Generator, watchers: list, device: torch.device) -> dict:
    """Returns what the updates to come depend on, as tensors and plain values."""
    outcome = run.outcome
    streams = {"order": order.get_state(), "cpu": torch.get_rng_state()}
    if device.type == "cuda":
        streams["cuda"] = torch.cuda.get_rng_state(device)
    plain = {  # as text, which keeps every float
        "best_score": float(run.best_score),
        "best_update": outcome.best_update,
        "curve": outcome.curve,
        "rows": [watcher.rows for watcher in watchers],
        "window": run.window,
    }
    return {
        "plain": json.dumps(plain),
        "shuffled": torch.from_numpy(run.shuffled),
        "logits": {
            checkpoint: {name: torch.from_numpy(logits) for name, logits in by_split.items()}
            for checkpoint, by_split in outcome.logits.items()
        },
        "model": model.state_dict(),
        "best_weights": run.best_weights,
        "optimizer": optimizer.state_dict(),
        "streams": streams,
    }


def restore(saved: dict, model, order: torch.Generator, watchers: list, device: torch.device) -> Progress:
    """Puts a run where `snapshot` saw it; the optimizer is `load_optimizer`'s."""
    model.load_state_dict(saved["model"])
    order.set_state(saved["streams"]["order"])
    torch.set_rng_state(saved["streams"]["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(saved["streams"]["cuda"], device)
    plain = json.loads(saved["plain"])
    for watcher, rows in zip(watchers, plain["rows"], strict=True):
        watcher.rows = rows
    logits = {
        checkpoint: {name: tensor.numpy() for name, tensor in by_split.items()}
        for checkpoint, by_split in saved["logits"].items()
    }
    outcome = Outcome("finished", saved["update"], plain["curve"], plain["best_update"], logits=logits)
    shuffled, best = saved["shuffled"].numpy(), saved["best_weights"]
    return Progress(plain["best_score"], saved["update"], outcome, shuffled, plain["window"], best)


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict, device: torch.device) -> None:
    """Gives an optimizer the moments of another one over the same parameters."""
    optimizer.load_state_dict(saved)
    for group in optimizer.param_groups:  # PyTorch moves the state of parameters only
        for name, value in group.items():
            if isinstance(value, torch.Tensor):
                group[name] = value.to(device)


def number_of_updates(recipe: Recipe, examples: Examples) -> int:
    """Returns the length of training in updates: by `steps`, or else by `epochs` over the training set."""
    if isinstance(recipe.steps, int):
        return recipe.steps
    n_train = size_of_training_set(examples, recipe) if recipe.steps == "full" else len(examples.rows("train"))
    return recipe.epochs * math.ceil(n_train / recipe.batch_size)


def forward(model: nn.Module, inputs: dict[str, torch.Tensor], recipe: Recipe) -> torch.Tensor:
    """Returns the logits in float32, shape (batch, classes)."""
    if not getattr(model.config, "type_vocab_size", 0) > 1:  # RoBERTa and DistilBERT know one segment only
        inputs = {name: tensor for name, tensor in inputs.items() if name != "token_type_ids"}
    device = next(model.parameters()).device.type
    with torch.autocast(device, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        return model(**inputs).logits.float()


def loss_of(logits: torch.Tensor, labels: torch.Tensor, task: Task) -> torch.Tensor:
    """Returns the mean loss of a batch: cross-entropy in nats, or for regression the squared error."""
    if task.is_regression:
        return mse_loss(logits[:, 0], labels.float())
    return cross_entropy(logits, labels.long())


@torch.inference_mode()
def predict(
    model: nn.Module, examples: Examples, name: str, recipe: Recipe, device: torch.device, batch_of=make_batch
) -> np.ndarray:
    """Predicts the examples of a part with dropout off, similar lengths together.

    Args:
        model: The network.
        examples: The examples of the cell.
        name: The part.
        recipe: Decides the precision.
        device: Where the network is.
        batch_of: Makes a batch, as `make_batch` does.

    Returns:
        Logits in the order of the part's rows, shape (examples, classes), float32.
    """
    was_training = model.training
    model.eval()
    rows = examples.rows(name)
    by_length = np.argsort(examples.source(name).lengths()[rows], kind="stable")
    logits = np.empty((len(rows), examples.task.n_classes), dtype=np.float32)
    for start in range(0, len(by_length), EVALUATION_BATCH):
        chosen = by_length[start : start + EVALUATION_BATCH]
        inputs, _ = batch_of(examples, name, rows[chosen], device)
        logits[chosen] = forward(model, inputs, recipe).cpu().numpy()
    model.train(was_training)
    return logits
