"""The recipe: every hyper-parameter of one way to fine-tune.

Adding a hyper-parameter is adding a field to `Recipe`, with a default that means "as before": cells
are named and fingerprinted by the fields that differ from their defaults, so nothing that exists is
renamed or trained again. For the same reason a default, once released, never changes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from seedvar.cells.decides import OPTIMIZERS
from seedvar.data.metrics import METRICS
from seedvar.strict import Strict

MOST_LAYERS = 1_000  # of any model; what a study's own model has is checked against its configuration


def _slug(label: str) -> dict[str, str]:
    """Marks how a field is written in a slug: its label, followed by the value."""
    return {"slug": label}


class Recipe(Strict):
    """Every hyper-parameter of one way to fine-tune, but not the seed.

    The defaults are the settings of Zhang et al. (2021), section 3. The order of the
    fields is the order of their parts in a slug.
    """

    optimizer: Literal[tuple(OPTIMIZERS)] = Field(
        "adamw",
        description="adamw: Adam with bias correction, as in Transformers; bertadam: the same without the "
        "correction, as in BERT's original code; torch-adamw: PyTorch's AdamW.",
    )
    reinit_layers: int = Field(
        0,
        ge=0,
        le=MOST_LAYERS,
        description="Re-initialise the top so many layers, and the pooler.",
        json_schema_extra=_slug("reinit"),
    )
    reinit_pooler: bool = Field(False, description="Re-initialise the pooler alone.", json_schema_extra=_slug("pooler"))
    learning_rate: float = Field(2e-5, gt=0, le=1, description="Peak learning rate.", json_schema_extra=_slug("lr"))
    epochs: int = Field(
        3, ge=1, le=10_000, description="Passes over the training set.", json_schema_extra=_slug("epochs")
    )
    batch_size: int = Field(32, ge=1, le=100_000, description="Examples an update.", json_schema_extra=_slug("batch"))
    warmup_ratio: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the updates during which the learning rate rises to its peak; afterwards it "
        "falls linearly to 0.",
        json_schema_extra=_slug("warmup"),
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Decoupled weight decay; biases and LayerNorm weights are exempt.",
        json_schema_extra=_slug("wd"),
    )
    adam_beta2: float = Field(
        0.999, gt=0, lt=1, description="Decay of Adam's second moment.", json_schema_extra=_slug("beta2-")
    )
    adam_epsilon: float = Field(
        1e-8, gt=0, le=1, description="Added to the root of Adam's second moment.", json_schema_extra=_slug("eps")
    )
    max_grad_norm: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description="Clip the gradient's global L2 norm here; 0: never.",
        json_schema_extra=_slug("clip"),
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout everywhere (hidden, attention, classifier); without it, what the checkpoint says.",
        json_schema_extra=_slug("dropout"),
    )
    max_length: int = Field(
        128, ge=4, le=32_768, description="Longer inputs are cut to so many tokens.", json_schema_extra=_slug("len")
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="bfloat16: autocast for the forward pass; weights and optimizer stay float32.",
        json_schema_extra=_slug(""),
    )
    evaluations: int = Field(
        10,
        ge=1,
        le=10_000,
        description="Evaluations on the validation set, evenly spaced over training; the last is at its end.",
        json_schema_extra=_slug("evals"),
    )
    n_train: int | None = Field(
        None,
        ge=2,
        le=100_000_000,
        description="Train on so many examples, the same for every seed, see sampling; without it, on all.",
        json_schema_extra=_slug("n"),
    )
    split: Literal["halves", "dev"] = Field(
        "halves",
        description="halves: validation and test as the task declares them, for GLUE as in Zhang et al. (2021); dev: "
        "the development set as validation and no test, as in Mosbach et al. (2021).",
        json_schema_extra=_slug(""),
    )
    sampling: Literal["balanced", "random"] = Field(
        "balanced",
        description="Of n_train. balanced: as many examples of every class; random: as they come in a fixed shuffle.",
        json_schema_extra=_slug(""),
    )

    steps: Annotated[int, Field(ge=1, le=100_000_000)] | Literal["full"] | None = Field(
        None,
        description="Train for so many updates, whatever `epochs` says; full: for as many as `epochs` passes over the "
        "whole training set take, though n_train makes it smaller.",
        json_schema_extra=_slug("steps"),
    )
    mixout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Mixout with this probability, in place of all dropout (Lee et al. 2020).",
        json_schema_extra=_slug("mixout"),
    )
    mixout_gradient: Literal["true", "official"] = Field(
        "true",
        description="true: the derivative of Mixout's forward pass; official: without its factor 1 / (1 - p), as in "
        "the authors' code.",
        json_schema_extra=_slug("gradient-"),
    )
    layerwise_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Layer-wise learning-rate decay: each layer learns this much slower than the one above it.",
        json_schema_extra=_slug("llrd"),
    )
    pretrained_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight decay towards the pre-trained weights; the classifier's goes towards 0.",
        json_schema_extra=_slug("priorwd"),
    )
    frozen_layers: int = Field(
        0,
        ge=0,
        le=MOST_LAYERS,
        description="Do not train the embeddings and the lowest so many layers.",
        json_schema_extra=_slug("frozen"),
    )
    stop_failed_after: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Stop a run that after this share of its training has never been better than the majority score "
        "on validation; it is marked stopped.",
        json_schema_extra=_slug("stop"),
    )

    diagnostics_every: int | None = Field(
        None,
        ge=1,
        le=100_000_000,
        description="Every so many updates, record gradient norms, sizes of updates and distances from the start, "
        "block by block, in diagnostics.csv.",
        json_schema_extra=_slug("diagnostics"),
    )

    micro_batch: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Send at most so many examples of a batch through the network at a time, to save memory; their "
        "gradients add up to the batch's. Without it, the whole batch.",
        json_schema_extra=_slug("micro"),
    )

    intermediate_task: str | None = Field(
        None,
        description="Start from an encoder that was fine-tuned on this task first; the classifier and the optimizer "
        "start afresh.",
        json_schema_extra=_slug("after-"),
    )

    head: Literal["transformers", "official"] = Field(
        "transformers",
        description="The classification head. transformers: of the library; official: of the authors' code, for "
        "ELECTRA (dropout and one Linear layer) and RoBERTa (no dropout before the first Linear layer).",
        json_schema_extra=_slug("head-"),
    )
    segment_ids: bool = Field(
        True,
        description="Tell the two texts of a pair apart by segment ids, where the model knows them; false: by what "
        "stands between them alone.",
        json_schema_extra=_slug("nosegments"),
    )
    biases_only: bool = Field(
        False,
        description="BitFit: of what is pre-trained, train the biases alone (Ben Zaken et al. 2022).",
        json_schema_extra=_slug("bitfit"),
    )
    lora_rank: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="LoRA: train products of two matrices of this rank beside every Linear layer of every block, "
        "which stays as it is (Hu et al. 2022). Needs the package peft.",
        json_schema_extra=_slug("lora"),
    )
    lora_alpha: float = Field(
        16.0,
        gt=0,
        le=1e6,
        description="LoRA's products are multiplied by this over lora_rank.",
        json_schema_extra=_slug("alpha"),
    )
    lora_dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout before LoRA's matrices.", json_schema_extra=_slug("loradropout")
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Compute activations once more in the backward pass instead of keeping them: less memory, more "
        "time.",
        json_schema_extra=_slug("checkpointing"),
    )
    dropout_seed: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="Seed of what dropout and Mixout leave out; without it, the run's order seed. With it, the order "
        "seed is that of the data's order alone.",
        json_schema_extra=_slug("dropoutseed"),
    )
    sample_seed: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="Seed that chooses the n_train examples; without it, one and the same choice.",
        json_schema_extra=_slug("sampleseed"),
    )
    split_seed: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="Seed that draws validation and test, of tasks whose parts are drawn; without it, the papers' "
        "own halves, or the declaration's seed.",
        json_schema_extra=_slug("splitseed"),
    )

    best_by: Literal[("metric", *METRICS)] = Field(
        "metric",
        description="The best checkpoint has the highest validation score: by the task's metric, or by another that "
        "is recorded beside it, as accuracy is of F1 (for MRPC as in the code of Zhang et al. 2021).",
        json_schema_extra=_slug("best-by-"),
    )

    def changes(self) -> dict[str, Any]:
        """Returns the fields that differ from their defaults, in field order: the recipe's identity."""
        return {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }

    def slug(self) -> str:
        """Returns the readable folder name, such as `bertadam` or `adamw+reinit2+lr1e-4`."""
        fields = type(self).model_fields
        parts = [self.optimizer]
        for name, value in self.changes().items():
            if name != "optimizer":
                parts.append(fields[name].json_schema_extra["slug"] + _slug_value(value))
        return "+".join(parts)


