from __future__ import annotations

import pytest
import torch

from dtr.heads.geometry import choice_loss


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_choice_loss__of_half_precision_logits_is_exact(dtype: torch.dtype) -> None:
    logits = (3 * torch.randn(64, 49, generator=torch.Generator().manual_seed(0))).to(dtype)
    members = torch.zeros(64, 49, dtype=torch.bool)
    members[:, :20] = True
    places = torch.zeros_like(members), torch.ones_like(members)
    loss, useful = choice_loss(logits, members, *places)
    exact = -(logits.double().softmax(dim=-1) * members).sum(dim=-1).log()
    assert useful.all()
    torch.testing.assert_close(loss.double(), exact, atol=1e-5, rtol=1e-5)


def test_choice_loss__places_of_other_traces_do_not_compete() -> None:
    logits = torch.tensor([[0.0, 5.0, 0.0, 0.0]])
    members, others = torch.tensor([[True, False, False, False]]), torch.tensor([[False, True, False, False]])
    loss, _ = choice_loss(logits, members, others, torch.ones_like(members))
    assert float(loss) == pytest.approx(float(torch.tensor(3.0).log()))
