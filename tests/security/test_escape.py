"""Text of a user is text in every format, and in every place that it gets to."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from seedvar.report.escape import as_html, as_latex, as_markdown, one_line
from seedvar.report.printed import _latex, _markdown, as_page, layout_of, render
from seedvar.stats import LAYOUTS
from seedvar.stats.describe import summarise
from seedvar.stats.rule import decide
from seedvar.words import printable

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "<http://example.org>",
    "http://example.org/x www.example.org me@example.org",
    "[x]: http://example.org",
    "`code` ``literal`` *bold* **strong** _it_ __st__ ~~gone~~ snake_case",
    "a|b|c",
    "| table |",
    "# heading",
    "1. item",
    "- item",
    "+ item",
    "> quoted",
    "&lt;b&gt; &#60; &amp;",
    "$x^2$ $$y$$ $\\frac{$",
    "{{ 7 * 7 }} {% include 'x' %} {# gone #}",
    ".. raw:: html",
    ":raw-html:`<b>x</b>` |sub| target_ `link <http://example.org>`_ [1]_ anonymous__",
    "::",
    "\\input{/etc/passwd}",
    "\\write18{touch x} \\\\ \\end{tabular}",
    "[x] first in a row",
    "*first in a row",
    "100% & more #1 ^^M ~ {x}",
    "=cmd|' /C calc'!A0",
    "quote \" and ' and ; $(touch x) `touch x`",
]
MANY_LINES = "one\n\n.. raw:: html\n\n   <script>alert(1)</script>\n\n.. include:: /etc/passwd\n\n# h\n\\par"
CONTROL = "a\x1b[2J\x07b\x00c\u202ed\u2028e"


class Tags(HTMLParser):
    """Collects the tags, the attributes and the text of a page."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def names(self):
        return {tag for tag, _ in self.tags}


@pytest.mark.parametrize("text", [*HOSTILE, MANY_LINES, CONTROL])
def test_markdown_is_text(text):
    """As a paragraph, as an item and in a table, with what sites add to the standard."""
    escaped = as_markdown(text)
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for page, tags in (
        (escaped, {"p"}),
        (f"- {escaped}", {"ul", "li"}),
        (f"| a | b |\n| --- | --- |\n| {escaped} | c |", {"table", "thead", "tbody", "tr", "th", "td"}),
    ):
        found = Tags(reader.render(page))
        assert found.names() == tags, page
        assert one_line(text) in found.text
    assert not re.search(r"(?<!\\)\$|://|(?<!\\)@|www\.", escaped)  # mathematics and links of sites


@pytest.mark.parametrize("text", [*HOSTILE, MANY_LINES, CONTROL])
def test_html_is_text(text):
    found = Tags(f'<td class="text">{as_html(text)}</td>')
    assert found.names() == {"td"}
    assert found.text == one_line(text)


def read_tex(source):
    """Reads what a TeX that knows no macro but these would print; anything else is an error."""
    macros = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textbar": "|"}
    shown, place = "", 0
    while place < len(source):
        if found := re.match(r"\\(text\w+)\{\}", source[place:]):
            shown += macros[found[1]]
        elif found := re.match(r"\\([&%$#_{}])|\$([<>])\$|\{([\[*])\}", source[place:]):
            shown += found[1] or found[2] or found[3]
        elif source[place] in "\\{}$&#%_^~":
            raise AssertionError(f"{source[place:]!r} is markup")
        else:
            found = re.match(".", source[place:], re.DOTALL)
            shown += found[0]
        place += found.end()
    return shown


@pytest.mark.parametrize("text", [*HOSTILE, MANY_LINES, CONTROL])
def test_latex_is_text(text):
    assert read_tex(as_latex(text)) == one_line(text)


@pytest.mark.parametrize("first", ["[2cm] arm", "*arm"])
def test_no_name_is_the_option_of_a_latex_row(first):
    runs = hostile_runs([first, "b"])
    for page in (render(summarise(runs), ".tex", layout="scores"), render(decide(runs, "b"), ".tex")):
        assert not re.search(r"\\\\\s*[\[*]", page)
        assert re.search(r"(^|& )\{[\[*]\}", page, re.MULTILINE)


