"""Every error a caller can cause, under one root.

Each message is one sentence that says what was expected, what was got, where, and what to do. `kind` is the short
stable word that machine-readable output carries (`{"error": {"kind": …, "message": …}}`).
"""

from __future__ import annotations


class DTRError(Exception):
    """Root of all errors that DTR raises on purpose; anything else is a bug."""

    kind = "error"


class ConfigError(DTRError):
    """A wrong option, configuration value or combination of them (exit code 2 on the command line)."""

    kind = "config"


class VideoError(DTRError):
    """A media file that cannot be opened, is refused, or holds no picture."""

    kind = "video"


class LimitError(VideoError):
    """A media file beyond one of the resource limits; the message names the limit and the flag that lifts it."""

    kind = "limit"


class AnnotationError(DTRError):
    """An annotation file or row that cannot be used; the message carries file and row."""

    kind = "annotation"


class ArchiveError(DTRError):
    """A downloaded archive that is incomplete, damaged, or holds what must not be unpacked."""

    kind = "archive"


class CacheError(DTRError):
    """A feature cache that is missing, damaged, or was made for something else."""

    kind = "cache"


class DetectorError(DTRError):
    """A detector folder or ONNX file that is missing, damaged, not ours, or does not fit its backbone."""

    kind = "detector"


class MissingExtraError(DTRError):
    """A package that an optional extra brings is not installed; the message has the install command."""

    kind = "missing_extra"
