"""`dtr export` and `dtr verify`: from detector folders to one ONNX file, and the proof that it computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dtr.errors import ConfigError

if TYPE_CHECKING:
    from dtr.detector import LoadedDetector
    from dtr.export.verify import Parity
    from dtr.steps import ClipSteps

_ALLOW = click.option(
    "--allow",
    multiple=True,
    metavar="PREFIX",
    help="Also import classes below this prefix, e.g. mylab.heads. (runs code).",
)
_CLIPS = click.option(
    "--clips",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare on this video (repeatable) instead of drawn clips.",
)


@click.command()
@click.argument("detectors", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DETECTOR...")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE", help="ONNX file to write."
)
@click.option("--heads-only", is_flag=True, help="Leave the backbone out: the graph takes features (any backbone).")
@click.option("--no-verify", is_flag=True, help="Skip the comparison with torch.")
@_CLIPS
@_ALLOW
def export(
    detectors: tuple[Path, ...],
    output: Path,
    heads_only: bool,
    no_verify: bool,
    clips: tuple[Path, ...],
    allow: tuple[str, ...],
) -> None:
    """Turn a detector folder into one ONNX file that runs without torch.

    Several folders whose heads were trained on the same backbone become one file. The file is written only if it
    computes what torch computes: every output within 1e-4, and the same decoded traces.

    \b
    Examples:
      dtr export runs/all/detector -o detector.onnx
      dtr export runs/binary/version_0/detector runs/box/version_0/detector -o detector.onnx
      dtr export runs/video_lm/detector -o heads.onnx --heads-only

    Then: dtr detect clip.mp4 --model detector.onnx
    """
    if no_verify and clips:
        raise ConfigError("--clips are what the comparison runs on, and --no-verify skips it; give one of the two")
    detector = _load(detectors, allow)
    steps = _load_clips(detector, clips)
    click.echo(f"exporting {detector.info.model_id} ({', '.join(detector.info.heads)}) …", err=True)
    from dtr.export.to_onnx import export_fused, export_heads
    from dtr.export.verify import export_verified

    if no_verify:
        (export_heads if heads_only else export_fused)(detector, output)
        _describe(output)
        click.echo("parity   not checked (--no-verify)")
        return
    parity = export_verified(detector, output, heads_only=heads_only, clips=steps)
    _describe(output)
    _report(parity)


@click.command()
@click.argument("detectors", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DETECTOR...")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.onnx")
@_CLIPS
@_ALLOW
def verify(detectors: tuple[Path, ...], file: Path, clips: tuple[Path, ...], allow: tuple[str, ...]) -> None:
    """Compare an ONNX file with the detector folder it was exported from.

    Runs both on random inputs of many sizes and on clips; fails if an output differs by more than 1e-4 or the decoded
    traces are not the same. Leaves the file as it is.

    \b
    Examples:
      dtr verify runs/all/detector detector.onnx
      dtr verify runs/all/detector detector.onnx --clips clip.mp4
    """
    detector = _load(detectors, allow)
    steps = _load_clips(detector, clips)
    from dtr.export.verify import verify as compare

    parity = compare(detector, file, steps)
    _describe(file)
    _report(parity)


def _load(folders: tuple[Path, ...], allow: tuple[str, ...]) -> LoadedDetector:
    from dtr.detector import load_detector, merge_detectors

    return merge_detectors([load_detector(folder, allow=allow) for folder in folders])


def _load_clips(detector: LoadedDetector, paths: tuple[Path, ...]) -> list[ClipSteps] | None:
    """Steps of the given videos as the detector sees them; None = none given."""
    if not paths:
        return None
    from dtr.sampling import load_steps

    backbone = detector.build_backbone()
    return [load_steps(path, backbone.clock, backbone.views) for path in paths]


def _describe(path: Path) -> None:
    """Size, what is inside, and the table of inputs and outputs."""
    from dtr.export.runtime import load_model

    model = load_model(path)
    info = model.info
    click.echo(f"file     {path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {model.sha256[:12]}…")
    click.echo(f"model    {info.model_id}  backbone {info.backbone_id}  graph {model.graph}")
    rows = model.signature()
    width = max(len(name) for _, name, _, _ in rows)
    for kind, name, dtype, axes in rows:
        click.echo(f"{kind:<8} {name:<{width}}  {dtype:<6} ({', '.join(str(a) for a in axes)})")


def _report(parity: Parity) -> None:
    click.echo(
        f"parity   max |difference| {parity.worst:.1e} over {parity.cases} random inputs and {parity.clips} clips; "
        f"{parity.traced} clips decode traces, max difference {parity.max_trace:.1e}"
    )
    if parity.note:
        click.echo(f"note     {parity.note}")
