"""Applies trained networks to the frames of a clip: any size, bounded memory, the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dtr.backbones.weights import load_exactly, read_state
from dtr.errors import ConfigError, DetectorError, VideoError
from dtr.pseudo.files import NetworkInfo, info_path, networks_digest, read_infos, weights_path
from dtr.pseudo.networks import FAMILIES, GRID, PseudoNetwork, build_network
from dtr.pseudo.tiles import padding, stretches

TILE = 512
"""Longest side of a tile in pixels; a pass over one takes about 0.5 GB, whatever the frame's size."""


class PseudoFaker:
    """Turns camera frames into what a small decoder makes of them.

    Attributes:
        families: names of the networks there are, sorted.
        digest: of everything that changes a pixel; a part of the key of cached features.
    """

    def __init__(self, networks: Mapping[str, PseudoNetwork], digest: str, *, tile: int = TILE) -> None:
        """Take trained networks.

        Args:
            networks: by family, at least one.
            digest: of their weights.
            tile: longest side of a tile in pixels, a multiple of 8.

        Raises:
            ConfigError: no networks, or another tile.
        """
        if not networks or tile < GRID or tile % GRID:
            raise ConfigError(
                f"a faker needs at least one network and a tile side that is a multiple of {GRID}, got "
                f"{len(networks)} networks and tile {tile}; correct the call"
            )
        self.families = tuple(sorted(networks))
        self.digest = digest
        self._networks = {name: network.eval().requires_grad_(False) for name, network in networks.items()}
        self._tile = tile

    @classmethod
    def load(cls, folder: str | Path, *, tile: int = TILE) -> PseudoFaker:
        """Read all networks of a folder.

        Raises:
            DetectorError: there are none, or one is damaged, of another version, or does not fit its class.
        """
        infos = read_infos(folder)
        return cls({i.family: load_network(Path(folder), i) for i in infos}, networks_digest(infos), tile=tile)

    def apply(
        self, frames: NDArray[np.uint8], family: str | None = None, *, strength: float = 1.0, phase: int = 0
    ) -> NDArray[np.uint8]:
        """Frames of one clip as pseudo-fakes.

        Args:
            frames: (N, H, W, 3) uint8 RGB in order of time; N = 0 gives 0 frames.
            family: which network; None = the first.
            strength: share of the reconstruction, in [0, 1]; the rest stays as it was.
            phase: where in a group of frames that are coded together the first frame lies; ≥ 0.

        Returns:
            The same shape, a new array. Memory: the result and one tile's layers.

        Raises:
            VideoError: `frames` are not of that shape and type.
            ConfigError: no such family, or a strength or phase out of range.
        """
        network = self._network(family or self.families[0])
        _check(frames, strength, phase)
        out = np.empty_like(frames)
        size, count = network.num_frames, len(frames)
        for start in group_starts(count, size, phase % size):
            # At both ends a frame is repeated until its group is full; each is taken from its own place only.
            decoded = self._decode(network, frames[np.arange(start, start + size).clip(0, count - 1)])
            for index in range(max(start, 0), min(start + size, count)):
                out[index] = _blend(frames[index], decoded[index - start], strength)
        return out

    def _network(self, family: str) -> PseudoNetwork:
        if family not in self._networks:
            raise ConfigError(f"expected a pseudo-fake family among {', '.join(self.families)}, got '{family}'")
        return self._networks[family]

    def _decode(self, network: PseudoNetwork, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(F, H, W, 3) uint8 → (F, H, W, 3) float32 in steps of 1 / 255, tile by tile."""
        height, width = frames.shape[1:3]
        pads = (0, 0), padding(height, GRID, GRID), padding(width, GRID, GRID), (0, 0)
        padded = np.pad(frames, pads, mode="edge")
        out = np.empty(padded.shape, dtype=np.float32)
        for y in stretches(padded.shape[1], self._tile, network.reach, GRID):
            for x in stretches(padded.shape[2], self._tile, network.reach, GRID):
                tile = run_network(network, padded[:, y.start : y.end, x.start : x.end])
                inside = tile[
                    :, y.keep_start - y.start : y.keep_end - y.start, x.keep_start - x.start : x.keep_end - x.start
                ]
                out[:, y.keep_start : y.keep_end, x.keep_start : x.keep_end] = inside
        return out[:, GRID : GRID + height, GRID : GRID + width]


def load_network(folder: Path, info: NetworkInfo) -> PseudoNetwork:
    """One trained network.

    Raises:
        DetectorError: its weights are not whole, or not those of its family.
    """
    where = info_path(folder, info.family)
    if info.family not in FAMILIES:
        raise DetectorError(f"{where}: expected a family among {', '.join(FAMILIES)}, got '{info.family}'; upgrade DTR")
    try:
        network = build_network(info.family, info.init)
    except (TypeError, ConfigError) as error:
        raise DetectorError(f"{where}: its init does not fit this version of DTR ({error}); train it again") from error
    path = weights_path(folder, info.family)
    load_exactly(network, read_state(path), str(path))
    return network


def group_starts(count: int, size: int, phase: int) -> range:
    """Where groups of frames that are coded together start; the first may start before the clip.

    Args:
        count: frames of the clip. size: of a group. phase: place of frame 0 in its group, below `size`.

    Example:
        >>> list(group_starts(4, 3, 0)), list(group_starts(4, 3, 1)), list(group_starts(0, 3, 1))
        ([0, 3], [-1, 2], [])
    """
    return range(-phase, count, size) if count else range(0)


def run_network(network: PseudoNetwork, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """One pass without tiles.

    Args:
        network: takes len(frames) frames at once.
        frames: (F, H, W, 3) uint8 RGB, H and W multiples of 8.

    Returns:
        (F, H, W, 3) float32 in steps of 1 / 255, not yet limited to [0, 255].
    """
    with torch.inference_mode():
        pixels = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).float()
        decoded = network(pixels[None] / 127.5 - 1)[0]
        return ((decoded + 1) * 127.5).permute(0, 2, 3, 1).numpy()


def _blend(frame: NDArray[np.uint8], decoded: NDArray[np.float32], strength: float) -> NDArray[np.uint8]:
    mixed = frame + np.float32(strength) * (decoded - frame)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _check(frames: NDArray[np.uint8], strength: float, phase: int) -> None:
    if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape[1:] or frames.dtype != np.uint8:
        raise VideoError(
            f"frames must be uint8 RGB of shape (frames, height, width, 3), got {frames.dtype} {frames.shape}; "
            "convert them first"
        )
    if not 0 <= strength <= 1 or phase < 0:
        raise ConfigError(f"a pseudo-fake needs a strength in [0, 1] and a phase >= 0, got {strength} and {phase}")
