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
# What stands in a fingerprint besides code, since batches are packed: of each family, over all of these recipes.
BEFORE = {
    "bert": "d414a84c438865121a04a307e4ba3f818497303d2484f6b51349120d144b0348",
    "roberta": "cd5141bbc73317a8fdf26cb925efd1850acda8fd2992818da329abfbed104f7e",
    "electra": "5fc2d49093516d4eb3637fef96b120c3d128f907c8d372fefad51240fbcfbd13",
    "distilbert": "a0a3300ff05f6b4f2c52a06d81208e29d11a5e35cc82d1030937dc33c33a28c6",
    "albert": "0742d5a981cc9081c22a8f3bb6846f3545c32504b5d93fee9ebc79d4fe984dc3",
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
