"""Figures move when something is planted, and stay where nothing is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dtr.traces.probe_features import (
    INSIDE_COLUMNS,
    PATCH,
    PATCH_COLUMNS,
    STATISTIC_COLUMNS,
    blockiness,
    border_places,
    changed_region,
    frame_statistics,
    inside_figures,
    other_places,
    patch_figures,
    texture,
)
from tests.traces_scenes import texture as cloud

RNG = np.random.default_rng(0)
FRAME = cloud(144, 192, 0, 20, 230).astype(np.uint8)
ROWS, COLS = np.mgrid[:144, :192]
DISC = np.hypot(COLS - 96, ROWS - 72) < 30


def inside(rgb: np.ndarray) -> dict[str, float]:
    """Named figures of the disc against its ring."""
    found = inside_figures(texture(rgb, rgb), DISC)
    assert found is not None
    return dict(zip(INSIDE_COLUMNS, found.tolist(), strict=True))


def test_inside_figures__tell_a_blur_of_the_inside() -> None:
    soft = np.where(DISC[..., None], cv2.GaussianBlur(FRAME, (0, 0), 1.0), FRAME)
    assert abs(inside(FRAME)["inside_fine/middle"]) < 0.1
    assert inside(soft)["inside_fine/middle"] < -0.3
    assert inside(soft)["inside_log_diagonal"] < -1


def test_inside_figures__tell_interpolation_by_half_a_pixel() -> None:
    move = np.array([[1, 0, 0.5], [0, 1, 0.5]], np.float32)
    shifted = cv2.warpAffine(FRAME, move, (192, 144), flags=cv2.INTER_CUBIC)
    assert inside(np.where(DISC[..., None], shifted, FRAME))["inside_log_diagonal"] < -0.3


@pytest.mark.parametrize("region", [np.zeros((144, 192), bool), np.ones((144, 192), bool)])
def test_inside_figures__need_room(region: np.ndarray) -> None:
    assert inside_figures(texture(FRAME, None), region) is None


def test_patch_figures__tell_a_seam() -> None:
    column = PATCH_COLUMNS.index("seam_diagonal")
    line = (cv2.morphologyEx(DISC.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0)[..., None]
    dotted = np.where(line & (RNG.random((144, 192, 1)) < 0.5), FRAME // 2, FRAME)
    places = border_places(DISC, 8)
    changes = []
    for top, left in places:
        side = DISC[top : top + PATCH, left : left + PATCH]
        before, after = (patch_figures(texture(f, f), (top, left), side)[column] for f in (FRAME, dotted))
        changes.append(after - before)
    assert len(places) == 8
    assert np.median(changes) > 0.3


def test_patch_figures__of_a_plain_patch_are_finite() -> None:
    grey = np.full((32, 32, 3), 128, np.uint8)
    found = patch_figures(texture(grey, None), (0, 0), np.zeros((PATCH, PATCH), bool))
    assert found.shape == (len(PATCH_COLUMNS),)
    assert np.isfinite(found).all()


def test_changed_region__finds_what_was_changed() -> None:
    traced = np.where(DISC[..., None], 255 - FRAME, FRAME)
    found = changed_region(FRAME, traced, (65 / 192, 41 / 144, 127 / 192, 103 / 144))
    assert (found & DISC).sum() / (found | DISC).sum() > 0.8


def test_changed_region__is_the_ellipse_of_the_box_where_nothing_changed() -> None:
    found = changed_region(FRAME, FRAME, (65 / 192, 41 / 144, 127 / 192, 103 / 144))
    assert (found & DISC).sum() / (found | DISC).sum() > 0.8


def test_places__lie_inside_the_frame_and_apart_from_the_region() -> None:
    corner = np.hypot(COLS, ROWS) < 50
    border, others = border_places(corner, 8), other_places(corner, 8, RNG)
    assert len(others) == 8
    assert all(not corner[t : t + PATCH, c : c + PATCH].any() for t, c in others)
    assert all(0 <= t <= 144 - PATCH and 0 <= c <= 192 - PATCH for t, c in border + others)
    assert any(corner[t : t + PATCH, c : c + PATCH].mean() < 1 for t, c in border)


def test_places__of_frames_smaller_than_a_patch_are_none() -> None:
    small = np.ones((PATCH - 1, 64), bool)
    assert border_places(small, 4) == []
    assert other_places(~small, 4, RNG) == []


def test_frame_statistics__are_finite_and_named() -> None:
    for rgb in (FRAME, np.zeros((32, 32, 3), np.uint8)):
        found = frame_statistics(rgb, rgb, texture(rgb, rgb))
        assert found.shape == (len(STATISTIC_COLUMNS),)
        assert np.isfinite(found).all()


def test_frame_statistics__tell_a_step_in_time() -> None:
    column = STATISTIC_COLUMNS.index("log_step")
    moved = np.roll(FRAME, 3, axis=1)
    still, moving = (frame_statistics(FRAME, b, texture(FRAME, b))[column] for b in (FRAME, moved))
    assert moving > still + 1


def test_blockiness__sees_a_grid_of_eight() -> None:
    blocks = np.kron(RNG.uniform(0, 255, (16, 16)), np.ones((8, 8)))
    assert blockiness(blocks) > 2
