"""Adding fields, methods and families renames and invalidates no cell that there was."""

import pytest

from seedvar.cells.fingerprint import parts
from seedvar.cells.recipe import Recipe
from seedvar.files import digest

RECIPES = {  # slug to recipe, of the time before other families than these
    "adamw": {},
    "bertadam+lr1e-4": {"optimizer": "bertadam", "learning_rate": 1e-4},
    "adamw+reinit2+llrd0.9+diagnostics10": {"reinit_layers": 2, "layerwise_decay": 0.9, "diagnostics_every": 10},
    "adamw+pooler+n1000+stepsfull+mixout0.3+gradient-official": {
        "reinit_pooler": True, "mixout": 0.3, "mixout_gradient": "official", "n_train": 1000, "steps": "full",
    },
    "adamw+bfloat16+priorwd0.1+frozen1+stop0.3": {
        "frozen_layers": 1, "pretrained_decay": 0.1, "stop_failed_after": 0.3, "precision": "bfloat16",
    },
}  # fmt: skip
# What stands in a fingerprint besides code, at commit d8565f8: a digest for each family, over all of these recipes.
BEFORE = {
    "bert": "4d34e3aec7868949f2fd2b0b918f01a459ac06dbf5d50abc348ac467fc3df6f7",
    "roberta": "cc2a3f8afb73d7ce1a5e97d868c13cac452353dde8ad9b4ba625bb71a9724aad",
    "electra": "4a7c9d9a842235999ea3ee68c105b439ed3aa8bc295481bd974f4350975ffe2b",
    "distilbert": "598368273efd0468accf63ebc6d5bc0f7edf484813e4572728f7156aba9fc142",
    "albert": "6fc24c1ea401b5768a85c7275855b9f542a3102fa03f3520eb80923ac7f35d0c",
}


def of(family, recipe):
    cell = {"data": "glue", "model": "m", "task": "rte", "recipe": recipe.changes(), "seed": {"init": 0, "order": 1}}
    data, model = {"task": {"name": "rte", "metric": "accuracy"}, "content": "d"}, {"family": family, "content": "m"}
    made_of = parts(cell, data, model, digest_of=lambda path: path.name)
    return {name: part for name, part in made_of.items() if name != "code"}, set(made_of["code"])


@pytest.mark.parametrize("family", BEFORE)
def test_cells_of_earlier_families_are_known_by_what_they_were(family):
    found = [of(family, Recipe(**recipe)) for recipe in RECIPES.values()]
    assert digest([rest for rest, _ in found]) == BEFORE[family]
    new = {"read-out", *(f"method {name}" for name in ("heads", "segment_ids", "bitfit", "lora", "checkpointing"))}
    assert not any(names & new for _, names in found)


@pytest.mark.parametrize(("slug", "recipe"), RECIPES.items())
def test_slugs_stay(slug, recipe):
    assert Recipe(**recipe).slug() == slug


def test_new_fields_are_in_a_slug_where_they_are_set():
    fields = {"head": "official", "segment_ids": False, "biases_only": True, "gradient_checkpointing": True}
    assert Recipe(**fields).slug() == "adamw+head-official+nosegments+bitfit+checkpointing"
    fields = {"lora_rank": 8, "lora_alpha": 32.0, "lora_dropout": 0.05}
    assert Recipe(**fields).slug() == "adamw+lora8+alpha32+loradropout0.05"


def test_code_of_a_read_out_counts_for_the_families_that_have_one():
    assert "read-out" in of("gpt2", Recipe())[1]
    assert "read-out" not in of("modernbert", Recipe())[1]
