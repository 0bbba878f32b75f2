"""A user's data of every kind are read as they are meant, or refused with file, column and row."""

import json

import numpy as np
import pytest

from seedvar.data.declaration import Declaration
from seedvar.data.examples import read_examples
from seedvar.data.known import package_declaration
from seedvar.data.sources import located
from seedvar.errors import UserError


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def read(source, name="mine", **declared):
    declaration = Declaration.model_validate({"source": source, "text": "text", **declared})
    return read_examples(name, declaration, located(declaration))


def with_train(folder, text, name="train.csv", **declared):
    """Reads a task whose validation is in order."""
    good = write(folder, "good.csv", "text,label\nx,1\n") if declared.get("labels") != "number" else None
    good = good or write(folder, "good.csv", "text,label\nx,1.5\n")
    return read({"train": write(folder, name, text), "validation": good}, **declared)


STARS = 'title,body,stars\nGood,"Very, very good",5\nBad,"So ""bad""\nindeed",1\nOdd,Well,3\nMeh,Hm,2\nFine,Ok,4\n'


@pytest.mark.parametrize("stars", [str, lambda n: f"{n}.0", lambda n: f" {n} "])
def test_five_star_classes_are_numbered_in_order_however_they_are_written(tmp_path, stars):
    text = "body,stars\n" + "".join(f"review {n},{stars(n)}\n" for n in (5, 1, 3, 2, 4))
    source = {"train": write(tmp_path, "a.csv", text), "validation": write(tmp_path, "b.csv", text)}
    examples = read(source, text="body", label="stars", metric="macro_f1")
    assert examples.task.classes == ("1", "2", "3", "4", "5")
    assert examples.labels["train"].tolist() == [4, 0, 2, 1, 3]
    assert examples.labels["train"].dtype == np.float32


def test_commas_quotation_marks_and_lines_inside_a_text_are_text(tmp_path):
    path = write(tmp_path, "a.csv", b"\xef\xbb\xbf" + STARS.encode())
    examples = read({"train": path, "validation": path}, text=["title", "body"], label="stars")
    assert examples.texts["train"][1][:2] == ["Very, very good", 'So "bad"\nindeed']


def test_pairs_with_named_labels_in_tsv_keep_the_declared_order(tmp_path):
    text = "a\tb\tgold\nNone\tnull\tyes\nx\ty\tno\nx\tz\tmaybe\n"
    source = {"train": write(tmp_path, "a.tsv", text), "validation": write(tmp_path, "b.tsv", text)}
    examples = read(source, text=["a", "b"], label="gold", labels=["no", "maybe", "yes"])
    assert examples.labels["validation"].tolist() == [2, 0, 1]
    assert examples.texts["train"] == [["None", "x", "x"], ["null", "y", "z"]]


def test_real_scores_come_from_json_lines(tmp_path):
    rows = [{"text": "a", "label": 2.5}, {"text": "b", "label": 3}, {"text": "c", "label": "4.75"}]
    text = "\n".join(map(json.dumps, rows)) + "\n\n"
    source = {"train": write(tmp_path, "a.jsonl", text), "validation": write(tmp_path, "b.json", text)}
    examples = read(source, labels="number")
    assert examples.labels["validation"].tolist() == [2.5, 3.0, 4.75]
    assert examples.task.is_regression


def test_parquet_with_truth_values_and_numbers_meets_csv_with_their_names(tmp_path):
    import pandas as pd

    folder = tmp_path / "k=1" / "[a]*?{b}"  # neither partitions nor globs
    folder.mkdir(parents=True)
    pd.DataFrame({"text": ["a", "b"], "label": [True, False]}).to_parquet(folder / "a.parquet")
    pd.DataFrame({"text": ["a", "b"], "label": pd.Categorical(["True", "False"])}).to_parquet(folder / "b.parquet")
    test = write(folder, "c.csv", "text,label\nx,TRUE\n")
    paths = [str(folder / f"{name}.parquet") for name in "ab"]
    examples = read({"train": paths[0], "validation": paths[1], "test": test}, labels=[False, True])
    assert [examples.labels[split].tolist() for split in ("train", "validation", "test")] == [[1, 0], [1, 0], [1]]
    pd.DataFrame({"text": ["a", "b"], "label": [1.0, 2.0]}).to_parquet(folder / "a.parquet")
    one = write(folder, "c.csv", "text,label\nx,2\n")
    assert read({"train": [paths[0], one], "validation": one}).labels["train"].tolist() == [0, 1, 1]


