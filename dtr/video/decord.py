"""The decord decoder (extra `decord`) behind the same interface, refused where it is known to be wrong.

decord 0.6 drops start offsets, keeps times as 32-bit floats, is off by one behind open GOPs when it seeks, gives
nothing for half a file and knows neither AV1 nor GIF nor MPEG-TS. So it is only ever read from start to end, times come
from the packets as PyAV reads them, and a file whose packets it does not turn into frames one by one is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import MissingExtraError, VideoError
from dtr.video.pyav import PyavReader, packet_end_s
from dtr.video.reader import StreamingReader
from dtr.video.source import open_container, video_stream
from dtr.video.timing import FrameTimer
from dtr.video.types import Limits

CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi")
CODECS = frozenset(
    {"h264", "hevc", "vp8", "vp9", "mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "msmpeg4v2", "msmpeg4v3"}
)


class DecordReader(StreamingReader):
    """Reads whole, undamaged files of the containers and codecs above.

    Args:
        path: a regular file.
        limits: what the file may cost.
        strict: any damage is an error; decord refuses damaged files either way.

    Raises:
        MissingExtraError: decord is not installed.
        VideoError: the file is refused, or decord cannot read it faithfully.
        LimitError: the file is beyond a limit.
    """

    def __init__(self, path: str | os.PathLike[str], *, limits: Limits | None = None, strict: bool = False) -> None:
        super().__init__(path, limits or Limits(), strict)
        decord = _import_decord()
        self._errors = (decord.DECORDError, RuntimeError, StopIteration)
        with PyavReader(path, limits=self.limits, strict=strict) as checked:
            self.info = checked.info
            self._refuse_unless(self.info.container in CONTAINERS, f"the container {self.info.container}")
            self._refuse_unless(self.info.codec in CODECS, f"the codec {self.info.codec}")
            self._refuse_unless(not checked.orientation.mirrored, "a mirrored picture")
        with self._timed():
            self._stamps, time_base, self._last_s = self._read_stamps()
            self._timer = FrameTimer(time_base, self._declared_gap_s())
            self._reader = self._open(decord)

    def close(self) -> None:
        """Frees the decoder and the file."""
        self._reader = None

    def _refuse_unless(self, good: bool, what: str) -> None:
        if not good:
            raise VideoError(f"decord cannot read {what} of '{self.name}' faithfully; use the default decoder, pyav")

    def _read_stamps(self) -> tuple[list[int], Any, float | None]:
        """Time stamps of all displayed frames in display order, their unit, and the last one's display time."""
        import av

        durations: dict[int, int | None] = {}
        reached_s = 0.0
        with open_container(self.name, self.limits) as container:
            stream = video_stream(container, self.name, self.limits)
            by_dts = container.format.name == "avi"  # stores no presentation times
            try:
                for packet in container.demux(stream):
                    stamp = packet.dts if by_dts else packet.pts
                    self._refuse_unless(not packet.is_corrupt, "a damaged packet")
                    if not packet.size or packet.is_discard:
                        continue
                    self._refuse_unless(stamp is not None, "a packet without a time stamp")
                    durations[stamp] = packet.duration
                    reached_s = max(reached_s, packet_end_s(packet, stamp))
            except av.error.FFmpegError as error:
                raise VideoError(f"'{self.name}' is damaged ({error.strerror}); use the decoder pyav") from error
            self._note_early_end(len(durations), reached_s)
            last = durations[max(durations)] if durations else None
            return sorted(durations), stream.time_base, float(last * stream.time_base) if last else None

    def _open(self, decord: Any) -> Any:
        try:
            reader = decord.VideoReader(str(Path(self.name).absolute()), ctx=decord.cpu(0), num_threads=1)
            count = len(reader)
        except self._errors as error:
            raise VideoError(f"decord cannot open '{self.name}'; use the default decoder, pyav") from error
        wanted = len(self._stamps)
        self._refuse_unless(count == wanted, f"{count} of the {wanted} frames (it would misplace the rest)")
        return reader

    def _stamped(self) -> Iterator[tuple[int | None, float | None, Callable[[], NDArray[np.uint8]]]]:
        ends = [*self._stamps[1:], None]
        for stamp, end in zip(self._stamps, ends, strict=True):
            with self._timed():
                rgb = self._next()
            shown_s = self._last_s if end is None else float((end - stamp) * self._timer_base())
            yield stamp, shown_s, partial(np.asarray, rgb)

    def _timer_base(self) -> Any:
        assert self._timer is not None  # set in __init__
        return self._timer.time_base

    def _next(self) -> NDArray[np.uint8]:
        try:
            rgb = self._reader.next().asnumpy()
        except self._errors as error:
            raise VideoError(f"decord stopped inside '{self.name}'; use the default decoder, pyav") from error
        size = (self.info.height, self.info.width, 3)
        self._refuse_unless(
            rgb.shape == size, f"frames of {rgb.shape[1]}×{rgb.shape[0]} instead of {size[1]}×{size[0]}"
        )
        return rgb


def _import_decord() -> Any:
    try:
        import decord
    except ImportError as error:
        raise MissingExtraError(
            "the decoder 'decord' needs the package decord; install it with: pip install 'dtr-video[decord]'"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    return decord
