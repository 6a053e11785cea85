"""Files and classes of a detector folder: strict reading, plain writing, one-sentence errors."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtr.errors import DetectorError
from dtr.model_info import FORMAT

if TYPE_CHECKING:
    from torch import Tensor

INFO_FILE = "detector.json"
WEIGHTS_FILE = "weights.safetensors"
ALLOWED_PREFIXES = ("dtr.",)
"""Class paths that a folder may name without being trusted by the caller."""


def import_class(class_path: str, where: str, allow: tuple[str, ...]) -> Any:
    """The class of a path below an allowed prefix.

    Raises:
        DetectorError: the prefix is not allowed, or nothing of that name can be imported.
    """
    prefixes = ALLOWED_PREFIXES + allow
    if not class_path.startswith(prefixes):
        raise DetectorError(
            f"{where}: expected a class below {' or '.join(prefixes)}, got '{class_path}'; "
            "importing it would run a stranger's code: pass its prefix as allowed if you trust it"
        )
    module, _, name = class_path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DetectorError(
            f"{where}: cannot import '{class_path}' ({reason(error)}); install the package that brings it"
        ) from error


def build(init: Mapping[str, Any], where: str, allow: tuple[str, ...], *, base: str = "", method: str = "") -> Any:
    """An object from its class path and arguments.

    Args:
        init: {"class_path": …, "init_args": {…}}.
        where: for errors.
        allow: prefixes to import besides `dtr.`.
        base: class path of the base that the class must have.
        method: name of a method that it must have.

    Raises:
        DetectorError: it is not that kind of class, or does not take the arguments.
    """
    _require_allowed(init["init_args"], where, allow)
    built = import_class(init["class_path"], where, allow)
    expected = import_class(base, where, allow) if base else object
    if not (isinstance(built, type) and issubclass(built, expected) and (not method or hasattr(built, method))):
        kind = f"subclass of {base}" if base else f"class with a method '{method}'"
        raise DetectorError(f"{where}: expected the class path of a {kind}, got '{init['class_path']}'")
    from jsonargparse import ArgumentError, ArgumentParser

    # The same parser as for configurations: what a YAML file could say there, it can say here.
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(built, "part")
    try:
        arguments = deepcopy(init["init_args"])  # the parser changes nested lists in place
        return parser.instantiate_classes(parser.parse_object({"part": arguments})).part
    except (ArgumentError, TypeError, ValueError) as error:
        raise DetectorError(
            f"{where}: {init['class_path']} does not take these init_args ({reason(error)}); use the DTR that wrote it"
        ) from error


def _require_allowed(value: Any, where: str, allow: tuple[str, ...]) -> None:
    """Refuse class paths anywhere inside arguments that are not below an allowed prefix: a parser imports them."""
    if isinstance(value, Mapping):
        if isinstance(value.get("class_path"), str):
            import_class(value["class_path"], where, allow)
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            _require_allowed(part, where, allow)


def detector_folder(name: str) -> Path:
    """The folder of a detector: a path, or the name of an embedded one (`dtr models` lists them).

    Raises:
        DetectorError: neither a folder nor an embedded detector that carries its heads.
    """
    embedded = Path(str(files("dtr.models"))) / name
    for folder in (Path(name), embedded):
        if (folder / INFO_FILE).is_file():
            return folder
    raise DetectorError(
        f"expected the folder of a detector ({INFO_FILE} in it) or the name of an embedded one, got '{name}'; "
        "check the path, or see dtr models"
    )


def load_strictly(module: Any, weights: Mapping[str, Tensor], where: str) -> None:
    """Load a state dict that has exactly the module's tensors.

    Raises:
        DetectorError: a tensor is missing, unknown, or of another shape or type.
    """
    expected, got = module.state_dict(), weights
    missing, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
    other = [n for n in expected if n in got and (expected[n].shape, expected[n].dtype) != (got[n].shape, got[n].dtype)]
    if missing or extra or other:
        raise DetectorError(
            f"{where}/{WEIGHTS_FILE}: does not fit its class ({_some('missing', missing)}, {_some('unknown', extra)}, "
            f"{_some('of another shape or type', other)}); it belongs to other init_args or another version"
        )
    module.load_state_dict(dict(weights))


def read_init(path: Path, files: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Class path and arguments from a YAML file that `detector.json` lists.

    Raises:
        DetectorError: not listed, not YAML, or not of that form.
    """
    import yaml

    require_listed(path, files, folder)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DetectorError(f"{path}: not a YAML file ({reason(error)}); save the detector again") from error
    init = data if isinstance(data, dict) else {}
    if not isinstance(init.get("class_path"), str) or not isinstance(init.get("init_args", {}), dict):
        raise DetectorError(f"{path}: expected class_path (text) and init_args (mapping); save the detector again")
    return {"class_path": init["class_path"], "init_args": init.get("init_args", {})}


def read_weights(path: Path, files: Mapping[str, str], folder: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file that `detector.json` lists.

    Raises:
        DetectorError: not listed, cut short, or not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require_listed(path, files, folder)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise DetectorError(f"{path}: not a whole safetensors file ({reason(error)}); copy it again") from error


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """A JSON object; `expected` begins the error when the file cannot be opened.

    Raises:
        DetectorError: missing, unreadable, or not a JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DetectorError(f"{expected}, got {reason(error)}; check the path") from error
    except ValueError as error:
        raise DetectorError(f"{path}: not a JSON file ({reason(error)}); save the detector again") from error
    if not isinstance(data, dict):
        raise DetectorError(f"{path}: expected a JSON object, got {type(data).__name__}; save the detector again")
    return data


def write_init(path: Path, init: Mapping[str, Any]) -> None:
    """Write class path and arguments as YAML.

    Raises:
        DetectorError: they are not plain values.
    """
    import yaml

    try:
        plain = json.loads(json.dumps({"class_path": init["class_path"], "init_args": init.get("init_args", {})}))
    except (KeyError, TypeError) as error:
        raise DetectorError(
            f"{path.name}: expected class_path and init_args of plain values, got {init!r} ({reason(error)})"
        ) from error
    path.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a state dict as safetensors."""
    from safetensors.torch import save

    # Clones: safetensors refuses tensors that share memory.
    path.write_bytes(save({name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}))


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write indented JSON; NaN and infinity, which JSON does not have, raise ValueError."""
    path.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_format(found: Any, where: str) -> None:
    """Refuse metadata of another format.

    Raises:
        DetectorError: it is not ours, or a newer DTR wrote it.
    """
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise DetectorError(f"{where}: expected metadata of DTR format {FORMAT}, got {found!r}; it is not a DTR model")
    if found > FORMAT:
        raise DetectorError(
            f"{where}: expected metadata of format {FORMAT} or older, got {found}: a newer DTR wrote it; upgrade DTR"
        )


def reason(error: BaseException) -> str:
    """The first line of an error, so that the message stays one sentence."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return (str(error).splitlines() or [type(error).__name__])[0]


def require_listed(path: Path, files: Mapping[str, str], folder: Path) -> None:
    """Nothing is read that `detector.json` holds no hash of.

    Raises:
        DetectorError: it holds none of `path`.
    """
    if path.relative_to(folder).as_posix() not in files:
        raise DetectorError(f"{path}: not listed in {INFO_FILE}; save the detector again")


def _some(what: str, names: Sequence[str]) -> str:
    return f"{len(names)} tensors {what}" + (f" such as '{names[0]}'" if names else "")
