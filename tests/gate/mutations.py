"""What a user may write wrongly: lists of places and of bad values, a few lines a kind.

Each list starts from a file that is in order. A key such as `arms.plain.epochs` is a place in it, and behind it stand
values that must be refused there; `GONE` takes the key away. `FINE_…` are values that look wrong and are accepted, each
with the reason.
"""

from __future__ import annotations

import copy
import gzip
import json
from typing import NamedTuple

import yaml

GONE = object()
NAN, INF = float("nan"), float("inf")
LONG = "x" * 101
NO_NUMBER = [True, "1", None, [1], {}, NAN, INF]
NO_TRUTH = [1, 0, "true", "yes", None]
NO_TEXT = [3, True, ["a"], {}]


class Case(NamedTuple):
    """One thing written wrongly, or one that only looks wrong.

    Attributes:
        name: What it is.
        study: What stands in mine.yaml.
        files: Other files to write, or to remove if they are None.
        key: What the sentence must name.
        reason: Why it is accepted; None for what must be refused.
        config: What stands in config/config.yaml.
        pairs: What follows `--config`.
    """

    name: str
    study: bytes
    files: dict = {}  # noqa: RUF012
    key: str = ""
    reason: str | None = None
    config: bytes = b""
    pairs: tuple[str, ...] = ()


# The study that is in order.
STUDY = {
    "model": "syn-bert",
    "tasks": ["syn-rte", "syn-cola"],
    "seeds": 2,
    "recipe": {"learning_rate": 7e-4, "epochs": 1, "batch_size": 16},
    "arms": {"plain": {}, "top": {"reinit_layers": 2}},
    "baseline": "plain",
}
SURFACE = {"task": "syn-rte", "first": {"arm": "plain", "seed": 0}, "second": {"arm": "top", "seed": 1}}

STUDY_VALUES = {
    "description": [*NO_TEXT, None],
    "model": [3, True, [], {}, "", " ", GONE, "syn-bret", "synbert", "smaal", "./gone", "a/b/c", "two words", "a\nb"],
    "tasks": [3, True, None, GONE, "syn-rte", [], {}, [1], [True], [None], [[]], ["syn-rte", "syn-rte"], ["nope"],
              ["syn-rtee"], [""], ["a/b"], [".."], ["syn-rte", "SYN-RTE"], {"syn-rte": 3}, {"syn-rte": []}, [LONG]],
    "seeds": [0, -1, 1.5, True, None, GONE, "3", "three", [], [0, 0], [-1], [1.0], [True], ["0"], [2**31], {}, 100_000,
              10**9, {"init": 1}, {"init": 0, "order": 1}, {"init": True, "order": 1}, {"init": 1000, "order": 1000},
              {"width": 0}, {"width": True}, {"width": NAN}, {"width": INF}, {"width": "0.1"}, {"width": -1},
              {"width": 0.1, "batch": 1}, {"width": 0.1, "batch": True}, {"width": 0.1, "at_most": 10**6},
              {"width": 0.1, "statistic": "median"}, {"width": 0.1, "init": 3}, {"count": 3},
              {"until": "never"}, {"until": True},
              {"until": "decided", "question": "spread"}, {"until": "decided", "width": 0.1},
              {"until": "decided", "batch": 1}, {"until": "decided", "at_most": True}],
    "recipe": [3, True, [], "adamw"],
    "recipe.optimizer": [True, 1, "", "adam", "AdamW", ["adamw"], None],
    "recipe.reinit_layers": [*NO_NUMBER, -1, 9, 99, 1.5],
    "recipe.reinit_pooler": NO_TRUTH,
    "recipe.learning_rate": [*NO_NUMBER, -INF, 0, -1e-5, 2, "2e-5", "two"],
    "recipe.epochs": [*NO_NUMBER, 0, -1, 1.5, 1e9, 10**9],
    "recipe.batch_size": [*NO_NUMBER, 0, -1, 16.5, 10**9],
    "recipe.warmup_ratio": [*NO_NUMBER, -0.1, 1, 1.5],
    "recipe.weight_decay": [*NO_NUMBER, -0.1, 1.1],
    "recipe.adam_beta2": [*NO_NUMBER, 0, 1, 1.5],
    "recipe.adam_epsilon": [*NO_NUMBER, 0, -1e-8, 1e9],
    "recipe.max_grad_norm": [*NO_NUMBER, -1],
    "recipe.dropout": [True, "0.1", NAN, -0.1, 1],
    "recipe.max_length": [*NO_NUMBER, 0, 3, -1, 128.5, 10**9, 512],
    "recipe.precision": ["fp16", "bf16", True, 16, None],
    "recipe.evaluations": [*NO_NUMBER, 0, -1, 1.5, 10**9],
    "recipe.n_train": [True, "64", 0, 1, -5, 1.5, NAN, 63, 10**6, 10**12],
    "recipe.split": ["test", "dev ", True, None, 0.5],
    "recipe.sampling": ["stratified", True, "random"],
    "recipe.steps": [0, -1, True, 1.5, "ful", "full", "10", 10**12],
    "recipe.mixout": [*NO_NUMBER, -0.1, 1],
    "recipe.mixout_gradient": [True, "false", "official", 1],
    "recipe.layerwise_decay": [*NO_NUMBER, 0, -1, 1.1],
    "recipe.pretrained_decay": [*NO_NUMBER, -1, 1.5],
    "recipe.frozen_layers": [*NO_NUMBER, -1, 9, 99],
    "recipe.stop_failed_after": [True, "0.3", 0, 1, -0.1, NAN],
    "recipe.diagnostics_every": [True, "5", 0, -1, 1.5],
    "recipe.intermediate_task": ["nope", "syn-rte", 3, True, "", ["syn-cola"]],
    "recipe.dropout_seed": [True, "1", -1, 1.5, NAN, 2**31],
    "recipe.sample_seed": [True, "1", -1, 1.5, 2**31, 3],
    "recipe.split_seed": [True, "1", -1, 1.5, 2**31],
    "recipe.by_task": [3, [], {"nope": {}}, {"syn-rte": 3}, {"syn-rte": {"epoch": 1}}],
    "recipe.by_model": [3, [], {"nope": {}}, {"syn-bert": 3}, {"syn-bert": {"epochs": True}}],
    "recipe.lr": [1e-5],
    "arms": [3, True, [], ["plain"], {}, GONE],
    "arms.plain": [3, True, None, [], "adamw", {"model": 3}, {"model": ""}, {"model": "syn-bret"}, {"seeds": 3},
                   {"reinit_layers": 2}, {"learning_rate": True}, {"by_task": {"nope": {}}}],
    "grid": [{"epochs": [1, 2]}, {}],
    "score": [3, True, [], "last", {"checkpoint": "first"}, {"checkpoint": True}, {"split": "dev"}, {"splits": "test"}],
    "baseline": [*NO_TEXT, "", "nope", "Plain", GONE, None],
    "probes": [3, [], {"surfaces": {}}, {"forgetting": {"tasks": ["nope"]}}, {"forgetting": {"arms": ["nope"]}},
               {"forgetting": {"tasks": []}}, {"forgetting": {"runs": 0}}, {"forgetting": {"runs": True}},
               {"forgetting": {"paragraphs": True}}, {"forgetting": {"text": "gone.txt"}}, {"forgetting": {"text": ""}},
               {"forgetting": {"tasks": "syn-rte"}}],
    "probes.surface": [3, {}, {**SURFACE, "second": SURFACE["first"]}, {**SURFACE, "task": "nope"},
                       {**SURFACE, "points": 1}, {**SURFACE, "points": True}, {**SURFACE, "points": 10**6},
                       {**SURFACE, "low": 2}, {**SURFACE, "low": NAN}, {**SURFACE, "high": INF},
                       {**SURFACE, "examples": 0}, {**SURFACE, "first": {"arm": "nope", "seed": 0}},
                       {**SURFACE, "first": {"arm": "plain", "seed": 7}}, {**SURFACE, "first": {"arm": "plain"}},
                       {**SURFACE, "first": {"arm": "plain", "seed": True}}],
    "modle": ["syn-bert"],
    "seed": [3],
    "runs": [3],
}  # fmt: skip

