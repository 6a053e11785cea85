"""The overlay video: the source with boxes, labels and a time bar drawn on it, at its own times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import TraceAnnotation
from dtr.errors import ConfigError
from dtr.mp4 import Mp4Writer
from dtr.overlay_draw import Painter
from dtr.verdict import Verdict

MIN_SIDE, MAX_SIDE, ENLARGED_SIDE = 240, 1920, 1280  # pixels


def write_overlay(
    verdict: Verdict,
    path: str | Path,
    *,
    truth: Sequence[TraceAnnotation] = (),
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Draw a verdict on its video. The sound is not kept.

    A box is drawn solid where the detector looked and dashed where it was interpolated over a gap. Candidates of a REAL
    verdict are not drawn: they accuse nobody. Very small videos are enlarged so that the words can be read, very large
    ones reduced.

    Args:
        verdict: `verdict.video` must still be there.
        path: .mp4 to write; replaced only when finished.
        truth: annotated traces to draw as well, dashed in white.
        progress: called with the number of frames written so far.

    Returns:
        The path written.

    Raises:
        ConfigError: the path is no .mp4, its folder is missing, or it is the source itself.
        VideoError: the source is gone or cannot be decoded.
    """
    from dtr.video import open_video
    from dtr.video.types import Limits

    path = Path(path)
    if path.exists() and Path(verdict.video).exists() and path.samefile(verdict.video):
        raise ConfigError(f"expected another name for the overlay than its source '{path}'; choose a new one")
    with ExitStack() as stack:
        reader = stack.enter_context(open_video(verdict.video, limits=Limits.long()))
        canvas: tuple[Painter, Mp4Writer] | None = None
        for count, frame in enumerate(reader, start=1):
            rgb = frame.rgb()
            if canvas is None:
                painter = Painter(verdict, *fitted_size(rgb.shape[1], rgb.shape[0]), truth=truth)
                canvas = painter, stack.enter_context(Mp4Writer(path, painter.canvas_width, painter.canvas_height))
            canvas[1].add(_paint(canvas[0], rgb, frame.time_s), frame.time_s)
            if progress is not None:
                progress(count)
        if canvas is not None:  # an empty video has raised in the reader
            canvas[1].end(reader.duration_s)
    return path


def fitted_size(width: int, height: int) -> tuple[int, int]:
    """Size at which a picture is drawn: its own, unless words would not be legible on it or it is needlessly large.

    Example:
        >>> fitted_size(480, 270), fitted_size(64, 48), fitted_size(3840, 2160)
        ((480, 270), (320, 240), (1920, 1080))
    """
    scale = min(1.0, MAX_SIDE / max(width, height))
    if min(width, height) < MIN_SIDE:
        # The longer side bounds it: a strip of 1000 × 10 pixels must not become 24,000 wide.
        scale = min(scale, 1.0) if max(width, height) > ENLARGED_SIDE else _enlargement(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _enlargement(width: int, height: int) -> float:
    return max(1.0, min(MIN_SIDE / min(width, height), ENLARGED_SIDE / max(width, height)))


def _paint(painter: Painter, rgb: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
    from PIL import Image

    picture = Image.fromarray(rgb)
    size = (painter.width, painter.height)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(painter.paint(picture, time_s))
