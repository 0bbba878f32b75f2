"""What all figures share: the style sheet, colours, bands, and writing them to files."""

from __future__ import annotations

import io
import re
from pathlib import Path
from textwrap import wrap
from xml.etree import ElementTree

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation

from seedvar.data.shown import factor
from seedvar.errors import UserError
from seedvar.files import write_atomically, write_text
from seedvar.words import KEYS, recipe_columns

matplotlib.rcdefaults()  # no matplotlibrc, of a user or of the working directory, has a say
plt.style.use(Path(__file__).parent / "seedvar.mplstyle")

FAILED_COLOUR = "#D55E00"
COLOURS = 6  # that are told apart with any kind of colour vision, white paper and failed runs' red left out
MOST_BANDS = 6  # lines whose bands can still be told apart
GREY = "#BBBBBB"  # of lines that are there for comparison
PAGE = 7.0  # inches: no figure is wider, so that letters keep their size in print
A_LINE, MULTIPLES = 4, 6  # panels side by side: of tasks, and small ones
BESIDE_PANEL, BETWEEN_PANELS = 0.4, 0.1  # inches, of labels of an axis, and between titles
LETTER = 0.058  # inches, of the width of a letter in legends and labels of axes
ROOM_FOR_ARM, ROOM_FOR_TASK = 24, 36  # characters of a name in a figure
SVG = "http://www.w3.org/2000/svg"
LINE_STYLES = ["-", "--", "-.", ":"]


def arm_colours(arms: list[str] | dict[str, int]) -> dict[str, str]:
    """Returns a colour for each arm, the same in every figure of a study; failed runs' red is kept free.

    After `COLOURS` arms they begin anew; what else tells arms apart (place, line, marker) has changed by then.

    Args:
        arms: All arms of the study in order; or, in a figure of some of them, the number of each (`arm_numbers`).
    """
    cycle = [c for c in plt.rcParams["axes.prop_cycle"].by_key()["color"] if c.upper() != FAILED_COLOUR]
    return {arm: cycle[i % COLOURS] for arm, i in _numbered(arms).items()}


