from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from dtr.traces.stills import cut_out, frames_at, moments_of


@pytest.mark.parametrize(
    ("span", "before", "after"),
    [((1.0, 3.0), 1, 1), ((0.0, 2.0), 0, 1), ((2.0, 4.0), 1, 0), ((0.0, 4.0), 0, 0), ((0.05, 3.95), 0, 0)],
)
def test_moments_of__look_before_in_and_after(span: tuple[float, float], before: int, after: int) -> None:
    times = moments_of(span, 4.0)
    assert len(times) == 6
    assert all(a < b for a, b in pairwise(times))
    assert sum(t < span[0] for t in times) == before
    assert sum(t > span[1] for t in times) == after
    assert times[0] >= 0
    assert times[-1] < 4.0


def test_frames_at__gives_what_is_on_the_screen(make_video: Callable[..., Path], media: ModuleType) -> None:
    path = make_video(num_frames=12, fps=12.0)
    times = [0.0, 0.13, 0.5, 0.93, 5.0]
    found = frames_at(path, times)
    assert [media.frame_number(found[t]) for t in times] == [0, 1, 6, 11, 11]


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.1, 0.1), (0.9, 0.9, 1.0, 1.0), (0.45, 0.1, 0.5, 0.9), (0, 0.4, 1, 0.5)])
def test_cut_out__holds_the_box_and_stays_in_the_frame(box: tuple[float, float, float, float]) -> None:
    for width, height in ((320, 180), (180, 320), (64, 64)):
        x0, y0, x1, y1 = cut_out(box, width, height)
        assert 0 <= x0 <= box[0] * width + 1
        assert 0 <= y0 <= box[1] * height + 1
        assert box[2] * width - 1 <= x1 <= width
        assert box[3] * height - 1 <= y1 <= height
