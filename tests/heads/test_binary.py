from __future__ import annotations

import torch

from dtr.heads.binary import BinaryHead
from tests.heads.head_contract import WIDTH, HeadContract, make_features, make_targets


class TestBinaryHead(HeadContract):
    def make_head(self) -> BinaryHead:
        return BinaryHead(width=WIDTH, hidden=16)
