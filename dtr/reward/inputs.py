"""Rewards of files, arrays and tensors: judge them with a detector, then apply `TraceReward`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtr.errors import ConfigError, VideoError
from dtr.reward.score import Reward, TraceReward

if TYPE_CHECKING:
    from dtr.pipeline import Model

Channels = Literal["first", "last"]
VALUE_RANGES = ((0.0, 1.0), (-1.0, 1.0))
"""Ranges that float frames may be stated to have."""

_SLACK = 1e-5  # rounding of float arithmetic; far below one of 255 levels


def reward_path(
    path: str | Path, *, model: str | Path | Model | None = None, reward: TraceReward | None = None
) -> Reward:
    """The reward of a video file.

    Args:
        path: media file.
        model: as for `dtr.detect`; None = the embedded default.
        reward: None = `TraceReward()`.

    Raises:
        VideoError: the file cannot be opened, is refused, or holds no picture.
        DetectorError: the detector is missing, damaged or not ours.
        MissingExtraError: onnxruntime is not installed.
    """
    from dtr.pipeline import judge

    return (reward or TraceReward())(judge(path, _loaded(model)))


def reward_frames(
    frames: Any,
    *,
    fps: float,
    value_range: tuple[float, float] | None = None,
    channels: Channels | None = None,
    model: str | Path | Model | None = None,
    reward: TraceReward | None = None,
) -> list[Reward]:
    """The rewards of one clip or of a batch of clips in memory; no gradient flows through them.

    Nothing is guessed from the values: the caller states speed and range, and what does not fit them is refused.

    Args:
        frames: RGB, one clip of 4 axes or a batch of 5, as a numpy array or a torch tensor on any device: uint8
            [0, 255], or floating point.
        fps: frames per second of every clip.
        value_range: (0, 1) or (−1, 1), needed for floating point; None for uint8.
        channels: "first" = (T, 3, H, W) or (B, T, 3, H, W); "last" = (T, H, W, 3) or (B, T, H, W, 3); None = first for
            tensors, last for arrays.
        model: as for `dtr.detect`; None = the embedded default.
        reward: None = `TraceReward()`.

    Returns:
        One reward per clip; a single clip gives a list of one.

    Raises:
        ConfigError: `fps`, `value_range` or `channels` is missing or none of the above.
        VideoError: shape, type or values of the frames are not as stated.
        DetectorError: the detector is missing, damaged or not ours.
        MissingExtraError: onnxruntime is not installed.
    """
    from dtr.pipeline import judge_steps
    from dtr.sampling import steps_from_frames

    if not (math.isfinite(fps) and fps > 0):
        raise ConfigError(f"fps: expected frames per second above 0, got {fps}; give the clip's own rate")
    channels = _channels(frames, channels)
    clips = _clips(frames, channels)
    detector, score = _loaded(model), reward or TraceReward()
    rewards = []
    for index, clip in enumerate(clips):
        rgb = to_uint8(_to_numpy(clip), value_range)
        rgb = np.moveaxis(rgb, 1, -1) if channels == "first" else rgb
        times_s = np.arange(len(rgb)) / fps
        steps = steps_from_frames(rgb, times_s, len(rgb) / fps, detector.info.clock, detector.info.views)
        name = f"<frames {index}>"
        rewards.append(score(judge_steps(steps, detector, name, video_id=name, decoder="memory")))
    return rewards


def to_uint8(frames: NDArray[Any], value_range: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Frames as 8-bit levels.

    Args:
        frames: any shape; uint8, or floating point inside `value_range`.
        value_range: as stated by the caller; None for uint8.

    Raises:
        ConfigError: a range is missing, not wanted, or unknown.
        VideoError: another type, NaN, or a value outside the range.

    Example:
        >>> to_uint8(np.array([-1.0, 0.0, 1.0]), (-1, 1)).tolist()
        [0, 128, 255]
    """
    if frames.dtype == np.uint8:
        if value_range not in (None, (0, 255)):
            raise ConfigError(f"value_range: uint8 frames have levels from 0 to 255, got {value_range}; leave it out")
        return frames
    if not np.issubdtype(frames.dtype, np.floating):
        raise VideoError(f"frames must be uint8 or floating point, got {frames.dtype}; convert them first")
    if value_range not in VALUE_RANGES:
        raise ConfigError(
            f"value_range: {frames.dtype} frames need (0, 1) or (-1, 1), got {value_range}; say what the values are"
        )
    low, high = value_range
    least, most = float(frames.min()), float(frames.max())
    if not (low - _SLACK <= least and most <= high + _SLACK):  # NaN fails too
        raise VideoError(
            f"frames were stated to lie in [{low:g}, {high:g}], got values from {least:g} to {most:g}; "
            "state their true range, or clamp them"
        )
    levels = (frames.astype(np.float32) - low) * np.float32(255 / (high - low))
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _clips(frames: Any, channels: Channels) -> Any:
    """The frames with a batch axis in front, shape checked: (B, T, 3, H, W) or (B, T, H, W, 3)."""
    shape = tuple(int(n) for n in getattr(frames, "shape", ()))
    place = -3 if channels == "first" else -1
    if len(shape) not in (4, 5) or shape[place] != 3 or 0 in shape[-4:]:
        wanted = "(T, 3, H, W) or (B, T, 3, H, W)" if place == -3 else "(T, H, W, 3) or (B, T, H, W, 3)"
        got = f"shape {shape}" if shape else type(frames).__name__
        raise VideoError(
            f"frames must be RGB of shape {wanted}, got {got}; move the axes, or say channels='first' or 'last'"
        )
    return frames[None] if len(shape) == 4 else frames


def _channels(frames: Any, channels: Channels | None) -> Channels:
    if channels is None:
        return "first" if _is_tensor(frames) else "last"
    if channels not in ("first", "last"):
        raise ConfigError(f"channels: expected 'first' or 'last', got {channels!r}; choose one")
    return channels


def _is_tensor(frames: Any) -> bool:
    """Whether this is a torch tensor, told without importing torch."""
    return all(hasattr(frames, name) for name in ("detach", "cpu", "is_floating_point"))


def _to_numpy(frames: Any) -> NDArray[Any]:
    if not _is_tensor(frames):
        return np.asarray(frames)
    frames = frames.detach().cpu()
    return (frames.float() if frames.is_floating_point() else frames).numpy()  # numpy knows no bfloat16


def _loaded(model: str | Path | Model | None) -> Model:
    if model is None or isinstance(model, str | Path):
        from dtr.api import load

        return load(model)
    return model
