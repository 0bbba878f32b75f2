import pytest
import torch
from scipy.stats import binomtest, chisquare
from torch import nn

from seedvar.training.dropout import draw_bits, kept_by, scale_of_kept, use_few_bits


def draw_kept(n, dropout):
    return kept_by(draw_bits(n), dropout) == 1


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.013, 0.9])
def test_as_many_are_left_out_as_asked_for(dropout):
    torch.manual_seed(0)
    n = 1_000_003
    kept = draw_kept(n, dropout)
    assert kept.shape == (n,)
    assert binomtest(int((~kept).sum()), n, round(dropout * 65536) / 65536).pvalue > 0.001
    assert scale_of_kept(dropout) == pytest.approx(1 / (1 - dropout), rel=1e-4)


def test_the_four_values_of_a_word_are_independent():
    torch.manual_seed(0)
    kept = draw_kept(400_000, 0.5).view(-1, 4)
    patterns = (kept * torch.tensor([1, 2, 4, 8])).sum(1).bincount(minlength=16)
    assert chisquare(patterns).pvalue > 0.001


def test_everything_and_nothing_can_be_left_out():
    assert draw_kept(1000, 0.0).all()
    assert not draw_kept(1000, 1.0).any()
    assert (scale_of_kept(0.0), scale_of_kept(1.0)) == (1.0, 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_module_keeps_mean_and_gradient(dtype):
    model = nn.Sequential(nn.Dropout(0.25), nn.Identity(), nn.Dropout(0.0))
    use_few_bits(model)
    torch.manual_seed(0)
    values = torch.ones(300, 1000, dtype=dtype, requires_grad=True)
    out = model.train()(values)
    assert out.dtype == dtype
    assert out.float().mean().item() == pytest.approx(1, abs=0.01)
    assert set(out.unique().tolist()) == {0.0, torch.tensor(4 / 3, dtype=dtype).item()}
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())
    assert torch.equal(model.eval()(values), values)


def test_the_same_seed_draws_the_same():
    torch.manual_seed(5)
    first = draw_kept(77, 0.3)
    state = torch.get_rng_state()
    assert not torch.equal(draw_kept(77, 0.3), first)
    torch.set_rng_state(state)
    second = draw_kept(77, 0.3)
    torch.manual_seed(5)
    assert torch.equal(draw_kept(77, 0.3), first)
    assert torch.equal(draw_kept(77, 0.3), second)


def test_other_modules_stay_as_they_are():
    model = nn.Sequential(nn.Dropout(0.5, inplace=True), nn.Dropout1d(0.5))
    before = [module.forward for module in model]
    use_few_bits(model)
    assert [module.forward for module in model] == before
