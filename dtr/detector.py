"""The detector folder: everything a trained detector is, without pickle.

    detector.json                        ModelInfo, and the SHA-256 of every other file
    backbone/backbone.yaml               class_path and init_args
    backbone/weights.safetensors         absent for a backbone that is only referred to (a video-LM: name and hash)
    heads/<name>/head.yaml               class_path and init_args
    heads/<name>/weights.safetensors
    heads/<name>/calibration.json        of this head's own target, so that a head can be taken elsewhere
    card.md

Classes are imported by their path when a folder is loaded, so this file knows no head by name. The folder may come from
a stranger: only classes below an allowed prefix are imported, and every file must be as it was written.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtr.detector_files import (
    INFO_FILE,
    WEIGHTS_FILE,
    build,
    load_strictly,
    read_init,
    read_json,
    read_weights,
    reason,
    require_format,
    require_listed,
    sha256,
    write_init,
    write_json,
    write_weights,
)
from dtr.errors import DetectorError
from dtr.model_info import ModelInfo

if TYPE_CHECKING:
    from torch import Tensor

    from dtr.backbones.protocol import Backbone
    from dtr.head import Head

_TARGET_OF_KIND = {"label": "label", "category": "category"}
"""Calibration targets that belong to one head; the trace target belongs to the whole and stays in `detector.json`."""


@dataclass(frozen=True)
class BackbonePart:
    """How the backbone of a detector is built.

    Attributes:
        init: {"class_path": …, "init_args": {…}}.
        weights: what the class takes as its argument `weights`: a safetensors file, or the tensors to write into one;
            None = the arguments refer to weights that the backbone brings itself.
    """

    init: dict[str, Any]
    weights: Mapping[str, Tensor] | Path | None = None

    @classmethod
    def of(cls, backbone: Backbone, weights: Mapping[str, Tensor] | None = None) -> BackbonePart:
        """The part for a backbone in memory; `weights` as above."""
        kind = type(backbone)
        init = {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": backbone.init_args}
        return cls(init, weights)

    def build(self, where: str, allow: tuple[str, ...] = ()) -> Backbone:
        """The backbone itself.

        Raises:
            DetectorError: it cannot be built.
        """
        if self.weights is None:
            return build(self.init, where, allow, method="encode")
        with tempfile.TemporaryDirectory() as folder:
            path = self.weights if isinstance(self.weights, Path) else Path(folder) / WEIGHTS_FILE
            if not isinstance(self.weights, Path):
                write_weights(path, self.weights)
            init = {**self.init, "init_args": {**self.init["init_args"], "weights": str(path)}}
            return build(init, where, allow, method="encode")


@dataclass(frozen=True)
class LoadedDetector:
    """A detector in memory.

    Attributes:
        info: its metadata, calibration included.
        heads: by name, in evaluation mode.
        head_init: {"class_path": …, "init_args": {…}} by head name.
        backbone: None = the folder holds heads only.
        card: model card, Markdown.
    """

    info: ModelInfo
    heads: dict[str, Head]
    head_init: dict[str, dict[str, Any]]
    backbone: BackbonePart | None = None
    card: str = ""
    allow: tuple[str, ...] = field(default=(), repr=False)

    def build_backbone(self) -> Backbone:
        """The backbone, in evaluation mode, with the weights of the folder where it carries them.

        Raises:
            DetectorError: there is none, it cannot be built, or it is another one than the heads were trained on.
        """
        if self.backbone is None:
            raise DetectorError(
                f"detector '{self.info.model_id}' holds heads only; save it with its backbone to run it on frames"
            )
        where = f"backbone of detector '{self.info.model_id}'"
        backbone = self.backbone.build(where, self.allow)
        if backbone.backbone_id != self.info.backbone_id:
            raise DetectorError(
                f"{where}: expected '{self.info.backbone_id}', got '{backbone.backbone_id}'; "
                "use the weights and settings that the heads were trained with"
            )
        return backbone


def model_id(name: str, heads: Mapping[str, Head], backbone_id: str) -> str:
    """`name@` and 12 hex digits over the weights of all heads and the backbone's id."""
    from dtr.backbones.weights import backbone_id as hashed_id

    state = (
        (f"{head_name}.{key}", value) for head_name in heads for key, value in heads[head_name].state_dict().items()
    )
    return hashed_id(name, state, {"backbone_id": backbone_id})