def arm_styles(arms: list[str] | dict[str, int]) -> dict[str, dict]:
    """Returns colour and line style of each arm: few differ in both, and up to 24 in one of the two."""
    colours, numbered = arm_colours(arms), _numbered(arms)
    few = max(numbered.values(), default=0) < len(LINE_STYLES)
    return {
        a: {"color": colours[a], "linestyle": LINE_STYLES[(i if few else i // COLOURS) % len(LINE_STYLES)]}
        for a, i in numbered.items()
    }


def _numbered(arms: list[str] | dict[str, int]) -> dict[str, int]:
    return arms if isinstance(arms, dict) else {arm: i for i, arm in enumerate(arms)}


def arm_numbers(runs: pd.DataFrame, arms: pd.Series) -> pd.Series:
    """Returns the number of each arm among those of the study, for figures that show some of them."""
    return arms.map({arm: i for i, arm in enumerate(in_order(runs["arm"]))})


def in_order(values: pd.Series) -> list[str]:
    """Returns the different values in the order of their first appearance: that of the study file."""
    return list(values.unique())


def short_names(numbers: pd.DataFrame) -> pd.DataFrame:
    """Returns the numbers of a figure with names that it has room for: long ones lose their middle.

    The CSV beside the figure has them whole.
    """
    short = numbers.copy()
    for columns, room in ((("arm", "baseline"), ROOM_FOR_ARM), (("task",), ROOM_FOR_TASK)):
        columns = [name for name in columns if name in numbers]
        names = pd.unique(numbers[columns].to_numpy().ravel()) if columns else []
        taken: dict[str, str] = {}
        for name in names:
            text, count = _shortened(name, room), 1
            while text in taken.values():
                count += 1
                text = f"{_shortened(name, room - 3)} ({count})"
            taken[name] = text
        for column in columns:
            short[column] = numbers[column].map(taken)
    return short


def _shortened(name, room: int):
    if not isinstance(name, str) or len(name) <= room:
        return name
    return f"{name[: room - room // 3 - 1]}…{name[-(room // 3) :]}"


SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
POWER = re.compile(r"\$\\mathdefault\{(.*?)(?:\\times)?10\^\{(.*)\}\}\$")


class _PlainPowers(LogFormatterSciNotation):
    """Writes powers of ten without mathematical markup, which the style does not read."""

    def __call__(self, x, pos=None) -> str:
        return POWER.sub(_plain_power, super().__call__(x, pos)).removeprefix(r"$\mathdefault{").removesuffix("}$")


def _plain_power(found: re.Match) -> str:
    times = f"{found[1]} × " if found[1] else ""
    return f"{times}10{found[2].translate(SUPERSCRIPTS)}"


def plain_powers(axis) -> None:
    """Has a logarithmic axis, `ax.xaxis` or `ax.yaxis`, write powers of ten as the style can show them."""
    axis.set_major_formatter(_PlainPowers())
    axis.set_minor_formatter(_PlainPowers())


def legend_below(figure: Figure, *axes, handles: list | None = None) -> None:
    """Puts what the legends of some panels say below the whole figure, in as many columns as there is room for.

    Args:
        figure: The figure.
        axes: The panels.
        handles: In place of panels: what the legend says.
    """
    entries = {}
    for ax in axes:
        entries |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    entries |= {handle.get_label(): handle for handle in handles or []}
    if entries:
        longest = LETTER * max(map(len, entries)) + 0.55
        columns = max(1, min(len(entries), int(figure.get_size_inches()[0] / longest)))
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def turn_names(ax, width: float, angle: int) -> None:
    """Turns the names below a panel, so many inches wide, where they have no room side by side."""
    lines = [line for label in ax.get_xticklabels() for line in label.get_text().splitlines()]
    if LETTER * (max(map(len, lines)) + 1) * len(ax.get_xticks()) > width - BESIDE_PANEL:
        ax.tick_params(axis="x", labelrotation=angle)


def break_titles(figure: Figure) -> None:
    """Breaks titles of panels that are wider than their panel."""
    for ax in figure.axes:
        if ax.get_subplotspec() is None:
            continue
        place, columns = ax.get_subplotspec().colspan, ax.get_subplotspec().get_gridspec().ncols
        beside = BETWEEN_PANELS
        if place.stop == columns and ax.yaxis.get_tick_params().get("labelleft", True):  # at the page's edge
            names = [len(label.get_text()) for label in ax.get_yticklabels()]  # of rows; numbers are not there yet
            beside = max(BESIDE_PANEL, 0.2 + LETTER * max(names, default=0))
        room = figure.get_size_inches()[0] / columns - beside
        letters = int(room / (LETTER * ax.title.get_fontsize() / plt.rcParams["legend.fontsize"]))
        lines = [wrap(line, letters, break_on_hyphens=False) for line in ax.get_title().splitlines()]
        ax.title.set_text("\n".join(part for line in lines for part in line))


def note(text: str) -> Figure:
    """Returns a figure that says why there is nothing to draw."""
    figure, ax = plt.subplots(figsize=(4, 1), layout="constrained")
    ax.text(0.5, 0.5, text, ha="center", va="center")
    ax.set_axis_off()
    return figure


def block_shades(blocks: list[str]) -> dict[str, tuple]:
    """Returns a shade for each block of a network, dark at its bottom."""
    return dict(zip(blocks, plt.get_cmap("viridis")(np.linspace(0, 0.9, len(blocks))), strict=True))


NO_DATE = {".png": {"Software": None}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}


def save(figure: Figure, paths: list[Path], tooltips: dict[str, str] | None = None) -> None:
    """Writes a figure as PNG, PDF or SVG, without a date, so that the same tables give the same file.

    Args:
        figure: The figure.
        paths: The files.
        tooltips: What an SVG says of a mark where the pointer rests on it, by the mark's id.

    Raises:
        UserError: Another file type is asked for.
    """
    break_titles(figure)
    for path in paths:
        if path.suffix not in NO_DATE:
            raise UserError(f"--out: {path} is not accepted; accepted: files that end in .png, .pdf, .svg or .csv")
        if path.suffix == ".svg":
            write_text(path, _as_svg(figure, tooltips or {}))
        else:
            metadata = NO_DATE[path.suffix]
            write_atomically(path, lambda temporary, metadata=metadata: figure.savefig(temporary, metadata=metadata))
    plt.close(figure)


def _as_svg(figure: Figure, tooltips: dict[str, str]) -> str:
    """Returns a figure as SVG; text of a user is text in it, since the elements are made by the XML library."""
    page = io.BytesIO()
    figure.savefig(page, format="svg", metadata=NO_DATE[".svg"])
    for prefix, name in (("", SVG), ("xlink", "http://www.w3.org/1999/xlink")):
        ElementTree.register_namespace(prefix, name)
    root = ElementTree.fromstring(page.getvalue())
    for element in root.iter(f"{{{SVG}}}g"):
        if said := tooltips.get(element.get("id", "")):
            about = ElementTree.Element(f"{{{SVG}}}title")
            about.text = said
            element.insert(0, about)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def panels(n: int, height: float, columns: int = 2, **options) -> tuple[Figure, list]:
    """Makes a figure with so many panels, row by row; options as of `plt.subplots`.

    `columns` of them are as wide as a page; fewer make a narrower figure.
    """
    width, columns = PAGE / columns, max(1, min(columns, n))
    rows = -(-n // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained", **options
    )
    for ax in axes.flat[n:]:
        ax.set_axis_off()
    return figure, list(axes.flat[:n])


def columns_of_tasks(n_tasks: int, rows: int, height: float, **options) -> tuple[Figure, list[np.ndarray]]:
    """Makes a figure with a column of panels a task, several lines of them where there are many tasks.

    Args:
        n_tasks: Number of tasks.
        rows: Panels of a task, one below the other.
        height: Of them together, in inches.
        options: As of `Figure.subplots`.

    Returns:
        The figure, and the panels of each task from above.
    """
    columns = min(A_LINE, n_tasks)
    lines = -(-n_tasks // columns)
    size = (min(PAGE, 2.7 * columns + 0.6), height * lines + 0.5)
    figure = plt.figure(figsize=size, layout="constrained")
    by_task = []
    for part in figure.subfigures(lines, 1, squeeze=False)[:, 0]:
        grid = part.subplots(rows, columns, squeeze=False, **options)
        of_line = min(columns, n_tasks - len(by_task))
        for ax in grid[:, of_line:].flat:
            ax.set_axis_off()
        by_task += list(grid[:, :of_line].T)
    return figure, by_task


def rows_of_multiples(names: list[str]) -> int:
    """Returns how many rows `small_multiples` makes."""
    return -(-len(names) // MULTIPLES)


def small_multiples(part, names: list[str]) -> list:
    """Makes a small panel for each name in a part of a figure, with shared axes."""
    axes = part.subplots(rows_of_multiples(names), MULTIPLES, squeeze=False, sharex=True, sharey=True).ravel()
    for ax, name in zip(axes, names, strict=False):
        ax.set_title(name, fontsize=6.5)
        ax.tick_params(labelsize=6, pad=1.5, length=2)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    return list(axes[: len(names)])


def draw_runs(ax, x: np.ndarray, scores: np.ndarray, failed: np.ndarray, colour) -> None:
    """Draws runs as points, failed ones as crosses in a colour of their own."""
    edge = {"linestyle": "", "markeredgecolor": "white", "markeredgewidth": 0.4, "zorder": 3}
    ax.plot(x[~failed], scores[~failed], "o", color=colour, markersize=4, **edge)
    ax.plot(x[failed], scores[failed], "X", color=FAILED_COLOUR, markersize=6, **edge)


def draw_box(ax, position: float, scores: np.ndarray, colour, width: float = 0.55) -> None:
    """Draws quartiles and whiskers of 1.5 interquartile ranges."""
    ax.boxplot(
        scores,
        positions=[position],
        widths=width,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "alpha": 0.25, "edgecolor": colour},
        whiskerprops={"color": colour},
        capprops={"color": colour},
        medianprops={"color": colour, "linewidth": 1.8},
    )


def jitter(n: int, width: float = 0.16) -> np.ndarray:
    """Returns small shifts for n points, the same in every drawing and no two alike: equal scores stay apart."""
    return np.random.default_rng(0).permutation(np.linspace(-width, width, n)) if n > 1 else np.zeros(n)


def draw_side_by_side(ax, rows: pd.DataFrame, along: str, places: list, group: str, groups: list) -> None:
    """Draws boxes and runs: a place on the axis for each value of `along`, beside one another those of `group`.

    Args:
        ax: A panel.
        rows: Runs of one task with `metric`, `score`, `degenerate`, `majority` and the two columns.
        along: Column of the axis.
        places: Its values, from left to right.
        group: Column whose values have a colour each.
        groups: Its values.
    """
    colours, width = arm_colours(groups), 0.8 / len(groups)
    scale = factor(rows["metric"].iloc[0])
    for number, name in enumerate(groups):
        for place, value in enumerate(places):
            here = rows[(rows[along] == value) & (rows[group] == name)]
            if here.empty:
                continue
            x, scores = place + (number - (len(groups) - 1) / 2) * width, scale * here["score"].to_numpy(float)
            draw_box(ax, x, scores, colours[name], 0.85 * width)
            shifts = jitter(len(scores), 0.25 * width)
            draw_runs(ax, x + shifts, scores, here["degenerate"].to_numpy(bool), colours[name])
    ax.axhline(scale * rows["majority"].iloc[0], linestyle="--", color="#333333", linewidth=1, zorder=1)
    ax.set_xlim(-0.55, len(places) - 0.45)


def legend_of_groups(figure: Figure, groups: list) -> None:
    """Says below a figure what the colours and marks of `draw_side_by_side` are."""
    colours, line = arm_colours(groups), matplotlib.lines.Line2D
    boxes = [line([], [], marker="s", linestyle="", color=colours[name], alpha=0.5, label=name) for name in groups]
    legend_below(figure, handles=[*boxes, *run_handles()])


def run_handles(majority: bool = True) -> list:
    """Returns what a legend says of points, crosses and the dashed line."""
    line = matplotlib.lines.Line2D
    handles = [
        line([], [], marker="o", linestyle="", color="#555555", markersize=4, label="a run (one seed)"),
        line([], [], marker="X", linestyle="", color=FAILED_COLOUR, markersize=6, label="a failed run"),
    ]
    if majority:
        handles.append(line([], [], linestyle="--", color="#333333", label="majority score"))
    return handles


def alike_but_for(runs: pd.DataFrame, varied: list[str], free: list[str]) -> pd.DataFrame:
    """Picks runs whose recipes differ in some fields alone, so that a figure compares like with like.

    Args:
        runs: The runs table with the recipe's fields.
        varied: Fields along the figure's axis.
        free: Fields that may differ as well, such as those that give lines of their own.

    Returns:
        For each task, and for each model where there are several, the rows of the largest group of such runs: that
        with the most different values of `varied`, then with the most runs. Where there are several models, `task`
        names the model too: each has a panel of its own.
    """
    others = [field for field in recipe_columns(list(runs.columns)) if field not in (*varied, *free)]
    groups = []
    for _, of_panel in runs.assign(task=panel_names(runs)).groupby("task", sort=False):
        alike = [group for _, group in of_panel.groupby(others, sort=False, dropna=False)] if others else [of_panel]
        groups.append(max(alike, key=lambda group: (len(group[varied].drop_duplicates()), len(group))))
    return pd.concat(groups)


def over_share_of_training(rows: pd.DataFrame, runs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Puts what was measured of runs of different lengths on one axis, so that every run is in every mean.

    Args:
        rows: Measurements with the runs' keys, `update` and `value`.
        runs: The runs table, with `updates`.
        by: Columns that tell the series of a run apart.

    Returns:
        For each run and series 21 rows in place of its updates: `share` of its own training in %, from 0 to 100, and
        `value`, interpolated; before the first and after the last measurement it is as there.
    """
    grid = np.linspace(0, 100, 21)
    rows = rows.merge(runs[[*KEYS, "updates"]], on=KEYS).sort_values("update", kind="stable")
    series = []
    for names, group in rows.groupby([*KEYS, *by], sort=False, observed=True):
        values = np.interp(grid, 100 * group["update"] / group["updates"], group["value"].astype(float))
        about = dict(zip([*KEYS, *by], names, strict=True))
        series.append(pd.DataFrame({"share": grid, "value": values}).assign(**about))
    return pd.concat(series, ignore_index=True) if series else rows.assign(share=grid[:0])


def panel_names(runs: pd.DataFrame) -> pd.Series:
    """Returns for each run the task or, where several models are trained on it, task and model.

    What is measured layer by layer, or against one setting, is never pooled over models.
    """
    if "model" not in runs or runs["model"].nunique() < 2:
        return runs["task"]
    return runs["task"] + ", " + runs["model"]
