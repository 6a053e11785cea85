from __future__ import annotations

import numpy as np
import pytest

from dtr.errors import VideoError
from dtr.video.array import ArrayReader

FRAMES = np.zeros((3, 4, 6, 3), dtype=np.uint8)


def test_array_reader__gives_frames_times_and_lengths() -> None:
    with ArrayReader(FRAMES + np.arange(3, dtype=np.uint8)[:, None, None, None], [0.0, 0.5, 0.6], 1.0) as reader:
        frames = list(reader)
    assert [f.rgb()[0, 0, 0] for f in frames] == [0, 1, 2]
    assert [f.duration_s for f in frames] == pytest.approx([0.5, 0.1, 0.4])
    assert (reader.info.width, reader.info.height, reader.info.num_frames) == (6, 4, 3)


@pytest.mark.parametrize(
    ("frames", "times", "duration_s", "words"),
    [
        (FRAMES.astype(np.float32), [0, 1, 2], 3.0, "uint8"),
        (FRAMES[..., 0], [0, 1, 2], 3.0, "height, width, 3"),
        (FRAMES[:0], [], 1.0, "height, width, 3"),
        (FRAMES, [0, 1], 3.0, "3 increasing seconds"),
        (FRAMES, [0, 2, 1], 3.0, "increasing"),
        (FRAMES, [1, 2, 3], 4.0, "start with 0"),
        (FRAMES, [0, 1, np.nan], 4.0, "increasing"),
        (FRAMES, [0, 1, 2], 2.0, "above the last frame"),
        (FRAMES, [0, 1, 2], np.nan, "above the last frame"),
    ],
)
def test_array_reader__refuses_what_is_no_clip(frames: np.ndarray, times: list, duration_s: float, words: str) -> None:
    with pytest.raises(VideoError, match=words):
        ArrayReader(frames, times, duration_s)
