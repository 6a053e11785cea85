"""What a run of `dtr features` has to make: options, the cache's recipe, and the clips that are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtr.annotation import VideoAnnotation
from dtr.augment import AugmentSpec
from dtr.cache import CacheRecipe, FeatureCache, cache_key
from dtr.cache_file import StorageType
from dtr.clip_jobs import ClipJob, DecodeSetup, Variant
from dtr.errors import ConfigError, MissingExtraError
from dtr.job_pool import JobFailure
from dtr.traces.variant import SynthVariant
from dtr.video import DECODERS, Limits
from dtr.video.scale import SCALER

if TYPE_CHECKING:
    from dtr.backbones.protocol import Backbone

UNKNOWN_DURATION_S = 5.0
"""Assumed length of a video whose annotation states none; for estimates only."""

HEADER_BYTES = 1300
"""About what a file of the cache holds beside its arrays; for estimates only."""


@dataclass(frozen=True)
class FeaturiseOptions:
    """How features are made.

    Attributes:
        workers: decoding processes; 0 = decode in this process.
        views_per_clip: augmented variants of every clip, beside the plain one.
        synth_per_clip: variants with synthesised traces of every clip, each with a clean twin. synth: what they go
            through.
        pseudo_per_clip: pseudo-fakes of every camera clip. networks: folder of the networks that make them.
        canonical: also the variant where every clip went through one recipe.
        augment: ranges of the augmentations. seed: of their draws.
        decoder: "pyav" or "decord". limits: what one file may cost. strict: damage is an error.
        dtype: how tokens are stored.
    """

    workers: int = 0
    views_per_clip: int = 0
    synth_per_clip: int = 0
    synth: SynthVariant = field(default_factory=SynthVariant)
    pseudo_per_clip: int = 0
    networks: Path | None = None
    canonical: bool = False
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    seed: int = 0
    decoder: str = "pyav"
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
    dtype: StorageType = "auto"

    def __post_init__(self) -> None:
        counts = (self.workers, self.views_per_clip, self.synth_per_clip, self.pseudo_per_clip)
        if min(counts) < 0:
            raise ConfigError(
                "features: expected workers, views_per_clip, synth_per_clip and pseudo_per_clip of 0 or more, got "
                f"{', '.join(map(str, counts))}"
            )
        if self.pseudo_per_clip and self.networks is None:
            raise ConfigError(
                "features: pseudo-fakes need the networks that make them; train them with dtr pseudo, and name their "
                "folder by --networks"
            )

    def variants(self, label: str | None) -> tuple[Variant, ...]:
        """Every variant that a clip of a label gets."""
        canonical = (Variant("canonical"),) if self.canonical else ()
        counts = {"augmented": self.views_per_clip, "synth": self.synth_per_clip, "twin": self.synth_per_clip}
        counts |= {"pseudo": self.pseudo_per_clip} if label == "real" else {}
        drawn = (Variant(kind, k + 1) for kind, count in counts.items() for k in range(count))  # type: ignore[arg-type]
        return (Variant(), *canonical, *drawn)

    def setup(self, backbone: Backbone) -> DecodeSetup:
        """What decoding needs to know."""
        own = (self.decoder, self.limits, self.strict, self.augment, self.seed, self.synth, self.networks)
        return DecodeSetup(backbone.clock, backbone.views, *own)


@dataclass
class FeaturePlan:
    """Clips of a run, one job per video and variant; videos of the same content share a key and so a file.

    Attributes:
        jobs: by key. pending: keys that are not whole in the cache. ready: steps of those that are, by key.
        failures: jobs whose file cannot be read, and why.
    """

    jobs: dict[str, list[ClipJob]] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    ready: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[ClipJob, JobFailure]] = field(default_factory=list)


def recipe_of(backbone: Backbone, decoder: str = "pyav", dtype: StorageType = "auto") -> CacheRecipe:
    """What identifies the features that `backbone` makes here."""
    kind = type(backbone)
    return CacheRecipe(
        identity={
            "backbone_id": backbone.backbone_id,
            "backbone": backbone.config,
            "rate_hz": backbone.clock.rate_hz,  # windows are cut from the cache, not into it
            "views": [v.to_json() for v in backbone.views],
            "decoder": _decoder_version(decoder),
            "scaler": SCALER,
            "dtype": dtype,
        },
        backbone={"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": backbone.init_args},
        backbone_id=backbone.backbone_id,
        width=backbone.width,
        num_tokens=backbone.num_tokens,
        clock=backbone.clock,
        head_clock=backbone.head_clock,
    )


def key_parts(cache: FeatureCache, setup: DecodeSetup, job: ClipJob) -> dict[str, Any]:
    """All that the key of a job is made of, in JSON types."""
    own = {"content_sha256": job.content_sha256, "variant": setup.variant_parts(job.variant)}
    donor = {} if job.donor is None else {"donor": job.donor.name}
    return {**cache.recipe.identity, **own, **donor}


def make_plan(
    videos: Sequence[VideoAnnotation], cache: FeatureCache, options: FeaturiseOptions, setup: DecodeSetup
) -> FeaturePlan:
    """Hash every file, then look which features the cache holds whole.

    Raises:
        ConfigError: a video id comes twice.
    """
    if len({v.video_id for v in videos}) < len(videos):
        ids = [v.video_id for v in videos]
        twice = next(i for i in ids if ids.count(i) > 1)
        raise ConfigError(f"features: expected every video id once, got '{twice}' twice; run dtr data check")
    plan = FeaturePlan()
    for job, failure in _jobs(videos, options):
        if failure is None:
            plan.jobs.setdefault(cache_key(key_parts(cache, setup, job)), []).append(job)
        else:
            plan.failures.append((job, failure))
    for key in plan.jobs:
        clip = cache.verify(key) if cache.has(key) else None
        if clip is None:
            plan.pending.append(key)
        else:
            plan.ready[key] = clip.num_steps
    return plan


def expected_steps(videos: Sequence[VideoAnnotation], backbone: Backbone) -> dict[str, int]:
    """Output steps of each video by its stated duration; an estimate."""
    return {v.video_id: backbone.head_clock.num_steps(v.duration_s or UNKNOWN_DURATION_S) for v in videos}


def bytes_per_step(backbone: Backbone, dtype: StorageType) -> int:
    """Size on disk of one output step: its tokens with mask and cells, and its time span."""
    token = backbone.width * (4 if dtype == "float32" else 2) + 1 + 16
    return backbone.num_tokens * token + 8


def _decoder_version(decoder: str) -> str:
    """Name and version; PyAV's is always part of it, as its scaler and codecs make every view.

    Raises:
        ConfigError: no such decoder.
        MissingExtraError: its package is not installed.
    """
    if decoder not in DECODERS:
        raise ConfigError(f"features: the decoder must be one of {', '.join(DECODERS)}, got '{decoder}'")
    pyav = f"pyav {version('av')}"
    if decoder == "pyav":
        return pyav
    try:
        return f"{decoder} {version(decoder)}, {pyav}"
    except PackageNotFoundError as error:
        raise MissingExtraError(
            f"features: the package {decoder} is not installed; run: pip install 'dtr-video[{decoder}]'"
        ) from error


def _jobs(videos: Sequence[VideoAnnotation], options: FeaturiseOptions) -> Iterator[tuple[ClipJob, JobFailure | None]]:
    pools: dict[tuple[str | None, str | None], list[Path]] = {}
    for video in videos:
        pools.setdefault((video.label, video.split), []).append(video.path)
    with ThreadPoolExecutor(max(1, options.workers)) as executor:
        digests = executor.map(_content_sha256, [v.path for v in videos])
        for video, digest in zip(videos, digests, strict=True):
            for variant in options.variants(video.label):
                if isinstance(digest, JobFailure):
                    yield ClipJob(video.video_id, video.path, variant, ""), digest
                else:
                    pool = pools[video.label, video.split]
                    donor = _donor(video, pool, variant, options.seed) if variant.kind in ("synth", "twin") else None
                    yield ClipJob(video.video_id, video.path, variant, digest, donor), None


def _donor(video: VideoAnnotation, pool: Sequence[Path], variant: Variant, seed: int) -> Path | None:
    """Another clip of the pool, chosen by the seed; None = there is no other."""
    digest = hashlib.sha256(f"{seed} {variant.k} {video.video_id}".encode()).digest()
    place = int.from_bytes(digest[:8], "big")
    found = pool[place % len(pool)]
    if found == video.path:
        found = pool[(place + 1) % len(pool)]
    return None if found == video.path else found


def _content_sha256(path: Path) -> str | JobFailure:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return JobFailure("video", f"{path}: expected a file that can be read, got '{error.strerror}'; check the path")
