"""Trains one cell with Transformers' Trainer, on the tokens that seedvar prepared, for `throughput.py`.

`--how example`: as the library's run_glue example does by default: padded to the full length, float32, as many threads
as there are cores. `--how tuned`: batches padded to their longest example, one thread, bfloat16 if asked.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

LENGTH = 128


def main() -> None:
    """Trains, evaluates on validation, predicts the test set; prints the seconds of each as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--model", "--data", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--recipe", type=json.loads, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--how", choices=["example", "tuned"], required=True)
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    if arguments.how == "tuned":
        torch.set_num_threads(1)

    from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

    from seedvar.cells.recipe import Recipe
    from seedvar.training.batches import load_examples

    recipe = Recipe(**arguments.recipe)
    examples = load_examples(arguments.data, recipe)

    def features(part: str) -> list[dict]:
        source, found = examples.source(part), []
        for row in examples.rows(part):
            tokens = slice(source.offsets[row], source.offsets[row + 1])
            label = float(source.labels[row]) if examples.task.is_regression else int(source.labels[row])
            found.append(
                {
                    "input_ids": source.input_ids[tokens].tolist(),
                    "token_type_ids": source.token_type_ids[tokens].tolist(),
                    "label": label,
                }
            )
        return found

    def collate(batch: list[dict]) -> dict[str, torch.Tensor]:
        longest = max(len(each["input_ids"]) for each in batch)
        if arguments.how == "example":
            longest = min(LENGTH, model.config.max_position_embeddings)

        def filled(name: str, value: int) -> torch.Tensor:
            return torch.tensor([each[name] + [value] * (longest - len(each[name])) for each in batch])

        ids = filled("input_ids", -1)
        return {
            "input_ids": ids.where(ids >= 0, examples.pad_token_id),
            "attention_mask": (ids >= 0).long(),
            "token_type_ids": filled("token_type_ids", 0),
            "labels": torch.tensor([each["label"] for each in batch]),
        }

    model = AutoModelForSequenceClassification.from_pretrained(arguments.model, num_labels=examples.task.n_classes)
    trainer = Trainer(
        model,
        TrainingArguments(
            output_dir=str(arguments.out),
            per_device_train_batch_size=recipe.batch_size,
            per_device_eval_batch_size=64 if arguments.how == "tuned" else 8,
            learning_rate=recipe.learning_rate,
            max_steps=recipe.steps,
            warmup_steps=int(recipe.warmup_ratio * recipe.steps),
            lr_scheduler_type="linear",
            seed=arguments.seed,
            bf16=arguments.bf16,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=features("train"),
        eval_dataset=features("validation"),
        data_collator=collate,
    )
    times = {}
    for name, act in (("train", trainer.train), ("evaluate", trainer.evaluate)):
        start = time.perf_counter()
        act()
        times[name] = time.perf_counter() - start
    start = time.perf_counter()
    trainer.predict(features("test"))
    times["predict"] = time.perf_counter() - start
    print(json.dumps(times))


if __name__ == "__main__":
    main()
