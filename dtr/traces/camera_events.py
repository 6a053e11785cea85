"""What a camera and the scene before it do: motion blur, shake, flashes, exposure, focus, a thing passing close."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtr.traces.opencv import opencv
from dtr.traces.paint import move_by, turn_about
from dtr.traces.scene import FloatArray, Scene
from dtr.traces.smooth import envelope, noise_in_time, smooth_field, smoothstep

Frames = NDArray[np.uint8]
Times = NDArray[np.floating]


def motion_blur(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """For a while everything is smeared along its own motion, as with a long exposure.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    scene = Scene(frames, times_s, float(times_s[-1]))
    open_share = part_of(times_s, rng, (0.3, 1.2)) * rng.uniform(0.8, 2.0)
    out = frames.copy()
    for index in np.flatnonzero(open_share[:-1] > 0.05):
        flow = np.clip(scene.flow(int(index)) * scene.to_full, -0.1 * scene.width, 0.1 * scene.width)
        out[index] = _smear(frames[index], flow.astype(np.float32) * np.float32(open_share[index]))
    return out


def _smear(rgb: Frames, path: NDArray[np.float32]) -> Frames:
    """The mean of a frame along a path at each pixel: eight looks, by halving three times."""
    cv2 = opencv()
    height, width = rgb.shape[:2]
    path = cv2.resize(path, (width, height), interpolation=cv2.INTER_LINEAR)
    cols, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    for share in (0.5, 0.25, 0.125):
        x, y = cv2.convertMaps(cols - share * path[..., 0], rows - share * path[..., 1], cv2.CV_16SC2)
        rgb = cv2.addWeighted(rgb, 0.5, cv2.remap(rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), 0.5, 0)
    return rgb


