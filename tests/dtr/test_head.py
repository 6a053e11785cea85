from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

from dtr.head import Head, masked_mean
from dtr.heads.box import BoxHead


class Renamed(BoxHead):
    """A subclass that passes its arguments on."""

    def __init__(self, width: int, extra: float = 0.5, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.extra = extra


def test_init_args__hold_every_argument_defaults_included() -> None:
    args = BoxHead(8, hidden=16).init_args
    assert (args["width"], args["hidden"], args["depth"]) == (8, 16, 1)
    assert "self" not in args
    assert BoxHead(**args).init_args == args


def test_init_args__of_a_subclass_are_those_it_was_called_with() -> None:
    args = Renamed(8, hidden=16, dropout=0.0).init_args
    assert args == {"width": 8, "extra": 0.5, "hidden": 16, "dropout": 0.0}
    assert Renamed(**args).init_args == args


@pytest.mark.parametrize("again", [copy.deepcopy, lambda head: pickle.loads(pickle.dumps(head))])
def test_init_args__survive_copies(again: Any) -> None:
    head = BoxHead(8, hidden=16)
    other = again(head)
    assert other.init_args == head.init_args
    assert all(torch.equal(a, b) for a, b in zip(head.parameters(), other.parameters(), strict=True))


def test_init_args__wrong_arguments_are_told_apart() -> None:
    with pytest.raises(TypeError, match="hiden"):
        BoxHead(8, hiden=16)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="width"):
        BoxHead()  # type: ignore[call-arg]


def test_head__says_what_a_subclass_lacks() -> None:
    class Empty(Head):
        pass

    with pytest.raises(NotImplementedError):
        Empty().spec()


def test_masked_mean__counts_only_what_is_masked_in() -> None:
    values = torch.tensor([1.0, 2.0, float("nan")], requires_grad=True)
    assert masked_mean(values, torch.tensor([True, True, False])).item() == 1.5
    nothing = masked_mean(values, torch.zeros(3, dtype=torch.bool))
    nothing.backward()
    assert nothing.item() == 0.0
    assert values.grad is not None
    assert values.grad.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_masked_mean__is_not_computed_in_half_precision(dtype: torch.dtype) -> None:
    mean = masked_mean(torch.ones(70_000, dtype=dtype), torch.ones(70_000, dtype=torch.bool))
    assert (mean.dtype, float(mean)) == (torch.float32, 1.0)
