"""The optimizers, one module each: a function `make(groups, recipe)` that returns a PyTorch optimizer.

Notation: g gradient after clipping, m and v its moments, η the scheduled learning rate, λ weight
decay, t the update counted from 1, θ the weights.

| name          | update                                                                    |
|---------------|---------------------------------------------------------------------------|
| `bertadam`    | θ ← θ − η m / (√v + ε), then θ ← θ − η λ θ                                 |
| `adamw`       | θ ← θ − η √(1−β₂ᵗ)/(1−β₁ᵗ) m / (√v + ε), then θ ← θ − η λ θ                |
| `torch-adamw` | θ ← (1 − η λ) θ, then θ ← θ − η/(1−β₁ᵗ) m / (√v/√(1−β₂ᵗ) + ε)              |

`bertadam` is what both papers call BERTAdam: Adam without bias correction, as in
`AdamW(correct_bias=False)` of Transformers 2. `adamw` is the same class with its correction, and
`torch-adamw` is `torch.optim.AdamW`, the "debiased Adam" of Zhang et al. (2021), footnote 9.

Adding one is a module here and a line in `cells.decides.OPTIMIZERS`.
"""