def save_detector(
    folder: str | Path,
    *,
    info: ModelInfo,
    heads: Mapping[str, Head],
    head_init: Mapping[str, dict[str, Any]],
    backbone: BackbonePart | None = None,
    card: str = "",
) -> Path:
    """Write a detector folder in one step: it is there whole or not at all.

    Args:
        folder: to make; an existing detector folder is replaced, any other folder with content is refused.
        info: metadata; `info.heads` must be what the heads say of themselves.
        heads: by name.
        head_init: {"class_path": …, "init_args": {…}} by head name.
        backbone: stored with its weights, or as a reference, or not at all.
        card: model card, Markdown.

    Raises:
        DetectorError: the parts do not fit each other, or `folder` holds something else.
    """
    folder = Path(folder)
    _require_fit(info, heads, head_init)
    if folder.exists() and not (folder / INFO_FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise DetectorError(f"{folder}: expected a new, empty or detector folder to write to, got something else")
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write_parts(new, info, heads, head_init, backbone, card)
        _swap(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder


def load_detector(folder: str | Path, *, allow: Sequence[str] = ()) -> LoadedDetector:
    """Load a detector folder, strictly.

    Args:
        folder: written by `save_detector`.
        allow: prefixes of class paths to import besides `dtr.`, for example ("mylab.heads.",).

    Raises:
        DetectorError: something is missing, changed, cut short, of a class that is not allowed, or of another backbone.
    """
    folder = Path(folder)
    info, files = read_detector(folder)
    heads, head_init = {}, {}
    for name, spec in info.heads.items():
        part = folder / "heads" / name
        init = head_init[name] = read_init(part / "head.yaml", files, folder)
        head = heads[name] = build(init, str(part), tuple(allow), base="dtr.head.Head")
        load_strictly(head, read_weights(part / WEIGHTS_FILE, files, folder), str(part))
        _require_spec(head, name, spec, info.backbone_id, str(part))
        head.eval()
    card = (folder / "card.md").read_text(encoding="utf-8") if "card.md" in files else ""
    return LoadedDetector(info, heads, head_init, _read_backbone(folder, files), card, tuple(allow))


def read_detector(folder: Path) -> tuple[ModelInfo, dict[str, str]]:
    """Metadata, and the files of the folder with their SHA-256, all as they were written; nothing is built.

    Raises:
        DetectorError: something is missing, changed or cut short.
    """
    info, files = read_info(folder)
    for name, digest in files.items():
        _require_unchanged(folder, name, digest)
    return info, files


def read_info(folder: Path) -> tuple[ModelInfo, dict[str, str]]:
    """Metadata, and the files it lists with their SHA-256, which are not compared: enough for a list of detectors.

    Raises:
        DetectorError: it is not the folder of a detector, or its metadata are damaged.
    """
    path = folder / INFO_FILE
    data = read_json(path, f"{folder}: expected a detector folder with {INFO_FILE}")
    require_format(data.get("format"), str(path))
    try:
        info = ModelInfo.from_json(data)
        files = {str(name): str(digest) for name, digest in data["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DetectorError(
            f"{path}: expected the metadata of a detector, got a file without a valid {reason(error)}; save it again"
        ) from error
    calibration = dict(info.calibration)
    for name in info.heads:
        _require_name(name, str(path))
        part = folder / "heads" / name / "calibration.json"
        require_listed(part, files, folder)
        calibration |= read_json(part, f"{path}: head '{name}' needs heads/{name}/calibration.json")
    return replace(info, calibration=calibration), files


def merge_detectors(detectors: Sequence[LoadedDetector], *, name: str | None = None) -> LoadedDetector:
    """One detector with the heads of several that were trained on the same backbone.

    Args:
        detectors: with different head names; where two give the same setting, they must agree.
        name: of the result; the first one's by default.

    Raises:
        DetectorError: they differ in backbone, clock or views, share a head's name, or contradict each other.
    """
    if not detectors:
        raise DetectorError("expected at least one detector to merge, got none; name the folders")
    first = detectors[0]
    if len(detectors) == 1 and name is None:
        return first
    for other in detectors[1:]:
        _require_same_input(first.info, other.info)
    model_ids = [d.info.model_id for d in detectors]
    digest = hashlib.sha256("\n".join(model_ids).encode()).hexdigest()[:12]
    info = replace(
        first.info,
        model_id=f"{name or first.info.model_id.split('@')[0]}@{digest}",
        training={"detectors": {d.info.model_id: d.info.training for d in detectors}},
        heads=_join(detectors, "heads"),
        calibration=_join(detectors, "calibration"),
        thresholds=_join(detectors, "thresholds"),
        operating=_join(detectors, "operating"),
        decoding=_join(detectors, "decoding"),
    )
    return LoadedDetector(
        info,
        {n: h for d in detectors for n, h in d.heads.items()},
        {n: i for d in detectors for n, i in d.head_init.items()},
        next((d.backbone for d in detectors if d.backbone is not None), None),
        "\n\n".join(d.card for d in detectors if d.card),
        tuple(sorted({prefix for d in detectors for prefix in d.allow})),
    )


def average_detectors(detectors: Sequence[LoadedDetector]) -> LoadedDetector:
    """One detector whose only head is the mean of those of several, trained apart (`dtr.mean_head.MeanHead`).

    Args:
        detectors: at least one, of one head each, all of one name and spec.

    Returns:
        A detector with the first one's facts; it is to be calibrated anew.

    Raises:
        DetectorError: they differ in backbone, clock, views, or in their head.
    """
    from dtr.mean_head import MeanHead

    first = detectors[0]
    for other in detectors[1:]:
        _require_same_input(first.info, other.info)
        if len(other.heads) != 1 or other.info.heads != first.info.heads:
            raise DetectorError(
                f"expected detectors of one and the same head to average, got {', '.join(first.info.heads)} of "
                f"{first.info.model_id} and {', '.join(other.info.heads)} of {other.info.model_id}; train them alike"
            )
    if len(detectors) == 1:
        return first
    (name,) = first.heads
    head = MeanHead([d.heads[name] for d in detectors]).eval()
    init = {
        "class_path": f"{MeanHead.__module__}.{MeanHead.__qualname__}",
        "init_args": {"members": [d.head_init[name] for d in detectors]},
    }
    members = [d.info.model_id for d in detectors]
    info = replace(
        first.info,
        model_id=model_id(first.info.model_id.split("@")[0], {name: head}, first.info.backbone_id),
        training=first.info.training | {"members": members},
    )
    return replace(first, info=info, heads={name: head}, head_init={name: init})


def _write_parts(
    folder: Path,
    info: ModelInfo,
    heads: Mapping[str, Head],
    head_init: Mapping[str, dict[str, Any]],
    backbone: BackbonePart | None,
    card: str,
) -> None:
    rest = dict(info.calibration)
    for name, head in heads.items():
        part = folder / "heads" / name
        part.mkdir(parents=True)
        write_init(part / "head.yaml", head_init[name])
        write_weights(part / WEIGHTS_FILE, head.state_dict())
        target = _own_target(name, info)
        own = {target: rest.pop(target)} if target in rest else {}
        write_json(part / "calibration.json", own)
    if backbone is not None:
        _write_backbone(folder / "backbone", backbone)
    (folder / "card.md").write_text(card, encoding="utf-8")
    files = {p.relative_to(folder).as_posix(): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    data = replace(info, calibration=rest, dtr_version=info.dtr_version or _version()).to_json()
    write_json(folder / INFO_FILE, {**data, "files": files})


def _write_backbone(part: Path, backbone: BackbonePart) -> None:
    part.mkdir()
    init = backbone.init
    if backbone.weights is not None:
        if isinstance(backbone.weights, Path):
            shutil.copyfile(backbone.weights, part / WEIGHTS_FILE)
        else:
            write_weights(part / WEIGHTS_FILE, backbone.weights)
        # The folder's own are the only weights a reader may take.
        init = {**init, "init_args": {**init["init_args"], "weights": WEIGHTS_FILE}}
    write_init(part / "backbone.yaml", init)


def _swap(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`; a crash in between leaves the old one under a temporary name."""
    new.chmod(0o755)  # mkdtemp makes it private
    if not folder.exists():
        new.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / folder.name)
    new.rename(folder)
    shutil.rmtree(old)


def _read_backbone(folder: Path, files: Mapping[str, str]) -> BackbonePart | None:
    if "backbone/backbone.yaml" not in files:
        return None
    stored = f"backbone/{WEIGHTS_FILE}" in files
    init = read_init(folder / "backbone" / "backbone.yaml", files, folder)
    return BackbonePart(init, folder / "backbone" / WEIGHTS_FILE if stored else None)


def _require_fit(info: ModelInfo, heads: Mapping[str, Head], head_init: Mapping[str, dict[str, Any]]) -> None:
    if not heads or not set(heads) == set(head_init) == set(info.heads):
        raise DetectorError(
            "expected the same head names in heads, head_init and info.heads, at least one, "
            f"got {sorted(heads)}, {sorted(head_init)} and {sorted(info.heads)}"
        )
    for name, head in heads.items():
        _require_name(name, info.model_id)
        _require_spec(head, name, info.heads[name], info.backbone_id, info.model_id)


def _require_name(name: str, where: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name):
        raise DetectorError(f"{where}: expected a head name of letters, digits, '_' and '-', got {name!r}")


def _require_spec(head: Head, name: str, spec: Any, backbone_id: str, where: str) -> None:
    if spec.backbone_id != backbone_id:
        raise DetectorError(
            f"{where}: head '{name}' was trained on backbone '{spec.backbone_id}', the detector has '{backbone_id}'; "
            "train the head on that backbone"
        )
    if json.dumps(head.spec(backbone_id).to_json()) != json.dumps(spec.to_json()):
        raise DetectorError(f"{where}: head '{name}' has another spec than its class gives; use the DTR that wrote it")


def _require_same_input(first: ModelInfo, other: ModelInfo) -> None:
    for part in ("backbone_id", "clock", "views"):
        if getattr(first, part) != getattr(other, part):
            raise DetectorError(
                f"cannot merge '{first.model_id}' and '{other.model_id}': {part} differs "
                f"({getattr(first, part)!r} and {getattr(other, part)!r}); train the heads on the same features"
            )


def _join(detectors: Sequence[LoadedDetector], part: str) -> dict[str, Any]:
    """One mapping of `info.<part>` of all; a key that two of them have must have one value, a head one owner."""
    joined: dict[str, Any] = {}
    owner: dict[str, str] = {}
    for detector in detectors:
        for key, value in getattr(detector.info, part).items():
            if key in joined and (part == "heads" or joined[key] != value):
                raise DetectorError(
                    f"cannot merge '{owner[key]}' and '{detector.info.model_id}': both have {part} '{key}'; keep one"
                )
            joined[key], owner[key] = value, detector.info.model_id
    return joined


def _own_target(name: str, info: ModelInfo) -> str:
    """Calibration target that this head alone gives, or "" if it gives none or shares it with another head."""
    kind = info.heads[name].kind
    alone = sum(spec.kind == kind for spec in info.heads.values()) == 1
    return _TARGET_OF_KIND.get(kind, "") if alone else ""


def _require_unchanged(folder: Path, name: str, digest: str) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DetectorError(f"{folder / INFO_FILE}: lists '{name}', which lies outside the folder")
    if not path.is_file():
        raise DetectorError(f"{path}: listed in {INFO_FILE} but missing; copy the whole detector folder again")
    if sha256(path) != digest:
        raise DetectorError(
            f"{path}: expected SHA-256 {digest[:12]}…, got {sha256(path)[:12]}…; "
            "it is damaged or was changed: copy the detector folder again"
        )


def _version() -> str:
    from dtr import __version__

    return __version__
