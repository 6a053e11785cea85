"""Cached features and annotations as batches: random windows to train on, whole clips to validate, test and predict."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from dtr.annotation import VideoAnnotation
from dtr.batch import Sample, collate, make_sample
from dtr.cache import FeatureCache
from dtr.clock import Clock
from dtr.data.dataset import read_dataset
from dtr.data.parts import read_parts
from dtr.data.splits import CutBy, training_parts
from dtr.errors import CacheError, ConfigError
from dtr.features import ClipFeatures
from dtr.head import Batch
from dtr.planted import with_planted

log = logging.getLogger(__name__)

Needs = Literal["label", "traces", "tags"]


class FeatureDataModule(pl.LightningDataModule):
    """Features of annotated videos.

    The training split is cut by source into three parts: `fit` (gradients), `dev` (early stopping and the choice of a
    checkpoint) and `calibration`. No source is in two of them, except those of a label with fewer sources than parts:
    it is cut by video, and the log and the card say so.

    Args:
        data: annotated data set (a folder or file that `dtr data check` accepts).
        cache: feature cache that `dtr features` made of it.
        needs: what a video must have to be used: "label" (any known label), "traces" (somebody looked for traces) or
            "tags" (a trace with tags).
        train_split: cut into fit, dev and calibration.
        dev_split: name of a split to validate on instead of a part of the training split.
        test_split: for `dtr test` and `dtr predict`.
        dev_fraction, calibration_fraction: of the training split.
        cut: "source" as above, or "video": at random, as the splits of the DeeptraceReward release are.
        test_variant: which cached features to test on: "plain" or "canonical".
        batch_size: windows per training batch; clips per validation batch are limited to a quarter of it.
        windows_per_clip: random windows of one clip per training sample.
        augment: train on a random one of a clip's cached views instead of the plain one only.
        synth: share of training samples that are variants with synthesised traces, of clips that have such features;
            clips that are of no use otherwise (nobody looked at them, say) are then trained on in these variants only.
            Each comes with the same windows of its clean twin, so that a head learns the trace and not the place.
        pseudo: share of training samples that are pseudo-fakes of camera clips, for a head that names the label.
        dev_synth: validate on the synthesised variants of the dev part, for a training that sees nothing else.
        inside: chance that a training window of a clip with traces is one that holds a trace.
        num_workers: loader processes.
        seed: of the cut.
        memory_gb: cached features to keep in memory (per loader process).
        window: steps in a window instead of what the features were made for; windows then overlap by half.
        tokens: (first, end) of the tokens of every step that a head gets, the others are masked: what some of a
            backbone's views are worth, for ablations.
        on_missing: "error", or "report" to leave out (and count) videos without cached features.
        parts_file: JSON file that names the videos of each part (see `dtr.data.parts`), instead of cutting splits.
    """

    def __init__(
        self,
        data: str,
        cache: str,
        needs: Needs = "label",
        train_split: str = "train",
        dev_split: str | None = None,
        test_split: str = "test",
        dev_fraction: float = 0.15,
        calibration_fraction: float = 0.15,
        cut: CutBy = "source",
        test_variant: str = "plain",
        batch_size: int = 16,
        windows_per_clip: int = 1,
        augment: bool = True,
        synth: float = 0.0,
        pseudo: float = 0.0,
        dev_synth: bool = False,
        inside: float = 0.75,
        num_workers: int = 0,
        seed: int = 0,
        memory_gb: float = 4.0,
        window: int | None = None,
        tokens: tuple[int, int] | None = None,
        on_missing: Literal["error", "report"] = "error",
        parts_file: str | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or windows_per_clip < 1 or not 0 <= inside <= 1:
            raise ConfigError(
                f"data: expected batch_size >= 1, windows_per_clip >= 1 and inside in [0, 1], got {batch_size}, "
                f"{windows_per_clip}, {inside}; mend the configuration"
            )
        if synth < 0 or pseudo < 0 or synth + pseudo > 1:
            raise ConfigError(
                f"data: expected synth and pseudo of at least 0 that share 1 at most, got {synth} and {pseudo}; mend "
                "the configuration"
            )
        self.data, self.needs, self.seed, self.parts_file = data, needs, seed, parts_file
        self.splits = {"train": train_split, "dev": dev_split, "test": test_split}
        self.fractions = (dev_fraction, calibration_fraction)
        self.cut: CutBy = cut
        self.test_variant, self.batch_size, self.windows_per_clip = test_variant, batch_size, windows_per_clip
        self.augment, self.inside, self.num_workers, self.on_missing = augment, inside, num_workers, on_missing
        self.shares, self.dev_synth = {"synth": synth, "pseudo": pseudo}, dev_synth
        self.store = FeatureStore(FeatureCache.open(cache), memory_gb, window, tokens)
        self.parts: dict[str, tuple[VideoAnnotation, ...]] = {}
        self.made: dict[str, tuple[VideoAnnotation, ...]] = {}
        self.planted_dev: tuple[VideoAnnotation, ...] = ()
        self.facts: Mapping[str, dict[str, Any]] = {}

    @property
    def width(self) -> int:
        """D of the cached tokens."""
        return self.store.recipe.width

    @property
    def backbone_id(self) -> str:
        """Whose features these are."""
        return self.store.recipe.backbone_id

    @property
    def clock(self) -> Clock:
        """Steps and windows of the heads."""
        return self.store.recipe.head_clock

    def setup(self, stage: str) -> None:
        """Read annotations, cut the training split, and check that every video has features.

        Raises:
            AnnotationError: the data set has problems.
            CacheError: features are missing.
            ConfigError: a part is empty, or the file of parts does not fit the data set.
        """
        if self.parts:
            return
        release = read_dataset(self.data)
        self.facts = release.facts
        videos = [v for v in release.videos if v.label is not None]
        if self.parts_file is None:
            parts = self._cut(videos, release.facts)
        else:
            parts = read_parts(Path(self.parts_file), videos)
        self.parts = {name: self._with_features([v for v in p if self._useful(v)]) for name, p in parts.items()}
        self.made = {kind: self._with_made(parts["fit"], kind) for kind, share in self.shares.items() if share}
        self.planted_dev = self._with_made(parts["dev"], "synth") if self.dev_synth else ()
        self._require_made()
        made = {"fit": any(self.made.values()), "dev": bool(self.planted_dev)}
        empty = [name for name in ("fit", "dev") if not (made[name] or self.parts[name])]
        if empty and stage == "fit":
            raise ConfigError(
                f"{self.data}: expected videos with {self.needs} in {self._origin('train')}, found none for "
                f"{' and '.join(empty)}; name another split or add annotations"
            )

    def _cut(
        self, videos: Sequence[VideoAnnotation], facts: Mapping[str, dict[str, Any]]
    ) -> dict[str, tuple[VideoAnnotation, ...]]:
        """Parts of the named splits."""
        train, dev, test = (tuple(v for v in videos if v.split == self.splits[s]) for s in ("train", "dev", "test"))
        own_dev = self.splits["dev"] is not None
        dev_fraction, calibration_fraction = (0.0 if own_dev else self.fractions[0]), self.fractions[1]
        parts = training_parts(train, dev_fraction, calibration_fraction, self.seed, facts=facts, by=self.cut)
        return parts | ({"dev": dev} if own_dev else {}) | {"test": test}

    def part(self, name: str, *, variant: str = "plain") -> DataLoader[list[Sample]]:
        """Whole clips of one part ("fit", "dev", "calibration" or "test"), in order.

        Raises:
            ConfigError: the part is empty.
        """
        if not self.parts[name]:
            raise ConfigError(
                f"{self.data}: expected videos with {self.needs} in part '{name}' (of {self._origin(name)}), found "
                "none; name another split or add annotations"
            )
        return self._loader(
            ClipDataset([(v, variant) for v in self.parts[name]], self.store), max(1, self.batch_size // 4)
        )

    def _origin(self, name: str) -> str:
        return self.parts_file or f"split '{self.splits.get(name) or self.splits['train']}'"

    def train_dataloader(self) -> DataLoader[list[Sample]]:
        """Random windows; sources and labels in balance."""
        clips, weights = self._training_clips()
        dataset = WindowDataset(clips, self.store, self.windows_per_clip, self.inside)
        sampler = WeightedRandomSampler(weights, num_samples=len({v.video_id for v, _ in clips}))
        return self._loader(dataset, max(1, self.batch_size // self.windows_per_clip), sampler)

    def _training_clips(self) -> tuple[list[tuple[VideoAnnotation, tuple[str, ...]]], list[float]]:
        """Videos with the variants that a sample may take, and how often each is drawn: by groups, as `shares` says."""
        groups = {"": [(v, self._usual(v.video_id)) for v in self.parts["fit"]]}
        groups |= {kind: [(v, self._made(v.video_id, kind)) for v in made] for kind, made in self.made.items()}
        shares = {"": 1 - sum(self.shares.values())} | self.shares
        groups = {kind: group for kind, group in groups.items() if group and shares[kind] > 0}
        clips = [clip for group in groups.values() for clip in group]
        weights = [shares[k] * w for k, group in groups.items() for w in balanced_weights([v for v, _ in group])]
        return clips, weights

    def _usual(self, video_id: str) -> tuple[str, ...]:
        """Variants that hold the clip as it is, but for size, codec and the like."""
        found = self.store.variants(video_id)
        return tuple(v for v in found if v == "plain" or (self.augment and v.startswith("aug")))

    def _made(self, video_id: str, kind: str) -> tuple[str, ...]:
        """Variants that something was put into: "synth" or "pseudo"."""
        return tuple(v for v in self.store.variants(video_id) if v.startswith(kind))

    def _with_made(self, videos: Sequence[VideoAnnotation], kind: str) -> tuple[VideoAnnotation, ...]:
        return tuple(v for v in videos if self._made(v.video_id, kind))

    def _require_made(self) -> None:
        lacking = [kind for kind, videos in self.made.items() if not videos]
        lacking += ["synth"] if self.dev_synth and not self.planted_dev else []
        if lacking:
            raise ConfigError(
                f"{self.store.folder}: expected features of the kind '{lacking[0]}' that data.{lacking[0]} asks for, "
                f"found none; run dtr features again with --{lacking[0]}-per-clip 2, or set it to 0"
            )

    def val_dataloader(self) -> DataLoader[list[Sample]]:
        """Whole clips of the dev part."""
        if self.dev_synth:
            clips = [(v, name) for v in self.planted_dev for name in self._made(v.video_id, "synth")]
            return self._loader(ClipDataset(clips, self.store), max(1, self.batch_size // 4))
        return self.part("dev")

    def test_dataloader(self) -> DataLoader[list[Sample]]:
        """Whole clips of the test split."""
        return self.part("test", variant=self.test_variant)

    def predict_dataloader(self) -> DataLoader[list[Sample]]:
        """Whole clips of the test split."""
        return self.part("test", variant=self.test_variant)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move features and targets; indices of windows stay where decoding needs them."""
        return batch._replace(features=batch.features.to(device), targets=batch.targets.to(device))

    def _loader(
        self, dataset: Dataset[list[Sample]], size: int, sampler: WeightedRandomSampler | None = None
    ) -> DataLoader:
        return DataLoader(
            dataset,
            batch_size=size,
            sampler=sampler,
            collate_fn=_collate,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def _useful(self, video: VideoAnnotation) -> bool:
        if self.needs == "label":
            return True
        if self.needs == "traces":
            return video.traces is not None and (video.exhaustive or bool(video.traces))
        return any(t.categories is not None for t in video.traces or ())

    def _with_features(self, videos: Sequence[VideoAnnotation]) -> tuple[VideoAnnotation, ...]:
        missing = [v for v in videos if "plain" not in self.store.variants(v.video_id)]
        if missing and self.on_missing == "error":
            raise CacheError(
                f"{self.store.folder}: expected features of all {len(videos)} videos, {len(missing)} are missing "
                f"(first: {missing[0].video_id}); run dtr features again, or set data.on_missing to report"
            )
        if missing:
            log.warning("%d videos have no cached features and are left out: %s", len(missing), _names(missing))
        gone = {v.video_id for v in missing}
        return tuple(v for v in videos if v.video_id not in gone)


class FeatureStore:
    """Features by video and variant, the first ones read kept in memory.

    Args:
        cache: to read. memory_gb: most to keep.
        window: steps in a window of the heads instead of the cache's.
        tokens: (first, end) of those that are not masked; None = all.

    Raises:
        ConfigError: `window` is less than 1, or `tokens` names none of the cache's tokens.
    """

    def __init__(
        self, cache: FeatureCache, memory_gb: float, window: int | None = None, tokens: tuple[int, int] | None = None
    ) -> None:
        self.cache, self.recipe, self.folder = cache, cache.recipe, cache.folder
        if window is not None:
            clock = Clock(self.recipe.head_clock.rate_hz, window, max(1, window // 2))
            self.recipe = replace(self.recipe, head_clock=clock)
        first, end = tokens or (0, self.recipe.num_tokens)
        if not 0 <= first < end <= self.recipe.num_tokens:
            raise ConfigError(
                f"data.tokens: expected a first token and an end up to {self.recipe.num_tokens}, the tokens of a step "
                f"in {self.folder}, got {first} and {end}"
            )
        self._shown = None if tokens is None else slice(first, end)
        self._room = int(memory_gb * 1e9)
        self._kept: dict[str, ClipFeatures] = {}

    def variants(self, video_id: str) -> list[str]:
        """Cached variants of a video, in order of name; empty = none."""
        return sorted(self.cache.by_video.get(video_id, {}))

    def read(self, video_id: str, variant: str) -> ClipFeatures:
        """Features of one clip.

        Raises:
            CacheError: the variant is not cached, or its file is damaged.
        """
        entry = self.cache.by_video.get(video_id, {}).get(variant)
        if entry is None:
            raise CacheError(
                f"{self.folder}: expected '{variant}' features of video {video_id}, found {self.variants(video_id)}; "
                "run dtr features with a configuration that makes them"
            )
        if entry.key not in self._kept:
            clip = self._masked(self.cache.read(entry.key))
            if clip.tokens.nbytes > self._room:
                return clip
            self._room -= clip.tokens.nbytes
            self._kept[entry.key] = clip
        return self._kept[entry.key]

    def _masked(self, clip: ClipFeatures) -> ClipFeatures:
        if self._shown is None:
            return clip
        mask = np.zeros_like(clip.token_mask)
        mask[:, self._shown] = clip.token_mask[:, self._shown]
        return replace(clip, token_mask=mask)


class WindowDataset(Dataset[list[Sample]]):
    """Random windows of each video, of a random one of the variants named; a new draw for every item asked for.

    Windows of a variant with synthesised traces come with the same windows of its clean twin, where that is cached.
    """

    def __init__(
        self, clips: Sequence[tuple[VideoAnnotation, tuple[str, ...]]], store: FeatureStore, windows: int, inside: float
    ) -> None:
        self.clips, self.store, self.windows, self.inside = clips, store, windows, inside

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> list[Sample]:
        video, variants = self.clips[index]
        variant = variants[_draw(len(variants))]
        clip = self.store.read(video.video_id, variant)
        window_steps = every_window(clip.num_steps, self.store.recipe.head_clock.window)
        known = with_planted(video, clip.planted)
        chosen = window_steps[[self._choose(known, clip.step_s, window_steps) for _ in range(self.windows)]]
        samples = [make_sample(video, clip, chosen)]
        twin = variant.replace("synth", "twin")
        if twin != variant and twin in self.store.variants(video.video_id):
            samples.append(make_sample(video, self.store.read(video.video_id, twin), chosen, is_twin=True))
        return samples

    def _choose(self, video: VideoAnnotation, step_s: np.ndarray, window_steps: np.ndarray) -> int:
        spans = [t.span_s for t in video.traces or () if t.span_s is not None]
        if spans and float(torch.rand(())) < self.inside:
            start = step_s[window_steps[:, 0], 0]
            last = window_steps.max(axis=1)
            holds = [i for i in range(len(start)) if any(s < step_s[last[i], 1] and e > start[i] for s, e in spans)]
            if holds:
                return holds[_draw(len(holds))]
        return _draw(len(window_steps))


class ClipDataset(Dataset[list[Sample]]):
    """Every window of each video, in the variant named."""

    def __init__(self, clips: Sequence[tuple[VideoAnnotation, str]], store: FeatureStore) -> None:
        self.clips, self.store = clips, store

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> list[Sample]:
        video, variant = self.clips[index]
        clip = self.store.read(video.video_id, variant)
        return [make_sample(video, clip, self.store.recipe.head_clock.window_steps(clip.num_steps))]


def every_window(num_steps: int, window: int) -> np.ndarray:
    """Windows that begin at every step they can: (W, window) step index, −1 = padding of a clip that is shorter.

    Example:
        >>> every_window(3, 2).tolist(), every_window(1, 2).tolist()
        ([[0, 1], [1, 2]], [[0, -1]])
    """
    index = np.arange(max(1, num_steps - window + 1))[:, None] + np.arange(window)
    return np.where(index < num_steps, index, -1)


def balanced_weights(videos: Sequence[VideoAnnotation]) -> list[float]:
    """Sampling weights: both labels equally often; within a label a source by the square root of its size.

    Example:
        >>> from pathlib import Path
        >>> def clip(label, source): return VideoAnnotation("v", Path("v.mp4"), label, source=source)
        >>> balanced_weights([clip("fake", "a"), clip("real", "b"), clip("real", "c")])
        [0.5, 0.25, 0.25]
    """
    sources = Counter((v.label, v.source) for v in videos)
    raw = [1 / np.sqrt(sources[v.label, v.source]) for v in videos]
    totals: Counter[str | None] = Counter()
    for video, weight in zip(videos, raw, strict=True):
        totals[video.label] += weight  # type: ignore[assignment]
    return [float(w / totals[v.label] / len(totals)) for v, w in zip(videos, raw, strict=True)]


def _collate(items: list[list[Sample]]) -> Batch:
    return collate([sample for samples in items for sample in samples])


def _draw(count: int) -> int:
    """A uniform integer below `count` from torch's generator, which Lightning seeds in every worker."""
    return int(torch.randint(count, ()))


def _names(videos: Sequence[VideoAnnotation], most: int = 20) -> str:
    names = [v.video_id for v in videos[:most]]
    return ", ".join(names) + (f" and {len(videos) - most} more" if len(videos) > most else "")