def hostile_runs(arms, task="one", metric="accuracy"):
    rows = [
        {"task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "score": score, "majority": 0.5}
        for arm in arms
        for seed, score in enumerate((0.6, 0.7, 0.8))
    ]
    runs = pd.DataFrame(rows).assign(metric=metric, split="test", degenerate=False, train_loss=float("nan"))
    return runs.assign(score_defined=True, validation_last=runs["score"], test_last=runs["score"])


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_tables_with_hostile_names_keep_their_form(layout):
    """In as many rows and columns as with plain names, and without a tag of anybody else's."""
    plain, hostile = hostile_runs(["x", "y"]), hostile_runs(HOSTILE[:10], HOSTILE[9], HOSTILE[1])
    pages = {}
    for runs, base in ((plain, "y"), (hostile, HOSTILE[0])):
        decisions = decide(runs, base)
        said = layout_of(decisions if layout == "comparisons" else summarise(runs), layout, decisions)
        pages[base] = {".html": as_page(said), ".md": _markdown(said), ".tex": _latex(said)}
    for suffix, page in pages[HOSTILE[0]].items():
        shape = pages["y"][suffix]
        if suffix == ".html":
            assert Tags(page).names() <= Tags(shape).names() | {"b"}
            assert all(set(attributes) <= {"class", "style", "border"} for _, attributes in Tags(page).tags)
            assert HOSTILE[5] in Tags(page).text
        elif suffix == ".md":
            found = Tags(MarkdownIt("commonmark").enable("table").render(page))
            assert found.names() == {"table", "thead", "tbody", "tr", "th", "td", "p"} | ({"strong"} & found.names())
            assert HOSTILE[5] in found.text
        else:
            columns = re.findall(r"(?<!\\)&", shape.partition("\\toprule")[2].split("\\\\")[0])
            rows = page.partition("\\toprule\n")[2].partition("\\bottomrule")[0].splitlines()
            assert {len(re.findall(r"(?<!\\)&", row)) for row in rows if "&" in row} == {len(columns)}


def test_terminals_are_moved_by_nothing():
    assert printable("a\x1b[2Jb\u202e\n", kept="\n") == "a\\x1b[2Jb\\u202e\n"
    assert printable("plain – ρ × é") == "plain – ρ × é"
    assert "\ud800" not in printable("a\ud800b")


@pytest.mark.parametrize("figure", ["distribution", "expected_performance", "loss_against_score", "comparisons"])
def test_figures_show_names_as_they_are(tmp_path, figure):
    """Of mathematics that cannot be read, Matplotlib raises; of other, it shows something else."""
    import importlib

    from seedvar.figures.style import save
    from seedvar.stats.selection import expected_performance

    names = ["$\\frac{$", "$x^2$", "\\$ 5 $", "$\\mathdefault{10^{2}}$"]
    runs = hostile_runs(names, "$\\sum_{task$", "$\\bad{metric$").assign(train_loss=0.5)
    tables = {
        "expected_performance": {"expected": expected_performance(runs)},
        "comparisons": {"decisions": decide(runs, names[1])},
    }
    module = importlib.import_module(f"seedvar.figures.{figure}")
    drawn = module.draw(module.numbers(runs=runs, **tables.get(figure, {})))
    from matplotlib.text import Text

    texts = {text.get_text() for text in drawn.findobj(Text)}
    assert any(name in text for text in texts for name in names)
    assert not any(text.get_parse_math() or text.get_usetex() for text in drawn.findobj(Text))
    save(drawn, [tmp_path / "x.png", tmp_path / "x.pdf"])
    assert b"frac" not in (tmp_path / "x.pdf").read_bytes().split(b"/Info")[-1]  # nor in what the file says of itself


def test_powers_of_ten_need_no_mathematics():
    import matplotlib.pyplot as plt

    from seedvar.figures.style import plain_powers

    figure, ax = plt.subplots()
    ax.set_yscale("log")
    plain_powers(ax.yaxis)
    ax.plot([1, 2], [2e-3, 30])
    figure.canvas.draw()
    assert {"10⁻²", "10⁰"} <= {text.get_text() for text in ax.get_yticklabels()}
    ax.set_ylim(20, 80)
    figure.canvas.draw()
    assert "3 × 10¹" in {text.get_text() for text in ax.get_yticklabels(minor=True)}
    plt.close(figure)
