"""Image backbone: every step on its own through a network of timm, chosen stages as tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dtr.backbones.protocol import clip_cells, covering_squares, one_size, require_views
from dtr.backbones.weights import backbone_id, load_exactly, packaged_state, read_state
from dtr.clock import Clock
from dtr.errors import ConfigError, MissingExtraError
from dtr.features import ClipFeatures
from dtr.steps import ClipSteps
from dtr.views import ViewSpec

UNIT_BOX = np.array([0.0, 0.0, 1.0, 1.0])


class ImageBackbone(nn.Module):
    """Frozen image network; its constructor arguments are its configuration.

    Args:
        model: any timm model that can return intermediate maps.
        weights: "packaged" (carried by an installed package, works offline), "timm" (fetched by timm), "none" (random,
            seeded), or a path to a local checkpoint (safetensors, or a plain state dict).
        stages: which of timm's `feature_info` stages; negative ones count from the end. Several stages are
            average-pooled to the coarsest grid among them and concatenated.
        views: pictures of every frame, all of one size; default: two squares of 224 that cover it.
        grids: token grid side of each view, smaller than the network's own and a divisor of it; default: its own.
        clock: of the steps; default: 6 Hz, windows of 16, hop 8.
        batch_size: steps in one pass; changes speed and memory only. Default: 64 on a GPU, 4 on a CPU (what its caches
            hold; nearly twice as fast as 24).
    """

    net: Any  # timm's models share more than nn.Module says
    mean: Tensor
    std: Tensor
    cells_in_view: Tensor
    view_index: Tensor

    def __init__(
        self,
        model: str = "tf_efficientnet_lite0",
        weights: str = "packaged",
        stages: tuple[int, ...] = (-3, -2, -1),
        views: list[ViewSpec] | None = None,
        grids: list[int] | None = None,
        clock: Clock | None = None,
        batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.views = tuple(views or covering_squares())
        self.clock = self.head_clock = clock or Clock()
        self.batch_size = batch_size
        if batch_size is not None and batch_size < 1:
            raise ConfigError(f"backbone.batch_size: expected at least 1, got {batch_size}")
        size = one_size(self.views, "backbone")
        self.net, self.stages = _build(model, weights, tuple(stages), size)
        cfg = self.net.pretrained_cfg
        self.register_buffer("mean", torch.tensor(cfg["mean"]).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(cfg["std"]).view(1, 3, 1, 1) * 255, persistent=False)
        self._grid, self.width = self._measure(size, model)
        self.grids = self._own_grids(grids)
        self.num_tokens = sum(g * g for g in self.grids)
        self._register_cells()
        self.engine: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None = None
        self.requires_grad_(False)
        self.train(False)
        self.config = {
            "model": model,
            "stages": list(self.stages),
            "grids": list(self.grids),
            "views": [v.to_json() for v in self.views],
            "rate_hz": self.clock.rate_hz,
        }
        self.init_args = self.config | {"weights": weights, "clock": asdict(self.clock), "batch_size": batch_size}
        del self.init_args["rate_hz"]
        state = [*self.net.state_dict().items(), ("mean", self.mean), ("std", self.std)]
        self.backbone_id = backbone_id(model, state, self.config)

    def forward(self, frames: Tensor) -> Tensor:
        """Tokens of each step; exportable with any number of steps.

        Args:
            frames: (S, V, H, W, 3) uint8 RGB.

        Returns:
            (S, P, D) float32.
        """
        pixels = frames.flatten(0, 1).permute(0, 3, 1, 2)  # (S·V, 3, H, W)
        maps = self._maps((pixels.float() - self.mean) / self.std)
        stacked = torch.cat([_pool(m, self._grid) for m in maps], dim=1)  # (S·V, D, g, g)
        by_view = stacked.unflatten(0, (-1, len(self.views)))  # (S, V, D, g, g)
        tokens = [_pool(by_view[:, v], g).flatten(2).transpose(1, 2) for v, g in enumerate(self.grids)]
        return torch.cat(tokens, dim=1)

    @torch.no_grad()
    def encode(self, steps: ClipSteps) -> ClipFeatures:
        """Features of every step of one clip, by `engine` (another way to run the same network) where one was set.

        Raises:
            ConfigError: the steps were rendered for other views than this backbone's.
        """
        require_views(steps, self.views, self.backbone_id)
        tokens = np.zeros((len(steps.frames), self.num_tokens, self.width), np.float32)
        fresh = np.flatnonzero(steps.step_mask)
        device = self.mean.device
        batch_size = self.batch_size or (4 if device.type == "cpu" else 64)
        for start in range(0, len(fresh), batch_size):
            part = fresh[start : start + batch_size]
            if self.engine is not None:
                tokens[part] = self.engine(steps.frames[part])
                continue
            frames = torch.from_numpy(steps.frames[part]).to(device)
            tokens[part] = self(frames).float().cpu().numpy()
        cells = clip_cells(steps.view_boxes, self.grids, flipped=steps.flipped)  # (P, 4)
        shape = (len(tokens), self.num_tokens)
        return ClipFeatures(
            tokens,
            np.broadcast_to(steps.step_mask[:, None], shape).copy(),
            np.broadcast_to(cells, (*shape, 4)).copy(),
            steps.step_s.astype(np.float32),
            self.backbone_id,
        )

    def cells(self, view_boxes: Tensor) -> Tensor:
        """Boxes of all tokens of one step, in torch (for graphs); the views are not mirrored.

        Args:
            view_boxes: (V, 4) xyxy of each view in the displayed frame.

        Returns:
            (P, 4) xyxy in the displayed frame.
        """
        box = view_boxes[self.view_index]  # (P, 4)
        corner, side = box[:, :2].repeat(1, 2), (box[:, 2:] - box[:, :2]).repeat(1, 2)
        return corner + self.cells_in_view * side

    def portable_state(self) -> dict[str, Tensor]:
        """The network's weights as the constructor's `weights` reads them back from a file."""
        return self.net.state_dict()

    def train(self, mode: bool = True) -> ImageBackbone:
        """Stay in evaluation mode whatever is asked: a frozen network's batch statistics must not move."""
        return super().train(False)

    def _maps(self, pixels: Tensor) -> list[Tensor]:
        return self.net.forward_intermediates(
            pixels, indices=list(self.stages), stop_early=True, output_fmt="NCHW", intermediates_only=True
        )

    @torch.no_grad()
    def _measure(self, size: int, model: str) -> tuple[int, int]:
        """Side of the coarsest chosen grid, and D."""
        self.net.eval()
        maps = self._maps(torch.zeros(1, 3, size, size))
        sides = [m.shape[-1] for m in maps]
        if any(m.shape[-2] != m.shape[-1] for m in maps) or any(s % min(sides) for s in sides):
            raise ConfigError(
                f"backbone.stages: expected grids that divide each other, got {sides} for '{model}' at {size} pixels; "
                "choose other stages or another view size"
            )
        return min(sides), sum(m.shape[1] for m in maps)

    def _own_grids(self, grids: list[int] | None) -> tuple[int, ...]:
        """Grid side of each view.

        Raises:
            ConfigError: not one side per view, or one that does not divide the network's grid.
        """
        sides = tuple(grids or [self._grid] * len(self.views))
        if len(sides) != len(self.views) or any(s < 1 or self._grid % s for s in sides):
            raise ConfigError(
                f"backbone.grids: expected {len(self.views)} divisors of {self._grid} (one per view), got {list(sides)}"
            )
        return sides

    def _register_cells(self) -> None:
        unit: NDArray[np.float64] = np.broadcast_to(UNIT_BOX, (len(self.views), 4))
        index = np.repeat(np.arange(len(self.views)), [g * g for g in self.grids])
        self.register_buffer("cells_in_view", torch.from_numpy(clip_cells(unit, self.grids)), persistent=False)
        self.register_buffer("view_index", torch.from_numpy(index), persistent=False)


