from __future__ import annotations

from dtr.heads.binary import BinaryHead
from tests.heads.head_contract import WIDTH, HeadContract


class TestBinaryHead(HeadContract):
    def make_head(self) -> BinaryHead:
        return BinaryHead(width=WIDTH, hidden=16)