def test_several_files_are_one_split_in_their_order(tmp_path):
    parts = [write(tmp_path, f"{n}.csv", f"text,label\n{n}-a,{n}\n{n}-b,{n}\n") for n in (2, 1)]
    examples = read({"train": parts, "validation": parts[0]})
    assert examples.texts["train"] == [["2-a", "2-b", "1-a", "1-b"]]
    assert examples.labels["train"].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("text", "name", "declared", "sentence"),
    [
        ("txt,label\na,1\n", "train.csv", {}, "there is no column 'text'; accepted: txt, label"),
        ("", "train.csv", {}, "there is no column 'text'; accepted: a file with columns"),
        ("text,label\n", "train.csv", {}, "holds no row; accepted: at least one example"),
        ("text,label\na,1\n ,2\n", "train.csv", {}, "text: row 2 has an empty text; accepted: text in every row"),
        ("text,label\na,1\nb,\n", "train.csv", {}, "label: row 2 holds nothing; accepted: text or numbers"),
        ("text,label\na,1\nb,1\n", "train.csv", {}, "label: every training example has the label '1'; accepted: at l"),
        ("text,label\na,1\nb\n", "train.csv", {}, "line 3 has 1 fields; accepted: 2, as in the first line"),
        ("text,label\na,1,x\n", "train.csv", {}, "line 2 has 3 fields; accepted: 2"),
        ('text,label\n"a" b,1\n', "train.csv", {}, "is not readable as CSV: line 2: "),
        ('text,label\n"a,1\n', "train.csv", {}, "is not readable as CSV: line 2: unexpected end of data"),
        ("text,label,text\na,1,b\n", "train.csv", {}, "column 'text' is there 2 times; accepted: once"),
        ("text,label\nä,1\n".encode("latin-1"), "train.csv", {}, "is not text in UTF-8; accepted: CSV in UTF-8"),
        ("text,label\na,1\n", "train.parquet", {}, "is not readable as Parquet"),
        ("PAR1", "train.parquet", {}, "is not readable as Parquet"),
        ("text,label\na,1\n", "train.jsonl", {}, "line 1 is no JSON object; accepted: JSON Lines, one object a line"),
        ('[{"text": "a", "label": 1}]', "train.json", {}, "line 1 is no JSON object"),
        ('{"text": "a", "label": 1}\n{"text": "b"}\n', "train.jsonl", {}, "line 2 has no 'label'; accepted: text"),
        ('{"text": ["a"], "label": 1}', "train.jsonl", {}, "text: row 1 has a list in place of text"),
        ('{"text": 5, "label": 1}', "train.jsonl", {}, "text: row 1 has a int in place of text"),
        ('{"text": null, "label": 1}', "train.jsonl", {}, "text: row 1 has no text; accepted: text in every row"),
        ('{"text": "a", "label": [1]}', "train.jsonl", {}, "label: row 1 holds a list; accepted: text or numbers"),
        ('{"text": "a", "label": NaN}', "train.jsonl", {}, "label: row 1 holds nothing"),
        ('{"text": "a", "label": NaN}', "train.jsonl", {"labels": "number"}, "label: row 1 holds 'nan'; accepted: fin"),
        ("text,label\na,good\n", "train.csv", {"labels": "number"}, "label: row 1 holds 'good'; accepted: finite numb"),
        ("text,label\na,1\nb,inf\n", "train.csv", {"labels": "number"}, "label: row 2 holds 'inf'; accepted: finite"),
        ("text,label\na,1\nb,1\n", "train.csv", {"labels": "number"}, "every training example has the label 1;"),
        ("text,label\na,1\nb,3\n", "train.csv", {"labels": [1, 2]}, "label: row 2 holds '3'; accepted: labels: 1, 2"),
        ("text,label\na,1\nb,2\n", "train.csv", {"labels": [1, 2, 3]}, "no training example has the class '3'"),
        ("text,label\na,2\nb,3\n", "train.csv", {}, "has the class '1', which no training example has; accepted: 2, 3"),
        ("text,label\na,1\nb,2\nc,3\n", "train.csv", {"metric": "f1"}, "positive: is missing, and f1 is the score of"),
        ("text,label\n" + "".join(f"a,{n}\n" for n in range(1001)), "train.csv", {}, "1,001 different labels look lik"),
    ],
)
def test_bad_data_are_refused_in_one_sentence_that_names_the_file(tmp_path, text, name, declared, sentence):
    with pytest.raises(UserError) as caught:
        with_train(tmp_path, text, name, **declared)
    assert sentence in str(caught.value)
    assert str(tmp_path) in str(caught.value) or str(caught.value).startswith("tasks.mine.")
    assert "accepted" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_no_file(tmp_path):
    with pytest.raises(UserError, match=r"none.csv: there is no such file"):
        read({"train": str(tmp_path / "none.csv"), "validation": str(tmp_path / "none.csv")})
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=r"folder.csv: there is no such file"):
        read({"train": str(tmp_path / "folder.csv"), "validation": str(tmp_path / "none.csv")})


