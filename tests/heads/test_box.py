from __future__ import annotations

from dtr.heads.box import BoxHead
from tests.heads.head_contract import WIDTH, HeadContract


class TestBoxHead(HeadContract):
    def make_head(self) -> BoxHead:
        return BoxHead(width=WIDTH, hidden=16)
