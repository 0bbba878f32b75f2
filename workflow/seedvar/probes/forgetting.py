"""How much of its language a fine-tuned encoder has forgotten (Mosbach et al. 2021, section 4, Fig. 2).

The pre-trained masked-word head is put back on the fine-tuned encoder, and the top k layers are replaced by
the pre-trained ones, k = 0 … N. If the perplexity of masked words falls at once, forgetting is confined to
the top layers. At k = N the embeddings are put back as well: that is the pre-trained model itself.

Perplexity is exp(mean cross-entropy in nats over the masked tokens). One draw of masks, the same for every
run and every k: 15 % of the tokens, of these 80 % masked, 10 % replaced, 10 % kept (Devlin et al. 2019).
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import cross_entropy

from seedvar.errors import UserError, first_line
from seedvar.models.families import family_of
from seedvar.models.layers import layers_of

MASKED_SHARE = 0.15
BATCH = 64  # paragraphs
CPU = torch.device("cpu")
LORA_A, LORA_B = ".lora_A.default.weight", ".lora_B.default.weight"  # as peft names them
HUB_TEXT = ("Salesforce/wikitext", "wikitext-2-raw-v1", "test")


def load_paragraphs(data: str, text: str | None, n: int) -> list[str]:
    """Loads the text to guess words of: a file's, synthetic sentences, or WikiText-2's test set.

    Args:
        data: `glue` or `synthetic`.
        text: A text file, a paragraph a line; None for what suits the data.
        n: At most so many paragraphs, the first ones that are not empty.

    Raises:
        UserError: The text cannot be had, or is empty.
    """
    if text:
        try:
            lines = Path(text).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"probes.forgetting.text: {text} cannot be read ({first_line(error)})") from None
    elif data == "synthetic":
        from seedvar.data.synthetic import pretraining_text

        rng = random.Random("text of the forgetting probe")
        lines = [" ".join(pretraining_text(rng)[0]) for _ in range(n)]
    else:
        from datasets import load_dataset

        name, part, split = HUB_TEXT
        try:
            lines = load_dataset(name, part, split=split)["text"]
        except Exception as error:  # the hub's client raises many kinds
            raise UserError(
                f"probes.forgetting.text: is not set, and the hub did not give {name} ({first_line(error)}); "
                "accepted: a connection to the hub, or the path of a text file"
            ) from None
    paragraphs = [line.strip() for line in lines if line.strip()][:n]
    if not paragraphs:
        raise UserError(f"probes.forgetting.text: {text} holds no text; accepted: a paragraph a line")
    return paragraphs


def mask(rows: list[list[int]], tokenizer, seed: int = 0) -> list[tuple[list[int], dict[int, int]]]:
    """Draws the masks.

    Args:
        rows: Token ids with special tokens, one list a paragraph.
        tokenizer: Says which tokens are special.
        seed: Of the draw.

    Returns:
        For each row its ids with masks, and position to original id of the tokens to guess.
    """
    rng = random.Random(seed)
    special = set(tokenizer.all_special_ids)
    masked = []
    for ids in rows:
        words = [i for i, token in enumerate(ids) if token not in special]
        chosen = sorted(rng.sample(words, min(len(words), max(1, round(MASKED_SHARE * len(words))))))
        changed = list(ids)
        for i in chosen:
            fate = rng.random()
            if fate < 0.8:
                changed[i] = tokenizer.mask_token_id
            elif fate < 0.9:
                changed[i] = rng.randrange(len(tokenizer))
        masked.append((changed, {i: ids[i] for i in chosen}))
    return masked


def load_language_model(folder: Path) -> nn.Module:
    """Loads a pre-trained encoder with its masked-word head, the head's matrix apart from the embeddings.

    Raises:
        UserError: The checkpoint has no such head, or its layers share their parameters.
    """
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, loading = AutoModelForMaskedLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, use_safetensors=True, trust_remote_code=False
    )
    head = family_of(model.config.model_type).word_head
    if head is None or any(name.startswith(head) for name in loading["missing_keys"]):
        raise UserError(
            f"probes.forgetting: {folder.name} has no pre-trained masked-word head; accepted: a model that has one"
        )
    layers_of(model, "probes.forgetting", "leave it out")
    embeddings = model.get_output_embeddings()
    embeddings.weight = nn.Parameter(embeddings.weight.detach().clone())  # else the fine-tuned ones would go in
    return model.eval()


@torch.no_grad()
def perplexities(
    folder: Path,
    weights: Path,
    paragraphs: list[str],
    max_length: int,
    device: torch.device = CPU,
    lora_scale: float | None = None,
) -> list[dict]:
    """Measures the perplexity for every k.

    Args:
        folder: The pre-trained checkpoint, with its tokenizer.
        weights: `weights.safetensors` of a fine-tuned classifier.
        paragraphs: The text.
        max_length: Longer paragraphs are cut to so many tokens.
        device: Where to measure.
        lora_scale: Of a classifier with LoRA: what its products are multiplied by before they go into the weights.

    Returns:
        Rows `replaced_layers` (k), `perplexity`, `masked_tokens`; the last is the pre-trained model.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model = load_language_model(folder).to(device)
    layers = layers_of(model, "probes.forgetting", "leave it out")
    rows = tokenizer(paragraphs, truncation=True, max_length=max_length)["input_ids"]
    masked = sorted(mask(rows, tokenizer), key=lambda row: len(row[0]))  # similar lengths together
    encoder = model.base_model
    pretrained = {name: value.clone() for name, value in encoder.state_dict().items()}
    prefix = model.base_model_prefix + "."
    saved = load_file(weights, device=str(device))
    if lora_scale is not None:
        saved = with_products(saved, lora_scale)
    fine_tuned = {name: saved[prefix + name] for name in pretrained if prefix + name in saved}
    encoder.load_state_dict({**pretrained, **fine_tuned})
    table = [_row(model, masked, tokenizer.pad_token_id, 0)]
    for k in range(1, len(layers) + 1):
        path = family_of(model.config.model_type).layers.removeprefix(prefix)
        start = f"{path}.{len(layers) - k}."
        layers[-k].load_state_dict({n.removeprefix(start): v for n, v in pretrained.items() if n.startswith(start)})
        if k == len(layers):
            encoder.load_state_dict(pretrained)
        table.append(_row(model, masked, tokenizer.pad_token_id, k))
    return table


