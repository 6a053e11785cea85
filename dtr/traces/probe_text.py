"""The report of the probes as text."""

from __future__ import annotations

from collections.abc import Iterator

from dtr.traces.probe_report import AIM, ProbeReport
from dtr.traces.probe_statistics import Probed
from dtr.traces.probe_texture import MechanismTexture, TextureChange

_HEAD = f"{'probe':<32}{'part':<22}{'pairs':>5}  {'AUROC (95 %)':<20}{'pairs right (95 %)':<20}moves most"
_TEXTURE_HEAD = (
    f"{'mechanism':<14}{'category':<22}{'traces':>6}{'grain':>7}{'sharp':>7}{'diag':>7}{'softer':>7}{'seam':>7}{'up':>6}"
    f"   | null{'sharp':>7}{'softer':>7}{'seam':>7}{'up':>6}{'at rest':>8}{'seen':>5}  flags"
)


def text_table(report: ProbeReport) -> str:
    """The report for people: one line a probe, one line a mechanism, and what is beyond the aim."""
    return "\n".join(_lines(report))


def _lines(report: ProbeReport) -> Iterator[str]:
    yield (
        f"{report.num_pairs} pairs of {report.num_bases} base clips, {report.num_traces} traces, "
        f"{report.num_null} null edits. 0.5 = traced and twin cannot be told apart."
    )
    yield from (
        "AUROC: one clip at a time. Pairs right: both seen, the traced one named. moves most: share that rises.",
        "",
    )
    yield _HEAD
    yield from (_probe_line(probe) for probe in report.probes if not probe.skipped)
    few: dict[str, list[str]] = {}
    for probe in report.probes:
        if probe.skipped:
            few.setdefault(probe.probe, []).append(f"{probe.part} ({probe.num_pairs})")
    yield from (f"too few pairs for {name}: {', '.join(parts)}" for name, parts in few.items())
    yield from ("", "Texture inside over around, traced minus twin, logarithms; null = painted too faintly to be seen.")
    yield _TEXTURE_HEAD
    yield from (_texture_line(texture) for texture in report.textures)
    over = ", ".join(f"{p.probe} {p.auroc:.3f}" for p in report.over_aim)
    yield from ("", f"beyond {AIM} of 0.5: {over}" if over else f"no fact of files or clips is beyond {AIM} of 0.5")
    yield from (f"not read: {failure.path}: {failure.message}" for failure in report.failures)
    if report.left_out:
        yield f"{report.left_out} further pairs were not drawn"


def _probe_line(p: Probed) -> str:
    strongest = ", ".join(f"{name} {share:.2f}" for name, share in p.strongest)
    return (
        f"{p.probe:<32}{p.part:<22}{p.num_pairs:>5}  "
        f"{_figure(p.auroc, p.interval):<20}{_figure(p.pairs_right, p.pairs_interval):<20}{strongest}"
    )


def _texture_line(t: MechanismTexture) -> str:
    s = t.shown
    change = f"{s.grain:>+7.2f}{s.sharpness:>+7.2f}{s.diagonal:>+7.2f}{s.softer:>7.2f}{s.seam:>+7.2f}{s.seam_up:>6.2f}"
    rest = "–" if t.at_rest is None else f"{t.at_rest:.2f}"
    return (
        f"{t.mechanism:<14}{t.category:<22}{s.num:>6}{change}   |"
        f"{_faint(t.faint)}{rest:>8}{t.null_seen:>5}  {', '.join(t.flags)}"
    )


def _faint(faint: TextureChange | None) -> str:
    if faint is None:
        return f"{'0':>5}" + f"{'–':>7}" * 3 + f"{'–':>6}"
    return f"{faint.num:>5}{faint.sharpness:>+7.2f}{faint.softer:>7.2f}{faint.seam:>+7.2f}{faint.seam_up:>6.2f}"


def _figure(value: float | None, interval: tuple[float, float] | None) -> str:
    return "" if value is None or interval is None else f"{value:.3f} ({interval[0]:.2f}–{interval[1]:.2f})"
