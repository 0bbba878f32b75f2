"""A checkpoint's tokenizer without Transformers, which takes seconds to import: for a look at it and at data."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from seedvar.errors import UserError, first_line
from seedvar.files import read_json
from seedvar.models.configuration import read_object
from seedvar.models.families import family_of

FAST, SETTINGS = "tokenizer.json", "tokenizer_config.json"
# Sets of files that Transformers makes a tokenizer of; where there is none, it makes one that knows no word.
VOCABULARIES = ((FAST,), ("vocab.txt",), ("vocab.json", "merges.txt"))
SENTENCE_PIECE = ("spiece.model", "spm.model", "sentencepiece.bpe.model")
TOKENIZER_FILES = (
    FAST, SETTINGS, "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
    *SENTENCE_PIECE,
)  # fmt: skip
SPECIAL = ("pad_token", "unk_token", "cls_token", "sep_token")
SAVE = "tokenizer.json as `tokenizer.save_pretrained(folder)` of Transformers writes it"


class QuickTokenizer:
    """Makes token ids of texts as a fast tokenizer of Transformers does.

    Args:
        folder: A checkpoint with `tokenizer.json`.
        name: What tables call the model.

    Raises:
        OSError: There is no such file.
        ValueError: It is damaged.
    """

    def __init__(self, folder: Path, name: str):
        from tokenizers import Tokenizer

        path = folder / FAST
        about = read_json(path).get("model", {})
        try:
            self.tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing but this
            raise ValueError(str(error)) from None
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.name, unknown = name, about.get("unk_token")
        self.unk_token_id = self.tokenizer.token_to_id(unknown) if isinstance(unknown, str) else about.get("unk_id")

    def __call__(self, *columns: list[str]) -> dict[str, list[list[int]]]:
        """Returns `input_ids`, one list an example, of one or two columns of texts."""
        texts = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        return {"input_ids": [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]}


def quick_tokenizer(folder: Path, name: str) -> QuickTokenizer | None:
    """Returns the tokenizer of a checkpoint; None where it has no fast one.

    Raises:
        UserError: It is damaged.
    """
    try:
        return QuickTokenizer(folder, name) if (folder / FAST).is_file() else None
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / FAST}: is damaged ({first_line(error)}); accepted: {SAVE}") from None


def check_tokenizer(folder: Path, config: dict) -> None:
    """Refuses a checkpoint without a tokenizer, or with one that is not its own.

    Args:
        folder: The checkpoint.
        config: Its `config.json`, which has been checked.

    Raises:
        UserError: Files are missing or damaged, or the vocabulary does not fit the embeddings.
    """
    files = next((files for files in VOCABULARIES if all((folder / name).exists() for name in files)), None)
    if files is None:
        if any((folder / name).exists() for name in SENTENCE_PIECE) and importlib.util.find_spec("sentencepiece"):
            return  # the job that tokenises data looks at it
        raise UserError(f"{folder}: holds no tokenizer; accepted: {SAVE}")
    path = folder / files[0]
    vocabulary, size = _vocabulary(path), config["vocab_size"]
    if not vocabulary or not all(isinstance(number, int) and number >= 0 for number in vocabulary.values()):
        raise UserError(f"{path}: holds no vocabulary; accepted: {SAVE}")
    if (last := max(vocabulary.values())) >= size:
        raise UserError(
            f"{path}: has tokens up to number {last:,}, and the embeddings of config.json end at {size - 1:,} "
            "(vocab_size); accepted: the model's own tokenizer"
        )
    tokens = _special_tokens(folder)
    for kind in SPECIAL:
        if (token := tokens.get(kind)) is not None and token not in vocabulary:
            raise UserError(f"{path}: does not hold {token!r}, its {kind}; accepted: {SAVE}")
    pads = {config.get("pad_token_id"), vocabulary.get(tokens.get("pad_token"))} - {None}
    counts_from_padding = family_of(config["model_type"]).prefix in ("roberta", "mpnet")  # its positions
    if len(pads) > 1 and counts_from_padding:
        raise UserError(
            f"{path}: pads with another number than pad_token_id {config['pad_token_id']} of config.json; accepted: "
            "the model's own tokenizer"
        )


def _vocabulary(path: Path) -> dict[str, int]:
    """Reads the vocabulary of a file: token to number, added tokens included."""
    try:
        if path.suffix == ".txt":
            lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
            return {token: number for number, token in enumerate(lines) if token}
        about = read_object(path)
        if path.name != FAST:
            return about
        known = about["model"]["vocab"]
        if isinstance(known, list):  # of a unigram model: pairs of a token and its score
            known = {token: number for number, (token, _) in enumerate(known)}
        return known | {token["content"]: token["id"] for token in about.get("added_tokens") or []}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is damaged ({first_line(error)}); accepted: {SAVE}") from None


def _special_tokens(folder: Path) -> dict[str, str]:
    """Reads which tokens a checkpoint says are special; without a word of it, Transformers knows them by its class."""
    said = {}
    for name in ("special_tokens_map.json", SETTINGS):
        if (folder / name).exists():
            about = read_object(folder / name)
            said |= {kind: about[kind] for kind in SPECIAL if about.get(kind) is not None}
    tokens = {kind: token.get("content") if isinstance(token, dict) else token for kind, token in said.items()}
    for kind, token in tokens.items():
        if not isinstance(token, str):
            raise UserError(f"{folder / SETTINGS}: {kind}: {token!r} is not accepted; accepted: a token")
    return tokens
