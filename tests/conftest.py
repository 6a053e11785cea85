"""Fixtures that any test may use; the makers themselves are in `media.py` beside this file."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent

# Small tensors on a few shared cores: threads that wait for each other cost far more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a hub call in a test must fail at once, not retry for a minute


def _load_media() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dtr_test_media", HERE / "media.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dtr_test_media"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def media() -> ModuleType:
    """The module `tests/media.py`: `media.write_video`, `media.frame_number`, …"""
    return _load_media()


@pytest.fixture
def make_video(tmp_path: Path, media: ModuleType) -> Callable[..., Path]:
    """`make_video("name.mp4", num_frames=…, fps=…, …)` writes a numbered video into the test's own folder."""

    def make(name: str = "clip.mp4", **options: object) -> Path:
        return media.write_video(tmp_path / name, **options)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of measured clips beside the repository; the test is skipped where there is none."""
    folder = HERE.parents[1] / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("needs the clip collection in ../shared/data, which is not here")
    return folder
