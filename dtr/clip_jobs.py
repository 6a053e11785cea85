"""Decoding of many clips at once: worker processes that import the decoder and numpy, never torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from dtr.augment import AugmentSpec, CanonicalSpec, canonical_steps, load_augmented_steps
from dtr.clock import Clock
from dtr.errors import DTRError
from dtr.job_pool import JobFailure, run_jobs
from dtr.pseudo.frames import pseudo_parts
from dtr.pseudo.variant import load_pseudo_steps
from dtr.sampling import load_steps
from dtr.steps import ClipSteps
from dtr.traces.catalogue import MECHANISMS, TRACES_VERSION
from dtr.traces.variant import SynthVariant, load_synth_steps
from dtr.video import Limits
from dtr.video.recode import RECIPES
from dtr.views import ViewSpec


@dataclass(frozen=True)
class Variant:
    """Which steps of a clip: as it is, through the canonical recipe, the k-th augmentation, with the k-th draw of
    synthesised traces, as that one's clean twin, or as the k-th pseudo-fake (k ≥ 1).

    Example:
        >>> Variant("augmented", 2).name, Variant("synth", 1).name
        ('aug2', 'synth1')
    """

    kind: Literal["plain", "canonical", "augmented", "synth", "twin", "pseudo"] = "plain"
    k: int = 0

    @property
    def name(self) -> str:
        """Short name used in the index."""
        short = {"augmented": "aug"}.get(self.kind, self.kind)
        return f"{short}{self.k}" if self.k else short


@dataclass(frozen=True)
class DecodeSetup:
    """What all jobs of a run share.

    Attributes:
        clock, views: of the backbone.
        decoder: "pyav" or "decord".
        limits: what one file may cost.
        strict: damage is an error.
        augment: ranges of augmentations. seed: of their draws.
        synth: what synthesised variants go through.
        networks: folder of the networks that make pseudo-fakes.
    """

    clock: Clock
    views: tuple[ViewSpec, ...]
    decoder: str = "pyav"
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    seed: int = 0
    synth: SynthVariant = field(default_factory=SynthVariant)
    networks: Path | None = None

    def variant_parts(self, variant: Variant) -> dict[str, Any]:
        """What of a variant changes its pixels; part of the cache key."""
        if variant.kind == "plain":
            return {"kind": variant.kind}
        codecs = {name: repr(recipe) for name, recipe in RECIPES.items()}
        if variant.kind == "canonical":
            return {"kind": variant.kind, "spec": asdict(CanonicalSpec()), "codecs": codecs["h264"]}
        own = {"kind": variant.kind, "k": variant.k, "seed": self.seed, "codecs": codecs}
        if variant.kind in ("synth", "twin"):
            known = {"mechanisms": [m.name for m in MECHANISMS], "traces_version": TRACES_VERSION}
            return own | known | {"spec": self.synth.to_json()}
        if variant.kind == "pseudo" and self.networks is not None:
            own |= pseudo_parts(self.networks)
        return own | {"spec": self.augment.to_json()}


@dataclass(frozen=True)
class ClipJob:
    """One variant of one clip; `content_sha256` is the hash of its file, `donor` another clip to borrow from."""

    video_id: str
    path: Path
    variant: Variant
    content_sha256: str
    donor: Path | None = None


def decode_job(job: ClipJob, setup: DecodeSetup) -> ClipSteps | JobFailure:
    """Steps of one clip, or why there are none; its `decode_s` is all the time spent here, recoding included."""
    begin = time.perf_counter()
    try:
        steps = _decode(job, setup)
        return replace(steps, decode_s=time.perf_counter() - begin)
    except DTRError as error:
        return JobFailure(error.kind, str(error))
    except (OSError, MemoryError) as error:
        return JobFailure("video", f"{job.path}: expected a video that can be read, got {error!r}; check the file")


def decode_jobs(
    jobs: Iterable[ClipJob], setup: DecodeSetup, workers: int
) -> Iterator[tuple[ClipJob, ClipSteps | JobFailure]]:
    """Results in the order in which they are ready; at most `workers` + 2 clips are in memory.

    A worker that dies (a crash inside a codec, no memory left) costs only the clip that killed it.

    Args:
        jobs: what to decode.
        setup: shared by all.
        workers: processes; 0 = in this process.
    """
    for job, result in run_jobs(jobs, partial(decode_job, setup=setup), workers):
        if result is None:
            result = JobFailure(
                "video",
                f"{job.path}: decoding it ended the worker process (a crash, or no memory left); remove the file",
            )
        yield job, result


def _decode(job: ClipJob, setup: DecodeSetup) -> ClipSteps:
    how: dict[str, Any] = {"decoder": setup.decoder, "limits": setup.limits, "strict": setup.strict}
    if job.variant.kind == "plain":
        return load_steps(job.path, setup.clock, setup.views, **how)
    if job.variant.kind == "canonical":
        return canonical_steps(job.path, setup.clock, setup.views, **how)
    k, seed = job.variant.k, setup.seed
    if job.variant.kind in ("synth", "twin"):
        own: dict[str, Any] = {"content_sha256": job.content_sha256, "donor": job.donor}
        own["clean"] = job.variant.kind == "twin"
        return load_synth_steps(job.path, setup.clock, setup.views, setup.synth, seed, k, **own, **how)
    how |= {"clock": setup.clock, "views": setup.views, "spec": setup.augment, "seed": seed}
    how |= {"content_sha256": job.content_sha256}
    if job.variant.kind == "pseudo" and setup.networks is not None:
        return load_pseudo_steps(setup.networks, job.path, k, **how)
    return load_augmented_steps(job.path, k=k, **how)
