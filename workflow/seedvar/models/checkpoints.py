"""Where a study's models come from, and how they get into `results/models/<name>/`.

A model is copied there once, from the hub, a folder or this package, so that
cells need no network and no path outside the results folder, and so that the
weights cannot change under a running study. Before that it is looked at: what would
not load as it says is refused when a study is planned, and once more when it is copied.
No Transformers is imported here.
"""

from __future__ import annotations

import difflib
import importlib.machinery
import os
import re
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from seedvar.errors import UserError
from seedvar.files import copy_files, files_digest, read_json, write_json
from seedvar.models import hub
from seedvar.models.configuration import CONFIG, check_config, depth_of, read_object
from seedvar.models.families import FAMILIES, family_of
from seedvar.models.tokenizer import TOKENIZER_FILES, check_tokenizer, quick_tokenizer
from seedvar.models.weights import (
    INDEX,
    SINGLE,
    Header,
    check_finite,
    check_weights,
    has_word_head,
    read_headers,
    weight_files,
)

EMBEDDED = {path.name: path for path in Path(__file__).parent.iterdir() if (path / CONFIG).is_file()}
RECORD = "model.json"  # beside a copied model: what it is

MOST_TEXT = 200_000_000  # bytes of what is read as a whole; the largest vocabularies have a tenth
PATHS = (".", "/", "~")  # what begins so is a path, and no hub id
PACKAGE = "package:"
NAME = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9._+-]{0,99}")
HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,95})?")
NAMES = "letters, digits and . _ + -, at most 100, the first no . or -"
# Folders of such names say nothing of the model in them: those above it are named too.
TELLS_NOTHING = re.compile(r"checkpoint([-_]?\d+)?|model|best|last|final|out(put)?|hf|[0-9a-f]{40}", re.IGNORECASE)


@dataclass(frozen=True)
class Checkpoint:
    """A model that a study names.

    Attributes:
        name: Folder name below `results/models/` and `results/cells/<data>/`.
        folder: Where it lies on this machine; None for a model on the hub.
        hub_id: Its id on the hub; None for a folder.
        origin: What it is known by, whatever it is called: its path, hub id, package, or the embedded model.
        key: Where the user names it, for messages.
    """

    name: str
    folder: Path | None = None
    hub_id: str | None = None
    origin: str = field(default="", compare=False)
    key: str = field(default="model", compare=False)


@dataclass(frozen=True)
class About:
    """What is known of a checkpoint that has been looked at.

    Attributes:
        config: Its `config.json`.
        drawn_anew: Weights of the encoder that it lacks, and that every cell draws anew.
        has_word_head: Whether it has its pre-trained masked-word head.
    """

    config: dict
    drawn_anew: tuple[str, ...] = ()
    has_word_head: bool = False


def resolve(model: str, aliases: dict[str, str], where: str) -> Checkpoint:
    """Finds what a study means by `model:`.

    Args:
        model: An alias, an embedded model, a folder or a hub id, in this order.
        aliases: `models:` of config.yaml.
        where: The study file, for messages.

    Raises:
        UserError: It is a path, and there is no such folder; or no folder of results can be called so.
    """
    place = aliases.get(model, model)
    key = f"config.yaml: models.{model}" if model in aliases else f"{where}: model"
    if not model.isprintable() or not place.isprintable():
        raise UserError(f"{key}: {place!r} is not accepted; accepted: text of one line")
    folder, hub_id, origin = None, None, place
    if place in EMBEDDED:
        folder, origin = EMBEDDED[place], f"embedded:{place}"
    elif place.startswith(PACKAGE):
        folder = _in_package(place, key)
    elif place.startswith(PATHS) or os.path.isdir(place):
        folder = Path(os.path.expanduser(place))
        if not os.path.isdir(folder):
            raise UserError(f"{key}: there is no folder {folder}; accepted: a folder with a checkpoint, or a hub id")
        origin = _origin(folder)
    elif HUB_ID.fullmatch(place) and ".." not in place and "--" not in place:
        hub_id, origin = place, f"hub:{place}"
    else:
        raise UserError(
            f"{key}: '{place}' is not accepted; accepted: a hub id, a folder, a name under models in config.yaml, "
            f"or the embedded {', '.join(sorted(EMBEDDED))}"
        )
    name = model_name(model)
    if not NAME.fullmatch(name):
        raise UserError(
            f"{key}: '{model}' would be called '{name}', which is no name for a model; accepted: a short name for it "
            f"under models in config.yaml: {NAMES}"
        )
    if hub_id and (close := difflib.get_close_matches(model, [*aliases, *EMBEDDED], n=1)):
        # The hub may well have a model that is called almost like a short name: bert-base-uncased, bert-large-uncased.
        key = f"{key}: '{model}' (did you mean '{close[0]}'?)"
        if "/" not in model and difflib.get_close_matches(model, EMBEDDED, n=1, cutoff=0.8):
            raise UserError(f"{key}: is not accepted; accepted: a hub id, a folder, {', '.join([*aliases, *EMBEDDED])}")
    return Checkpoint(name, folder, hub_id, origin, key)


