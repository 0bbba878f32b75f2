"""Commands that prepare models and data, train cells and measure their weights."""

from __future__ import annotations

from pathlib import Path

from seedvar.cells.places import model_folder
from seedvar.cli.options import add_machine, add_warm, literal, machine, run_warm
from seedvar.engine import jobs

CELL = "`cell` of a result.json"


def add(command) -> None:
    """Adds the commands of this group; `command(name, run, text)` makes a parser."""
    sub = command("model", _model, "Copy a model from the hub or a folder into the results folder.")
    place = sub.add_mutually_exclusive_group(required=True)
    place.add_argument("--folder", type=Path, help="a checkpoint")
    place.add_argument("--hub-id")
    sub.add_argument("--name", required=True, help="what tables call it")
    sub.add_argument("--origin", default="", help="what it is known by, whatever it is called")
    sub.add_argument("--out", required=True, type=Path, help="folder to write")
    add_warm(sub)

    sub = command("data", _data, "Tokenise a task for a model.")
    sub.add_argument("--task", required=True, help="its name")
    sub.add_argument("--declaration", required=True, type=literal, help="what it declares")
    sub.add_argument("--source", required=True, type=literal, help="where its data are")
    sub.add_argument("--content", default="", help="what the plan knows their content by, for `seedvar status`")
    sub.add_argument("--model", required=True, type=Path, help="folder that `seedvar model` wrote")
    sub.add_argument("--max-length", required=True, type=int)
    sub.add_argument("--out", required=True, type=Path, help="folder to write")
    add_warm(sub)

    sub = command("train", _train, "Train one cell, or take it from the store.")
    sub.add_argument("--cell", required=True, type=literal, help=CELL)
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--keep-weights", action="store_true", help="for `seedvar weights`, in the store")
    add_machine(sub)

    sub = command("weights", _weights, "Hand out the weights of a trained cell; train it again if they were not kept.")
    sub.add_argument("--cell", required=True, type=literal, help=CELL)
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--keep", action="store_true", help="leave them in the store as well")
    add_machine(sub)

    sub = command("forgetting", _forgetting, "Measure masked-word perplexity with the top k layers replaced.")
    sub.add_argument("--cell", required=True, type=literal, help=CELL)
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--text", help="a text file, a paragraph a line; by default what suits the data")
    sub.add_argument("--paragraphs", type=int, required=True)
    sub.add_argument("--out", required=True, type=Path)
    add_machine(sub)

    sub = command("surface", _surface, "Measure one row of the surface of loss and gradient norm between two runs.")
    sub.add_argument("--first", required=True, type=literal, help=CELL)
    sub.add_argument("--second", required=True, type=literal, help=CELL)
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--points", type=int, required=True)
    sub.add_argument("--low", type=float, required=True)
    sub.add_argument("--high", type=float, required=True)
    sub.add_argument("--examples", type=int, required=True)
    sub.add_argument("--row", type=int, required=True, help="which point of the first axis, from 0")
    sub.add_argument("--out", required=True, type=Path)
    add_machine(sub)

    sub = command("pretrain", _pretrain, "Pre-train the embedded model syn-bert.")
    sub.add_argument("--out", required=True, type=Path, help="folder to write")


def _model(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.models.checkpoints import Checkpoint, prepare

    prepare(Checkpoint(arguments.name, arguments.folder, arguments.hub_id, arguments.origin), arguments.out)
    return None


def _data(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    jobs.make_data(
        arguments.task,
        {"declaration": arguments.declaration, "source": arguments.source},
        arguments.content,
        arguments.model,
        arguments.max_length,
        arguments.out,
    )
    return None


def _train(arguments) -> int | None:
    return jobs.train(arguments.cell, arguments.results, machine(arguments), arguments.keep_weights)


def _weights(arguments) -> int | None:
    return jobs.hand_out_weights(arguments.cell, arguments.results, machine(arguments), arguments.keep)


def _forgetting(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    import pandas as pd
    import torch

    from seedvar.cells.cell import Cell
    from seedvar.files import write_csv
    from seedvar.probes.forgetting import load_paragraphs, perplexities
    from seedvar.training.device import claimed_device

    cell = Cell.from_specification(arguments.cell)
    paragraphs = load_paragraphs(cell.data, arguments.text, arguments.paragraphs)
    weights = arguments.results / cell.weights_file()
    torch.set_num_threads(arguments.threads)
    with claimed_device(arguments.device, arguments.cells_per_gpu) as device:
        model = model_folder(arguments.results, cell.model)
        recipe = cell.recipe
        scale = recipe.lora_alpha / recipe.lora_rank if recipe.lora_rank else None
        rows = perplexities(model, weights, paragraphs, recipe.max_length, device, scale)
    write_csv(arguments.out, pd.DataFrame(rows))
    return None


def _surface(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    import pandas as pd
    import torch

    from seedvar.cells.cell import Cell
    from seedvar.files import write_csv
    from seedvar.probes.surface import Grid, surface_row
    from seedvar.training.device import claimed_device

    cells = [Cell.from_specification(arguments.first), Cell.from_specification(arguments.second)]
    grid = Grid(arguments.points, arguments.low, arguments.high, arguments.examples)
    torch.set_num_threads(arguments.threads)
    with claimed_device(arguments.device, arguments.cells_per_gpu) as device:
        rows = surface_row(*cells, arguments.results, grid, arguments.row, device)
    write_csv(arguments.out, pd.DataFrame(rows))
    return None


def _pretrain(arguments) -> None:
    from seedvar.models.pretrain import Pretraining, pretrain

    pretrain(arguments.out, Pretraining())
