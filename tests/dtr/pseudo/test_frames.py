from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dtr.errors import DetectorError
from dtr.pseudo.faker import PseudoFaker
from dtr.pseudo.frames import draw_plan, load_faker, pseudo_frames, pseudo_parts


def test_draw_plan__covers_families_strengths_and_phases() -> None:
    rng = np.random.default_rng(0)
    plans = [draw_plan(("a", "b"), rng) for _ in range(400)]
    assert 150 < Counter(plan.family for plan in plans)["a"] < 250
    assert 150 < sum(plan.strength == 1 for plan in plans) < 250
    assert 0.5 <= min(plan.strength for plan in plans) < 0.55
    assert {plan.phase for plan in plans} == {0, 1, 2}


def test_pseudo_frames__repeat_with_the_seed(faker: PseudoFaker, texture: NDArray[np.uint8]) -> None:
    one, again, other = (pseudo_frames(texture, faker, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert one.shape == texture.shape
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, texture)


def test_load_faker__reads_a_folder_once(write_tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_tiny("upscaler")
    assert load_faker(folder) is load_faker(folder)
    with pytest.raises(DetectorError, match="got none"):
        load_faker(tmp_path / "empty")


def test_pseudo_parts__name_the_networks(write_tiny: Callable[..., Path]) -> None:
    folder = write_tiny("upscaler")
    assert pseudo_parts(folder)["networks"] == load_faker(folder).digest
    assert pseudo_parts(folder) != pseudo_parts(write_tiny("nearest"))


def test_frames__are_imported_without_torch() -> None:
    code = "import sys, dtr.pseudo.frames, dtr.pseudo.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