# A field that is set, a condition under which that makes no sense, and why.
CONFLICTS = [
    (
        "reinit_pooler",
        lambda r: r.reinit_layers > 0,
        "reinit_layers re-initialises the pooler too; give one of the two",
    ),
    ("mixout", lambda r: r.dropout is not None, "mixout takes the place of dropout; give one of the two"),
    ("steps", lambda r: r.steps == "full" and r.n_train is None, "'full' is for few-sample training; give n_train too"),
    (
        "pretrained_decay",
        lambda r: r.weight_decay > 0,
        "weight_decay pulls the same weights towards 0; give one of the two",
    ),
    ("sample_seed", lambda r: r.n_train is None, "there is nothing to choose without n_train; give n_train too"),
    ("split_seed", lambda r: r.split == "dev", "with split: dev the development set is validation, and none is drawn"),
    ("sampling", lambda r: r.n_train is None, "there is nothing to choose without n_train; give n_train too"),
    (
        "micro_batch",
        lambda r: r.mixout > 0,
        "Mixout draws one mask for all examples of a batch; leave micro_batch out",
    ),
    ("mixout_gradient", lambda r: r.mixout == 0, "there is no gradient of Mixout without it; give mixout too"),
    ("lora_alpha", lambda r: r.lora_rank is None, "there is no LoRA without a rank; give lora_rank too"),
    ("lora_dropout", lambda r: r.lora_rank is None, "there is no LoRA without a rank; give lora_rank too"),
    ("lora_rank", lambda r: r.mixout > 0, "mixout mixes weights that LoRA does not train; give one of the two"),
    ("lora_rank", lambda r: r.frozen_layers > 0, "LoRA trains no layer's own weights; give one of the two"),
    ("biases_only", lambda r: r.lora_rank is not None, "LoRA trains other weights than biases; give one of the two"),
    ("biases_only", lambda r: r.mixout > 0, "mixout mixes weights that are not trained; give one of the two"),
]


def _slug_value(value) -> str:
    if isinstance(value, bool):  # one that differs from its default
        return ""
    if isinstance(value, float) and 0 < value < 0.01:
        mantissa, exponent = f"{value:.9e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
