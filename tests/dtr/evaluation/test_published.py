"""The published tables fit the protocol."""

from __future__ import annotations

import pytest

from dtr.evaluation.published import (
    FAKE_ROWS,
    PUBLISHED,
    REAL_ROWS,
    PublishedRow,
    overall_from_parts,
)

# Each published part is rounded to 0.05, and so is the result.
ROUNDING = 0.1 + 1e-9


def accuracy_from_parts(fake_accuracy: float, real_accuracy: float, fake_rows: int, real_rows: int) -> float:
    return (fake_accuracy * fake_rows + real_accuracy * real_rows) / (fake_rows + real_rows)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.model)
def test_published__accuracy_is_counted_per_row(row: PublishedRow) -> None:
    found = accuracy_from_parts(row.fake_accuracy, row.real_accuracy, FAKE_ROWS, REAL_ROWS)
    assert found == pytest.approx(row.accuracy, abs=ROUNDING)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.model)
def test_published__overall_is_the_mean_of_its_parts(row: PublishedRow) -> None:
    found = overall_from_parts(row.accuracy, row.explanation, row.bbox_iou, row.time_distance)
    assert found == pytest.approx(row.overall, abs=ROUNDING)


def test_published__accuracy_per_video_fits_worse() -> None:
    def miss(fake_rows: int) -> float:
        return max(
            abs(accuracy_from_parts(r.fake_accuracy, r.real_accuracy, fake_rows, REAL_ROWS) - r.accuracy)
            for r in PUBLISHED
        )

    assert miss(FAKE_ROWS) < 0.1 < 1 < miss(332)
