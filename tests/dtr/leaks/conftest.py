"""Small data sets with and without a planted leak."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dtr.leaks.media_facts import ClipFacts

PLAIN = ClipFacts(
    width=96,
    height=64,
    fps=12.0,
    duration_s=1.0,
    codec="h264",
    has_audio=False,
    num_bytes=5000,
    container={"container": "mp4", "codec": "h264", "sample_aspect_ratio": 1.0, "tag:encoder": "Lavf60.1"},
    hashes=(1, 2),
    bars=(0.0, 0.0, 0.0, 0.0),
    identical=0.0,
    nearly_identical=0.0,
    statistics={"brightness": 0.5, "motion": None},
)


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """These sets are tiny, and there are many probes."""
    monkeypatch.setattr("dtr.leaks.probes.TREES", 20)


@pytest.fixture
def plain_facts() -> ClipFacts:
    """What a file says that has nothing to hide."""
    return PLAIN


@pytest.fixture
def write_manifest(tmp_path: Path) -> Callable[..., Path]:
    """`write_manifest(n=…, fake={…}, real={…}, sources=…)` writes n lines of each label; a fact may be a function."""

    def write(
        n: int = 30, *, fake: dict[str, Any] | None = None, real: dict[str, Any] | None = None, sources: int = 10
    ) -> Path:
        rng = np.random.default_rng(0)
        lines = []
        for label, planted in (("fake", fake), ("real", real)):
            for i in range(n):
                line = {
                    "file": f"clips/{rng.integers(10**9):09d}.mp4",
                    "video_id": f"{rng.integers(10**9):09d}",
                    "label": label,
                    "split": ("train", "val")[i % 2],
                    "generator" if label == "fake" else "source": f"{label} {i % sources}",
                    "width": 64,
                    "height": 48,
                    "fps": float(rng.choice([24.0, 25.0, 30.0])),
                    "duration": round(float(rng.uniform(2, 6)), 2),
                }
                line |= {key: v(i) if callable(v) else v for key, v in (planted or {}).items()}
                lines.append(json.dumps(line) + "\n")
        (tmp_path / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
        return tmp_path

    return write
