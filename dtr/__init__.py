"""DTR: find, locate and explain what gives an AI-generated video away.

`dtr.detect("clip.mp4")` gives a `Verdict`. Importing this package loads neither torch nor onnxruntime.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from dtr.errors import DTRError
from dtr.verdict import Trace, Verdict

if TYPE_CHECKING:
    from dtr.api import detect

try:
    __version__ = version("dtr-video")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["DTRError", "Trace", "Verdict", "__version__", "detect"]


def __getattr__(name: str) -> Any:
    if name == "detect":
        from dtr.api import detect

        return detect
    raise AttributeError(f"module 'dtr' has no attribute '{name}'")
