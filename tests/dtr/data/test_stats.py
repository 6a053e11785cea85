from __future__ import annotations

from pathlib import Path

import pytest

from dtr.annotation import TraceAnnotation, VideoAnnotation
from dtr.data.stats import dataset_stats


def video(
    video_id: str, source: str, size: tuple[int, int], *traces: TraceAnnotation, split: str = "train"
) -> VideoAnnotation:
    width, height = size
    return VideoAnnotation(
        video_id,
        Path("v.mp4"),
        "fake",
        source,
        split,
        width,
        height,
        24.0,
        5.0 if source == "Pika 1.5" else 9.0,
        traces,
    )


DISTORTED = TraceAnnotation(span_s=(0, 2), categories=frozenset({"Object Distortion"}), explanation="why")
BOTH = TraceAnnotation(span_s=(1, 2), categories=frozenset({"Object Distortion", "Object Merging"}))
NONE_OF_NINE = TraceAnnotation(categories=frozenset())
UNTAGGED = TraceAnnotation(span_s=(1, 4))

VIDEOS = [
    video("a", "Pika 1.5", (1280, 720), DISTORTED, BOTH, UNTAGGED),
    video("b", "Pika 1.5", (640, 360), NONE_OF_NINE),
    video("c", "Sora", (100, 200), UNTAGGED, split="val"),
    VideoAnnotation("r", Path("r.mp4"), "real", "camera", "train", 640, 480, 30.0, 6.0, (), True),
    VideoAnnotation("u", Path("u.mp4"), "fake", "Sora", "val"),
]


def test_dataset_stats__counts_per_source_with_means_over_trace_rows() -> None:
    pika, sora, camera = dataset_stats(VIDEOS).sources
    assert (pika.source, pika.videos, pika.traces, pika.explained_percent) == ("Pika 1.5", 2, 4, 25.0)
    assert pika.width_px == pytest.approx((3 * 1280 + 640) / 4)
    assert pika.height_px == pytest.approx((3 * 720 + 360) / 4)
    assert pika.trace_s == pytest.approx((2 + 1 + 3) / 3)
    assert (sora.videos, sora.traces, sora.width_px, sora.video_s) == (2, 1, 100, 9.0)
    assert (camera.traces, camera.explained_percent, camera.trace_s) == (0, None, None)


def test_dataset_stats__totals_cover_both_labels() -> None:
    generated, real = dataset_stats(VIDEOS).totals
    assert (generated.source, generated.videos, generated.traces) == ("all generated", 4, 5)
    assert (real.source, real.videos, real.video_s) == ("real", 1, 6.0)


def test_dataset_stats__category_shares_of_traces_and_of_tags() -> None:
    stats = dataset_stats(VIDEOS)
    shares = {row.category: row for row in stats.categories}
    assert stats.tagged == 3
    assert shares["Object Distortion"].of_tagged_percent == pytest.approx(200 / 3)
    assert shares["Object Distortion"].of_tags_percent == pytest.approx(200 / 3)
    assert shares["Object Merging"].of_tags_percent == pytest.approx(100 / 3)
    assert (shares["outside the nine"].traces, shares["outside the nine"].of_tags_percent) == (1, None)
    assert len(shares) == 10


def test_dataset_stats__selects_a_split_and_counts_what_nobody_looked_at() -> None:
    stats = dataset_stats(VIDEOS, "val")
    assert [row.source for row in stats.sources] == ["Sora"]
    assert stats.not_looked_at == 1
    assert dataset_stats(VIDEOS, "test").totals[0].height_px is None


def test_dataset_stats__repeats_the_papers_totals() -> None:
    # Table 1: traces per source, height, width and seconds; its bottom row is 739 x 1313 and 5.7 s.
    table = [
        (1264, 720, 1280, 5.1),
        (38, 853, 1433, 16.3),
        (2215, 720, 1296, 5.0),
        (226, 1080, 1920, 5.1),
        (78, 720, 1280, 5.6),
        (102, 480, 848, 5.4),
        (411, 768, 1280, 10.7),
    ]
    videos = [
        VideoAnnotation(str(i), Path("v.mp4"), "fake", str(i), None, width, height, None, seconds, (UNTAGGED,) * n)
        for i, (n, height, width, seconds) in enumerate(table)
    ]
    total = dataset_stats(videos).totals[0]
    assert total.traces == 4334
    assert (round(total.height_px or 0), round(total.width_px or 0), round(total.video_s or 0, 1)) == (739, 1313, 5.7)
