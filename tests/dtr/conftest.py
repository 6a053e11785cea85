from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dtr.mp4 import Mp4Writer
from tests.tiny_detector import write_tiny_detector


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .onnx that calls bright videos fake and points at their upper left quarter."""
    return write_tiny_detector(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


@pytest.fixture
def grey_clip(tmp_path: Path) -> Callable[..., Path]:
    """`grey_clip("a.mp4", 250)` writes a short clip of one grey level: 250 is "fake" to `tiny_model`, 10 is "real"."""

    def make(name: str, level: int, *, frames: int = 8, width: int = 64, height: int = 48) -> Path:
        path = tmp_path / name
        with Mp4Writer(path, width, height) as writer:
            for index in range(frames):
                writer.add(np.full((height, width, 3), level, dtype=np.uint8), index / 8)
            writer.end(frames / 8)
        return path

    return make