# Instead of arms.
WITHOUT_ARMS = {**{key: value for key, value in STUDY.items() if key != "arms"}, "baseline": "adamw"}
GRIDS = [
    3, [], {"epochs": 3}, {"epochs": []}, {"epochs": [1, 1]}, {"epochs": [True, 2]}, {"epochs": ["1", 2]},
    {"epoch": [1]}, {"learning_rate": [1e-5, NAN]}, {"learning_rate": [1e-5, True]}, {"model": [3]}, {"model": []},
    {"model": ["syn-bret"]}, {"by_task": [{}]}, {"reinit_layers": [0, 99]}, {"optimizer": ["adamw", "sgd"]},
    {"epochs": [None, 1]}, {},
    {name: list(range(1, 60)) for name in ("epochs", "batch_size", "evaluations")},
    {"epochs": list(range(1, 6000))},
]  # fmt: skip

# Names of arms. YAML reads the last ones as something else than text.
ARM_NAMES = ["", " ", "a b", "a/b", "..", ".hidden", "-x", "_x", LONG, "ä", "a\nb", "a'b", "$(x)", "a*", "a:b", "Plain"]
ARM_KEYS = ["no", "yes", "on", "off", "true", "null", "~", "1", "1.5", "1e3", "2020-01-01", "[a]", "{a: b}", "? [a]\n "]

# Names of the study's file.
STUDY_NAMES = [
    "cells",
    "store",
    "Models",
    "data",
    "logs",
    "published",
    "a b",
    ".hidden",
    "-x",
    "ä",
    "a'b",
    "$(x)",
    LONG,
    "a*",
]
# What is named as a study and is none.
NO_STUDIES = [
    "nope",
    "../mine",
    "./mine",
    "studies/quickstart",
    "",
    " ",
    "quickstart.yml",
    "gone.yaml",
    "config",
    "/dev/null",
]

