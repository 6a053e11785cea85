from __future__ import annotations

import torch

from dtr.heads.boundary import BoundaryHead
from tests.heads.head_contract import WIDTH, HeadContract, make_features, make_targets


class TestBoundaryHead(HeadContract):
    def make_head(self) -> BoundaryHead:
        return BoundaryHead(width=WIDTH, hidden=16)