def shake(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """The camera trembles in the hand; the picture is cropped a little so that no border shows.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    cv2 = opencv()
    height, width = frames.shape[1:3]
    margin = float(rng.uniform(0.01, 0.035))
    zoom = 1 / (1 - 2.4 * margin)
    how_much = 0.25 + 0.75 * part_of(times_s, rng, (0.5, 3.0))
    jitter = noise_in_time(times_s, float(rng.uniform(0.1, 0.35)), 3, rng)
    shift = np.clip(jitter[:, :2] / 2, -1, 1) * how_much[:, None] * margin * min(height, width)
    angle = np.clip(jitter[:, 2] / 2, -1, 1) * how_much * 0.3 * margin
    centre = np.array([width - 1, height - 1]) / 2
    out = np.empty_like(frames)
    for index, rgb in enumerate(frames):
        matrix = move_by(*shift[index]) @ turn_about(centre, float(angle[index]), zoom)
        out[index] = cv2.warpAffine(
            rgb, matrix[:2], (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
    return out


def flash(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """One to four flashes of light that die away within a few frames, as of a photo camera or of lightning.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    light = np.zeros(len(times_s))
    for start in rng.choice(len(times_s), size=int(rng.integers(1, 5))):
        since = np.asarray(times_s) - times_s[start]
        light += np.where(since >= 0, rng.uniform(0.3, 1.6) * np.exp(-since / rng.uniform(0.03, 0.15)), 0)
    tint = rng.uniform(0.9, 1.0, 3)
    return with_light(frames, 1 + light[:, None] * tint, 25 * light)


def exposure(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """The exposure and the white balance settle at another value, within one frame or over half a second.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    start = float(rng.uniform(times_s[0], times_s[-1]))
    takes_s = float(rng.choice([0.02, rng.uniform(0.15, 0.7)]))
    since = np.asarray(times_s, dtype=np.float64) - start
    there = smoothstep(since / takes_s)
    overshoot = np.exp(-np.maximum(since, 0) / 0.4) * rng.uniform(0, 0.4)
    gain = rng.choice([rng.uniform(0.55, 0.85), rng.uniform(1.15, 1.6)]) * rng.uniform(0.95, 1.05, 3)
    return with_light(frames, 1 + (there * (1 + overshoot))[:, None] * (gain - 1))


def refocus(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """The lens hunts: the whole picture goes soft and comes back.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    cv2 = opencv()
    widest = float(rng.uniform(0.004, 0.014)) * min(frames.shape[1:3])
    sigma = widest * part_of(times_s, rng, (0.4, 1.5))
    out = frames.copy()
    for index in np.flatnonzero(sigma > 0.3):
        out[index] = cv2.GaussianBlur(frames[index], (0, 0), float(sigma[index]))
    return out


def occlusion(frames: Frames, times_s: Times, rng: np.random.Generator, donor: Frames | None = None) -> Frames:
    """A dark or coloured thing, far out of focus, passes close to the lens.

    Args:
        frames: (N, H, W, 3) uint8. times_s: (N,) seconds. rng: of the choices. donor: not used.

    Returns:
        (N, H, W, 3) uint8.
    """
    height, width = frames.shape[1:3]
    cover, colours = _thing(height, width, rng)
    takes_s = float(rng.uniform(0.4, 1.3))
    start = float(rng.uniform(times_s[0] - 0.3 * takes_s, times_s[-1]))
    way = (np.asarray(times_s) - start) / takes_s
    side = float(rng.choice([-1.0, 1.0]))
    reach = (width + cover.shape[1]) / 2
    x = width / 2 + side * reach * (2 * way - 1) - cover.shape[1] / 2
    y = height / 2 - cover.shape[0] / 2 + height * (rng.uniform(-0.35, 0.35) + rng.uniform(-0.3, 0.3) * way)
    out = frames.copy()
    for index in np.flatnonzero((way > 0) & (way < 1)):
        _lay(out[index], cover, colours, round(x[index]), round(y[index]))
    return out


def _thing(height: int, width: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cover (h, w, 1) in [0, 1] and colours (h, w, 3) of a blurred shape about as large as the frame."""
    cv2 = opencv()
    high, wide = round(height * rng.uniform(0.7, 1.8)), round(width * rng.uniform(0.25, 0.8))
    small = (64, 64)
    y, x = np.mgrid[-1.6:1.6:64j, -1.6:1.6:64j].astype(np.float32)
    lean = float(rng.uniform(-0.5, 0.5))
    roundness = float(rng.uniform(2, 6))
    far = (np.abs(x + lean * y) ** roundness + np.abs(y) ** roundness) ** (1 / roundness)
    far += 0.2 * smooth_field(64, 64, 3, rng, channels=1)[..., 0]
    soft = float(rng.uniform(0.12, 0.45))
    cover = smoothstep((1 + soft - far) / (2 * soft)).astype(np.float32) * np.float32(rng.uniform(0.85, 1.0))
    cover *= smoothstep((1.6 - np.maximum(np.abs(x), np.abs(y))) / 0.2).astype(np.float32)
    base = rng.uniform(8, 130) * rng.uniform(0.6, 1.0, 3)
    colours = base * (1 + 0.25 * smooth_field(*small, 3, rng, channels=1))
    cover, colours = (cv2.resize(v.astype(np.float32), (wide, high)) for v in (cover, colours))
    return cover[..., None], np.clip(colours, 0, 255)


def _lay(rgb: Frames, cover: NDArray[np.float32], colours: NDArray[np.float32], left: int, top: int) -> None:
    """Blend a shape over a frame in place, its corner at (left, top), which may lie outside."""
    height, width = rgb.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + cover.shape[1]), min(height, top + cover.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    below = rgb[y0:y1, x0:x1].astype(np.float32)
    rgb[y0:y1, x0:x1] = below + cover[part] * (colours[part] - below) + 0.5


def part_of(times_s: Times, rng: np.random.Generator, length_s: tuple[float, float]) -> FloatArray:
    """An event that comes, stays and goes somewhere in the clip.

    Args:
        times_s: (N,) seconds. rng: of the choices. length_s: shortest and longest duration.

    Returns:
        (N,) in [0, 1].
    """
    t = np.asarray(times_s, dtype=np.float64)
    length = float(rng.uniform(*length_s))
    start = float(rng.uniform(t[0] - 0.3 * length, t[-1] - 0.3 * length))
    ramp_s = float(rng.uniform(0.1, 0.45)) * length
    return envelope(t, start, start + length, ramp_s, ramp_s)


def with_light(frames: Frames, gain: FloatArray, lift: FloatArray | None = None) -> Frames:
    """Every frame brighter or darker by factors of its own.

    Args:
        frames: (N, H, W, 3) uint8. gain: (N, 3) factor of each colour. lift: (N,) added, of 255.

    Example:
        >>> with_light(np.full((1, 1, 1, 3), 100, np.uint8), np.array([[0.5, 1.0, 3.0]]))[0, 0, 0].tolist()
        [50, 100, 255]
    """
    cv2 = opencv()
    levels = np.arange(256)[:, None]
    out = np.empty_like(frames)
    for index, rgb in enumerate(frames):
        table = levels * gain[index] + (0.0 if lift is None else lift[index])
        out[index] = cv2.LUT(rgb, np.clip(table + 0.5, 0, 255).astype(np.uint8)[None])
    return out
