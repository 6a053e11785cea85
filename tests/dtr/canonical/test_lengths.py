from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dtr.canonical.lengths import Length, matched_lengths

FRAMES = st.lists(st.integers(1, 24), min_size=1, max_size=60)


def clips(label: str, frames: list[int], split: str | None = None) -> list[Length]:
    return [Length(f"{label}{split}{i}", label, split, n) for i, n in enumerate(frames)]


def ks_distance(one: list[int], two: list[int]) -> float:
    """Largest difference of the two distribution functions."""
    return max(abs(np.mean(np.array(one) <= x) - np.mean(np.array(two) <= x)) for x in range(25))


@given(FRAMES, FRAMES)
def test_matched_lengths__both_labels_get_one_distribution_and_nothing_grows(fake: list[int], real: list[int]) -> None:
    everything = clips("fake", fake) + clips("real", real)
    new = matched_lengths(everything)
    assert all(1 <= new[clip.video_id] <= clip.frames for clip in everything)
    after = [[new[c.video_id] for c in everything if c.label == label] for label in ("fake", "real")]
    # Two lists of n and m values can differ by that much where one distribution is asked for.
    assert ks_distance(*after) <= 1 / min(len(fake), len(real)) + 1e-9
    assert matched_lengths(everything[::-1]) == new


def test_matched_lengths__cuts_only_the_longer_label() -> None:
    fake, real = [8, 12, 24, 24], [20, 24, 24, 24]
    new = matched_lengths(clips("fake", fake) + clips("real", real))
    assert [new[f"fakeNone{i}"] for i in range(4)] == fake
    assert sorted(new[f"realNone{i}"] for i in range(4)) == fake


def test_matched_lengths__chance_decides_among_equals() -> None:
    both = clips("fake", [6] * 10 + [24] * 10) + clips("real", [24] * 20)
    runs = [frozenset(i for i, n in matched_lengths(both, seed).items() if n == 6) for seed in range(4)]
    assert all(len(cut) == 20 for cut in runs)
    assert len(set(runs)) == 4
    assert any({f"realNone{i}" for i in range(10)} - cut for cut in runs)  # not simply the first ones


def test_matched_lengths__each_split_on_its_own_and_one_label_is_left_alone() -> None:
    new = matched_lengths(clips("fake", [6], "train") + clips("real", [24], "train") + clips("real", [24], "val"))
    assert new == {"faketrain0": 6, "realtrain0": 6, "realval0": 24}
