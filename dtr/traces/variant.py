"""A clip with traces in it as steps for a backbone, in memory: no file is written."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dtr.augment import AugmentSpec, augment_rgb_steps, clip_rng, draw_plan
from dtr.clock import Clock
from dtr.errors import ConfigError, VideoError
from dtr.planted import Planted
from dtr.sampling import steps_from_frames
from dtr.steps import ClipSteps
from dtr.traces.negatives import RETIMING, apply_negatives
from dtr.traces.opencv import opencv
from dtr.traces.scene import Scene
from dtr.traces.shots import read_donor
from dtr.traces.synthesise import SynthSpec, SynthTrace, put_traces
from dtr.video import Limits, VideoClip, open_video
from dtr.video.clip import collect_clip
from dtr.views import ViewSpec

DRAWS = 1_000_000
"""Added to k, so that the k-th synthesised variant shares no random numbers with the k-th augmented one."""

DONOR_FRAMES = 64
"""Frames of another clip that are kept at hand at most: two seconds, as a rule."""


@dataclass(frozen=True)
class SynthVariant:
    """What a synthesised variant goes through, in this order.

    Attributes:
        spec: of the traces.
        negatives: chance of each clip to get hard negatives.
        augment: sizes, codecs, grain and frame rates; the same for clips with and without traces.
        max_s: seconds of a clip that are used, from its start.
    """

    spec: SynthSpec = field(default_factory=SynthSpec)
    negatives: float = 0.4
    augment: AugmentSpec = field(
        default_factory=lambda: AugmentSpec(short_side=(200, 400), rate_p=1.0, rate_hz=(10.0, 20.0))
    )
    max_s: float = 4.0

    def __post_init__(self) -> None:
        if not (0 <= self.negatives <= 1 and self.max_s > 0):
            raise ConfigError(
                f"synth needs negatives in [0, 1] and max_s above 0, got {self.negatives} and {self.max_s}"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"spec": self.spec.to_json(), "augment": self.augment.to_json()}


def load_synth_steps(
    path: str | os.PathLike[str],
    clock: Clock,
    views: tuple[ViewSpec, ...],
    variant: SynthVariant,
    seed: int,
    k: int,
    *,
    content_sha256: str,
    donor: Path | None = None,
    clean: bool = False,
    decoder: str = "pyav",
    limits: Limits | None = None,
    strict: bool = False,
) -> ClipSteps:
    """The k-th synthesised variant of a clip; same arguments, same bytes. Its `planted` says what was put in.

    Its clean twin goes through all the same (hard negatives, size, codec, grain) except that no trace is put in.

    Args:
        path: of the video.
        clock, views: as for `dtr.sampling.load_steps`.
        variant: what may happen.
        seed, k, content_sha256: choose what happens.
        donor: another video, for traces that bring something in.
        clean: give the twin.
        decoder, limits, strict: as for `dtr.sampling.load_steps`.

    Raises:
        VideoError: a file is refused, broken beyond use, or (strict) damaged, or nothing could be put in.
        LimitError: a file is beyond a limit.
        ConfigError: a seed, number or hash that is none.
    """
    rng = clip_rng(seed, DRAWS + k, content_sha256)
    with open_video(path, decoder=decoder, limits=limits, strict=strict) as reader:
        plan = draw_plan(variant.augment, reader.info.width, reader.info.height, rng)
        grain = rng.spawn(1)[0]  # of its own: twins share it, however much chance their traces take
        rate = None if plan.rate_hz is None else Clock(rate_hz=plan.rate_hz)
        clip = collect_clip(reader, clock=rate, limits=limits, size=plan.size, max_s=variant.max_s)
        decode_s = reader.decode_s
    other = None
    if donor is not None:
        other = read_donor(donor, plan.size, most=DONOR_FRAMES, clock=rate, decoder=decoder, limits=limits)
    spare = None if other is None else other.frames
    frames, names = apply_negatives(clip.frames, clip.times_s, rng, chance=variant.negatives, donor=spare)
    traces: tuple[SynthTrace, ...] = ()
    if not clean:
        try:
            frames, traces = put_traces(Scene(frames, clip.times_s, clip.duration_s), variant.spec, rng, other)
        except opencv().error as error:
            raise VideoError(f"{path}: OpenCV could not put a trace in ({error.err}); leave the clip out") from error
    frames = augment_rgb_steps(frames, plan, grain, fps=_rate(clip))
    steps = steps_from_frames(frames, clip.times_s, clip.duration_s, clock, views)
    if plan.flip:
        steps = replace(steps, frames=np.ascontiguousarray(steps.frames[..., ::-1, :]), flipped=True)
    keeps_time = not RETIMING & set(names)
    planted = Planted(tuple(t.annotation() for t in traces), keeps_time=keeps_time)
    return replace(steps, width=clip.width, height=clip.height, damage=clip.damage, decode_s=decode_s, planted=planted)


def _rate(clip: VideoClip) -> float:
    """Frames per second of a clip, for the encoder's decisions."""
    return float(np.clip(len(clip.frames) / max(clip.duration_s, 1e-3), 1.0, 60.0))
