"""How one frame of the overlay looks: boxes and labels on the picture, verdict and time bar in a panel below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from dtr.annotation import Box, Span, TraceAnnotation
from dtr.overlay_boxes import box_at, pack_lanes
from dtr.verdict import Trace, Verdict

Colour = tuple[int, int, int]

TRACE_COLOURS: tuple[Colour, ...] = (
    (255, 159, 28),
    (46, 196, 255),
    (255, 95, 162),
    (255, 225, 77),
    (123, 241, 168),
    (179, 136, 255),
)
"""Told apart on dark and light pictures, and by colour-blind eyes by lightness and label."""

PANEL, RAISED, TEXT, MUTED = (20, 23, 28), (38, 43, 51), (232, 234, 237), (139, 146, 156)
FAKE, REAL, UNSURE = (229, 72, 77), (48, 164, 108), (245, 165, 36)
WHITE, GREY = (255, 255, 255), (170, 176, 184)
MAX_LANES = 4
MIN_WIDTH = 200  # of the canvas, so that the panel can be read below a picture that is narrower
_SMOOTH = 3  # the panel is drawn this much larger and reduced, which smooths its edges


@dataclass(frozen=True)
class Mark:
    """One thing to draw: where, when, and how it is labelled.

    Attributes:
        label: words on its chip.
        span_s, box, boxes: as in `Trace`.
        colour: of box, chip and bar.
        dashed: always drawn dashed and thin (truth, weak candidates).
        below: its chip goes below the box first (so that truth and prediction do not hide each other).
    """

    label: str
    span_s: Span
    box: Box
    colour: Colour
    boxes: tuple[tuple[float, float, float, float, float], ...] = ()
    dashed: bool = False
    below: bool = False


def marks_of(verdict: Verdict, truth: Sequence[TraceAnnotation] = ()) -> list[Mark]:
    """What is drawn for a verdict: its traces; of a FAKE without one its best candidate, grey; the truth, white."""
    marks = [
        Mark(_label(t), t.span_s, t.box, TRACE_COLOURS[i % len(TRACE_COLOURS)], t.boxes)
        for i, t in enumerate(verdict.traces)
    ]
    if verdict.label == "fake" and not verdict.traces and verdict.candidates:
        weak = verdict.candidates[0]
        marks.append(Mark("below threshold", weak.span_s, weak.box, GREY, weak.boxes, dashed=True))
    for t in truth:
        if t.span_s is not None and t.box is not None:
            words = ", ".join(sorted(t.categories)) if t.categories else "trace"
            boxes = tuple((time, *box) for time, box in t.boxes)
            marks.append(Mark(f"truth: {words}", t.span_s, t.box, WHITE, boxes, dashed=True, below=True))
    return marks


def _label(trace: Trace) -> str:
    return f"{trace.category or 'trace'} {trace.score:.0%}"


@dataclass
class Painter:
    """Paints frames of one verdict; the panel is drawn once and only the playhead moves.

    Attributes:
        width, height: pixels of the picture. canvas_width, canvas_height: of the whole frame, both even.
    """

    verdict: Verdict
    width: int
    height: int
    truth: Sequence[TraceAnnotation] = ()
    canvas_width: int = field(init=False)
    canvas_height: int = field(init=False)

    def __post_init__(self) -> None:
        self._em = min(34, max(12, round(0.028 * (self.width * self.height) ** 0.5)))
        self._font: Any = ImageFont.load_default(size=self._em)
        self._marks = marks_of(self.verdict, self.truth)
        self._lanes = _lanes(self._marks)
        self._duration_s = max(self.verdict.duration_s, 1e-3)
        em = self._em
        self._row = round(1.7 * em)
        self._curve = round(2.0 * em) if self.verdict.frame_scores else 0
        self._lane = max(5, round(0.5 * em))
        lanes = max([lane for lane in self._lanes if lane is not None], default=-1) + 1
        panel = round(2.4 * em) + self._row + self._curve + lanes * (self._lane + 2)
        wide = max(self.width, MIN_WIDTH)
        self.canvas_width = wide + wide % 2
        self._left = (self.canvas_width - self.width) // 2
        self.canvas_height = self.height + panel + (self.height + panel) % 2
        self._panel = self._draw_panel(self.canvas_height - self.height)

    def paint(self, picture: Image.Image, time_s: float) -> Image.Image:
        """One frame.

        Args:
            picture: RGB, width × height.
            time_s: its presentation time.

        Returns:
            RGB, canvas_width × canvas_height.
        """
        canvas = Image.new("RGB", (self.canvas_width, self.canvas_height), PANEL)
        canvas.paste(picture, (self._left, 0))
        canvas.paste(self._panel, (0, self.height))
        draw = ImageDraw.Draw(canvas, "RGBA")
        shown = [m for m in self._marks if m.span_s[0] <= time_s < m.span_s[1]]
        for mark in reversed(shown):  # the strongest trace is drawn last, on top
            self._draw_box(draw, mark, time_s)
        taken: list[tuple[float, float, float, float]] = []
        for mark in shown:
            taken.append(self._draw_chip(draw, mark, time_s, taken))
        self._draw_playhead(draw, time_s)
        return canvas

    # The picture

    def _rect_px(self, mark: Mark, time_s: float) -> tuple[int, int, int, int, bool]:
        (x0, y0, x1, y1), seen = box_at(mark.box, mark.boxes, time_s)
        left, right = (self._left + round(x * (self.width - 1)) for x in (x0, x1))
        top, bottom = (round(y * (self.height - 1)) for y in (y0, y1))
        return left, top, max(left + 1, right), max(top + 1, bottom), seen

    def _draw_box(self, draw: ImageDraw.ImageDraw, mark: Mark, time_s: float) -> None:
        left, top, right, bottom, seen = self._rect_px(mark, time_s)
        line = max(2, round(self._em / 8))
        solid = seen and not mark.dashed
        for grow, colour in ((1, (0, 0, 0, 130)), (0, (*mark.colour, 255))):
            width = line + 2 * grow
            for edge in _edges(left, top, right, bottom, dash=None if solid else 0.6 * self._em):
                draw.line(edge, fill=colour, width=width)
            if solid:
                reach = round(min(1.3 * self._em, (right - left) / 3, (bottom - top) / 3))
                for corner in _corners(left, top, right, bottom, reach):
                    draw.line(corner, fill=colour, width=width + 2 * line, joint="curve")

    def _draw_chip(
        self, draw: ImageDraw.ImageDraw, mark: Mark, time_s: float, taken: Sequence[tuple[float, float, float, float]]
    ) -> tuple[float, float, float, float]:
        left, top, _, bottom, _ = self._rect_px(mark, time_s)
        em = self._em
        text = _fit(plain(mark.label), self._font, self.canvas_width - em)
        wide, high = self._font.getlength(text) + 0.7 * em, round(1.35 * em)
        gap = max(2, round(em / 5))
        x = min(max(0, left), max(0, self.canvas_width - wide))
        rows = [top - high - gap, bottom + gap, top + gap, bottom - high - gap]
        if mark.below:
            rows = [rows[1], rows[0], rows[3], rows[2]]
        rows += [k * (high + gap) for k in range(self.height // (high + gap))]
        free = [y for y in rows if 0 <= y <= self.height - high and not _hits((x, y, x + wide, y + high), taken)]
        y = free[0] if free else max(0, min(rows[0], self.height - high))
        draw.rounded_rectangle((x, y, x + wide, y + high), radius=em / 4, fill=(*mark.colour, 235))
        draw.text((x + 0.35 * em, y + high / 2), text, font=self._font, fill=(15, 17, 20), anchor="lm")
        return x, y, x + wide, y + high

    # The panel

    def _time_x(self, time_s: float) -> float:
        share = min(1.0, max(0.0, time_s / self._duration_s))
        return self._em + share * (self.canvas_width - 2 * self._em)

    def _draw_panel(self, height: int) -> Image.Image:
        s = _SMOOTH
        panel = Image.new("RGB", (self.canvas_width * s, height * s), PANEL)
        draw = ImageDraw.Draw(panel, "RGBA")
        self._draw_curve(draw, s)
        self._draw_lanes(draw, s)
        panel = panel.resize((self.canvas_width, height), Image.Resampling.LANCZOS)
        self._draw_summary(ImageDraw.Draw(panel, "RGBA"))
        return panel

    def _draw_curve(self, draw: ImageDraw.ImageDraw, s: int) -> None:
        em, top = self._em, round(1.2 * self._em) + self._row
        bottom = top + self._curve
        start, end = self._time_x(0) * s, self._time_x(self._duration_s) * s
        if self._curve:
            points = [
                (self._time_x(t) * s, (bottom - min(1.0, max(0.0, v)) * (self._curve - 2)) * s)
                for t, v in zip(self.verdict.frame_times_s, self.verdict.frame_scores, strict=True)
            ]
            points.append((end, points[-1][1]))
            draw.rectangle((start, top * s, end, bottom * s), fill=RAISED)
            draw.polygon([(points[0][0], bottom * s), *points, (end, bottom * s)], fill=(*FAKE, 90))
            draw.line(points, fill=FAKE, width=max(2, round(em * s / 10)), joint="curve")
        draw.line((start, bottom * s, end, bottom * s), fill=MUTED, width=s)

    def _draw_lanes(self, draw: ImageDraw.ImageDraw, s: int) -> None:
        first = round(1.2 * self._em) + self._row + self._curve + 3
        for mark, lane in zip(self._marks, self._lanes, strict=True):
            if lane is None:
                continue
            top = first + lane * (self._lane + 2)
            x0, x1 = self._time_x(mark.span_s[0]), self._time_x(mark.span_s[1])
            bar = (x0 * s, top * s, max(x0 + 3, x1) * s, (top + self._lane) * s)
            if mark.dashed:
                draw.rounded_rectangle(bar, radius=self._lane * s / 2, outline=mark.colour, width=s)
            else:
                draw.rounded_rectangle(bar, radius=self._lane * s / 2, fill=mark.colour)

    def _draw_summary(self, draw: ImageDraw.ImageDraw) -> None:
        em, verdict = self._em, self.verdict
        middle = 0.6 * em + self._row / 2
        word, colour = {"fake": ("FAKE", FAKE), "real": ("REAL", REAL)}[verdict.label]
        if verdict.abstain:
            word, colour = "UNSURE", UNSURE
        wide = self._font.getlength(word) + 1.2 * em
        draw.rounded_rectangle((em, 0.6 * em, em + wide, 0.6 * em + self._row), radius=em / 2.5, fill=colour)
        draw.text((em + wide / 2, middle), word, font=self._font, fill=WHITE, anchor="mm")
        x = em + wide + 0.7 * em
        room = self._time_x(self._duration_s) - self._font.getlength(self._clock(self._duration_s)) - em
        found = len(verdict.traces)
        for text, ink in (
            (f"P(fake) {verdict.score:.0%}", TEXT),
            (f"{found} trace{'s' if found > 1 else ''}" if found else "no trace found", MUTED),
        ):
            if x + self._font.getlength(text) > room:
                break
            draw.text((x, middle), text, font=self._font, fill=ink, anchor="lm")
            x += self._font.getlength(text) + 0.9 * em

    def _clock(self, time_s: float) -> str:
        return f"{time_s:.1f} / {self._duration_s:.1f} s"

    def _draw_playhead(self, draw: ImageDraw.ImageDraw, time_s: float) -> None:
        em, x = self._em, self._time_x(time_s)
        top = self.height + round(1.2 * em) + self._row
        right = self._time_x(self._duration_s)
        middle = self.height + 0.6 * em + self._row / 2
        draw.text((right, middle), self._clock(time_s), font=self._font, fill=TEXT, anchor="rm")
        line = max(2, round(em / 8))
        draw.line((x, top - em / 4, x, self.canvas_height - 0.6 * em), fill=WHITE, width=line)
        r = max(3, em / 4)
        draw.ellipse((x - r, top - em / 4 - r, x + r, top - em / 4 + r), fill=WHITE)


def _lanes(marks: Sequence[Mark]) -> list[int | None]:
    """A row for each mark's bar; the truth has rows of its own below the predictions, however many there are."""
    found = pack_lanes([m.span_s for m in marks if not m.below], MAX_LANES)
    first = max([lane for lane in found if lane is not None], default=-1) + 1
    truth = pack_lanes([m.span_s for m in marks if m.below], MAX_LANES)
    return found + [None if lane is None else first + lane for lane in truth]


