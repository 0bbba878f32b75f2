"""A checkpoint's tokenizer without Transformers, which takes seconds to import: for a look at data."""

from __future__ import annotations

from pathlib import Path

from seedvar.files import read_json


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

        path = folder / "tokenizer.json"
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
