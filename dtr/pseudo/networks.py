"""Small networks that take a picture apart and put it together again, as the decoders of video generators do.

Four families, each with another way of making pixels out of a coarse grid, because each way leaves other traces:

- `nearest`: repeated pixels, then a convolution (the decoders of latent diffusion models);
- `transposed`: transposed convolutions, whose overlaps leave a checkerboard;
- `temporal`: three frames in one latent, decoded together by pixel shuffling, so that errors are shared in time;
- `upscaler`: no latent; the picture at half its size, enlarged by a learnt filter.

None has a normalisation layer: a pixel depends only on pixels within `reach`, so that tiles give the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from dtr.errors import ConfigError

GRID = 8
"""Height and width of an input must be multiples of this."""


class PseudoNetwork(nn.Module):
    """What all families share: frames in, frames of the same shape out.

    Attributes:
        num_frames: frames that go in together.
        reach: an output pixel does not depend on input pixels further away than this, along either axis.
    """

    num_frames = 1
    reach = 0

    def forward(self, frames: Tensor) -> Tensor:
        """Reconstructed frames.

        Args:
            frames: (B, num_frames, 3, H, W) float32 in [-1, 1]; H and W multiples of 8.

        Returns:
            The same shape; values may lie a little outside [-1, 1].
        """
        return self.reconstruct(frames.flatten(1, 2)).unflatten(1, (self.num_frames, 3))

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """(B, 3 × num_frames, H, W) in and out."""
        raise NotImplementedError


class NearestAutoencoder(PseudoNetwork):
    """Four times smaller and back; every doubling repeats pixels, then convolves."""

    reach = 24

    def __init__(self, latent: int = 4, width: int = 16) -> None:
        super().__init__()
        self.encode = encoder(3, latent, width)
        self.decode = nn.Sequential(
            nn.Conv2d(latent, 3 * width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(3 * width, 3 * width, 3, padding=1),
            nn.SiLU(),
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            nn.Conv2d(3 * width, 2 * width, 3, padding=1),
            nn.SiLU(),
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in and out."""
        return self.decode(self.encode(pictures))


class TransposedAutoencoder(PseudoNetwork):
    """Four times smaller and back; every doubling is a transposed convolution, whose taps overlap unevenly."""

    reach = 24

    def __init__(self, latent: int = 8, width: int = 16) -> None:
        super().__init__()
        self.encode = encoder(3, latent, width)
        self.decode = nn.Sequential(
            nn.Conv2d(latent, 3 * width, 3, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(3 * width, 2 * width, 3, stride=2, padding=1, output_padding=1),
            nn.SiLU(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in and out."""
        return self.decode(self.encode(pictures))


class TemporalAutoencoder(PseudoNetwork):
    """Three frames in one latent and back by pixel shuffling; what the latent cannot hold is averaged over time."""

    num_frames = 3
    reach = 24

    def __init__(self, latent: int = 32, width: int = 20) -> None:
        super().__init__()
        self.encode = encoder(9, latent, width)
        self.decode = nn.Sequential(
            nn.Conv2d(latent, 4 * width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(4 * width, 8 * width, 3, padding=1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(2 * width, 36, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """(B, 9, H, W) in and out."""
        return self.decode(self.encode(pictures))


class Upscaler(PseudoNetwork):
    """The picture at half its size, enlarged by a learnt filter on top of a bilinear one."""

    reach = 16

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(
            nn.Conv2d(3, width, 5, padding=2),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in and out."""
        small = functional.avg_pool2d(pictures, 2)
        smooth = functional.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
        return smooth + self.enlarge(small)


FAMILIES: dict[str, Callable[..., PseudoNetwork]] = {
    "nearest": NearestAutoencoder,
    "transposed": TransposedAutoencoder,
    "temporal": TemporalAutoencoder,
    "upscaler": Upscaler,
}


def encoder(channels: int, latent: int, width: int) -> nn.Sequential:
    """A picture at a quarter of its size: blocks of 2 × 2 pixels as channels, then one halving.

    Eight times, as in many generators, would need far longer training than a few minutes to be as faint.

    Args:
        channels: of the input. latent: of the output. width: of the hidden layers, times 2 and 3.
    """
    return nn.Sequential(
        nn.PixelUnshuffle(2),
        nn.Conv2d(4 * channels, 2 * width, 3, padding=1),
        nn.SiLU(),
        nn.Conv2d(2 * width, 3 * width, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(3 * width, latent, 3, padding=1),
    )


def build_network(family: str, init: Mapping[str, Any]) -> PseudoNetwork:
    """A network with fresh weights, scaled so that signals keep their size from layer to layer.

    With the library's own start values signals fade over ten layers, and the first thousand steps are spent on that.
    Source: He et al. 2015 (arXiv 1502.01852), eq. 10.

    Args:
        family: name in `FAMILIES`.
        init: arguments of its class.

    Raises:
        ConfigError: no such family.
    """
    if family not in FAMILIES:
        raise ConfigError(f"expected a pseudo-fake family among {', '.join(FAMILIES)}, got '{family}'")
    network = FAMILIES[family](**init)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            taps = layer.weight[0, 0].numel() / (layer.stride[0] ** 2 if isinstance(layer, nn.ConvTranspose2d) else 1)
            nn.init.normal_(layer.weight, std=(2 / (layer.in_channels * taps)) ** 0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
