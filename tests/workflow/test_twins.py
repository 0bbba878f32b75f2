"""Each study of docs/papers.md, scaled down, makes the tables and figures that the page promises.

A twin has the study's arms, questions and probes on synthetic tasks with models of the same families that know nothing:
its numbers mean nothing, its files are those of the paper.
"""

import json
import re
import shutil

import pytest
import yaml
from helpers import REPOSITORY, run_snakemake
from PIL import Image

from seedvar.study.reading import read_study
from seedvar.study.study import Study

PAGE = (REPOSITORY / "docs" / "papers.md").read_text(encoding="utf-8")
MODELS = {
    "bert-large-uncased": "./bert", "roberta-large": "./roberta", "albert-large-v2": "./albert",
    "google/electra-large-discriminator": "./electra", "xlnet/xlnet-large-cased": "./xlnet",
    "facebook/bart-large": "./bart",
}  # fmt: skip
TASKS = {"rte": "syn-rte", "mrpc": "syn-mrpc", "stsb": "syn-stsb", "cola": "syn-cola"}
LAYERS, FEW = 10, 8  # layers, of which all are re-initialised; arms up to which there are two tasks
DEPTHS = {"n_layer": LAYERS, "num_hidden_layers": LAYERS, "encoder_layers": LAYERS, "decoder_layers": LAYERS}
EPOCHS = {2: 2, 3: 1, 10: 2, 20: 4}
NUMBERS = {"n_train": 24, "batch_size": 8, "paragraphs": 6, "runs": 1, "points": 3}


def promised() -> dict[str, list[str]]:
    """The files that the page says come out of each study."""
    found: dict[str, list[str]] = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6:
            for name in re.findall(r"`(\w+)`", cells[2]):
                found.setdefault(name, []).extend(re.findall(r"`([^`]+)`", cells[3]))
    return {
        name: list(dict.fromkeys(files)) for name, files in found.items() if files and name != "seedvar check STUDY"
    }


def smaller(value, key=""):
    """Scales a value of a study file down, whatever it stands in, and names small tasks and models."""
    if isinstance(value, dict):
        return {renamed(name): smaller(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [smaller(inner, key) for inner in value]
    if isinstance(value, int) and key in ("steps", "epochs", *NUMBERS):
        return {"steps": max(2, value // 100), "epochs": EPOCHS.get(value, 1)}.get(key) or NUMBERS[key]
    return "syn-cola" if key == "intermediate_task" else renamed(value)


def renamed(name):
    return {**TASKS, **MODELS}.get(name, name) if isinstance(name, str) else name


def twin_of(name: str) -> dict:
    """Returns the study file of a twin."""
    original = read_study(REPOSITORY / f"config/studies/{name}.yaml")
    study = original.model_dump(mode="json", exclude_unset=True)
    twin = smaller({key: value for key, value in study.items() if key not in ("baseline", "select", "tasks", "seeds")})
    if original.selections:  # two candidates of each are enough
        lists = {key: list(by_task.values()) for key, by_task in original.selections.items()}
        kept = {key: list(dict.fromkeys(arm for arms in each for arm in arms[:2])) for key, each in lists.items()}
        for arm in {arm for each in lists.values() for arms in each for arm in arms}.difference(*kept.values()):
            twin["arms"].pop(arm)
        twin["select"] = kept
    known = [TASKS[task] for task in original.tasks if task in TASKS] or ["syn-rte"]
    twin["tasks"] = known[: 2 if original.n_arms <= FEW else 1]
    twin["seeds"] = {"init": 2, "order": 2} if original.is_crossed else 2
    common = twin.setdefault("recipe", {})
    common |= {"evaluations": 2, "max_length": 48, "batch_size": 8, "n_train": 40}
    common |= {"diagnostics_every": 1} if "diagnostics_every" in common else {}
    for part in (common, *(twin.get("arms") or {}).values()):
        if "by_task" in part:
            part["by_task"] = {task: recipe for task, recipe in part["by_task"].items() if task in twin["tasks"]}
    for probe in (twin.get("probes") or {}).values():
        if "first" in probe:  # whether a run of a twin fails is chance
            probe["first"]["seed"] = probe["second"]["seed"] = 0
            probe["task"] = twin["tasks"][0]
    if original.baseline is not None:
        place = original.compared_names().index(original.baseline)
        twin["baseline"] = Study(**twin).compared_names()[place]
    return twin


@pytest.fixture(scope="session")
def twins(tmp_path_factory, copy_repository, tiny_models):
    """A checkout with models of all families, ten layers deep, in which twins of several studies share their cells."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM

    checkout = copy_repository(tmp_path_factory.mktemp("twins"), package=False)
    for folder in (checkout / name for name in MODELS.values()):
        source = tiny_models(folder.name)
        about = json.loads((source / "config.json").read_text())
        deeper = {key: depth for key, depth in DEPTHS.items() if key in about}
        torch.manual_seed(0)
        kind = AutoModelForMaskedLM if folder.name == "bert" else AutoModel
        kind.from_config(AutoConfig.from_pretrained(source, **deeper)).save_pretrained(folder)
        for path in source.glob("*token*"):
            shutil.copy(path, folder)
    return checkout


@pytest.mark.parametrize("name", promised())
def test_what_the_page_promises_of_a_study_comes_out_of_its_twin(twins, name):
    (twins / f"config/studies/{name}.yaml").write_text(yaml.safe_dump(twin_of(name), sort_keys=False))
    targets = [f"results/{name}/{file}" for file in promised()[name]]
    done = run_snakemake(twins, *targets, "--config", f"study={name}", "--cores", "2")
    assert done.returncode == 0, done.stderr
    for target in map(twins.joinpath, targets):
        if target.suffix == ".png":
            with Image.open(target) as picture:
                assert picture.width <= 1400
                assert picture.convert("L").getextrema()[0] < 128  # something is drawn
        else:
            assert len(target.read_text().splitlines()) > 1