# --------------------------------------------------------------------------- the hub


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty cache in the layout of the hub's client, and a way to put a data set into it."""
    import datasets.config
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")

    def put(name, files, commit="a" * 40, branch="main"):
        folder = tmp_path / "hub" / f"datasets--{name.replace('/', '--')}"
        for path, text in files.items():
            write(folder / "snapshots" / commit, path, text)
        write(folder / "refs", branch, commit)

    return put


TRAIN, DEV = "text,label\ngood,1\nbad,0\nfine,1\n", "text,label\nok,1\n"
CARD = """---
configs:
- config_name: small
  data_files:
  - split: train
    path: small/train-*
  - split: dev
    path: small/dev-*
---
"""


def test_a_data_set_in_the_hubs_cache_is_read_offline(hub_cache):
    hub_cache("own/stars", {"README.md": CARD, "small/train-0.csv": TRAIN, "small/dev-0.csv": DEV})
    examples = read({"hub": "own/stars", "config": "small", "splits": {"validation": "dev"}})
    assert examples.texts["train"] == [["good", "bad", "fine"]]
    assert {split: labels.tolist() for split, labels in examples.labels.items()} == {
        "train": [1, 0, 1],
        "validation": [1],
    }


def test_a_configuration_may_be_a_folder_and_a_revision_a_branch(hub_cache):
    hub_cache("own/stars", {"small/train.csv": TRAIN, "small/validation.csv": DEV}, branch="v2")
    source = {"hub": "own/stars", "config": "small", "revision": "v2"}
    assert read(source).labels["train"].tolist() == [1, 0, 1]
    with pytest.raises(UserError, match="the hub did not give own/stars/small at v3 "):
        read(source | {"revision": "v3"})


