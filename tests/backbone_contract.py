"""What every backbone must keep. A test file per backbone subclasses `BackboneContract` and gives it a `make`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dtr.backbones.protocol import Backbone
from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.steps import ClipSteps
from dtr.views import ViewSpec, view_boxes


def make_steps(
    views: tuple[ViewSpec, ...],
    clock: Clock,
    *,
    num_steps: int = 6,
    masked: tuple[int, ...] = (),
    width: int = 640,
    height: int = 360,
    flipped: bool = False,
    seed: int = 0,
) -> ClipSteps:
    """Steps of random pixels, as the sampler would hand them over."""
    rng = np.random.default_rng(seed)
    size = views[0].size
    coarse = rng.integers(0, 256, (num_steps, len(views), 8, 8, 3), dtype=np.uint8)
    repeat = -(-size // 8)
    frames = coarse.repeat(repeat, axis=2).repeat(repeat, axis=3)[:, :, :size, :size]
    mask = np.ones(num_steps, bool)
    mask[list(masked)] = False
    times = np.where(mask, np.arange(num_steps) / clock.rate_hz, np.nan)
    duration = num_steps / clock.rate_hz
    return ClipSteps(
        frames=np.where(mask[:, None, None, None, None], frames, 0).astype(np.uint8),
        step_mask=mask,
        step_s=clock.step_spans(times, duration),
        frame_times_s=times,
        view_boxes=view_boxes(views, width, height),
        width=width,
        height=height,
        duration_s=duration,
        flipped=flipped,
    )


def change_frame(steps: ClipSteps, index: int) -> ClipSteps:
    """The same steps with one frame inverted."""
    frames = steps.frames.copy()
    frames[index] = 255 - frames[index]
    return replace(steps, frames=frames)


class BackboneContract:
    """Subclass with `make(**changes)`; `merged` is the number of input steps in one output step."""

    merged = 1
    changes: tuple[dict[str, Any], ...] = ()

    def make(self, **changes: Any) -> Backbone:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    def backbone(self) -> Backbone:
        return self.make()

    def steps(self, backbone: Backbone, **options: Any) -> ClipSteps:
        return make_steps(backbone.views, backbone.clock, **options)

    def test_protocol__is_fulfilled(self, backbone: Backbone) -> None:
        assert isinstance(backbone, Backbone)
        assert backbone.backbone_id.count("@") == 1
        assert len(backbone.backbone_id.split("@")[1]) == 12
        assert backbone.head_clock.rate_hz == backbone.clock.rate_hz / self.merged

    @pytest.mark.parametrize("num_steps", [1, 3, 7])
    def test_encode__shapes_and_dtypes(self, backbone: Backbone, num_steps: int) -> None:
        features = backbone.encode(self.steps(backbone, num_steps=num_steps))
        n, p = -(-num_steps // self.merged), backbone.num_tokens
        assert features.tokens.shape == (n, p, backbone.width)
        assert features.token_mask.shape == (n, p)
        assert features.cells.shape == (n, p, 4)
        assert features.step_s.shape == (n, 2)
        assert (features.tokens.dtype, features.cells.dtype, features.step_s.dtype) == (np.float32,) * 3
        assert features.token_mask.dtype == bool
        assert np.isfinite(features.tokens).all()
        assert features.backbone_id == backbone.backbone_id

    def test_encode__step_s_is_contiguous_and_covers_the_clip(self, backbone: Backbone) -> None:
        steps = self.steps(backbone, num_steps=7)
        step_s = backbone.encode(steps).step_s
        np.testing.assert_array_equal(step_s[1:, 0], step_s[:-1, 1])
        assert (step_s[0, 0], step_s[-1, 1]) == (steps.step_s[0, 0], steps.step_s[-1, 1])

    def test_encode__cells_tile_each_view(self, backbone: Backbone) -> None:
        steps = self.steps(backbone)
        cells = backbone.encode(steps).cells[0]
        low, high = steps.view_boxes[:, :2].min(0) - 1e-6, steps.view_boxes[:, 2:].max(0) + 1e-6
        assert (cells[:, :2] >= low).all()
        assert (cells[:, 2:] <= high).all()
        assert (cells[:, 2:] > cells[:, :2]).all()
        areas = ((cells[:, 2:] - cells[:, :2]).prod(1)).sum()
        views = (steps.view_boxes[:, 2:] - steps.view_boxes[:, :2]).prod(1).sum()
        assert areas == pytest.approx(views, rel=1e-4)

    def test_encode__a_brighter_corner_moves_its_own_token_most(self, backbone: Backbone) -> None:
        steps = self.steps(backbone, num_steps=self.merged)
        frames = steps.frames.copy()
        part = steps.frames.shape[2] // 4
        frames[:, 0, -part:, :part] = 255 - frames[:, 0, -part:, :part]  # bottom left of the first view
        before, after = backbone.encode(steps), backbone.encode(replace(steps, frames=frames))
        cells = before.cells[0]
        in_first = (cells[:, :2] >= steps.view_boxes[0, :2] - 1e-6).all(1)
        moved = np.abs(after.tokens - before.tokens).sum((0, 2))
        x, y = (cells[np.argmax(np.where(in_first, moved, 0))].reshape(2, 2)).mean(0)
        assert x < 0.5 < y

    def test_encode__mirrored_views_mirror_the_cells(self, backbone: Backbone) -> None:
        plain = backbone.encode(self.steps(backbone))
        mirrored = backbone.encode(self.steps(backbone, flipped=True))
        np.testing.assert_array_equal(plain.tokens, mirrored.tokens)
        order = np.lexsort(plain.cells[0].T), np.lexsort(mirrored.cells[0].T)
        np.testing.assert_allclose(plain.cells[0][order[0]], mirrored.cells[0][order[1]], atol=1e-6)
        assert not np.array_equal(plain.cells, mirrored.cells)

    def test_encode__is_deterministic(self, backbone: Backbone) -> None:
        steps = self.steps(backbone)
        np.testing.assert_array_equal(backbone.encode(steps).tokens, backbone.encode(steps).tokens)

    def test_encode__masked_steps_are_masked_and_zero(self, backbone: Backbone) -> None:
        masked = tuple(range(2 * self.merged, 3 * self.merged))
        features = backbone.encode(self.steps(backbone, num_steps=5 * self.merged, masked=masked))
        assert features.token_mask.all(1).tolist() == [True, True, False, True, True]
        assert not features.token_mask[2].any()
        assert not features.tokens[2].any()

    def test_encode__a_wholly_masked_clip_gives_no_token(self, backbone: Backbone) -> None:
        features = backbone.encode(self.steps(backbone, num_steps=3, masked=(0, 1, 2)))
        assert not features.token_mask.any()
        assert not features.tokens.any()

    def test_encode__pixels_under_a_mask_change_nothing(self, backbone: Backbone) -> None:
        masked = tuple(range(self.merged, 2 * self.merged))
        steps = self.steps(backbone, num_steps=4 * self.merged, masked=masked)
        dirty = change_frame(steps, masked[0])
        np.testing.assert_allclose(backbone.encode(steps).tokens, backbone.encode(dirty).tokens, atol=1e-5)

    def test_encode__later_frames_do_not_change_earlier_steps(self, backbone: Backbone) -> None:
        steps = self.steps(backbone, num_steps=4 * self.merged)
        before, after = backbone.encode(steps), backbone.encode(change_frame(steps, 3 * self.merged))
        np.testing.assert_allclose(before.tokens[:3], after.tokens[:3], atol=1e-5)
        assert not np.allclose(before.tokens[3], after.tokens[3], atol=1e-3)

    def test_encode__facts_of_the_file_change_no_token(self, backbone: Backbone) -> None:
        steps = self.steps(backbone)
        other = replace(steps, width=1920, height=1080, duration_s=99.0, damage=("cut",), decode_s=9.0)
        np.testing.assert_array_equal(backbone.encode(steps).tokens, backbone.encode(other).tokens)

    def test_encode__refuses_steps_of_other_views(self, backbone: Backbone) -> None:
        views = (ViewSpec(size=backbone.views[0].size + 28),)
        with pytest.raises(ConfigError, match="render the steps"):
            backbone.encode(make_steps(views, backbone.clock, num_steps=2))

    def test_backbone__is_frozen(self, backbone: Backbone) -> None:
        assert isinstance(backbone, torch.nn.Module)
        assert not any(p.requires_grad for p in backbone.parameters())
        backbone.train()
        assert not any(m.training for m in backbone.modules())

    def test_backbone_id__is_stable_and_changes_with_what_changes_features(self, backbone: Backbone) -> None:
        ids = [self.make().backbone_id, *(self.make(**change).backbone_id for change in self.changes)]
        assert ids[0] == backbone.backbone_id
        assert len(set(ids)) == len(self.changes) + 1

    def test_init_args__build_the_same_backbone(self, backbone: Backbone) -> None:
        from dtr.backbones.build import build_backbone

        path = f"{type(backbone).__module__}.{type(backbone).__qualname__}"
        again = build_backbone({"class_path": path, "init_args": backbone.init_args})
        assert again.backbone_id == backbone.backbone_id
        steps = self.steps(backbone)
        np.testing.assert_array_equal(again.encode(steps).tokens, backbone.encode(steps).tokens)