PLAIN = yaml.safe_dump(STUDY, sort_keys=False)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{after}: &{after} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n"
    for before, after in zip("abcdefghijk", "bcdefghijkl", strict=True)
)
STUDY_TEXTS = {
    "empty": "",
    "only a comment": "# nothing\n",
    "null": "null\n",
    "a number": "3\n",
    "a list": "- a\n- b\n",
    "a word": "study\n",
    "a tab": PLAIN.replace("  learning_rate", "\tlearning_rate"),
    "a key twice": PLAIN + "seeds: 3\n",
    "an arm twice": PLAIN.replace("arms:\n", "arms:\n  top: {}\n"),
    "a bracket left open": PLAIN + "description: [a\n",
    "a quotation mark left open": PLAIN + "description: 'a\n",
    "two documents": PLAIN + "---\n" + PLAIN,
    "code as a tag": PLAIN + "description: !!python/object/apply:os.system ['touch made']\n",
    "a name as a tag": PLAIN + "description: !!python/name:os.system\n",
    "a set": PLAIN.replace("tasks:\n- syn-rte\n- syn-cola", "tasks: !!set {syn-rte, syn-cola}"),
    "bytes": PLAIN + "description: !!binary aGVsbG8=\n",
    "no number behind a tag": PLAIN.replace("seeds: 2", "seeds: !!int x"),
    "no float behind a tag": PLAIN.replace("seeds: 2", "seeds: !!float x"),
    "no day of any year": PLAIN + "description: 2020-13-45\n",
    "a day": PLAIN + "description: 2020-01-01\n",
    "octal": PLAIN.replace("seeds: 2", "seeds: 010"),
    "hexadecimal": PLAIN.replace("seeds: 2", "seeds: 0x10"),
    "sexagesimal": PLAIN.replace("seeds: 2", "seeds: 1:30"),
    "underscores": PLAIN.replace("seeds: 2", "seeds: 1_000"),
    "yes": PLAIN.replace("epochs: 1", "reinit_pooler: yes"),
    "an anchor of nothing": PLAIN.replace("seeds: 2", "seeds: *s"),
    "a list in itself": PLAIN.replace("seeds: 2", "seeds: &s [*s]"),
    "a mapping in itself": PLAIN.replace("top:\n", "top: &t\n    by_task: {syn-rte: *t}\n"),
    "a merge of a number": PLAIN.replace("seeds: 2", "<<: 3\nseeds: 2"),
    "a bomb of lists": BOMB + PLAIN,
    "a bomb in place of tasks": BOMB.replace("i:", "tasks:") + PLAIN.replace("tasks:", "task:"),
    "a bomb of merges": MERGES + PLAIN,
    "deep lists": PLAIN + "description: " + "[" * 5000 + "]" * 5000 + "\n",
    "deep mappings": PLAIN + "description: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n",
    "not UTF-8": PLAIN.encode() + "description: gr\u00fcn\n".encode("latin-1"),
    "UTF-16": PLAIN.encode("utf-16"),
    "a zero byte": PLAIN + "description: a\0b\n",
    "compressed": gzip.compress(PLAIN.encode()),
    "huge": PLAIN + "# " + "x" * 20_000_000 + "\n",
    "a number of 5,000 digits": PLAIN.replace("seeds: 2", "seeds: " + "9" * 5000),
    "a key of lists": PLAIN + "? [a, b]\n: 3\n",
    "a key of nothing": PLAIN + ": 3\n",
    "a key of a number": PLAIN + "3: 3\n",
    "a key of truth": PLAIN + "on: 3\n",
    "a template of Jinja": PLAIN.replace("seeds: 2", "seeds: {{ n }}"),
}  # fmt: skip
FINE_STUDY_TEXTS = {
    "a byte-order mark": ("\ufeff" + PLAIN, "Windows' editors write it, and it says nothing"),
    "line ends of Windows": (PLAIN.replace("\n", "\r\n"), "they say nothing"),
    "JSON": (json.dumps(STUDY), "JSON is YAML"),
    "an anchor and a merge": (
        PLAIN.replace("plain: {}", "plain: &p {evaluations: 3}").replace("top:\n", "top:\n    <<: *p\n"),
        "YAML's way to say a thing once",
    ),
    "a quoted no": (PLAIN.replace("plain", "'no'"), "in quotation marks it is text"),
}  # fmt: skip
FINE_STUDY_VALUES = [
    ("recipe.learning_rate", 1, "a whole number is a number"),
    ("recipe.weight_decay", 0, "the default, spelt out"),
    ("recipe.max_length", 40, "as long as the model takes"),
    ("recipe.reinit_layers", 8, "all layers"),
    ("recipe.dropout", None, "nothing is the default: what the checkpoint says"),
    ("recipe.n_train", 64, "as many of each class"),
    ("recipe", {}, "all defaults"),
    ("seeds", [5, 3], "any order"),
    ("seeds", {"width": 0.1, "batch": 10, "at_most": 5}, "one look at five seeds"),
    ("probes", {}, "none"),
    ("probes", {"surface": {**SURFACE, "second": {"arm": "plain", "seed": 1}}}, "two runs of one arm"),
    ("tasks", {"syn-rte": None, "syn-cola": None}, "names without declarations"),
]

# config/config.yaml, and the same behind --config where it can be said there.
CONFIG = {"study": "mine.yaml", "models": {"small": "syn-bert"}}
CONFIG_VALUES = {
    "study": [3, True, [], {}, "", "nope", "../mine", "config"],
    "glue_dir": [3, True, [], {}, ""],
    "runs_dir": [3, True, [], {}, ""],
    "models": [3, True, [], "syn-bert", {"a": 3}, {"a": None}, {"a": []}, {"a": ""}],
    "store": [3, True, [], {}, "", "mine.yaml"],
    "device": [3, True, [], "", "gpu", "cuda:0", "CPU"],
    "cells_per_gpu": [0, -1, True, 2.5, 65, "many"],
    "warm_start": [1, 0, "yes", "", [], {}, 2.5],
    "distribution": [3, True, "", "bar", []],
    "from_tables": [1, 0, "yes", "", [], "maybe"],
    "devise": ["cpu"],
    "stude": ["mine.yaml"],
}
CONFIG_TEXTS = {
    "empty": "",
    "a list": "- study\n",
    "a key twice": "study: mine.yaml\nstudy: mine.yaml\n",
    "a tab": "models:\n\tsmall: syn-bert\n",
    "a tag": "study: !!python/object/apply:os.system ['touch made']\n",
    "yes": "study: mine.yaml\nwarm_start: yes\n",
    "a model called no": "study: mine.yaml\nmodels: {no: syn-bert}\n",
    "a model called 1": "study: mine.yaml\nmodels: {1: syn-bert}\n",
    "a key of lists": "study: mine.yaml\n? [a]\n: 3\n",
    "not UTF-8": "study: gr\u00fcn.yaml\n".encode("latin-1"),
    "deep": "study: " + "[" * 5000 + "]" * 5000,
    "a bracket left open": "study: [mine.yaml\n",
}
PAIRS = ["device=gpu", "devise=cpu", "warm_start=2", "warm_start=no", "from_tables=maybe", "from_tables=1", 
         "glue_dir=3", "models=syn-bert", "models={a: {}}", "models=[a]", "store=[a]", "study=nope", "study=3",
         "study=True",
         "study=../mine", "distribution=bar", "device=", "device=nan", "=cpu", "device", "device:cpu", "9=3", "a b=3",
         "study=inf", "glue_dir={a: b}"]  # fmt: skip
FINE_PAIRS = {
    "device=cpu": "a word",
    "warm_start=False": "as Snakemake writes it",
    "warm_start=false": "as YAML writes it",
    "glue_dir=gone": "a study of synthetic tasks does not read it",
    "glue_dir=": "nothing takes away what config.yaml says",
    "models={a: syn-bert}": "YAML, beside those of config.yaml",
    "study=mine.yaml": "the file itself",
}

