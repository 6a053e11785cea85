from __future__ import annotations

from dtr.reward.rank import rank_rewards
from dtr.reward.score import Reward, RewardParts

PARTS = RewardParts(0.0, 0.0, 0.0, 0.0)


def test_rank_rewards__best_first_and_ties_in_order() -> None:
    found = rank_rewards([Reward(v, PARTS) for v in (0.2, 0.9, 0.2, 0.9, 0.5)])
    assert found == [(1, 1), (1, 3), (3, 4), (4, 0), (4, 2)]


def test_rank_rewards__of_nothing_is_nothing() -> None:
    assert rank_rewards([]) == []
