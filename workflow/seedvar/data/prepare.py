"""Tokenises a task once per (task, model, length); all cells share the result.

The tokens lie in one safetensors file, which loads in milliseconds and without
the `datasets` library, and `data.json` beside it says what they are. Its
`content` digest is the data's part of a cell's fingerprint.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from seedvar.data.examples import read_examples, refuse_the_same
from seedvar.data.splits import split
from seedvar.data.suspicious import much_cut, suspicions
from seedvar.data.tokens import Tokens
from seedvar.data.unknown import check_unknown, unknown_share
from seedvar.errors import UserError, first_line
from seedvar.files import digest, read_json, write_atomically, write_json


def tokenize(texts: list[list[str]], labels: np.ndarray, tokenizer, max_length: int) -> Tokens:
    """Tokenises examples without padding, the longer text of a pair cut first.

    Args:
        texts: One list a text column.
        labels: Shape (examples,), float32.
        tokenizer: Of Transformers.
        max_length: Longer inputs are cut to so many tokens.
    """
    if len(texts) > 1 and tokenizer.sep_token_id is None:
        texts = [texts[0], [f"\n{text}" for text in texts[1]]]  # nothing else would tell the two apart
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    ids = encoded["input_ids"]
    # RoBERTa and DistilBERT have no token types.
    types = encoded.get("token_type_ids") or [[0] * len(row) for row in ids]
    return Tokens(
        input_ids=np.concatenate([np.asarray(row, np.int32) for row in ids]),
        token_type_ids=np.concatenate([np.asarray(row, np.int32) for row in types]),
        offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
        labels=labels,
    )


def prepare(name: str, declaration, source: dict, model_folder: Path, max_length: int, folder: Path) -> None:
    """Writes `tokens.safetensors` and `data.json` into `folder`.

    Args:
        name: The task's name.
        declaration: Its `declaration.Declaration`.
        source: Where its data are, see `sources.located`. It leaves no trace in the files.
        model_folder: Holds the tokenizer.
        max_length: Longer inputs are cut to so many tokens.
        folder: Where to write.

    Raises:
        UserError: The data or the tokenizer cannot be had, the data are not as declared, or the tokenizer is not the
            model's.
    """
    config = read_json(model_folder / "config.json")
    tokenizer = load_tokenizer(model_folder, config["vocab_size"], needs_cls=config["model_type"] not in DECODERS)
    longest = min(max_length, longest_input(config))
    examples = read_examples(name, declaration, source)
    refuse_the_same(examples, source)
    split(examples.task, examples.labels, "halves")  # is there something for each part?
    splits = {
        part: tokenize(texts, examples.labels[part], tokenizer, longest) for part, texts in examples.texts.items()
    }
    ids = np.concatenate([tokens.input_ids for tokens in splits.values()])
    if len(ids) and ids.max() >= config["vocab_size"]:
        raise UserError(f"{model_folder}: its tokenizer makes token {ids.max():,}; {_FITTING.format(**config)}")
    unknown = unknown_share(ids, tokenizer.unk_token_id, tokenizer("")["input_ids"])
    if warning := check_unknown(unknown, name, model_folder.name):
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    arrays = {f"{part}.{name}": value for part, tokens in splits.items() for name, value in vars(tokens).items()}
    write_atomically(folder / "tokens.safetensors", lambda path: save_file(arrays, path))
    write_json(
        folder / "data.json",
        {
            "task": examples.task.as_dict(),  # a change of it is a change of this file, and so a reason to train again
            "max_length": max_length,
            "examples": {part: len(tokens) for part, tokens in splits.items()},
            "tokens": {part: int(tokens.offsets[-1]) for part, tokens in splits.items()},
            "unknown_share": round(unknown, 6),  # of the tokens of text
            "pad_token_id": _padding(tokenizer),
            # Odd, but no reason to refuse them; no part of a fingerprint.
            "warnings": [*suspicions(examples), *much_cut(np.diff(splits["train"].offsets), longest)],
            "content": digest({name: _array_digest(array) for name, array in arrays.items()}),
        },
    )


# Families of decoders, which read an answer from the last token: their tokenizers need no [CLS], [SEP] or [PAD].
DECODERS = ("gpt2", "llama", "qwen2", "qwen3")
COUNT_FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet")
NO_LIMIT = 32_768  # tokens; XLNet has no table of positions
_FITTING = "accepted: the model's own tokenizer, whose tokens are below {vocab_size:,} (vocab_size of config.json)"


def load_tokenizer(model_folder: Path, vocab_size: int, needs_cls: bool = True):
    """Loads the tokenizer of a checkpoint.

    Args:
        model_folder: The checkpoint.
        vocab_size: How many tokens the model has embeddings for.
        needs_cls: Whether it has to have tokens for the beginning, the end of a text and padding.

    Raises:
        UserError: It cannot be loaded, lacks a special token, or has one that the model does not know; or Transformers
            does not accept the configuration beside it, which is better said now than by every cell.
    """
    from transformers import AutoConfig, AutoTokenizer

    try:
        AutoConfig.from_pretrained(model_folder, trust_remote_code=False)
    except Exception as error:  # what a value is checked by raises many kinds
        raise UserError(
            f"{model_folder}: has no configuration that Transformers can load ({first_line(error)})"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(model_folder, trust_remote_code=False)
    except Exception as error:  # the libraries behind it raise many kinds
        raise UserError(f"{model_folder}: has no tokenizer that Transformers can load ({first_line(error)})") from None
    numbers = {kind: getattr(tokenizer, f"{kind}_id") for kind in ("pad_token", "cls_token", "sep_token")}
    for kind, number in numbers.items() if needs_cls else [("pad_token or eos_token", _padding(tokenizer))]:
        if number is None or not 0 <= number < vocab_size:
            given = "has none" if number is None else f"is number {number:,}"
            raise UserError(
                f"{model_folder}: the {kind} of its tokenizer {given}; {_FITTING.format(vocab_size=vocab_size)}"
            )
    return tokenizer


def _padding(tokenizer) -> int | None:
    """Returns what fills batches up: where there is no token for it, the end of a text; it is masked in any case."""
    return tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id


def longest_input(config: dict) -> int:
    """Returns how many tokens a model has positions for, from its `config.json`."""
    if config.get("model_type") == "xlnet":
        return NO_LIMIT
    positions = config.get("max_position_embeddings") or config.get("n_positions") or 512
    # RoBERTa counts its positions from behind the padding token.
    from_padding = config.get("model_type") in COUNT_FROM_PADDING
    return positions - config.get("pad_token_id", 1) - 1 if from_padding else positions


def _array_digest(array: np.ndarray) -> str:
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()
