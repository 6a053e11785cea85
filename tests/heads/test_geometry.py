from __future__ import annotations

import pytest
import torch

from dtr.heads.geometry import cells_of_traces, choice_loss, steps_of_traces, twin_loss


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


def steps_at(*spans: tuple[float, float], masked: tuple[int, ...] = ()) -> list[int]:
    """Which of twelve steps at 6 Hz belong to a trace."""
    start = torch.arange(12) / 6
    mask = torch.ones(1, 12, dtype=torch.bool)
    mask[0, list(masked)] = False
    found = steps_of_traces(torch.stack([start, start + 1 / 6], dim=-1)[None], mask, torch.tensor([list(spans)]))
    return torch.nonzero(found[0].any(dim=0)).flatten().tolist()


def test_steps_of_traces__half_covered_ones_and_the_best() -> None:
    assert steps_at((0.5, 0.95)) == [3, 4, 5]  # 0.95 covers 70 % of step 5
    assert steps_at((0.5, 0.9)) == [3, 4]
    assert steps_at((0.4, 0.44)) == [2]  # a quarter of a step, and of no other more


def test_steps_of_traces__a_masked_step_is_never_best() -> None:
    assert steps_at((0.42, 0.56), masked=(2,)) == [3]  # step 2 ends at 0.5: it holds more of the trace


@pytest.mark.parametrize(("masked", "expected"), [((4,), [3, 5]), ((4, 5), [3]), ((2, 3, 4), [5]), ((3, 4, 5, 6), [2])])
def test_steps_of_traces__the_nearest_unmasked_one_stands_for_a_trace_between_frames(
    masked: tuple[int, ...], expected: list[int]
) -> None:
    span = (4 / 6, 5 / 6) if masked == (4,) else (0.68, 0.74)
    assert steps_at(span, masked=masked) == expected


def test_steps_of_traces__nothing_stands_for_what_is_far_or_elsewhere() -> None:
    assert steps_at((0.68, 0.74), masked=tuple(range(1, 9))) == []  # the nearest are 0.51 and 0.76 s away
    assert steps_at((1.995, 2.9)) == []  # reaches in by a sliver
    assert steps_at((2.1, 2.2)) == []
    assert steps_at((0.2, 0.4), masked=tuple(range(12))) == []


def test_cells_of_traces__a_masked_token_is_never_best() -> None:
    cells = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]])[None, None]
    box = torch.tensor([0.35, 0.4, 0.6, 0.6])[None, None, None]
    both, right = torch.tensor([True, True]), torch.tensor([False, True])
    assert cells_of_traces(cells, box, both[None, None]).flatten().tolist() == [True, False]
    assert cells_of_traces(cells, box, right[None, None]).flatten().tolist() == [False, True]
    assert not cells_of_traces(cells, box, torch.zeros(1, 1, 2, dtype=torch.bool)).any()


def test_twin_loss__falls_where_a_window_says_more_than_its_twin() -> None:
    members = torch.tensor([[True, True, False], [False, False, False], [True, False, False]])
    twin = torch.tensor([1, -1, -1])
    logits = torch.tensor([[2.0, 1.0, 9.0], [0.0, 1.0, 0.0], [7.0, 7.0, 7.0]], requires_grad=True)
    loss = twin_loss(logits, members, twin)
    expected = (torch.nn.functional.softplus(torch.tensor(-2.0)) + torch.tensor(2.0).log()) / 2
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, :2].max() < 0 < logits.grad[1, :2].min()  # up with the trace, down without it
    assert not logits.grad[2].any()
    assert twin_loss(logits, members, torch.full((3,), -1)).item() == 0
