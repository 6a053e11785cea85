"""The feature cache: one safetensors file per clip and variant, an index, and the recipe that made them all.

    recipe.json          what made the features; a folder holds the features of one recipe
    index.jsonl          one line per video and variant; written when a run ends, replaced as a whole
    clips/<key>.safetensors

A key is a hash over everything that changes a feature (content of the file, decoder, clock, views, augmentation,
backbone), so that a file found under its key is the right one or damaged; damage is found by a hash over its arrays.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dtr.cache_file import StorageType, pack, replace_file, unpack
from dtr.clock import Clock
from dtr.errors import CacheError
from dtr.features import ClipFeatures

FORMAT = 1
RECIPE_FILE = "recipe.json"
INDEX_FILE = "index.jsonl"
CLIP_FOLDER = "clips"


@dataclass(frozen=True)
class CacheRecipe:
    """What made the features of a folder.

    Attributes:
        identity: everything but the clip and its variant that changes a feature; part of every key. JSON types.
        backbone: {"class_path": …, "init_args": …} that builds the backbone again.
        backbone_id: whose features these are.
        width: D. num_tokens: P.
        clock: of the steps that were decoded. head_clock: of the steps that are stored.
    """

    identity: dict[str, Any]
    backbone: dict[str, Any]
    backbone_id: str
    width: int
    num_tokens: int
    clock: Clock
    head_clock: Clock

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CacheRecipe:
        """Inverse of `dataclasses.asdict`; raises KeyError or TypeError on anything else."""
        fields = {name: data[name] for name in cls.__dataclass_fields__}
        return cls(**(fields | {name: Clock(**data[name]) for name in ("clock", "head_clock")}))


@dataclass(frozen=True)
class CacheEntry:
    """One line of the index.

    Attributes:
        video_id: of the annotation. variant: "plain", "canonical", or "aug1", "aug2", ….
        key: names the file; videos of the same content share it.
        num_steps: steps stored. num_bytes: size of the file.
    """

    video_id: str
    variant: str
    key: str
    num_steps: int
    num_bytes: int


def cache_key(parts: Mapping[str, Any]) -> str:
    """32 hex digits over JSON values, whatever the order of their names.

    Example:
        >>> cache_key({"a": 1, "b": 2}) == cache_key({"b": 2, "a": 1}) != cache_key({"a": 1, "b": 3})
        True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class FeatureCache:
    """A folder of cached features; use `FeatureCache.open` to read and `FeatureCache.create` to write."""

    def __init__(self, folder: Path, recipe: CacheRecipe) -> None:
        self.folder = folder
        self.recipe = recipe

    @classmethod
    def open(cls, folder: str | Path) -> FeatureCache:
        """An existing cache.

        Raises:
            CacheError: the folder is missing, is not a cache, or was written by another version.
        """
        path = Path(folder) / RECIPE_FILE
        try:
            data = json.loads(path.read_text())
            if data["format"] != FORMAT:
                raise CacheError(f"{path}: expected cache format {FORMAT}, got {data['format']}; use another folder")
            return cls(Path(folder), CacheRecipe.from_json(data))
        except FileNotFoundError as error:
            raise CacheError(f"{folder}: expected a feature cache, found no {RECIPE_FILE}; run dtr features") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CacheError(f"{path}: no recipe of a feature cache ({error!r}); use another folder") from error

    @classmethod
    def create(cls, folder: str | Path, recipe: CacheRecipe) -> FeatureCache:
        """A cache to write to: a new folder, or an existing one of the same recipe.

        Raises:
            CacheError: the folder holds the features of another recipe, or cannot be written.
        """
        folder = Path(folder)
        if (folder / RECIPE_FILE).exists():
            _require_same(folder, cls.open(folder).recipe.identity, json.loads(json.dumps(recipe.identity)))
        try:
            (folder / CLIP_FOLDER).mkdir(parents=True, exist_ok=True)
            data = json.dumps({"format": FORMAT, **asdict(recipe)}, indent=1)
            replace_file(folder / RECIPE_FILE, data.encode())
        except OSError as error:
            raise CacheError(f"{folder}: expected a folder to write features to, got '{error}'") from error
        return cls(folder, recipe)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out; the lock ends with the process, however it ends.

        Raises:
            CacheError: another process is writing to this cache.
        """
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CacheError(f"{self.folder}: another process is writing to this cache; wait for it") from error
            for left in (self.folder / CLIP_FOLDER).glob(".*.tmp"):
                left.unlink()
            yield

    def path(self, key: str) -> Path:
        """File of a key."""
        return self.folder / CLIP_FOLDER / f"{key}.safetensors"

    def write(self, key: str, clip: ClipFeatures, parts: Mapping[str, Any], dtype: StorageType = "auto") -> int:
        """Store one clip; the file appears whole or not at all.

        Args:
            key: `cache_key(parts)`.
            clip: features, finite.
            parts: what the key was made of, kept in the file.
            dtype: how tokens are stored.

        Returns:
            Size of the file in bytes.

        Raises:
            CacheError: a value is not finite, or too large for `dtype`, or the disk refuses.
        """
        data = pack(clip, {"key": key, "parts": json.dumps(parts, sort_keys=True)}, dtype)
        try:
            replace_file(self.path(key), data)
        except OSError as error:
            raise CacheError(f"{self.path(key)}: cannot be written ({error}); free space on the disk") from error
        return len(data)

    def read(self, key: str) -> ClipFeatures:
        """Features of one clip, checked against their hash; tokens float16 or float32.

        Raises:
            CacheError: the file is missing, damaged or another key's.
        """
        path = self.path(key)
        try:
            clip, about = unpack(path.read_bytes())
        except FileNotFoundError as error:
            raise CacheError(f"{path}: expected cached features, found no file; run dtr features again") from error
        except (OSError, ValueError) as error:
            raise CacheError(f"{path}: damaged ({error}); run dtr features again to remake it") from error
        if about.get("key") != key:
            raise CacheError(f"{path}: holds the features of another key; run dtr features again to remake it")
        return clip

    def has(self, key: str) -> bool:
        """Whether there is a file under this key, whole or not."""
        return self.path(key).is_file()

    def verify(self, key: str) -> ClipFeatures | None:
        """The features under this key, or None where they are missing or damaged."""
        try:
            return self.read(key)
        except CacheError:
            return None

    @cached_property
    def entries(self) -> tuple[CacheEntry, ...]:
        """All lines of the index.

        Raises:
            CacheError: there is no index, or it is damaged.
        """
        path = self.folder / INDEX_FILE
        try:
            return tuple(CacheEntry(**json.loads(line)) for line in path.read_text().splitlines())
        except FileNotFoundError as error:
            raise CacheError(f"{path}: no index, the cache is unfinished; run dtr features to its end") from error
        except (OSError, ValueError, TypeError) as error:
            raise CacheError(f"{path}: damaged ({error}); delete it and run dtr features again") from error

    @cached_property
    def by_video(self) -> dict[str, dict[str, CacheEntry]]:
        """Entries by video id, then by variant; a video without features is absent."""
        found: dict[str, dict[str, CacheEntry]] = {}
        for entry in self.entries:
            found.setdefault(entry.video_id, {})[entry.variant] = entry
        return found

    def write_index(self, entries: Iterable[CacheEntry]) -> None:
        """Replace the index; entries of an older index for other videos or variants stay while their file does."""
        new = {(e.video_id, e.variant): e for e in entries}
        old = self.entries if (self.folder / INDEX_FILE).is_file() else ()
        merged = {(e.video_id, e.variant): e for e in old if self.has(e.key)} | new
        lines = [json.dumps(asdict(e)) + "\n" for e in merged.values()]
        replace_file(self.folder / INDEX_FILE, "".join(sorted(lines)).encode())
        for name in ("entries", "by_video"):
            self.__dict__.pop(name, None)


def _require_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    differ = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if differ:
        first = differ[0]
        raise CacheError(
            f"{folder}: expected features of the same recipe, got a folder that differs in {', '.join(differ)} "
            f"({first}: {old.get(first)} there, {new.get(first)} now); use another folder"
        )