def _build(model: str, weights: str, stages: tuple[int, ...], size: int) -> tuple[Any, tuple[int, ...]]:
    """The network cut down to what the chosen stages need, with its weights; and the stages counted from 0."""
    net = _create(model, size, from_hub=weights == "timm")
    if not hasattr(net, "forward_intermediates"):
        raise ConfigError(f"backbone.model: timm's '{model}' cannot return intermediate maps; choose another model")
    count = len(net.feature_info)
    chosen = tuple(s + count if s < 0 else s for s in stages)
    if not chosen or list(chosen) != sorted(set(chosen)) or not 0 <= chosen[0] <= chosen[-1] < count:
        raise ConfigError(
            f"backbone.stages: expected increasing stages from 0 to {count - 1} of '{model}', got {list(stages)}"
        )
    state = None
    if weights == "packaged":
        state = packaged_state(model)
    elif weights not in ("none", "timm"):
        state = read_state(Path(weights))
    # A published checkpoint holds the whole model; a detector's own copy only what its stages use.
    whole = state is not None and state.keys() == net.state_dict().keys()
    if state is not None and whole:
        load_exactly(net, state, weights)
    net.prune_intermediate_layers(list(chosen), prune_norm=True, prune_head=True)
    _drop_after_last_stage(net)
    if state is not None and not whole:
        load_exactly(net, state, weights)
    return net, chosen


def _create(model: str, size: int, *, from_hub: bool) -> Any:
    try:
        import timm
    except ImportError as error:
        raise MissingExtraError(
            "backbone: the package timm is not installed; run: pip install 'dtr-video[train]'"
        ) from error
    if model.split(".")[0] not in timm.list_models():
        raise ConfigError(f"backbone.model: timm knows no model '{model}'; see timm.list_models()")
    fixed = (timm.get_pretrained_cfg(model, allow_unregistered=True) or timm.models.PretrainedCfg()).fixed_input_size
    options: dict[str, Any] = {"img_size": size} if fixed else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # "none" must give the same network every time
        try:
            return timm.create_model(model, pretrained=from_hub, **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"backbone.model: timm could not build '{model}' with weights from its hub ({error}); "
                "use local weights, or check the name and the connection"
            ) from error


def _drop_after_last_stage(net: nn.Module) -> None:
    """Remove what `prune_intermediate_layers` of some models leaves in place."""
    for name in ("conv_head", "bn2"):
        if hasattr(net, name) and hasattr(net, "blocks"):
            setattr(net, name, nn.Identity())


def _pool(maps: Tensor, side: int) -> Tensor:
    """Average-pool square maps to `side`, which divides theirs."""
    factor = maps.shape[-1] // side
    return maps if factor == 1 else F.avg_pool2d(maps, factor)
