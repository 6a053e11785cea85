from __future__ import annotations

import torch

from dtr.heads.box import BoxHead
from tests.heads.head_contract import WIDTH, HeadContract, make_features, make_targets


class TestBoxHead(HeadContract):
    def make_head(self) -> BoxHead:
        return BoxHead(width=WIDTH, hidden=16)