def with_products(saved: dict[str, torch.Tensor], scale: float) -> dict[str, torch.Tensor]:
    """Adds LoRA's products to the weights that they stand beside: W + scale · B A, under the layer's own name."""
    whole = {name.replace(".base_layer.", "."): value for name, value in saved.items()}
    for name in [name for name in saved if name.endswith(LORA_A)]:
        layer = name.removesuffix(LORA_A)
        whole[f"{layer}.weight"] = whole[f"{layer}.weight"] + scale * saved[f"{layer}{LORA_B}"] @ saved[name]
    return whole


def _row(model: nn.Module, masked, pad_token_id: int, k: int) -> dict:
    """Measures one k: the word head, the larger part of a small model's work, sees the masked tokens alone."""
    total, count = 0.0, 0
    for start in range(0, len(masked), BATCH):
        batch = masked[start : start + BATCH]
        longest = max(len(ids) for ids, _ in batch)
        device = next(model.parameters()).device
        ids = torch.tensor([ids + [pad_token_id] * (longest - len(ids)) for ids, _ in batch], device=device)
        attended = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in batch], device=device)
        places = [(row, i, token) for row, (_, guesses) in enumerate(batch) for i, token in guesses.items()]
        row, position, token = (torch.tensor(values, device=device) for values in zip(*places, strict=True))

        def pick(encoder, arguments, output, row=row, position=position):
            output.last_hidden_state = output.last_hidden_state[row, position][None]
            return output

        picking = model.base_model.register_forward_hook(pick)
        logits = model(input_ids=ids, attention_mask=attended).logits[0]
        picking.remove()
        total += cross_entropy(logits, token, reduction="sum").item()
        count += len(places)
    return {"replaced_layers": k, "perplexity": math.exp(total / count), "masked_tokens": count}
