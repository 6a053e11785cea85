from __future__ import annotations

import torch

from dtr.heads.box import BoxHead
from tests.heads.head_contract import WIDTH, HeadContract, make_features, make_targets


class TestBoxHead(HeadContract):
    def make_head(self) -> BoxHead:
        return BoxHead(width=WIDTH, hidden=16)

    def test_loss__a_short_trace_on_a_masked_step_is_learned_at_the_nearest_one(self) -> None:
        head = self.make_head().eval()
        features, targets = make_features(1), make_targets(1, traces=1)
        features.token_mask[:, 3] = False
        short = targets._replace(span_s=torch.tensor([[[0.53, 0.57]]]))  # a quarter of step 3
        terms = head.loss(head.run(features), features, short)
        assert all(terms[name].item() > 0 for name in ("choice", "giou", "sides"))


class TestBoxHeadThatTracksSomeChannels(HeadContract):
    def make_head(self) -> BoxHead:
        return BoxHead(width=WIDTH, hidden=16, track=True, channels=(0, 18))
