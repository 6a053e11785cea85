"""The one door to OpenCV: optical flow, remapping and inpainting; never for decoding."""

from __future__ import annotations

from functools import cache
from typing import Any

from dtr.errors import MissingExtraError


@cache
def opencv() -> Any:
    """The module `cv2`, on one thread: clips are shared out to processes, and results must not depend on threads.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("synthesis needs OpenCV; run: pip install 'dtr-video[synth]'") from error
    cv2.setNumThreads(1)
    return cv2
