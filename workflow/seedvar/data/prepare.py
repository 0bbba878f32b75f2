"""Tokenises a task once per (task, model, length); all cells share the result.

The tokens lie in one safetensors file, which loads in milliseconds and without
the `datasets` library, and `data.json` beside it says what they are. Its
`content` digest is the data's part of a cell's fingerprint.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from seedvar.data import glue, synthetic
from seedvar.data.tasks import Task
from seedvar.data.tokens import Tokens
from seedvar.errors import UserError
from seedvar.files import digest, read_json, write_atomically, write_json


def load_examples(task: Task, glue_dir: Path | None) -> dict[str, list[dict]]:
    """Loads `train` and `validation` of any task, with the labels checked."""
    if task.data == "synthetic":
        examples = {split: synthetic.make_examples(task.name, split) for split in synthetic.SIZES}
    else:
        examples = glue.load(task, glue_dir)
    for split, rows in examples.items():
        glue.check_labels(task, [row["label"] for row in rows], f"{task.name} ({split})")
    return examples


def tokenize(task: Task, examples: list[dict], tokenizer, max_length: int) -> Tokens:
    """Tokenises examples without padding, the longer text of a pair cut first."""
    texts = [[str(row[column]) for row in examples] for column in task.columns]
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    ids = encoded["input_ids"]
    # RoBERTa and DistilBERT have no token types.
    types = encoded.get("token_type_ids") or [[0] * len(row) for row in ids]
    return Tokens(
        input_ids=np.concatenate([np.asarray(row, np.int32) for row in ids]),
        token_type_ids=np.concatenate([np.asarray(row, np.int32) for row in types]),
        offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
        labels=np.asarray([row["label"] for row in examples], np.float32),
    )


def prepare(task: Task, model_folder: Path, max_length: int, folder: Path, glue_dir: Path | None) -> None:
    """Writes `tokens.safetensors` and `data.json` into `folder`.

    Raises:
        UserError: The data or the tokenizer cannot be had.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model_folder)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{model_folder}: has no tokenizer that Transformers can load ({str(error).splitlines()[0]})"
        ) from None
    longest = min(max_length, longest_input(read_json(model_folder / "config.json")))
    splits = {split: tokenize(task, rows, tokenizer, longest) for split, rows in load_examples(task, glue_dir).items()}
    arrays = {f"{split}.{name}": value for split, tokens in splits.items() for name, value in vars(tokens).items()}
    write_atomically(folder / "tokens.safetensors", lambda path: save_file(arrays, path))
    write_json(
        folder / "data.json",
        {
            "task": task.name,
            "declaration": asdict(task),  # a change of it is a change of this file, and so a reason to train again
            "max_length": max_length,
            "examples": {split: len(tokens) for split, tokens in splits.items()},
            "tokens": {split: int(tokens.offsets[-1]) for split, tokens in splits.items()},
            "pad_token_id": tokenizer.pad_token_id,
            "content": digest({name: _array_digest(array) for name, array in arrays.items()}),
        },
    )


def longest_input(config: dict) -> int:
    """Returns how many tokens a model has positions for, from its `config.json`."""
    positions = config.get("max_position_embeddings", 512)
    # RoBERTa counts its positions from behind the padding token.
    return positions - config.get("pad_token_id", 1) - 1 if config.get("model_type") == "roberta" else positions


def _array_digest(array: np.ndarray) -> str:
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()