def test_named_classes_of_the_hub_are_used_where_the_declaration_speaks_of_them(hub_cache, tmp_path):
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    made = Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    made.to_parquet(tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes()
    hub_cache("own/named", {"data/train-0.parquet": data, "data/validation-0.parquet": data})
    assert read({"hub": "own/named"}).task.classes == ("0", "1")
    examples = read({"hub": "own/named"}, labels=["pos", "neg"])
    assert examples.task.classes == ("pos", "neg")
    assert examples.labels["train"].tolist() == [0, 1]


def test_what_the_hub_does_not_have_is_said_in_one_sentence(hub_cache):
    hub_cache("own/stars", {"train.csv": TRAIN, "validation.csv": DEV})
    with pytest.raises(UserError, match="own/stars: there is no split 'test'; accepted: train, validation"):
        read({"hub": "own/stars", "splits": {"test": "test"}})
    with pytest.raises(UserError, match=r"own/stars \(train\): there is no column 'body'; accepted: text, label"):
        read({"hub": "own/stars"}, text="body")
    with pytest.raises(
        UserError, match="the hub did not give own/stars/big .*'big' not found.*; accepted: a connection"
    ):
        read({"hub": "own/stars", "config": "big"})
    with pytest.raises(UserError, match="the hub did not give own/none .*; accepted: a connection") as caught:
        read({"hub": "own/none"})
    assert "\n" not in str(caught.value)


def test_one_text_of_a_pair_may_be_empty_in_published_data_but_not_in_ones_own(hub_cache, tmp_path):
    text = "a,b,label\nx,y,1\nx,,0\n"
    hub_cache("own/pairs", {"train.csv": text, "validation.csv": text})
    path = write(tmp_path, "a.csv", text)
    with pytest.raises(UserError, match="b: row 2 has an empty text"):
        read({"train": path, "validation": path}, text=["a", "b"])
    with pytest.raises(UserError, match="b: row 2 has no text"):  # a CSV of the hub has nothing there
        read({"hub": "own/pairs"}, text=["a", "b"])


# --------------------------------------------------------------------------- a site's copy of GLUE


def glue_copy(folder, **files):
    import pandas as pd

    for name, (first, labels) in files.items():
        (folder / "rte").mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame({"sentence1": first, "sentence2": "y", "label": labels})
        table.to_parquet(folder / "rte" / f"{name}-00000-of-00001.parquet")
    return folder


def test_a_sites_copy_is_read_file_by_file_whatever_its_path(tmp_path):
    folder = glue_copy(tmp_path / "g[l]u*", train=(["a", "b"], [0, 1]), validation=(["c", "d"], [1, 0]))
    glue_copy(tmp_path / "glue", train=(["z"] * 2, [0, 1]), validation=(["z"] * 2, [1, 0]))
    rte = package_declaration("rte")
    examples = read_examples("rte", rte, located(rte, folder))
    assert examples.texts["validation"] == [["c", "d"], ["y", "y"]]
    with pytest.raises(UserError, match=r"glue_dir: task 'mnli' has no .*/mnli/train-\*.parquet; accepted: the layout"):
        read_examples("mnli", package_declaration("mnli"), located(package_declaration("mnli"), folder))
    with pytest.raises(UserError, match="config.yaml: glue_dir: there is no folder"):
        read_examples("rte", rte, located(rte, tmp_path / "nowhere"))


def test_an_empty_side_of_a_published_pair_is_kept_and_an_empty_pair_refused(tmp_path):
    rte = package_declaration("rte")
    folder = glue_copy(tmp_path, train=(["a", ""], [0, 1]), validation=(["c", "d"], [1, 0]))
    assert read_examples("rte", rte, located(rte, folder)).texts["train"][0] == ["a", ""]
    folder = glue_copy(tmp_path, train=(["a", None], [0, 1]))
    with pytest.raises(UserError, match="sentence1: row 2 has no text"):
        read_examples("rte", rte, located(rte, folder))
    folder = glue_copy(tmp_path, train=(["a", "b"], [0, -1]))
    with pytest.raises(UserError, match="label: row 2 holds '-1'; accepted: labels: 0, 1"):
        read_examples("rte", rte, located(rte, folder))


def test_real_glue_is_read_as_it_is(glue_dir):
    sizes = {"rte": (2490, 277), "mrpc": (3668, 408), "cola": (8551, 1043), "stsb": (5749, 1500), "sst2": (67349, 872)}
    for name, expected in sizes.items():
        declaration = package_declaration(name)
        examples = read_examples(name, declaration, located(declaration, glue_dir))
        assert (len(examples.labels["train"]), len(examples.labels["validation"])) == expected
