"""Best of N: the order of several clips' rewards."""

from __future__ import annotations

from collections.abc import Sequence

from dtr.reward.score import Reward


def rank_rewards(rewards: Sequence[Reward]) -> list[tuple[int, int]]:
    """Places of clips, best first; equal rewards share a place and keep the order in which they came.

    Args:
        rewards: one per clip, all of one detector with one base rate and the same weights; else they do not compare.

    Returns:
        (place from 1 on, index into `rewards`), best first.

    Example:
        >>> from dtr.verdict import Verdict
        >>> from dtr.reward.score import TraceReward
        >>> clips = [Verdict(n, n, 1.0, 64, 48, "real", s) for n, s in (("a", 0.4), ("b", 0.1), ("c", 0.4))]
        >>> rank_rewards([TraceReward()(clip) for clip in clips])
        [(1, 1), (2, 0), (2, 2)]
    """
    order = sorted(range(len(rewards)), key=lambda index: -rewards[index].value)  # stable
    values = [rewards[index].value for index in order]
    return [(values.index(value) + 1, index) for value, index in zip(values, order, strict=True)]
