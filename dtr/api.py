"""The Python door: `dtr.detect("clip.mp4") -> Verdict`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dtr.verdict import Verdict

if TYPE_CHECKING:
    from dtr.export.runtime import OnnxModel
    from dtr.video.types import Limits


def detect(
    path: str | Path,
    *,
    model: str | Path | OnnxModel | None = None,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
    video_id: str | None = None,
    fpr: float | None = None,
    prior: float | None = None,
) -> Verdict:
    """Judge one video: real or fake, and where, when and what gives it away.

    Args:
        path: media file of any common container.
        model: .onnx file, name of an embedded detector, or one from `load`; None = the embedded default.
        decoder: "pyav", or "decord" (extra `decord`).
        limits: what the file may cost; None = safe defaults, `Limits.long()` for long recordings.
        strict: refuse a damaged file instead of using what can be decoded.
        video_id: None = the file's stem.
        fpr: choose the threshold so that at most about this share of real videos is called fake; None = the detector's
            own threshold. Needs at least 1 / fpr real calibration clips in the detector.
        prior: share of fakes among the videos to judge; None = what the detector assumes (0.5). Scores are re-weighted.
            The threshold stays the same number, or with `fpr` moves with the scores, so that labels stay.

    Raises:
        ConfigError: the detector does not support `fpr` or `prior`, or they are out of range.
        VideoError: the file cannot be opened, is refused, or holds no picture.
        DetectorError: the detector is missing, damaged or not ours.
        MissingExtraError: onnxruntime is not installed.
    """
    from dtr.pipeline import judge

    detector = load(model) if model is None or isinstance(model, str | Path) else model
    return judge(path, detector, video_id=video_id, decoder=decoder, limits=limits, strict=strict, fpr=fpr, prior=prior)


def load(model: str | Path | None = None) -> OnnxModel:
    """A detector, ready to run; the ones used last stay loaded until their files change.

    Raises:
        DetectorError: the detector is missing, damaged or not ours.
        MissingExtraError: onnxruntime is not installed.
    """
    stamp = None
    if model is not None and Path(model).is_file():
        stat = Path(model).stat()
        stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return _load(None if model is None else str(model), stamp)


@lru_cache(maxsize=2)
def _load(model: str | None, stamp: tuple[int, int, int] | None) -> OnnxModel:
    from dtr.export.runtime import load_model

    return load_model(model)
