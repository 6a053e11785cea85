"""How visible a video's traces are, as one number in [0, 1], higher = fewer: of verdicts, files, arrays and tensors."""

from __future__ import annotations

from dtr.reward.inputs import reward_frames, reward_path
from dtr.reward.rank import rank_rewards
from dtr.reward.score import Reward, RewardParts, RewardWeights, TraceReward

__all__ = ["Reward", "RewardParts", "RewardWeights", "TraceReward", "rank_rewards", "reward_frames", "reward_path"]
