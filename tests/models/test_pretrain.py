"""The shipped weights of syn-bert are what the pre-training rule makes."""

import csv

import pytest

from seedvar.files import read_json
from seedvar.models.checkpoints import EMBEDDED
from seedvar.models.pretrain import Pretraining, held_out_loss, train

SHIPPED = EMBEDDED["syn-bert"]
RECORD = read_json(SHIPPED / "pretraining.json")


@pytest.mark.slow
def test_the_rule_repeats_the_beginning_of_the_shipped_run():
    """Its first 100 updates have the recorded losses; other kernels may round differently."""
    settings = Pretraining()
    assert RECORD["settings"] == vars(settings)
    _, rows = train(settings, stop_after=100)
    with open(SHIPPED / "loss.csv") as file:
        recorded = next(csv.DictReader(file))
    assert rows[0][1] == pytest.approx(float(recorded["word_loss"]), abs=2e-3)
    assert rows[0][2] == pytest.approx(float(recorded["pair_loss"]), abs=2e-3)


def test_the_shipped_weights_have_the_recorded_loss_on_text_they_have_not_seen():
    from transformers import BertForPreTraining

    model = BertForPreTraining.from_pretrained(SHIPPED).eval()
    word_loss, pair_loss = held_out_loss(model, Pretraining())
    assert word_loss == pytest.approx(RECORD["held_out_word_loss"], abs=1e-3)
    assert pair_loss == pytest.approx(RECORD["held_out_pair_loss"], abs=1e-3)
    assert word_loss < 1.0  # guessing all words alike would be ln 100 = 4.6


def test_the_shipped_weights_are_small():
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 4e6