# A declaration, and its data.
TASK = {
    "source": {"train": "train.csv", "validation": "dev.csv", "test": "test.csv"},
    "text": "body",
    "label": "label",
    "labels": ["bad", "good"],
}
TASK_VALUES = {
    "source": [GONE, 3, True, None, [], {}, "train.csv", {"trian": "train.csv"}, {"train": "train.csv", "hub": "a/b"},
               {"train": 3}, {"train": ""}, {"train": []}, {"train": ["train.csv", "train.csv"]}, {"train": [3]},
               {"hub": 3}, {"hub": "a b"}, {"hub": "../x"}, {"hub": "a/b/c"}, {"hub": "a/b", "splits": {"trian": "x"}},
               {"hub": "a/b", "splits": {"train": "x", "validation": "x"}}, {"hub": "a/b", "config": 3},
               {"hub": "a/b", "revision": ""}, {"synthetic": "syn-nope"}, {"synthetic": 3}],
    "source.train": ["train.xlsx", "gone.csv", "folder.csv", "train", "train.csv.gz", " ", "*.csv", "{train,dev}.csv",
                     "dev.csv", "./dev.csv", "pipe.csv", "/dev/zero", "copy-of-dev.csv", "~nobody/x.csv", "a\0.csv",
                     "x" * 300 + ".csv", 3, True, {}, None],
    "source.test": ["dev.csv", "copy-of-dev.csv", "train.csv", 3],
    "text": [GONE, 3, True, None, "", [], ["body", "body"], ["body", "title", "label"], "gone", "Body", "label", {},
             [3]],
    "label": [3, True, None, "", "gone", "body", ["label"]],
    "labels": [3, True, "numbers", [], ["good"], ["bad", "good", "bad"], ["bad", "good", "ugly"], ["bad"],
               [None, "good"], [["bad"], "good"], {"bad": 0}, [NAN, "good"], "number", [1, 2]],
    "metric": [3, True, "", "acuracy", "accurracy", "spearman", "pearson", "mse", "loss", "Accuracy", ["f1"]],
    "positive": ["good", 3, True, []],
    "split": [3, True, "half", "halves", {}, {"validation": 0.1}, {"test": 0.1}, {"validation": 1}, {"tst": 0.1},
              {"test": True}, []],
    "data": [3, True, "", "a b", "a/b", "..", "glue", "GLUE", "synthetic", LONG, "cells/x"],
    "description": NO_TEXT,
    "txt": ["body"],
}  # fmt: skip
TASK_NAMES = ["", " ", "a b", "a/b", "..", "-x", "syn-mine", "SYN-mine", "rte", LONG, "ä", "a'b", "$(x)", "a*"]

BODIES = [f"text number {n}" for n in range(48)]


def csv_of(bodies, labels, header="body,label", end="\n") -> bytes:
    """Writes texts and labels as CSV."""
    return end.join([header, *(f"{body},{label}" for body, label in zip(bodies, labels, strict=True)), ""]).encode()


LABELS = ["bad", "good"] * 12
TRAIN, DEV, TEST = (
    csv_of(BODIES[:24], LABELS),
    csv_of(BODIES[24:], LABELS),
    csv_of([b + "!" for b in BODIES[:24]], LABELS),
)
SOUND = {"train.csv": TRAIN, "dev.csv": DEV, "test.csv": TEST, "copy-of-dev.csv": DEV + b"\n"}


def _jsonl(*lines: str) -> bytes:
    good = [json.dumps({"body": body, "label": label}) for body, label in zip(BODIES, LABELS, strict=False)]
    return "\n".join([*good, *lines, ""]).encode()


def _parquet(**columns) -> bytes:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


