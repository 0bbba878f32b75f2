"""Where a study's models come from, and how it gets into `results/models/<name>/`.

A model is copied there once, from the hub, a folder or this package, so that
cells need no network and no path outside the results folder, and so that the
weights cannot change under a running study. No Transformers is imported here.
"""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from seedvar.errors import UserError, first_line
from seedvar.files import copy_folder, files_digest, read_json, write_json
from seedvar.models.families import FAMILIES, family_of

EMBEDDED = {path.name: path for path in Path(__file__).parent.iterdir() if (path / "config.json").is_file()}

# What a checkpoint needs: configuration, tokenizer, weights in one of PyTorch's two formats.
WANTED = ["*.json", "*.txt", "*.model", "*.safetensors", "*.bin"]
UNWANTED = ["*/*", "training_args.bin", "optimizer.bin", "flax_model*", "tf_model*"]


PATHS = (".", "/", "~")  # what begins so is a path, and no hub id


@dataclass(frozen=True)
class Checkpoint:
    """A model that a study names.

    Attributes:
        name: Folder name below `results/models/` and `results/cells/<data>/`.
        folder: Where it lies on this machine; None for a model on the hub.
        hub_id: Its id on the hub; None for a folder.
    """

    name: str
    folder: Path | None = None
    hub_id: str | None = None


def resolve(model: str, aliases: dict[str, str], where: str) -> Checkpoint:
    """Finds what a study means by `model:`.

    Args:
        model: An alias, an embedded model, a folder or a hub id, in this order.
        aliases: `models:` of config.yaml.
        where: The study file, for messages.

    Raises:
        UserError: It is a path, and there is no checkpoint in that folder.
    """
    place = aliases.get(model, model)
    key = f"config.yaml: models.{model}" if model in aliases else f"{where}: model"
    name = model_name(model)
    if place in EMBEDDED:
        return Checkpoint(name, folder=EMBEDDED[place])
    if place.startswith("package:"):
        package, _, inner = place.removeprefix("package:").partition("/")
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise UserError(
                f"{key}: the Python package '{package}' is not installed; accepted: package:NAME/FOLDER of an "
                "installed package"
            )
        return Checkpoint(name, folder=_checked(Path(spec.submodule_search_locations[0]) / inner, key))
    if place.startswith(PATHS) or Path(place).is_dir():
        return Checkpoint(name, folder=_checked(Path(place).expanduser(), key))
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", place):
        embedded = ", ".join(sorted(EMBEDDED))
        raise UserError(
            f"{key}: '{place}' is not accepted; accepted: a hub id, a folder, a name under models in config.yaml, "
            f"or the embedded {embedded}"
        )
    return Checkpoint(name, hub_id=place)


def model_name(model: str) -> str:
    """Returns what tables and folders call a model, by what a study writes alone.

    That is the last part of a path, or an alias or hub id with -- for its slash.
    """
    if model.startswith(PATHS):
        model = os.path.basename(os.path.abspath(os.path.expanduser(model)))
    return re.sub(r"[^\w.+-]", "_", model.removeprefix("package:").strip("/").replace("/", "--"))


def _checked(folder: Path, key: str) -> Path:
    if not folder.is_dir():
        raise UserError(f"{key}: there is no folder {folder}; accepted: a folder with a checkpoint, or a hub id")
    if not (folder / "config.json").is_file() or not weight_files(folder):
        raise UserError(f"{key}: {folder} is no checkpoint; accepted: a folder with config.json and model.safetensors")
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The weight files that Transformers would read: safetensors where there are any."""
    safe = sorted(folder.glob("*.safetensors"))
    return safe or sorted(folder.glob("pytorch_model*.bin"))


def content(folder: Path) -> str:
    """Returns the digest of the part of a checkpoint that a cell reads: configuration and weights."""
    return files_digest([folder / "config.json", *weight_files(folder)], folder)


def whole_content(folder: Path) -> str:
    """Returns the digest of a whole checkpoint, the tokenizer too."""
    files = {path for pattern in WANTED for path in folder.glob(pattern) if path.name != "model.json"}
    return files_digest(files, folder)


def prepare(source: Checkpoint, target: Path) -> None:
    """Puts the checkpoint into the folder `target`, with `model.json` beside its files.

    Raises:
        UserError: The hub cannot be reached and has left nothing in its cache.
    """
    folder = source.folder or _download(source)
    copy_folder(folder, target)
    config = read_json(target / "config.json")
    family = config.get("model_type")
    write_json(
        target / "model.json",
        {
            "model": source.hub_id or source.name,
            "family": family,
            "addresses": _addresses(family),
            "layers": depth_of(config),
            "content": content(target),
            "whole_content": whole_content(target),
        },
    )


def depth_of(config: dict) -> int | None:
    """Returns the number of a model's blocks, from its `config.json`."""
    return config.get("num_hidden_layers") or config.get("n_layers")


def _addresses(family: str | None) -> dict | None:
    return family_of(family).row() if family in FAMILIES else None


def refresh(folder: Path) -> None:
    """Writes the present addresses of its family into the `model.json` of a copied model, if they are others.

    That file is an input of every cell of the model, and so tells Snakemake of a changed row.
    """
    try:
        about = read_json(folder / "model.json")
        now = _addresses(about["family"])
        if about.get("addresses") != now:
            write_json(folder / "model.json", about | {"addresses": now})
    except (OSError, ValueError, KeyError):
        return  # there is none yet, or it is made anew


def _download(source: Checkpoint) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(source.hub_id, allow_patterns=WANTED, ignore_patterns=UNWANTED))
    except Exception as error:  # the hub's client raises many kinds, from OSError to its own
        raise UserError(
            f"model: the hub did not give '{source.hub_id}' ({first_line(error)}); accepted: a connection to the hub, "
            "or a local folder with the checkpoint"
        ) from None
    return _checked(folder, f"model: {source.hub_id}")
