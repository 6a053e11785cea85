"""A verdict as text that a person reads; honest about what was and was not found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from dtr.boxes import place_in_words
from dtr.verdict import Trace, Verdict

WIDTH = 100  # columns where the output is no terminal
EVEN = 0.5  # share of fakes that scores assume where nothing is said
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", ".:-=+*%#"


def print_verdict(console: Console, verdict: Verdict, notes: Sequence[str] = ()) -> None:
    """Print a verdict.

    Args:
        console: terminal or file; colours and block characters are used where it can show them.
        verdict: to print.
        notes: further lines, for example where the overlay is.
    """
    unicode = (console.encoding or "").lower().startswith("utf")
    lines = [_head(verdict), _answer(verdict)]
    if verdict.frame_scores:
        lines.append(_timeline(verdict, BLOCKS if unicode else ASCII_BLOCKS))
    lines += _findings(verdict)
    lines += [Text(f"  damaged: {printable(d)}", style="yellow") for d in verdict.damage]
    lines += [Text(f"  {printable(n)}", style="dim") for n in [*_facts(verdict), *notes]]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)


def print_failure(console: Console, video: str, kind: str, message: str) -> None:
    """Print that a file has no verdict, and why."""
    console.print(Text(printable(video), style="bold"), soft_wrap=True, highlight=False)
    failure = Text("  no verdict ", style="yellow").append(f"{kind}: {printable(message)}", style="default")
    console.print(failure, soft_wrap=True, highlight=False)


def printable(text: str) -> str:
    """Text without control characters: a file name or a model's words must not steer the terminal.

    Example:
        >>> printable("a\\x1b[31mb")
        'a?[31mb'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def _head(verdict: Verdict) -> Text:
    size = f"  {verdict.width} x {verdict.height}, {verdict.duration_s:.1f} s"
    return Text(printable(verdict.video), style="bold").append(size, style="dim")


def _answer(verdict: Verdict) -> Text:
    style = {"fake": "white on red", "real": "white on green"}[verdict.label]
    word = verdict.label.upper()
    line = Text("  ").append(f" {word} ", style="black on yellow" if verdict.abstain else style)
    calibrated = "label" in verdict.provenance.get("calibrated", ["label"])
    prior = (verdict.provenance.get("decision") or {}).get("prior")
    if not calibrated:
        line.append(f"  uncalibrated {verdict.score:.2f}")
    elif prior in (None, EVEN):
        line.append(f"  probability of fake {verdict.score:.0%}")
    else:  # another base rate makes most scores small
        line.append(f"  probability of fake {verdict.score:.2%}, if {100 * prior:g}% of all videos are")
    if verdict.abstain:
        line.append(f", can't tell: too close to call, it only leans to {verdict.label}", style="yellow")
    return line


def _timeline(verdict: Verdict, blocks: str) -> Text:
    count = min(48, len(verdict.frame_scores))
    line = Text("  over time  0 s ")
    for column in range(count):
        start, end = (verdict.duration_s * (column + k) / count for k in (0, 1))
        peak = _peak(verdict, start, end)
        level = " " if peak is None else blocks[min(len(blocks) - 1, int(peak * len(blocks)))]
        line.append(level, style="red" if (peak or 0) >= 0.5 else "green")
    return line.append(f" {verdict.duration_s:.1f} s")


def _peak(verdict: Verdict, start_s: float, end_s: float) -> float | None:
    """Highest score of the frames looked at in this time, or the last one shortly before it; None = there is none."""
    recent = [(t, v) for t, v in zip(verdict.frame_times_s, verdict.frame_scores, strict=True) if t < end_s]
    inside = [v for t, v in recent if t >= start_s]
    if inside:
        return max(inside)
    return recent[-1][1] if recent and start_s - recent[-1][0] < 0.5 else None


def _findings(verdict: Verdict) -> list[Text]:
    lines: list[Text] = []
    for number, trace in enumerate(verdict.traces, start=1):
        lines.append(Text(f"  {number}. ").append_text(_trace(trace)))
        if trace.explanation:
            lines.append(Text(f"     {printable(trace.explanation)}"))
    if verdict.traces:
        return lines
    if verdict.label == "real":
        return [Text("  no trace found; that does not prove that a camera took it")]
    lines.append(Text("  no trace was strong enough to point at"))
    if verdict.candidates:
        lines.append(Text("  weak:  ", style="dim").append_text(_trace(verdict.candidates[0])))
    return lines


def _trace(trace: Trace) -> Text:
    start, end = trace.span_s
    width, height = trace.box[2] - trace.box[0], trace.box[3] - trace.box[1]
    where = f"{place_in_words(trace.box)} ({width:.0%} x {height:.0%})"
    kind = trace.category or "trace"
    line = Text(f"{start:5.2f} s to {end:5.2f} s  {where}  ").append(kind, style="bold")
    if trace.category:
        line.append(f" {trace.categories[trace.category]:.0%}")
    return line.append(f", trace score {trace.score:.0%}", style="dim")


def _facts(verdict: Verdict) -> list[str]:
    facts = []
    masked, steps = verdict.provenance.get("masked_steps", 0), verdict.provenance.get("steps", 0)
    if masked:
        facts.append(f"the video is slower than the detector's clock: {masked} of {steps} steps show no new frame")
    facts += _decision(verdict.provenance.get("decision") or {})
    times = ", ".join(f"{name} {value:.2f} s" for name, value in verdict.timing_s.items())
    model = verdict.provenance.get("model_id")
    return [*facts, ", ".join(part for part in (f"model {model}" if model else "", times) if part)]


def _decision(decision: Mapping[str, Any]) -> list[str]:
    """What was asked for besides the detector's own threshold: an operating point."""
    point = decision.get("operating_point")
    if not point:
        return []
    low, high = point["fpr_interval"]
    alarms = round(point["fpr"] * point["n_real"])
    return [
        f"fake from {decision['threshold']:.3f} on, for a false-positive rate of {point['asked_fpr']:g}: "
        f"{alarms} of {point['n_real']} real calibration clips reach it (95 % interval {low:.1%} to {high:.1%})"
    ]
