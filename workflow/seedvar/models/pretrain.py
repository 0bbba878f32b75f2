"""Pre-trains the embedded model `syn-bert`: a small deep BERT that knows the synthetic grammar.

As Devlin et al. (2019) pre-trained BERT: masked-language modelling (15 % of the
words; of these 80 % masked, 10 % random, 10 % kept) plus telling whether the
second sentence is about something else, so that the pooler is pre-trained too.

The weights in `models/syn-bert/` are what `snakemake pretrain` makes: there, `pretraining.json`
holds the settings, the time it took and the loss at the end, `loss.csv` the loss along the way.
"""

from __future__ import annotations

import dataclasses
import math
import platform
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining, BertTokenizer

from seedvar.data.grammar import vocabulary
from seedvar.data.synthetic import pretraining_text
from seedvar.files import write_json, write_text

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, CLS, SEP, MASK = 0, 2, 3, 4


@dataclass(frozen=True)
class Pretraining:
    """Every setting that decides the embedded weights."""

    layers: int = 8
    hidden_size: int = 96
    heads: int = 3
    intermediate_size: int = 192  # twice the width, half of BERT's: half the cost
    updates: int = 10_000
    batch_size: int = 64  # sentences or sentence pairs
    learning_rate: float = 1e-3  # peak, after a linear warm-up
    warmup_updates: int = 500
    weight_decay: float = 0.01
    masked_share: float = 0.15
    log_every: int = 100  # updates between two rows of loss.csv
    seed: int = 0


def build_model(settings: Pretraining) -> BertForPreTraining:
    """Builds the untrained model: BERT's architecture and initialisation."""
    torch.manual_seed(settings.seed)
    config = BertConfig(
        vocab_size=len(SPECIAL_TOKENS) + len(vocabulary()),
        hidden_size=settings.hidden_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.intermediate_size,
        hidden_act="relu",  # GELU costs ten times as much on a CPU
        max_position_embeddings=40,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
    )
    return BertForPreTraining(config)


def make_batch(rng: random.Random, settings: Pretraining) -> dict[str, torch.Tensor]:
    """Draws a batch of masked text.

    Returns:
        `input_ids`, `token_type_ids`, `attention_mask` and `labels` of shape (batch, longest),
        where a label is -100 except at the words to guess; `is_other` of shape (batch,) is 1
        where the second sentence is about another fact, 0 where it is not, -100 without one.
    """
    ids = {word: len(SPECIAL_TOKENS) + i for i, word in enumerate(vocabulary())}
    rows, kinds, others = [], [], []
    for _ in range(settings.batch_size):
        first, second, other = pretraining_text(rng)
        row, kind = [CLS, *(ids[w] for w in first), SEP], [0] * (len(first) + 2)
        if second:
            row += [*(ids[w] for w in second), SEP]
            kind += [1] * (len(second) + 1)
        rows.append(row)
        kinds.append(kind)
        others.append(int(other) if second else -100)
    longest = max(map(len, rows))
    labels = [[-100] * longest for _ in rows]
    for row, label in zip(rows, labels, strict=True):
        words = [i for i, token in enumerate(row) if token not in (CLS, SEP)]
        for i in rng.sample(words, max(1, round(settings.masked_share * len(words)))):
            label[i] = row[i]
            fate = rng.random()
            if fate < 0.8:
                row[i] = MASK
            elif fate < 0.9:
                row[i] = rng.randrange(len(SPECIAL_TOKENS), len(SPECIAL_TOKENS) + len(ids))
    pad = lambda rows: torch.tensor([row + [0] * (longest - len(row)) for row in rows])  # noqa: E731
    input_ids = pad(rows)
    return {
        "input_ids": input_ids,
        "token_type_ids": pad(kinds),
        "attention_mask": (input_ids != PAD).long(),
        "labels": torch.tensor(labels),
        "is_other": torch.tensor(others),
    }


def pretraining_loss(model: BertForPreTraining, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the mean cross-entropy (nats) of the masked words and that of the sentence-pair question."""
    inputs = {name: batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
    hidden, pooled = model.bert(**inputs)[:2]
    guessed = batch["labels"] != -100
    word_logits, pair_logits = model.cls(hidden[guessed], pooled)
    return cross_entropy(word_logits, batch["labels"][guessed]), cross_entropy(pair_logits, batch["is_other"])


def train(settings: Pretraining, stop_after: int | None = None, progress=None):
    """Runs masked-language modelling.

    Args:
        settings: The recipe; its learning-rate schedule always spans `settings.updates`.
        stop_after: Ends after so many updates (a test repeats the beginning of the shipped run).
        progress: Called with (update, row) at every logged row.

    Returns:
        The model and the rows (update, word loss, pair loss), each a mean since the last row.
    """
    torch.set_num_threads(1)
    model = build_model(settings).train()
    for module in model.modules():  # fresh text at every update: nothing to regularise
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    warmup, total = settings.warmup_updates, settings.updates
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: (k + 1) / warmup if k < warmup else (total - k) / (total - warmup)
    )
    rng = random.Random(f"pretraining/{settings.seed}")
    rows, sums = [], [0.0, 0.0]
    for update in range(1, (stop_after or total) + 1):
        words, pairs = pretraining_loss(model, make_batch(rng, settings))
        (words + pairs).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        sums = [sums[0] + words.item(), sums[1] + pairs.item()]
        if update % settings.log_every == 0:
            rows.append((update, *(value / settings.log_every for value in sums)))
            sums = [0.0, 0.0]
            if progress:
                progress(update, rows[-1])
    return model.eval(), rows


@torch.no_grad()
def held_out_loss(model: BertForPreTraining, settings: Pretraining, batches: int = 20) -> tuple[float, float]:
    """Returns both losses on text that pre-training has not seen."""
    rng = random.Random("held-out pretraining text")
    losses = [pretraining_loss(model, make_batch(rng, settings)) for _ in range(batches)]
    return tuple(math.fsum(loss[i].item() for loss in losses) / batches for i in (0, 1))


def pretrain(folder: Path, settings: Pretraining) -> None:
    """Pre-trains and saves a checkpoint folder in the hub's layout, with its recipe beside it."""
    start = time.monotonic()

    def report(update, row):
        left = (time.monotonic() - start) / update * (settings.updates - update)
        line = f"update {update}/{settings.updates}, word loss {row[1]:.3f}, pair loss {row[2]:.3f}"
        print(f"{line}, about {left / 60:.0f} min left", file=sys.stderr, flush=True)

    model, rows = train(settings, progress=report)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate([*SPECIAL_TOKENS, *vocabulary()])})
    tokenizer.save_pretrained(folder)
    word_loss, pair_loss = held_out_loss(model, settings)
    write_text(
        folder / "loss.csv",
        "update,word_loss,pair_loss\n" + "".join(f"{u},{w:.6f},{p:.6f}\n" for u, w, p in rows),
    )
    write_json(
        folder / "pretraining.json",
        {
            "settings": dataclasses.asdict(settings),
            "held_out_word_loss": word_loss,
            "held_out_pair_loss": pair_loss,
            "wall_time_s": round(time.monotonic() - start, 1),
            "versions": {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "python": platform.python_version(),
            },
        },
    )