def plain(text: str) -> str:
    """Text that the bundled font can draw: printable ASCII, anything else as "?".

    Example:
        >>> plain("étape\\n1")
        '?tape?1'
    """
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def _fit(text: str, font: Any, room: float) -> str:
    while len(text) > 4 and font.getlength(text) > room:
        text = text[:-4].rstrip() + "..."
    return text


def _hits(box: tuple[float, float, float, float], others: Sequence[tuple[float, float, float, float]]) -> bool:
    return any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)


def _edges(left: int, top: int, right: int, bottom: int, dash: float | None) -> list[tuple[float, float, float, float]]:
    """The rectangle's sides as line pieces, whole or dashed."""
    sides = [(left, top, right, top), (right, top, right, bottom), (right, bottom, left, bottom)]
    sides.append((left, bottom, left, top))
    if dash is None:
        return [tuple(float(v) for v in side) for side in sides]  # type: ignore[misc]
    pieces = []
    for x0, y0, x1, y1 in sides:
        count = max(1, round((abs(x1 - x0) + abs(y1 - y0)) / (2 * dash)))
        for k in range(count):
            a, b = (k + 0.25) / count, (k + 0.75) / count
            pieces.append((x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0)))
    return pieces


def _corners(left: int, top: int, right: int, bottom: int, reach: int) -> list[tuple[tuple[int, int], ...]]:
    return [
        ((left, top + reach), (left, top), (left + reach, top)),
        ((right - reach, top), (right, top), (right, top + reach)),
        ((right, bottom - reach), (right, bottom), (right - reach, bottom)),
        ((left + reach, bottom), (left, bottom), (left, bottom - reach)),
    ]
