"""A backbone from its configuration: the import path is the name, constructor arguments are checked by their types."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from dtr.backbones.protocol import Backbone
from dtr.errors import ConfigError, MissingExtraError


def build_backbone(config: Mapping[str, Any]) -> Backbone:
    """Build `{"class_path": "dtr.backbones.image.ImageBackbone", "init_args": {…}}`.

    The class path is imported: give configurations you trust, or check the path first.

    Raises:
        ConfigError: no such class, it is no backbone, or an argument is unknown or of the wrong type.
        MissingExtraError: a package that the backbone needs is not installed.
    """
    try:
        from jsonargparse import ArgumentError, ArgumentParser
    except ImportError as error:
        raise MissingExtraError(
            "backbone: the package jsonargparse is not installed; run: pip install 'dtr-video[train]'"
        ) from error

    backbone_class = import_class(config)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(backbone_class, "init_args")
    try:
        parsed = parser.parse_object({"init_args": dict(config.get("init_args") or {})})
    except (ArgumentError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"backbone.init_args of {config['class_path']}: {reason}") from error
    backbone = parser.instantiate(parsed)["init_args"]
    if not isinstance(backbone, Backbone):
        raise ConfigError(f"backbone.class_path: expected a backbone, got {config['class_path']}; see dtr.backbones")
    return backbone


def import_class(config: Mapping[str, Any]) -> type:
    """The class that `config["class_path"]` names.

    Raises:
        ConfigError: there is no class path, or nothing is found under it.

    Example:
        >>> import_class({"class_path": "dtr.clock.Clock"}).__name__
        'Clock'
    """
    path = str(config.get("class_path", ""))
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            "backbone.class_path: expected an importable class such as dtr.backbones.image.ImageBackbone, got "
            f"'{path}' ({error})"
        ) from error
    if not isinstance(found, type):
        raise ConfigError(f"backbone.class_path: expected a class, got '{path}', which is {type(found).__name__}")
    return found
