from __future__ import annotations

import pytest
import torch

from dtr.heads.category import CategoryHead, tube_weights
from tests.heads.head_contract import WIDTH, HeadContract, make_features, make_targets


class TestCategoryHead(HeadContract):
    def make_head(self) -> CategoryHead:
        return CategoryHead(width=WIDTH, hidden=16)


def test_tube_weights__are_the_covered_shares_of_cells_and_steps() -> None:
    weight = tube_weights(make_features(batch=1), make_targets(batch=1, traces=1))[0, 0]  # (T, P)
    assert weight[0].max() == 0  # the trace lasts from 0.2 to 0.7 s
    # The middle cell's left 0.267 of 0.333 and upper 0.167 of 0.333 are in the box; step 1 is covered from 0.2 s on.
    assert float(weight[2, 4]) == pytest.approx(0.8 * 0.5, abs=1e-4)
    assert float(weight[1, 4]) == pytest.approx(0.8 * 0.5 * 0.8, abs=1e-4)
    assert weight[:, 2].max() == 0  # right of the box


@pytest.mark.parametrize("masked", [(2,), (2, 3)])
def test_tube_weights__a_short_trace_on_masked_steps_is_not_lost(masked: tuple[int, ...]) -> None:
    features, targets = make_features(batch=1), make_targets(batch=1, traces=2)
    features.token_mask[:, list(masked)] = False
    targets.span_s[0, 0] = torch.tensor([0.36, 0.44])  # inside step 2
    weight = tube_weights(features, targets)[0]  # (N, T, P)
    assert torch.nonzero(weight[0].sum(dim=-1)).flatten().tolist() == [1]
    torch.testing.assert_close(weight[0, 1].amax(), torch.tensor(0.8 * 0.7))
    untouched = tube_weights(make_features(batch=1), targets)[0]
    torch.testing.assert_close(weight[1], untouched[1] * features.token_mask[0])


def test_tube_weights__what_lies_elsewhere_or_is_padding_weighs_nothing() -> None:
    features, targets = make_features(batch=1), make_targets(batch=1, traces=2)
    targets.span_s[0, 0] = torch.tensor([5.0, 6.0])
    targets.trace_mask[0, 1] = False
    assert not tube_weights(features, targets).any()


def test_loss__of_a_short_trace_on_masked_steps_teaches() -> None:
    torch.manual_seed(0)
    head = CategoryHead(width=WIDTH, hidden=16).eval()
    features, targets = make_features(batch=1), make_targets(batch=1, traces=1)
    features.token_mask[:, 2] = False
    targets.span_s[0, 0] = torch.tensor([0.36, 0.44])
    assert float(head.loss(head.run(features), features, targets)["loss"].detach()) > 0


class TestCategoryHeadThatTracksSomeChannels(HeadContract):
    def make_head(self) -> CategoryHead:
        return CategoryHead(width=WIDTH, hidden=16, track=True, channels=(0, 18))
