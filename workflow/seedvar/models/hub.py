"""What the hub says of a model before any of its weights is loaded: from its cache, or asked for in seconds."""

from __future__ import annotations

import threading
from pathlib import Path

from seedvar.errors import UserError, first_line
from seedvar.models.configuration import CONFIG
from seedvar.models.tokenizer import TOKENIZER_FILES
from seedvar.models.weights import INDEX, PICKLED, SINGLE, Header, check_index, shards_of

ANSWER_S, ALL_S = 5, 20  # to wait for one answer, and for all of them
SMALL_FILES = (CONFIG, INDEX, *TOKENIZER_FILES)
PATTERNS = [*SMALL_FILES, SINGLE, "model-*-of-*.safetensors"]  # all that is ever loaded of a model


def cached(hub_id: str) -> Path | None:
    """Returns the folder of a model that the hub's cache holds whole; None where it does not."""
    from huggingface_hub import try_to_load_from_cache

    there = lambda name: isinstance(try_to_load_from_cache(hub_id, name), str)  # noqa: E731
    if not there(CONFIG) or not any(map(there, TOKENIZER_FILES)):
        return None
    folder = Path(try_to_load_from_cache(hub_id, CONFIG)).parent
    weights = [SINGLE] if there(SINGLE) or not there(INDEX) else set(shards_of(folder / INDEX).values())
    return folder if all((folder / name).exists() for name in weights) else None


def look(hub_id: str) -> tuple[Path, dict[str, Header]]:
    """Asks the hub for all of a model but its weights.

    Returns:
        A folder with its small files, and the headers of its weights.

    Raises:
        UserError: The hub does not answer, or has no such model.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise UserError(refusal(hub_id, "HF_HUB_OFFLINE is set, and its cache does not hold all of the model"))
    found: list = []

    def ask() -> None:
        try:
            found.append(_ask(hub_id))
        except Exception as error:  # the hub's client raises many kinds, from OSError to its own
            found.append(error)

    # A server that sends a byte now and then would hold the client for ever, whatever its time limits.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ALL_S)
    (answer,) = found or [TimeoutError(f"no answer in {ALL_S} seconds")]
    if isinstance(answer, UserError):
        raise answer
    if isinstance(answer, Exception):
        raise UserError(refusal(hub_id, first_line(answer)))
    return answer


def _ask(hub_id: str) -> tuple[Path, dict[str, Header]]:
    from huggingface_hub import HfApi, hf_hub_download

    api = HfApi()
    about = api.model_info(hub_id, timeout=ANSWER_S)
    names = {file.rfilename for file in about.siblings or []}
    if CONFIG not in names:
        raise UserError(f"the hub's '{hub_id}' has no {CONFIG}; accepted: a model of Transformers")
    if not names & {SINGLE, INDEX}:
        instead = "holds its weights as a pickle, which can run code" if names & {*PICKLED} else f"has no {SINGLE}"
        raise UserError(
            f"the hub's '{hub_id}' {instead}; accepted: a model with {SINGLE}, such as a folder that "
            "`model.save_pretrained(folder)` of Transformers has written"
        )
    small = [name for name in SMALL_FILES if name in names]
    get = lambda name: hf_hub_download(hub_id, name, revision=about.sha, etag_timeout=ANSWER_S)  # noqa: E731
    folder = Path([get(name) for name in small][0]).parent
    files = {SINGLE} if SINGLE in names else set(shards_of(folder / INDEX).values())
    headers = {}
    for name in sorted(files):
        parsed = api.parse_safetensors_file_metadata(hub_id, name, revision=about.sha, timeout=ANSWER_S)
        headers |= {tensor: Header(entry.dtype, tuple(entry.shape)) for tensor, entry in parsed.tensors.items()}
    if SINGLE not in names:
        check_index(shards_of(folder / INDEX), headers, folder / INDEX)
    return folder, headers


def download(hub_id: str) -> Path:
    """Loads what a model needs into the hub's cache; returns the folder.

    Raises:
        UserError: The hub cannot be reached and has left nothing in its cache.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=PATTERNS))
    except Exception as error:  # as above
        raise UserError(refusal(hub_id, first_line(error))) from None


def refusal(hub_id: str, reason: str) -> str:
    """Returns the sentence for a hub that does not give a model."""
    return (
        f"the hub did not give '{hub_id}' ({reason}); accepted: a connection to the hub, "
        "or a local folder with the checkpoint"
    )