# Files of data: what stands in train.csv, or in a file of another ending that takes its place.
def data_files() -> dict[str, tuple[str, bytes]]:
    """Makes wrong files of data: what they are to their names and contents."""
    good = _parquet(body=BODIES[:24], label=LABELS)
    row = TRAIN + b"x,bad\n"
    return {
        "empty": ("train.csv", b""),
        "only a header": ("train.csv", b"body,label\n"),
        "only line ends": ("train.csv", b"\n\n\n"),
        "no column of text": ("train.csv", TRAIN.replace(b"body", b"title")),
        "no column of labels": ("train.csv", TRAIN.replace(b"label", b"stars", 1)),
        "a column twice": ("train.csv", csv_of(BODIES[:24], [f"{one},{one}" for one in LABELS], "body,label,label")),
        "a row that is too long": ("train.csv", TRAIN + b"x,bad,3\n"),
        "a row that is too short": ("train.csv", TRAIN + b"x\n"),
        "an empty text": ("train.csv", TRAIN + b",bad\n"),
        "a text of blanks": ("train.csv", TRAIN + b"  ,bad\n"),
        "texts that are all empty": ("train.csv", csv_of([""] * 24, LABELS)),
        "an unknown label": ("train.csv", TRAIN + b"x,ugly\n"),
        "a label in capitals": ("train.csv", TRAIN + b"x,Good\n"),
        "no label": ("train.csv", TRAIN + b"x,\n"),
        "one class": ("train.csv", csv_of(BODIES[:24], ["good"] * 24)),
        "semicolons": ("train.csv", TRAIN.replace(b",", b";")),
        "tabs": ("train.csv", TRAIN.replace(b",", b"\t")),
        "commas in TSV": ("train.tsv", TRAIN),
        "not UTF-8": ("train.csv", TRAIN + "gr\u00fcn,bad\n".encode("latin-1")),
        "UTF-16": ("train.csv", TRAIN.decode().encode("utf-16")),
        "compressed": ("train.csv", gzip.compress(TRAIN)),
        "a quotation mark left open": ("train.csv", TRAIN + b'"x,bad\n'),
        "Parquet as CSV": ("train.csv", good),
        "the text of the validation file": ("train.csv", DEV),
        "its rows in another format": ("train.jsonl", b"".join(
            json.dumps({"label": label, "body": body}).encode() + b"\n"
            for body, label in zip(BODIES[24:], LABELS, strict=True))),
        "a broken line": ("train.jsonl", _jsonl('{"body": "x", "label": ')),
        "a line that is a list": ("train.jsonl", _jsonl('["x", "bad"]')),
        "a line without a label": ("train.jsonl", _jsonl('{"body": "x"}')),
        "a whole list": ("train.json", json.dumps([{"body": "x", "label": "bad"}] * 9, indent=1).encode()),
        "a number as text": ("train.jsonl", _jsonl('{"body": 3, "label": "bad"}')),
        "a list as text": ("train.jsonl", _jsonl('{"body": ["x"], "label": "bad"}')),
        "nothing as text": ("train.jsonl", _jsonl('{"body": null, "label": "bad"}')),
        "nothing as label": ("train.jsonl", _jsonl('{"body": "x", "label": null}')),
        "a list as label": ("train.jsonl", _jsonl('{"body": "x", "label": ["bad"]}')),
        "NaN as label": ("train.jsonl", _jsonl('{"body": "x", "label": NaN}')),
        "deep": ("train.jsonl", _jsonl('{"body": ' + "[" * 100_000)),
        "half a surrogate": ("train.jsonl", _jsonl('{"body": "\\ud800", "label": "bad"}')),
        "not Parquet": ("train.parquet", TRAIN),
        "Parquet cut off": ("train.parquet", good[: len(good) // 2]),
        "Parquet with a broken page": ("train.parquet", good[:4] + b"\xff" * 40 + good[44:]),
        "empty Parquet": ("train.parquet", b""),
        "Parquet without rows": ("train.parquet", _parquet(body=[], label=[])),
        "numbers as texts": ("train.parquet", _parquet(body=list(range(24)), label=LABELS)),
        "lists as texts": ("train.parquet", _parquet(body=[["x"]] * 24, label=LABELS)),
        "bytes as texts": ("train.parquet", _parquet(body=[b"x"] * 24, label=LABELS)),
        "missing texts": ("train.parquet", _parquet(body=[None, *BODIES[1:24]], label=LABELS)),
        "missing labels": ("train.parquet", _parquet(body=BODIES[:24], label=[None, *LABELS[1:]])),
        "Parquet without the column": ("train.parquet", _parquet(title=BODIES[:24], label=LABELS)),
        "an unknown number of a class": ("train.parquet", _parquet(body=BODIES[:24], label=[0, 1] * 12)),
        "one row": ("train.csv", row[: row.index(b"\n") + 1] + b"x,bad\n"),
    }  # fmt: skip


FINE_DATA_FILES = {
    "a zero byte": ("train.csv", TRAIN + b"a\0b,bad\n", "a character like others"),
    "a byte-order mark": ("train.csv", b"\xef\xbb\xbf" + TRAIN, "spreadsheets write it"),
    "line ends of Windows": ("train.csv", TRAIN.replace(b"\n", b"\r\n"), "they say nothing"),
    "empty lines": ("train.csv", TRAIN + b"\n\n", "they are no rows"),
    "a huge line": ("train.csv", TRAIN + b"word " * 400_000 + b",bad\n", "a text may be long; it is cut"),
    "a text of other writing": ("train.csv", TRAIN + "文,bad\n".encode(), "Unicode"),
    "a row of the validation file": ("train.csv", TRAIN + DEV.splitlines()[1] + b"\n", "`check` warns of it"),
}

NUMBERS = [f"{n / 10}" for n in range(24)]
REGRESSION_LABELS = {
    "text": ["x", *NUMBERS[1:]],
    "infinity": ["inf", *NUMBERS[1:]],
    "NaN": ["nan", *NUMBERS[1:]],
    "nothing": ["", *NUMBERS[1:]],
    "truth": ["true", *NUMBERS[1:]],
    "a comma": ['"1,5"', *NUMBERS[1:]],
    "too large for float32": ["1e300", *NUMBERS[1:]],
    "underscores": ["1_000", *NUMBERS[1:]],
    "one number": ["1.0"] * 24,
}

# A table of runs.
RUNS = """dataset,method,run,acc,f1,dev,loss
RTE,old,1,0.55,,0.5,0.6
RTE,old,2,0.60,,0.6,0.6
RTE,new,1,0.70,,0.7,0.5
RTE,new,2,0.50,,0.5,0.7
MRPC,old,1,0.70,0.81,0.80,0.4
MRPC,old,2,0.66,0.79,0.78,0.4
MRPC,new,1,0.80,0.85,0.84,0.3
MRPC,new,2,0.81,0.86,0.83,0.3
"""
CURVES = """dataset,method,run,step,val,loss
RTE,old,1,1,0.5,0.7
RTE,old,1,2,0.5,0.6
MRPC,new,2,1,0.5,0.7
"""
TABLE = {
    "runs": {
        "file": "runs.csv",
        "columns": {"task": "dataset", "arm": "method", "seed": "run"},
        "arms": {"plain": "old", "ours": "new"},
        "tasks": {
            "rte": {"value": "RTE", "metric": "accuracy", "score": "acc", "majority": 0.5},
            "mrpc": {"value": "MRPC", "metric": "f1", "score": "f1", "majority": 0.8, "validation": "dev"},
        },
        "curves": {"file": "curves.csv", "update": "step", "train_loss": "loss"},
    },
    "baseline": "plain",
}
TABLE_VALUES = {
    "runs": [3, [], {}],
    "runs.file": [GONE, 3, True, "", "gone.csv", "folder.csv", "runs.xlsx", "pipe.csv", "*.csv", "/dev/zero",
                  "runs.csv.gz", "runs.parquet.gz"],
    "runs.columns": [GONE, 3, {}, {"arm": "method", "seed": "run"}],
    "runs.columns.task": [3, "gone", "method", "", True, GONE, [], [3], ["dataset", "method"], ["dataset", "gone"],
                          ["dataset", "dataset"], {"a": "dataset"}],
    "runs.columns.arm": [GONE, 3, "gone", None, "", "Method", [], [3], ["method", "method"], ["method", "gone"],
                         ["method", "run"], ["dataset", "method"]],
    "runs.columns.seed": [3, "gone", "acc", "method", "f1", "", GONE],
    "runs.where": [3, [], {}, "RTE", {"gone": "a"}, {"dataset": "nope"}, {"dataset": []}, {"dataset": True},
                   {"dataset": None}, {"dataset": {"a": 1}}, {"dataset": ["RTE", "nope"]}, {"run": NAN},
                   {"dataset": "RTE"}, {"dataset": "RTE", "acc": 0.81}],
    "runs.arm": [3, "", True, "ours", "a b"],
    "runs.comparable_seeds": NO_TRUTH,
    "runs.columns.init_seed": ["run"],
    "runs.columns.arms": ["method"],
    "runs.arms": [3, [], {}, {"plain": 3}, {"plain": "older", "ours": "new"}, {"plain": "old", "ours": "old"},
                  {"a b": "old", "plain": "new"}, {"Plain": "old", "plain": "new"}, {"": "old", "plain": "new"},
                  {LONG: "old", "plain": "new"}, {"plain": "", "ours": "new"}, {"plain": "old"}],
    "runs.split": [3, "train", "", True, None],
    "runs.scale": [0, -1, True, "100", NAN, INF, None, 100],
    "runs.tasks": [GONE, 3, [], {}, {"rte": 3}, {"a b": {"metric": "accuracy", "score": "acc", "majority": 0.5}}],
    "runs.tasks.rte.value": [3, "rte", "MRPC", ""],
    "runs.tasks.rte.metric": [GONE, 3, True, "", "acuracy", "loss", "Accuracy", "a b", "perplexity"],
    "runs.tasks.rte.better": [3, True, "up", "lower", ""],
    "runs.tasks.rte.lowest": [True, "0", NAN, INF, 0.6],
    "runs.tasks.rte.highest": [True, "1", NAN, -INF, 0.6, -1],
    "runs.tasks.rte.score": [GONE, 3, "gone", "method", "f1", None],
    "runs.tasks.rte.majority": [GONE, True, "0.5", NAN, INF, None, 50, -1, "nothing", "None"],
    "runs.tasks.rte.failed_by": [3, "gone", "method"],
    "runs.tasks.rte.failed_at": [True, "0.5", NAN, 50, -1],
    "runs.tasks.rte.validation": [3, "gone", "method"],
    "runs.tasks.rte.train_loss": ["gone", "method", 3],
    "runs.tasks.rte.constant_loss": [True, NAN, "0.7", -1],
    "runs.tasks.rte.curve": ["gone", "method", 3],
    "runs.tasks.rte.scores": ["acc"],
    "runs.curves": [3, {}, {"file": "curves.csv"}, {"file": "gone.csv", "update": "step"}],
    "runs.curves.update": ["gone", "method", "val", 3],
    "runs.curves.train_loss": ["gone", "method"],
    "baseline": [GONE, 3, "nope", "old", "", None],
    "model": ["syn-bert"],
}  # fmt: skip
WIDE = RUNS.splitlines()
TABLE_FILES = {
    "empty": b"",
    "only a header": WIDE[0],
    "semicolons and a row that is too long": RUNS.replace(",", ";") + "RTE;old;3;0.5;;0.5;0.6;7\n",
    "tabs": RUNS.replace(",", "\t"),
    "not UTF-8": RUNS.encode() + "gr\u00fcn,old,1,1,1,1,1\n".encode("latin-1"),
    "compressed": gzip.compress(RUNS.encode()),
    "a row that is too long": RUNS + "RTE,old,3,0.5,,0.5,0.6,7\n",
    "a row that is too short": RUNS + "RTE,old,3\n",
    "a column twice": RUNS.replace("dev", "acc", 1),
    "a run twice": RUNS + WIDE[1] + "\n",
    "text as score": RUNS.replace("0.55", "high"),
    "truth as score": RUNS.replace("0.55", "True"),
    "infinity as score": RUNS.replace("0.55", "inf"),
    "a comma in a score": RUNS.replace("0.55", '"0,55"'),
    "a percentage": RUNS.replace("0.55", "55"),
    "a sign of percent": RUNS.replace("0.55", "55%"),
    "a score below 0": RUNS.replace("0.55", "-0.55"),
    "no arm": RUNS.replace("RTE,old,1", "RTE,,1"),
    "no task": RUNS.replace("RTE,old,1", ",old,1"),
    "half a seed": RUNS.replace("RTE,old,1", "RTE,old,1.5"),
    "a seed below 0": RUNS.replace("RTE,old,1", "RTE,old,-1"),
    "no seed": RUNS.replace("RTE,old,1", "RTE,old,"),
    "a seed of text": RUNS.replace("RTE,old,1", "RTE,old,first"),
    "no task of that name": RUNS.replace("RTE", "rte"),
    "no arm of that name": RUNS.replace("new", "New"),
    "infinity as validation score": RUNS.replace("0.84", "inf"),
    "no score at all": "\n".join(
        [WIDE[0], *(",".join([*w.split(",")[:3], "", "0.81", "0.8", "0.4"]) for w in WIDE[1:])]
    ),
}
CURVE_FILES = {
    "empty": b"",
    "no update": CURVES.replace("old,1,1", "old,1,"),
    "half an update": CURVES.replace("old,1,1", "old,1,1.5"),
    "an update below 0": CURVES.replace("old,1,1", "old,1,-1"),
    "an update twice": CURVES + CURVES.splitlines()[1] + "\n",
    "text as loss": CURVES.replace("0.7", "low"),
}
FINE_TABLE_FILES = {
    "semicolons": (RUNS.replace(",", ";"), "spreadsheets write it"),
    "semicolons and decimal commas": (RUNS.replace(",", ";").replace(".", ","), "as before, in half of Europe"),
    "an undefined score": (RUNS.replace("0.55", "NaN"), "the run diverged, which is a result"),
    "rows of other tasks": (RUNS + "WNLI,old,1,0.5,,0.5,0.6\n", "the study names the tasks that it wants"),
    "rows of other arms": (RUNS + "RTE,third,1,0.5,,0.5,0.6\n", "the study names the arms that it wants"),
    "an arm called None": (RUNS.replace("new", "None"), "a name like others"),
    "a byte-order mark": ("\ufeff" + RUNS, "spreadsheets write it"),
    "seeds with a point": (RUNS.replace("RTE,old,1", "RTE,old,1.0"), "pandas writes whole numbers so beside gaps"),
    "fewer runs of an arm": (RUNS.replace(WIDE[1] + "\n", ""), "arms may have different numbers of runs"),
}
FINE_TABLE_VALUES = [
    ("runs.arms", GONE, "all arms, as they are called there"),
    ("runs.tasks.rte.metric", "rouge_l", "a metric that the package does not know: higher is better"),
    ("runs.tasks.rte.majority", 0, "a trivial predictor may score nothing"),
    ("runs.curves", GONE, "there need be none"),
    ("runs.columns.task", ["dataset"], "one column may stand in a list"),
    ("runs.where", {"dataset": ["RTE", "MRPC"], "run": [1, "2"]}, "all rows"),
    ("runs.comparable_seeds", True, "the user says that equal seeds are comparable"),
    ("runs.tasks.rte.majority", "none", "there need be no trivial predictor"),
    ("runs.tasks.rte.better", "higher", "as it is of accuracy"),
    ("runs.tasks.rte.highest", 1, "as it is of accuracy"),
    ("runs.tasks.rte.failed_at", 0.6, "the user's own limit"),
]


def changed(values: dict, place: str, value) -> dict:
    """Returns values with something else in one place."""
    values = copy.deepcopy(values)
    *way, last = place.split(".")
    inner = values
    for key in way:
        inner = inner.setdefault(key, {})
    if value is GONE:
        inner.pop(last, None)
    else:
        inner[last] = value
    return values


class _Dumper(yaml.SafeDumper):
    """Puts text that looks like a number into quotation marks."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text[:1].isalpha() else '"'
    ),
)


def written(values: dict) -> bytes:
    """Writes values as YAML."""
    return yaml.dump(json.loads(json.dumps(values)), Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()


def _shown(value) -> str:
    return "gone" if value is GONE else repr(value)[:150]


def _of_values(base: dict, lists: dict, wrap=lambda values: {"study": written(values)}) -> list[Case]:
    return [
        Case(
            f"{place}: {_shown(value)}", **{"study": b"", **wrap(changed(base, place, value))}, key=_keys(place, value)
        )
        for place, values in lists.items()
        for value in values
    ]


def _keys(place: str, value) -> str:
    """Lists the keys one of which must be named."""
    return ".".join([place, *(value if isinstance(value, dict) else [])])


def _bytes(text) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _in_study(declaration: dict, name: str = "mine") -> dict:
    return {"study": written({**STUDY, "tasks": {name: declaration}})}


def _train_in(file: str, **changes) -> dict:
    return {**TASK, "source": {**TASK["source"], "train": file}, **changes}


def cases() -> dict[str, list[Case]]:
    """Returns all cases by their kind."""
    config, sound, no_curves = written(CONFIG), written(STUDY), changed(TABLE, "runs.curves", GONE)
    kinds = {
        "study": [
            *_of_values(STUDY, STUDY_VALUES),
            *(Case(f"grid: {str(grid)[:150]}", written({**WITHOUT_ARMS, "grid": grid})) for grid in GRIDS),
            *(Case(f"text: {name}", _bytes(text)) for name, text in STUDY_TEXTS.items()),
            *(Case(f"{place}: {_shown(value)}", written(changed(STUDY, place, value)), reason=reason)
              for place, value, reason in FINE_STUDY_VALUES),
            *(Case(f"text: {name}", _bytes(text), reason=reason) for name, (text, reason) in FINE_STUDY_TEXTS.items()),
        ],
        "names": [
            *(Case(f"arm {name!r}"[:60], written({**STUDY, "arms": {"plain": {}, name: {"epochs": 2}}}), key="arms")
              for name in ARM_NAMES),
            *(Case(f"arm read as {key!r}", PLAIN.replace("top:", f"{key}:").encode()) for key in ARM_KEYS),
            *(Case(f"task {name!r}"[:60], **_in_study(TASK, name), key="tasks") for name in TASK_NAMES),
            *(Case(f"a file of the task {name!r}"[:60], written({**STUDY, "tasks": [name]}),
                   {f"config/tasks/{name}.yaml": written(TASK)})
              for name in ("rte", "syn-mine", "a b", "RTE ")),
            Case("two tasks that differ by case",
                 written({**STUDY, "tasks": {"mine": TASK, "Mine": {**TASK, "data": "b"}}})),
            Case("a task's file twice", written({**STUDY, "tasks": ["twice"]}),
                 {"config/tasks/twice.yaml": written(TASK), "config/tasks/twice.yml": written(TASK)}),
            *(Case(f"study {name!r}"[:60], sound, {f"{name}.yaml": sound}, config=written({"study": f"{name}.yaml"}))
              for name in STUDY_NAMES),
            *(Case(f"no study {name!r}"[:60], sound, {"config/mine.yaml": sound}, config=written({"study": name}))
              for name in NO_STUDIES),
        ],
        "config": [
            *_of_values(CONFIG, CONFIG_VALUES, lambda values: {"study": sound, "config": written(values)}),
            *(Case(f"text: {name}", sound, config=_bytes(text)) for name, text in CONFIG_TEXTS.items()),
            *(Case(f"glue_dir: {place!r} of a study of RTE", written({**STUDY, "tasks": ["rte"]}),
                   config=written({**CONFIG, "glue_dir": place}), key="glue_dir")
              for place in ("gone", "mine.yaml", "folder.csv", "*")),
            *(Case(f"--config {pair}", sound, config=config, pairs=(pair,)) for pair in PAIRS),
            *(Case(f"--config {pair}", sound, config=config, pairs=(pair,), reason=why)
              for pair, why in FINE_PAIRS.items()),
        ],
        "declaration": [
            *_of_values(TASK, TASK_VALUES, _in_study),
            *(Case(f"in config/tasks: {place} {_shown(values[0])}", written({**STUDY, "tasks": ["mine"]}),
                   {"config/tasks/mine.yaml": written(changed(TASK, place, values[0]))}, key=place)
              for place, values in TASK_VALUES.items()),
        ],
        "data": [
            *(Case(name, **_in_study(_train_in(file)), files={file: content}, key=file)
              for name, (file, content) in data_files().items()),
            *(Case(name, **_in_study(_train_in(file)), files={file: content}, reason=why)
              for name, (file, content, why) in FINE_DATA_FILES.items()),
            *(Case(f"numbers: {name}", **_in_study({**TASK, "labels": "number"}),
                   files={"train.csv": csv_of(BODIES[:24], labels), "dev.csv": csv_of(BODIES[24:], NUMBERS),
                          "test.csv": csv_of([body + "!" for body in BODIES[:24]], NUMBERS)}, key="train.csv")
              for name, labels in REGRESSION_LABELS.items()),
        ],
        "table": [
            *_of_values(TABLE, TABLE_VALUES),
            *(Case(f"runs: {name}", written(TABLE), {"runs.csv": _bytes(text)}, key="runs.csv")
              for name, text in TABLE_FILES.items()),
            *(Case(f"curves: {name}", written(changed(TABLE, "runs.tasks.rte.curve", "val")),
                   {"curves.csv": _bytes(text)}, key="curves.csv") for name, text in CURVE_FILES.items()),
            Case("a loss without a word on its direction", written(changed(TABLE, "runs.tasks.rte.metric", "dev_loss")),
                 key="better"),
            Case("a majority of .5 with percentages", written(changed({"runs": {**TABLE["runs"], "scale": 100}},
                 "runs.tasks", {"rte": {"value": "RTE", "metric": "rouge", "score": "acc", "majority": 0.5}})),
                 {"runs.csv": RUNS.replace(",0.", ",").encode()}, key="majority"),
            Case("a majority that collapsed runs are a hair above",
                 written(changed(TABLE, "runs.tasks.rte.majority", 0.509)),
                 {"runs.csv": RUNS.replace("0.55", "0.5092").replace("0.60", "0.5092").encode()}, key="majority"),
            Case("a hair above, and meant", written(changed(changed(
                 no_curves, "runs.tasks.rte.majority", 0.509), "runs.tasks.rte.failed_at", 0.509)),
                 {"runs.csv": RUNS.replace("0.55", "0.5092").replace("0.60", "0.5092").encode()},
                 reason="failed_at is the user's own word"),
            Case("no seeds", written(changed(no_curves, "runs.columns.seed", GONE)), reason="rows are numbered"),
            Case("pairs without seeds",
                 written(changed(changed(no_curves, "runs.columns.seed", GONE), "runs.comparable_seeds", True)),
                 key="comparable_seeds"),
            Case("a packed table", written(changed(no_curves, "runs.file", "runs.csv.gz")),
                 {"runs.csv.gz": gzip.compress(RUNS.encode())}, reason="gzip is common"),
            Case("a packed table that is cut off", written(changed(no_curves, "runs.file", "runs.csv.gz")),
                 {"runs.csv.gz": gzip.compress(RUNS.encode())[:-20]}, key="runs.csv.gz"),
            Case("a packed table that is none", written(changed(no_curves, "runs.file", "runs.csv.gz")),
                 {"runs.csv.gz": RUNS.encode()}, key="runs.csv.gz"),
            Case("a table as wide as its tasks", written({"runs": {"file": "runs.csv", "columns": {"arm": "method"},
                 "tasks": {"a": {"metric": "accuracy", "score": "acc", "majority": 0.5},
                           "b": {"metric": "f1", "score": "dev", "majority": 0.5}}}, "baseline": "old"}),
                 reason="each task has a score column of its own"),
            Case("two tasks of one score column", written({"runs": {"file": "runs.csv", "columns": {"arm": "method"},
                 "tasks": {name: {"metric": "accuracy", "score": "acc", "majority": 0.5} for name in "ab"}},
                 "baseline": "old"}), key="task"),
            Case("one arm that no column says", written({"runs": {"file": "runs.csv", "columns": {"task": "dataset",
                 "seed": "run"}, "where": {"method": "new"}, "arm": "ours", "tasks": TABLE["runs"]["tasks"]}}),
                 reason="a table may be of one arm"),
            Case("one arm and a baseline", written({"runs": {"file": "runs.csv", "columns": {"task": "dataset",
                 "seed": "run"}, "where": {"method": "new"}, "arm": "ours", "tasks": TABLE["runs"]["tasks"]},
                 "baseline": "ours"}), key="baseline"),
            Case("a baseline of one arm", written(changed(TABLE, "runs.arms", GONE)),
                 {"runs.csv": "\n".join([WIDE[0], WIDE[1], WIDE[5]]).replace("old", "plain").encode()}),
            *(Case(f"{place}: {_shown(value)}", written({**changed(TABLE, place, value), "baseline":
                   "old" if place == "runs.arms" else "plain"}), reason=why)
              for place, value, why in FINE_TABLE_VALUES),
            *(Case(f"runs: {name}", written(changed(no_curves, "runs.arms.ours", "None" if "None" in name else "new")),
                   {"runs.csv": _bytes(text)}, reason=why) for name, (text, why) in FINE_TABLE_FILES.items()),
        ],
    }  # fmt: skip
    for kind, of_kind in kinds.items():
        empty = {"text: empty"} if kind == "config" else set()
        kinds[kind] = [case if case.config or case.name in empty else case._replace(config=config) for case in of_kind]
    return kinds