def model_name(model: str) -> str:
    """Returns what tables and folders call a model, by what a study writes alone.

    That is an alias or hub id with -- for its slash, or the last part of a path; of a path whose last part would say
    nothing, such as `checkpoint-500`, the part before it as well.
    """
    if model.startswith(PATHS):
        parts = [part for part in os.path.normpath(os.path.expanduser(model)).split("/") if part not in ("", ".", "..")]
        first = max(0, len(parts) - 1)
        while first > 0 and TELLS_NOTHING.fullmatch(parts[first]):
            first -= 1
        model = "/".join(parts[first:]) or os.path.basename(os.path.abspath(os.path.expanduser(model)))
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", model.removeprefix(PACKAGE).strip("/").replace("/", "--"))


def check_aliases(aliases: dict[str, str], where: str) -> None:
    """Refuses short names that no folder can be called by, or that mean something else.

    Raises:
        UserError: One sentence with the name.
    """
    for alias in aliases:
        if not all(NAME.fullmatch(part) for part in alias.split("/", 1)) or not NAME.fullmatch(model_name(alias)):
            raise UserError(f"{where}: models: {alias!r} is not a name; accepted: {NAMES}; or a hub id")
        if alias in EMBEDDED and aliases[alias] != alias:
            raise UserError(f"{where}: models: '{alias}' is the embedded model; accepted: another name")


def _origin(folder: Path) -> str:
    """Returns the path of a folder, below the working directory a relative one: such a project may move as a whole."""
    path = folder.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _in_package(place: str, key: str) -> Path:
    """Finds a folder in an installed package without importing any of it, and never in the working directory."""
    package, _, inner = place.removeprefix(PACKAGE).partition("/")
    accepted = "accepted: package:NAME/FOLDER of an installed package"
    if not re.fullmatch(r"[A-Za-z_]\w*", package, re.ASCII) or ".." in Path(inner).parts:
        raise UserError(f"{key}: '{place}' is not accepted; {accepted}")
    paths = [path for path in sys.path if os.path.isabs(path) and Path(path).resolve() != Path.cwd()]
    spec = importlib.machinery.PathFinder.find_spec(package, paths)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{key}: the Python package '{package}' is not installed; {accepted}")
    root = Path(next(iter(spec.submodule_search_locations)))
    folder = root / inner
    if not folder.is_dir() or not folder.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{key}: there is no folder {inner or '.'} in the package '{package}'; {accepted}")
    return folder


def wanted_files(folder: Path) -> list[Path]:
    """Lists what a cell, its data and its probes need of a checkpoint: configuration, tokenizer, weights.

    Raises:
        UserError: One of them is missing, is no plain file, or is a link that leads out of the folder.
    """
    if not (folder / CONFIG).exists():
        raise UserError(f"{folder}: is no checkpoint; accepted: a folder with {CONFIG} and model.safetensors")
    of_tokenizer = [folder / name for name in TOKENIZER_FILES if (folder / name).exists()]
    index = [folder / INDEX] if (folder / INDEX).exists() else []
    _check_plain([folder / CONFIG, *of_tokenizer, *index], folder)  # the index is read to know the rest
    for file in (folder / CONFIG, *of_tokenizer, *index):
        if file.stat().st_size > MOST_TEXT:
            raise UserError(f"{file}: is larger than {MOST_TEXT // 10**6} MB; accepted: {file.name} of a checkpoint")
    weights = weight_files(folder)
    _check_plain(weights, folder)
    return [folder / CONFIG, *of_tokenizer, *(index if weights != [folder / SINGLE] else []), *weights]


def _check_plain(files: Iterable[Path], folder: Path) -> None:
    """Refuses what is no file, which might never end, and links out of a folder or, in the hub's cache, of a model."""
    root = folder.resolve()
    if root.parent.name == "snapshots" and root.parents[1].name.startswith("models--"):
        root = root.parents[1]
    for file in files:
        try:
            mode = file.stat().st_mode
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({error.strerror}); accepted: a whole checkpoint") from None
        if not stat.S_ISREG(mode):
            raise UserError(f"{file}: is no plain file; accepted: a folder with plain files")
        if not file.resolve().is_relative_to(root):
            raise UserError(f"{file}: is a link that leads out of its folder; accepted: a folder with plain files")


