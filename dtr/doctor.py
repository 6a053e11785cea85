"""What is installed, what is wrong with it, and how to mend it. Every check stands alone and never raises."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from dtr.errors import DetectorError, MissingExtraError
from dtr.extras import DISTRIBUTION, check_onnxruntime, installed_version, onnxruntimes, requirements
from dtr.shipped import recorded_hash

Status = Literal["ok", "note", "warning", "broken"]

PATCHED_FFMPEG = (8, 1, 2)
"""First FFmpeg release without CVE-2026-8461 (memory written out of bounds by a crafted video)."""

MALICIOUS_LIGHTNING = ("2.6.2", "2.6.3")
VULNERABLE_OPENCV = ("5.0.0.93",)


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: what was looked at.
        status: "ok"; "note" = nothing to do; "warning" = works, but mend it; "broken" = `dtr detect` cannot work.
        detail: what was found.
        fix: what to do; empty = nothing.
    """

    name: str
    status: Status
    detail: str
    fix: str = ""


def examine() -> list[Check]:
    """All checks, in the order of importance for `dtr detect`."""
    checks: list[Callable[[], Iterator[Check]]] = [
        _python,
        _base,
        _decoder,
        _onnxruntime,
        _models,
        _gpu,
        _extras,
        _torch,
        _lightning,
        _opencv,
    ]
    return [finding for check in checks for finding in check()]


def report(checks: list[Check]) -> dict[str, Any]:
    """The findings in plain JSON types; "ok" is False if anything is broken."""
    names = sorted({name for group in requirements().values() for name in group} | set(onnxruntimes()))
    versions = {name: installed_version(name) for name in [DISTRIBUTION, *names]}
    return {
        "ok": all(c.status != "broken" for c in checks),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version for name, version in versions.items() if version is not None},
        "checks": [asdict(c) for c in checks],
    }


