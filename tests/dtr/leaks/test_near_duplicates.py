from __future__ import annotations

from pathlib import Path

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.leaks.near_duplicates import clip_distances, hamming, near_duplicates

RNG = np.random.default_rng(0)


def hashes(n: int) -> list[int]:
    return [int(v) for v in RNG.integers(0, 2**64, n, dtype=np.uint64)]


def video(name: str, split: str, label: str = "real") -> VideoAnnotation:
    return VideoAnnotation(name, Path(f"{name}.mp4"), label, split=split, source="s")  # type: ignore[arg-type]


def test_hamming__counts_bits_as_python_does() -> None:
    a, b = RNG.integers(0, 2**64, (2, 500), dtype=np.uint64)
    assert hamming(a, b).tolist() == [(int(x) ^ int(y)).bit_count() for x, y in zip(a, b, strict=True)]
    assert hamming(0, 2**64 - 1) == 64


def test_clip_distances__equal_a_plain_loop() -> None:
    clips = [hashes(n) for n in (3, 1, 4, 2)]
    table, known = np.zeros((4, 4), dtype=np.uint64), np.zeros((4, 4), dtype=bool)
    for i, clip in enumerate(clips):
        table[i, : len(clip)], known[i, : len(clip)] = clip, True

    def one_way(a: list[int], b: list[int]) -> float:
        return float(np.mean([min((x ^ y).bit_count() for y in b) for x in a]))

    wanted = [[min(one_way(a, b), one_way(b, a)) for b in clips] for a in clips]
    assert np.allclose(clip_distances(table, known, table, known), wanted)


def test_near_duplicates__finds_a_copy_across_splits_and_labels_and_within() -> None:
    base, other = hashes(6), hashes(6)
    recoded = [value ^ 0b101 for value in base]
    videos = [video("a", "train"), video("b", "val"), video("c", "train", "fake"), video("d", "train")]
    videos += [video(f"x{i}", "train") for i in range(150)]  # more than one block
    found = near_duplicates(videos, [base, recoded, other, other, *(hashes(6) for _ in range(150))])
    assert [(p.first, p.second, p.distance) for p in found.pairs] == [("c", "d", 0.0), ("a", "b", 2.0)]
    assert found.counts == {
        "across_splits": 1,
        "across_labels": 1,
        "within_split_and_label": 0,
        "videos_in_pairs": 4,
    }


def test_near_duplicates__finds_a_cut_of_a_clip() -> None:
    whole = hashes(8)
    found = near_duplicates([video("whole", "train"), video("cut", "test")], [whole, whole[3:5]])
    assert found.counts["across_splits"] == 1


def test_near_duplicates__one_common_frame_is_no_copy() -> None:
    title = hashes(1)
    clips = [title + hashes(5), title + hashes(5), title, []]
    found = near_duplicates([video(name, "train") for name in "abcd"], clips)
    assert (found.pairs, found.num_clips, found.num_flat) == ((), 2, 2)


def test_near_duplicates__of_nothing_is_nothing() -> None:
    assert near_duplicates([], []).counts["videos_in_pairs"] == 0
