"""Mean of several heads of one kind: what single trainings say by chance, they seldom say together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dtr.features import Features
from dtr.head import Head, Targets
from dtr.spec import HeadSpec


class MeanHead(Head):
    """Several heads of one class and size, trained apart; every output is the mean of theirs.

    Outputs are logits and places, of which a mean is one again. `dtr train-all` makes it where a recipe asks for
    `members`; it is not trained itself.

    Args:
        members: at least one; all with the same spec.

    Source: deep ensembles (Lakshminarayanan et al. 2017, arXiv 1612.01474), averaged before the calibration.
    """

    def __init__(self, members: list[Head]) -> None:
        super().__init__()
        if not members or any(m.spec().to_json() != members[0].spec().to_json() for m in members):
            raise ValueError("members must be heads of one spec, at least one")
        self.members = nn.ModuleList(members)

    @property
    def first(self) -> Head:
        """The first member."""
        head = self.members[0]
        assert isinstance(head, Head)
        return head

    def forward(self, tokens: Tensor, token_mask: Tensor, cells: Tensor, step_s: Tensor) -> Any:
        """Mean outputs; arguments as `Head.forward`."""
        outputs = [member(tokens, token_mask, cells, step_s) for member in self.members]
        means = (torch.stack(field).mean(dim=0) for field in zip(*outputs, strict=True))
        return type(outputs[0])(*means)

    def loss(self, output: Any, features: Features, targets: Targets) -> dict[str, Tensor]:
        """The first member's loss of the mean outputs."""
        return self.first.loss(output, features, targets)

    def spec(self, backbone_id: str = "") -> HeadSpec:
        """That of the members."""
        return self.first.spec(backbone_id)
