"""Which optional extras are installed, and what to say when one is missing. Reads package metadata, imports nothing."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from importlib.util import find_spec

from dtr.errors import MissingExtraError

DISTRIBUTION = "dtr-video"

_MODULES = {"pytorch-lightning": "pytorch_lightning", "scikit-learn": "sklearn", "pillow": "PIL"}
"""Import names that do not follow from the distribution's name."""

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?[^;]*(?:;.*extra\s*==\s*['\"]([\w-]+)['\"])?")


def requirements() -> dict[str, list[str]]:
    """Distribution names by extra, as the installed package declares them; "" = the base install.

    Raises:
        MissingExtraError: DTR itself is not installed (a bare source tree), so nothing is declared.
    """
    try:
        declared = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        raise MissingExtraError(
            f"expected the package {DISTRIBUTION} to be installed, found only its sources; run: pip install -e ."
        ) from None
    found: dict[str, list[str]] = {}
    for text in declared:
        match = _REQUIREMENT.match(text)
        if match is not None:
            found.setdefault(match[2] or "", []).append(match[1])
    return found


def module_name(distribution: str) -> str:
    """Import name of a distribution.

    Example:
        >>> module_name("pytorch-lightning"), module_name("scikit-learn")
        ('pytorch_lightning', 'sklearn')
    """
    return _MODULES.get(distribution.lower(), distribution.lower().replace("-", "_"))


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def extra_of(module: str) -> str | None:
    """The extra that brings the top-level module `module`, or None if DTR does not know it."""
    top = module.partition(".")[0]
    for extra, names in requirements().items():
        if extra and any(module_name(name) == top for name in names):
            return extra
    return None


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The error to show when an import failed because an extra is not installed; None if it is something else."""
    extra = extra_of(error.name or "")
    if extra is None:
        return None
    return MissingExtraError(
        f"expected the package '{error.name}', which is not installed; run: pip install '{DISTRIBUTION}[{extra}]'"
    )


def onnxruntimes() -> list[str]:
    """Names of the installed distributions that bring the module `onnxruntime`, sorted."""
    names = {str(dist.metadata["Name"]).lower().replace("_", "-") for dist in distributions()}
    return sorted(name for name in names if re.fullmatch(r"onnxruntime(-(gpu|openvino|directml|rocm|qnn))?", name))


def check_onnxruntime() -> str | None:
    """One line to show when several builds of onnxruntime share one folder; None when all is well.

    Raises:
        MissingExtraError: there is no onnxruntime at all.
    """
    found = onnxruntimes()
    if not found and find_spec("onnxruntime") is None:
        raise MissingExtraError(
            "expected onnxruntime to run the detector, found none; "
            f"run: pip install '{DISTRIBUTION}[cpu]' (or '{DISTRIBUTION}[gpu]' on a machine with an NVIDIA GPU)"
        )
    if len(found) > 1:
        return (
            f"{' and '.join(found)} are both installed, and the one installed last has overwritten the other; "
            f"uninstall both, then run: pip install '{DISTRIBUTION}[cpu]' or '{DISTRIBUTION}[gpu]'"
        )
    return None


def require_sklearn(what: str) -> None:
    """Say at once what is missing, not after minutes of work.

    Args:
        what: needs scikit-learn, for the message.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{what} need scikit-learn, which is not installed; run: pip install 'dtr-video[report]'"
        ) from error
