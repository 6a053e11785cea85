from __future__ import annotations

import numpy as np

from dtr.detector import LoadedDetector
from dtr.export.clips import synthetic_clips


def test_synthetic_clips__are_repeatable_moving_and_masked_where_said(fused_detector: LoadedDetector) -> None:
    clips = synthetic_clips(fused_detector.info, seed=3)
    again = synthetic_clips(fused_detector.info, seed=3)
    for clip, same in zip(clips, again, strict=True):
        np.testing.assert_array_equal(clip.frames, same.frames)
        assert clip.frames.shape[1:] == (2, 64, 64, 3)
        assert clip.frames[clip.step_mask].std() > 20
        assert not clip.frames[~clip.step_mask].any()
        assert np.isnan(clip.frame_times_s).tolist() == (~clip.step_mask).tolist()
    assert [len(c.frames) for c in clips] == [1, 10, 23, 34]
    assert not clips[2].step_mask.all()
    first, second = clips[1].frames[0].astype(int), clips[1].frames[1].astype(int)
    assert np.abs(first - second).mean() > 1


def test_synthetic_clips__a_native_view_shows_what_the_full_view_shows_there(fused_detector: LoadedDetector) -> None:
    clip = synthetic_clips(fused_detector.info)[0]
    x0, y0, x1, y1 = (clip.view_boxes[1] * 64).round().astype(int)
    full = clip.frames[0, 0, y0:y1, x0:x1].astype(float).mean(axis=(0, 1))
    np.testing.assert_allclose(clip.frames[0, 1].astype(float).mean(axis=(0, 1)), full, atol=12)
