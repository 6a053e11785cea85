"""The demo clip: a photograph filmed by a moving virtual camera, with one synthetic trace whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import Box, Span, TraceAnnotation
from dtr.boxes import box_iou
from dtr.mp4 import Mp4Writer
from dtr.synthetic import EFFECTS, Image, apply_effect, smooth
from dtr.verdict import Trace, Verdict

WIDTH, HEIGHT, FPS, DURATION_S = 448, 252, 24, 4.0
_NOISE = 2.0  # standard deviation of the sensor noise, in grey levels
_BOX_RATE_HZ = 6.0  # truth boxes per second


@dataclass(frozen=True)
class Photo:
    """A photograph of `dtr.assets` and the things in it that a trace may hit.

    Attributes:
        file: name in `dtr.assets`.
        author: to be credited.
        things: (words, box in [0, 1] of the photograph).
    """

    file: str
    author: str
    things: tuple[tuple[str, Box], ...]


PHOTOS = (
    Photo(
        "chelsea.jpg",
        "Stefan van der Walt",
        (
            ("the cat's right eye", (0.27, 0.24, 0.48, 0.52)),
            ("the cat's left eye", (0.61, 0.31, 0.81, 0.60)),
            ("the cat's nose", (0.48, 0.64, 0.69, 0.92)),
        ),
    ),
    Photo(
        "coffee.jpg",
        "Rachel Michetti",
        (
            ("the coffee in the cup", (0.33, 0.18, 0.64, 0.54)),
            ("the spoon", (0.51, 0.42, 0.72, 0.84)),
            ("the handle of the cup", (0.29, 0.50, 0.46, 0.80)),
        ),
    ),
    Photo(
        "rocket.jpg",
        "SpaceX",
        (
            ("the rocket", (0.42, 0.27, 0.58, 0.82)),
            ("the left mast", (0.26, 0.27, 0.37, 0.82)),
            ("the right mast", (0.65, 0.27, 0.76, 0.82)),
        ),
    ),
)


@dataclass(frozen=True)
class Plan:
    """Everything that a seed decides; the clip follows from it exactly.

    Attributes:
        seed: it came from.
        photo: that is filmed.
        category: of the trace, one of `dtr.annotation.CATEGORIES`.
        thing: what the trace hits, in words.
        source: box of the thing in the photograph; region: box that the trace changes, in [0, 1] of the photograph.
        span_s: when.
        camera: (2, 4) centre x, centre y, width (all in photograph widths) and angle (radians) at the start and end.
    """

    seed: int
    photo: Photo
    category: str
    thing: str
    source: Box
    region: Box
    span_s: Span
    camera: NDArray[np.float64]

    @property
    def sentence(self) -> str:
        """What was put in, in words."""
        start, end = self.span_s
        return f"{EFFECTS[self.category].sentence.format(thing=self.thing)} from {start:.2f} s to {end:.2f} s"


@dataclass(frozen=True)
class Comparison:
    """Truth beside prediction; a field is None where there was nothing to compare.

    Attributes:
        label_right: the clip was called fake.
        category_right: the strongest trace has the category that was put in.
        box_iou: of the strongest trace's box with the true one.
        onset_error_s: of the strongest trace.
        trace: that was compared; None = no trace was reported, a miss.
    """

    label_right: bool
    category_right: bool | None
    box_iou: float | None
    onset_error_s: float | None
    trace: Trace | None


def draw_plan(seed: int) -> Plan:
    """Draw photograph, camera, and place, time and kind of the trace.

    Args:
        seed: ≥ 0; the same seed gives the same clip.

    Example:
        >>> draw_plan(2).sentence
        'the rocket bends and melts from 1.94 s to 3.31 s'
    """
    rng = np.random.default_rng(seed)
    photo = PHOTOS[rng.integers(len(PHOTOS))]
    thing, source = photo.things[rng.integers(len(photo.things))]
    category = tuple(EFFECTS)[rng.integers(len(EFFECTS))]
    region = _beside(source, rng) if category == "Redundant Object" else source
    start = float(rng.uniform(0.8, 2.2))
    end = min(DURATION_S, start + float(rng.uniform(1.2, 3.0)))
    centre = np.array([region[0] + region[2], region[1] + region[3]]) / 2
    ends = [[*(0.5 + (centre - 0.5) * rng.uniform(0, 1) + rng.uniform(-0.08, 0.08, 2)), 0, 0] for _ in range(2)]
    camera = np.array(ends)
    camera[:, 2] = rng.uniform(0.78, 0.9, 2)
    camera[:, 3] = rng.uniform(-0.03, 0.03, 2)
    return Plan(seed, photo, category, thing, source, region, (round(start, 3), round(end, 3)), camera)


def write_clip(plan: Plan, path: Path) -> TraceAnnotation:
    """Film the plan into an MP4.

    Returns:
        The truth: span, boxes over time as displayed, category and a sentence.
    """
    with Mp4Writer(path, WIDTH, HEIGHT) as writer:
        for time_s, frame in render(plan):
            writer.add(frame, time_s)
        writer.end(DURATION_S)
    return truth_of(plan)


def render(plan: Plan) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """The frames of a plan, one at a time: (time_s, frame)."""
    photo = load_photo(plan.photo)
    for index in range(round(DURATION_S * FPS)):
        yield index / FPS, film(plan, photo, index)


def film(plan: Plan, photo: Image, index: int) -> NDArray[np.uint8]:
    """Frame number `index` of a plan: (HEIGHT, WIDTH, 3) uint8 RGB."""
    time_s = index / FPS
    shot = _shoot(_with_trace(photo, plan, time_s), _pose(plan, time_s, photo.shape))
    noisy = shot + np.random.default_rng([plan.seed, index]).normal(0.0, _NOISE, shot.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def truth_of(plan: Plan) -> TraceAnnotation:
    """The trace of a plan as an annotation in displayed-frame units."""
    photo = load_photo(plan.photo)
    times = np.arange(plan.span_s[0], plan.span_s[1], 1 / _BOX_RATE_HZ)
    boxes = np.array([_project(plan.region, _pose(plan, t, photo.shape), photo.shape) for t in times])
    middle = tuple(float(v) for v in np.median(boxes, axis=0))
    moving = tuple((float(t), tuple(float(v) for v in box)) for t, box in zip(times, boxes, strict=True))
    return TraceAnnotation(
        span_s=plan.span_s,
        box=middle,  # type: ignore[arg-type]
        boxes=moving,  # type: ignore[arg-type]
        categories=frozenset({plan.category}),
        explanation=plan.sentence,
        where=f"demo seed {plan.seed}",
    )


def compare(truth: TraceAnnotation, verdict: Verdict) -> Comparison:
    """How near the verdict's strongest trace comes to the truth; candidates do not count as found."""
    fake = verdict.label == "fake"
    if not verdict.traces or truth.box is None or truth.span_s is None:
        return Comparison(fake, None, None, None, None)
    trace = verdict.traces[0]
    right = None if trace.category is None else trace.category in (truth.categories or frozenset())
    iou = float(box_iou([truth.box], [trace.box])[0, 0])
    return Comparison(fake, right, iou, abs(trace.span_s[0] - truth.span_s[0]), trace)


