from __future__ import annotations

from dtr.heads.boundary import BoundaryHead
from tests.heads.head_contract import WIDTH, HeadContract


class TestBoundaryHead(HeadContract):
    def make_head(self) -> BoundaryHead:
        return BoundaryHead(width=WIDTH, hidden=16)