def parse_version(text: str) -> tuple[int, ...]:
    """Leading numbers of a version.

    Example:
        >>> parse_version("8.1.2-static"), parse_version("n7.0"), parse_version("?")
        ((8, 1, 2), (7, 0), ())
    """
    numbers: list[int] = []
    for part in text.lstrip("nv").split("-")[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _python() -> Iterator[Check]:
    version = installed_version(DISTRIBUTION)
    detail = f"dtr {version}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Check("python", "ok", detail)


def _base() -> Iterator[Check]:
    wanted = requirements()[""]
    missing = [name for name in wanted if installed_version(name) is None]
    if missing:
        fix = f"pip install --force-reinstall {DISTRIBUTION}"
        yield Check("base packages", "broken", f"missing: {', '.join(missing)}", fix)
    else:
        yield Check("base packages", "ok", ", ".join(f"{name} {installed_version(name)}" for name in wanted))


def _decoder() -> Iterator[Check]:
    try:
        import av
    except ImportError as error:
        yield Check("decoder", "broken", f"PyAV cannot be imported: {error}", "pip install --force-reinstall av")
        return
    ffmpeg = str(getattr(av, "ffmpeg_version_info", "?"))
    codec = ".".join(str(n) for n in av.library_versions["libavcodec"])
    detail = f"PyAV {av.__version__} with FFmpeg {ffmpeg} (libavcodec {codec})"
    missing = [name for name in ("h264", "hevc", "vp9", "mpeg4") if name not in av.codecs_available]
    if "h264" in missing:
        yield Check("decoder", "broken", f"{detail} cannot decode H.264", "pip install --force-reinstall av")
    elif missing:
        yield Check(
            "decoder", "warning", f"{detail} cannot decode {', '.join(missing)}", "install the av wheel from pip"
        )
    elif () < parse_version(ffmpeg) < PATCHED_FFMPEG:
        wanted = ".".join(str(n) for n in PATCHED_FFMPEG)
        fix = "pip install --upgrade av; until then don't open files from strangers"
        yield Check("decoder", "warning", f"{detail} is older than {wanted} and has known holes", fix)
    else:
        yield Check("decoder", "ok", detail)
    if "libx264" not in av.codecs_available:
        yield Check("overlay encoder", "note", "no libx264 in this FFmpeg: overlays are written as MPEG-4 part 2")


def _onnxruntime() -> Iterator[Check]:
    try:
        clash = check_onnxruntime()
    except MissingExtraError as error:
        yield Check("onnxruntime", "broken", "not installed", str(error).partition("run: ")[2])
        return
    if clash is not None:
        yield Check("onnxruntime", "warning", *clash.split("; ", 1))
    try:
        import onnxruntime
    except ImportError as error:
        fix = f"pip uninstall {' '.join(onnxruntimes())}; pip install '{DISTRIBUTION}[cpu]'"
        yield Check("onnxruntime", "broken", f"cannot be imported: {error}", fix)
        return
    if not hasattr(onnxruntime, "get_available_providers"):
        # What is left behind when one of two builds was uninstalled: an empty package that still imports.
        fix = f"pip install --force-reinstall '{DISTRIBUTION}[cpu]'"
        yield Check("onnxruntime", "broken", "it imports, but most of it is gone", fix)
        return
    providers = ", ".join(p.removesuffix("ExecutionProvider") for p in onnxruntime.get_available_providers())
    yield Check("onnxruntime", "ok", f"{onnxruntime.__version__}, providers: {providers}")


def _models() -> Iterator[Check]:
    folder = files("dtr.models")
    found = sorted(f.name for f in folder.iterdir() if f.name.endswith(".onnx"))
    if not found:
        yield Check("models", "broken", "no embedded detector in this installation", "name one with --model FILE.onnx")
    for name in found:
        data = (folder / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        facts = f"{name}, {len(data) / 2**20:.1f} MiB, sha256 {digest[:12]}"
        recorded = recorded_hash(folder, name.removesuffix(".onnx"))
        if recorded is None:
            yield Check("models", "warning", f"{facts}: no recorded hash to compare with", "reinstall DTR")
        elif recorded != digest:
            fix = f"pip install --force-reinstall --no-deps {DISTRIBUTION}"
            yield Check("models", "broken", f"{facts}: differs from the recorded {recorded[:12]}", fix)
        else:
            yield Check("models", "ok", facts)
    for part in sorted((f for f in folder.iterdir() if (f / "detector.json").is_file()), key=lambda f: f.name):
        yield from _heads_folder(Path(str(part)))


def _heads_folder(folder: Path) -> Iterator[Check]:
    """The heads of an embedded detector, which training can start from; detecting does not need them."""
    try:
        from dtr.detector import read_detector

        info, _ = read_detector(folder)
    except ImportError:
        return  # the base packages are not all there, which has a finding of its own
    except DetectorError as error:
        fix = f"pip install --force-reinstall --no-deps {DISTRIBUTION}"
        yield Check("models", "warning", f"heads of {folder.name}, to start training from: {error}", fix)
    else:
        yield Check("models", "ok", f"heads of {folder.name}, to start training from: {', '.join(info.heads)}")


def _gpu() -> Iterator[Check]:
    if not Path("/proc/driver/nvidia/version").exists():
        yield Check("GPU", "note", "no NVIDIA driver found: everything runs on the CPU")
    elif "onnxruntime-gpu" not in onnxruntimes():
        fix = f"pip uninstall onnxruntime; pip install '{DISTRIBUTION}[gpu]'"
        yield Check("GPU", "note", "an NVIDIA driver is there, but this onnxruntime runs on the CPU", fix)
    else:
        yield Check("GPU", "ok", "NVIDIA driver and onnxruntime-gpu are there")


def _extras() -> Iterator[Check]:
    for extra, names in requirements().items():
        if extra in ("", "cpu", "gpu"):
            continue
        missing = [name for name in names if installed_version(name) is None]
        if not missing:
            yield Check(f"extra {extra}", "ok", "installed")
        else:
            detail = "not installed" if len(missing) == len(names) else f"missing: {', '.join(missing)}"
            yield Check(f"extra {extra}", "note", detail, f"pip install '{DISTRIBUTION}[{extra}]' if you need it")


def _torch() -> Iterator[Check]:
    if find_spec("torch") is None or find_spec("torchvision") is None:
        return
    pair = f"torch {installed_version('torch')} with torchvision {installed_version('torchvision')}"
    try:
        import torchvision  # noqa: F401 - a mismatched pair fails here ("operator torchvision::nms does not exist")
    except (ImportError, RuntimeError, OSError) as error:
        fix = "pip install --force-reinstall torch torchvision (training only; detecting needs neither)"
        yield Check("torch", "warning", f"{pair} do not fit together: {' '.join(str(error).split())}", fix)
    else:
        yield Check("torch", "ok", f"{pair} fit together")


def _lightning() -> Iterator[Check]:
    for name in ("pytorch-lightning", "lightning"):
        version = installed_version(name)
        if version in MALICIOUS_LIGHTNING:
            fix = f"pip uninstall {name}, then change every password and token that this machine could read"
            yield Check("lightning", "warning", f"{name} {version} is a malicious release", fix)


def _opencv() -> Iterator[Check]:
    for name in ("opencv-python", "opencv-python-headless"):
        version = installed_version(name)
        if version in VULNERABLE_OPENCV:
            detail = f"{name} {version} bundles a vulnerable FFmpeg; DTR never decodes with OpenCV, other programs may"
            yield Check("opencv", "warning", detail, f"pip install '{name}<5'")
        elif version is not None:
            yield Check("opencv", "note", f"{name} {version} is installed; DTR never decodes with it")
