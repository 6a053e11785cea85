"""Files of trained networks: weights as safetensors, everything else as JSON, read strictly; no torch needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dtr.batch_run import write_text_atomically
from dtr.detector_files import read_json, sha256
from dtr.errors import DetectorError

FORMAT = 1


@dataclass(frozen=True)
class NetworkInfo:
    """What is known of one trained network: the content of its JSON file.

    Attributes:
        family: name in `dtr.pseudo.networks.FAMILIES`; also the stem of both files.
        init: arguments of its class.
        weights_sha256: of the safetensors file.
        recipe: what it was trained with.
        clips, held_out_clips: number, sources and digest of the ids of the clips it was trained and measured on.
        psnr_db: mean over frames of clips from sources that it was not trained on.
        detail_ratio: fine detail of those reconstructions as a share of the originals' (1 = as sharp).
        train_cpu_s: processor seconds of training.
    """

    family: str
    init: dict[str, Any]
    weights_sha256: str
    recipe: dict[str, Any]
    clips: dict[str, Any]
    held_out_clips: dict[str, Any]
    psnr_db: float
    detail_ratio: float
    train_cpu_s: float = 0.0
    format: int = field(default=FORMAT)

    @property
    def made_of(self) -> tuple[Any, ...]:
        """What decides the weights: a network with the same need not be trained again."""
        return self.format, self.family, self.init, self.recipe, self.clips, self.held_out_clips


def info_path(folder: Path, family: str) -> Path:
    """Where the facts of a family's network are; written last, so that a network with facts is whole."""
    return folder / f"{family}.json"


def weights_path(folder: Path, family: str) -> Path:
    """Where its weights are."""
    return folder / f"{family}.safetensors"


def read_info(folder: Path, family: str) -> NetworkInfo:
    """Facts of one network.

    Raises:
        DetectorError: missing, not JSON, of another format, or with other fields.
    """
    path = info_path(folder, family)
    data = read_json(path, f"{path}: expected the facts of a pseudo-fake network")
    names = {f.name for f in fields(NetworkInfo)}
    if (data.get("format"), data.get("family"), set(data)) != (FORMAT, family, names):
        raise DetectorError(
            f"{path}: expected format {FORMAT}, family '{family}' and the fields {', '.join(sorted(names))}, got "
            f"{data.get('format')!r}, {data.get('family')!r} and {', '.join(sorted(data))}; train it again"
        )
    if not isinstance(data["init"], dict) or not isinstance(data["weights_sha256"], str):
        raise DetectorError(f"{path}: expected init (a mapping) and weights_sha256 (text), got others; train it again")
    return NetworkInfo(**data)


def write_network(folder: Path, info: NetworkInfo, weights: bytes) -> None:
    """Write weights, then facts, each whole or not at all.

    Args:
        folder: existing.
        info: facts; `weights_sha256` is that of `weights`.
        weights: content of the safetensors file.
    """
    path = weights_path(folder, info.family)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(weights)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    write_text_atomically(info_path(folder, info.family), json.dumps(asdict(info), indent=2, allow_nan=False) + "\n")


def read_infos(folder: str | Path) -> tuple[NetworkInfo, ...]:
    """Facts of every network of a folder, in order of names.

    Raises:
        DetectorError: there is no network, or one whose facts or weights are not whole.
    """
    folder = Path(folder)
    families = sorted(path.stem for path in folder.glob("*.json"))
    if not families:
        raise DetectorError(
            f"{folder}: expected a folder of pseudo-fake networks, got none; "
            "make one with dtr.pseudo.run.train_autoencoders"
        )
    infos = tuple(read_info(folder, family) for family in families)
    for info in infos:
        require_weights(folder, info)
    return infos


def networks_digest(infos: tuple[NetworkInfo, ...]) -> str:
    """12 hex digits over everything of some networks that changes a pixel: a part of the key of cached features.

    Example:
        >>> made = NetworkInfo("nearest", {}, "ab", {}, {}, {}, psnr_db=30.0, detail_ratio=1.0)
        >>> again = NetworkInfo("nearest", {}, "ab", {}, {}, {}, psnr_db=30.0, detail_ratio=1.0, train_cpu_s=9.0)
        >>> networks_digest((made,)) == networks_digest((again,))
        True
    """
    parts: list[Mapping[str, Any]] = [
        {"family": info.family, "init": info.init, "weights": info.weights_sha256} for info in infos
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def require_weights(folder: Path, info: NetworkInfo) -> None:
    """Refuse weights that are not those that the facts tell of.

    Raises:
        DetectorError: there is no file, or one with other content.
    """
    path = weights_path(folder, info.family)
    if not path.is_file():
        raise DetectorError(f"{path}: expected the weights of a pseudo-fake network, got no file; train it again")
    found = sha256(path)
    if found != info.weights_sha256:
        raise DetectorError(
            f"{path}: expected SHA-256 {info.weights_sha256[:12]}…, got {found[:12]}…; it is damaged or was changed: "
            "train it again"
        )
