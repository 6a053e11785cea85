from __future__ import annotations

import numpy as np
import pytest

from dtr.video.types import VideoClip

FPS, SECONDS, WIDTH, HEIGHT = 12, 3, 160, 120
SQUARE_PX, SQUARE_S = (48, 36, 96, 76), (1.0, 2.0)
"""Where and when a green square stands in `square_clip`: x0, y0, x1, y1, and seconds."""


@pytest.fixture(scope="session")
def square_clip() -> VideoClip:
    """A grey clip with a green square for a while, off the middle and away from edges and corners."""
    frames = np.full((FPS * SECONDS, HEIGHT, WIDTH, 3), 60, dtype=np.uint8)
    x0, y0, x1, y1 = SQUARE_PX
    frames[int(FPS * SQUARE_S[0]) : int(FPS * SQUARE_S[1]), y0:y1, x0:x1] = (30, 220, 30)
    frames.setflags(write=False)
    return VideoClip(frames, np.arange(len(frames)) / FPS, WIDTH, HEIGHT, float(SECONDS), "square")