def content(folder: Path) -> str:
    """Returns the digest of the part of a checkpoint that a cell reads: configuration and weights."""
    return files_digest([folder / CONFIG, *weight_files(folder)], folder)


def whole_content(folder: Path) -> str:
    """Returns the digest of a whole checkpoint, the tokenizer too."""
    return files_digest(wanted_files(folder), folder)


def inspect(folder: Path, headers: dict[str, Header] | None = None) -> About:
    """Looks at a checkpoint: refuses what would not load as its configuration says.

    Args:
        folder: The checkpoint.
        headers: Those of its weights, where these are still on the hub.

    Raises:
        UserError: One sentence with the file and what is wrong.
    """
    if headers is None:
        wanted_files(folder)
    config = read_object(folder / CONFIG)
    check_config(config, folder / CONFIG)
    family = family_of(config["model_type"])
    headers = read_headers(folder) if headers is None else headers
    drawn_anew = check_weights(config, family, headers, folder)
    check_tokenizer(folder, config)
    return About(config, tuple(drawn_anew), has_word_head(family, headers))


def look(source: Checkpoint, copied: Path) -> About:
    """Looks at a model that a study names, wherever it is; does not ask the hub for what is on this machine.

    Args:
        source: The model.
        copied: Where it is copied to, or has been.

    Raises:
        UserError: It would not load, or cannot be had.
    """
    try:
        if source.folder is not None:
            return inspect(source.folder)
        if (copied / RECORD).is_file():
            return inspect(copied)
        if (folder := hub.cached(source.hub_id)) is not None:
            return inspect(folder)
        return inspect(*hub.look(source.hub_id))
    except UserError as error:
        raise UserError(f"{source.key}: {error}") from None
    except OSError as error:
        place = error.filename or source.folder
        raise UserError(f"{source.key}: {place}: cannot be read ({error.strerror}); accepted: a checkpoint") from None


def check_origin(source: Checkpoint, content: str, copied: Path) -> None:
    """Refuses a model under the name of another one that has been copied, whose cells it would make invalid.

    Args:
        source: The model.
        content: Digest of the whole model, or what stands for it on the hub.
        copied: Where models of its name are copied to.

    Raises:
        UserError: There is one from elsewhere with other content.
    """
    try:
        about = read_json(copied / RECORD)
        origin, known = about.get("origin"), about.get("whole_content")
    except (OSError, ValueError, AttributeError):
        return  # there is none, or it is made anew
    if origin not in (None, source.origin) and known != content:
        raise UserError(
            f"{source.key}: {source.origin} would be called '{source.name}', as {origin} is in {copied}; accepted: "
            f"another short name for one of them under models in config.yaml, or no folder {copied}"
        )


def prepare(source: Checkpoint, target: Path) -> None:
    """Puts the checkpoint into the folder `target`, with `model.json` beside its files.

    Raises:
        UserError: It would not load, the hub does not give it, or there is no room for it.
    """
    folder = source.folder or hub.download(source.hub_id)

    def finish(copy: Path) -> None:
        """Looks at the copy, which nobody changes any more."""
        try:
            config = inspect(copy).config
            check_finite(weight_files(copy))
            quick_tokenizer(copy, source.name)
        except UserError as error:
            raise UserError(str(error).replace(str(copy), str(folder))) from None
        write_json(
            copy / RECORD,
            {
                "model": source.hub_id or source.name,
                "origin": source.origin or (f"hub:{source.hub_id}" if source.hub_id else _origin(folder)),
                "family": config["model_type"],
                "addresses": _addresses(config["model_type"]),
                "layers": depth_of(config),
                "content": content(copy),
                "whole_content": whole_content(copy),
            },
        )

    try:
        files = wanted_files(folder)
        size = sum(file.stat().st_size for file in files)
        print(f"{folder}: {len(files)} files of {size / 1e6:,.0f} MB are copied", file=sys.stderr, flush=True)
        copy_files(files, target, finish)
    except OSError as error:
        raise UserError(f"{target}: {folder} cannot be copied there ({error.strerror or error})") from None


def _addresses(family: str | None) -> dict | None:
    return family_of(family).row() if family in FAMILIES else None


def refresh(folder: Path) -> None:
    """Writes the present addresses of its family into the `model.json` of a copied model, if they are others.

    That file is an input of every cell of the model, and so tells Snakemake of a changed row.
    """
    try:
        about = read_json(folder / RECORD)
        now = _addresses(about["family"])
        if about.get("addresses") != now:
            write_json(folder / RECORD, about | {"addresses": now})
    except (OSError, ValueError, KeyError):
        return  # there is none yet, or it is made anew