def load_photo(photo: Photo) -> Image:
    """A photograph as (H, W, 3) float32, 0 to 255."""
    from PIL import Image as Pillow

    with as_file(files("dtr.assets") / photo.file) as path, Pillow.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32)


def _beside(box: Box, rng: np.random.Generator) -> Box:
    """A place of the same size next to `box`, on the side with more room, inside the photograph."""
    width = box[2] - box[0]
    direction = 1.0 if box[0] + box[2] < 1.0 else -1.0
    shift = direction * width * rng.uniform(0.9, 1.2)
    x0 = float(np.clip(box[0] + shift, 0.05, 0.95 - width))
    return (x0, box[1], x0 + width, box[3])


def _pose(plan: Plan, time_s: float, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Where the camera looks, kept inside the photo: (centre x, centre y, photo pixels per output pixel, angle)."""
    rows, cols = shape[:2]
    start, end = plan.camera
    x, y, width, angle = start + (end - start) * smooth(time_s / DURATION_S)
    phase = plan.seed % 7
    x += 0.004 * np.sin(2.1 * time_s + phase) + 0.002 * np.sin(5.3 * time_s)  # a hand is never still
    y += 0.005 * np.sin(1.7 * time_s + 2 * phase)
    scale = min(width * cols / WIDTH, 0.9 * rows / HEIGHT)
    half = np.array([WIDTH, HEIGHT]) * scale / 2
    turn = np.abs([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    reach = turn @ half + 1.0
    centre = np.clip([x * cols, y * rows], reach, np.array([cols, rows]) - reach)
    return float(centre[0]), float(centre[1]), float(scale), float(angle)


def _shoot(scene: Image, pose: tuple[float, float, float, float]) -> Image:
    from PIL import Image as Pillow

    x, y, scale, angle = pose
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    matrix = (a, -b, x - a * WIDTH / 2 + b * HEIGHT / 2, b, a, y - b * WIDTH / 2 - a * HEIGHT / 2)
    image = Pillow.fromarray(np.clip(np.rint(scene), 0, 255).astype(np.uint8))
    shot = image.transform((WIDTH, HEIGHT), Pillow.Transform.AFFINE, matrix, Pillow.Resampling.BICUBIC)
    return np.asarray(shot, dtype=np.float32)


def _project(box: Box, pose: tuple[float, float, float, float], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A box of the photograph as it appears in the shot: (4,) xyxy, clipped to the frame."""
    x, y, scale, angle = pose
    corners = np.array([(u, v) for u in (box[0], box[2]) for v in (box[1], box[3])]) * (shape[1], shape[0])
    dx, dy = (corners - (x, y)).T / scale
    u = (np.cos(angle) * dx + np.sin(angle) * dy) / WIDTH + 0.5
    v = (-np.sin(angle) * dx + np.cos(angle) * dy) / HEIGHT + 0.5
    return np.clip([u.min(), v.min(), u.max(), v.max()], 0.0, 1.0)


def _with_trace(photo: Image, plan: Plan, time_s: float) -> Image:
    start, end = plan.span_s
    rise_s = EFFECTS[plan.category].rise_s
    fall = 0.0 if end >= DURATION_S else smooth((time_s - end) / rise_s + 1)
    amount = smooth((time_s - start) / rise_s) * (1 - fall)
    if amount <= 0:
        return photo
    region, source = _pixels(plan.region, photo.shape), _pixels(plan.source, photo.shape)
    return apply_effect(photo, plan.category, region, source, time_s - start, amount)


def _pixels(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A box in whole pixels; boxes of the same size stay of the same size wherever they lie."""
    x0, y0 = round(box[0] * shape[1]), round(box[1] * shape[0])
    return x0, y0, x0 + round((box[2] - box[0]) * shape[1]), y0 + round((box[3] - box[1]) * shape[0])


def to_json(plan: Plan, truth: TraceAnnotation, verdict: Verdict, result: Comparison) -> dict[str, Any]:
    """The demo's outcome in plain JSON types."""
    return {
        "seed": plan.seed,
        "photo": {"file": plan.photo.file, "author": plan.photo.author, "licence": "CC0"},
        "truth": {
            "label": "fake",
            "category": plan.category,
            "span_s": list(plan.span_s),
            "box": [round(v, 6) for v in truth.box or ()],
            "explanation": plan.sentence,
        },
        "comparison": {
            "label_right": result.label_right,
            "category_right": result.category_right,
            "box_iou": result.box_iou,
            "onset_error_s": result.onset_error_s,
        },
        "verdict": verdict.to_json(),
    }
