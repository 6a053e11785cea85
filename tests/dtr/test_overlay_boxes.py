from __future__ import annotations

import pytest

from dtr.overlay_boxes import box_at, pack_lanes

WHOLE = (0.0, 0.0, 1.0, 1.0)
STEPS = [(k / 6, 0.1 * k, 0.0, 0.1 * k + 0.2, 0.5) for k in (0, 1, 2, 6, 7)]  # steps 3 to 5 were not looked at


def test_box_at__without_timed_boxes_is_the_whole_span_s() -> None:
    assert box_at(WHOLE, [], 3.0) == (WHOLE, True)


def test_box_at__interpolates() -> None:
    box, seen = box_at(WHOLE, STEPS, 0.5 / 6)
    assert box == pytest.approx((0.05, 0.0, 0.25, 0.5))
    assert seen


def test_box_at__says_that_nobody_looked_in_a_gap() -> None:
    box, seen = box_at(WHOLE, STEPS, 4 / 6)
    assert box[0] == pytest.approx(0.4)
    assert not seen


def test_box_at__holds_the_ends() -> None:
    assert box_at(WHOLE, STEPS, 99.0) == (STEPS[-1][1:], False)
    assert box_at(WHOLE, STEPS, -0.01) == (STEPS[0][1:], True)
    assert box_at(WHOLE, STEPS[:1], 5.0) == (STEPS[0][1:], True)


def test_pack_lanes__never_lets_bars_overlap() -> None:
    assert pack_lanes([(0, 1), (1, 2), (0.5, 1.5), (0.6, 0.7)], 2) == [0, 0, 1, None]
    assert pack_lanes([], 3) == []
