from __future__ import annotations

from dtr.heads.category import CategoryHead
from tests.heads.head_contract import WIDTH, HeadContract


class TestCategoryHead(HeadContract):
    def make_head(self) -> CategoryHead:
        return CategoryHead(width=WIDTH, hidden=16)
