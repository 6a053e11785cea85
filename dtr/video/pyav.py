"""The default decoder: FFmpeg through PyAV, frame by frame from start to end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtr.errors import VideoError
from dtr.video.orientation import Orientation, from_display_matrix
from dtr.video.reader import StreamingReader
from dtr.video.scale import reformatter, resize_rgb, scaler_flags
from dtr.video.source import check_file, check_size, open_container, video_stream
from dtr.video.timing import FrameTimer
from dtr.video.types import Limits, VideoInfo

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

_UNSPECIFIED = 2
"""AVCOL_SPC_UNSPECIFIED: the scaler takes its default for a colour space that it does not know."""


class PyavReader(StreamingReader):
    """Reads any file of `dtr.video.source`; damaged packets are left out and counted.

    Args:
        path: a regular file.
        limits: what the file may cost.
        strict: any damage is an error.
        threads: of the decoder; one keeps damaged files reproducible.

    Raises:
        VideoError: the file is refused or has no frame that can be decoded.
        LimitError: the file is beyond a limit.

    Attributes:
        orientation: turn and flip that are applied to every frame.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, limits: Limits | None = None, strict: bool = False, threads: int = 1
    ) -> None:
        super().__init__(path, limits or Limits(), strict)
        size_bytes = check_file(path, self.limits)
        with self._timed():
            self._container = open_container(path, self.limits)
        try:
            self._stream = video_stream(self._container, self.name, self.limits)
            self._stream.codec_context.thread_type = "AUTO" if threads != 1 else "NONE"
            self._stream.codec_context.thread_count = threads
            self._num_packets, self._reached_s = 0, 0.0
            self.orientation = Orientation()
            self._resized = False
            self._refusal = ""
            self.info = self._declared_info(size_bytes)
            self._check_declared()
            self._timer = FrameTimer(self._stream.time_base, self._declared_gap_s())
            self._frames = self._decoded()
            self._first = next(self._frames, None)
            if self._first is None:
                raise self._no_frame()
            self.info = self._seen_info(self._first)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Frees the decoder and the file."""
        self._container.close()

    def _declared_info(self, size_bytes: int) -> VideoInfo:
        stream, codec = self._stream, self._stream.codec_context
        rate = stream.average_rate or stream.guessed_rate
        ticks = stream.duration
        total_s = self._container.duration / 1e6 if self._container.duration else None
        aspect = stream.sample_aspect_ratio
        return VideoInfo(
            path=self.name,
            container=self._container.format.name,
            codec=codec.codec.canonical_name,
            pix_fmt=codec.pix_fmt or "unknown",
            width=codec.width,
            height=codec.height,
            rotation=0,
            sample_aspect_ratio=float(aspect) if aspect else 1.0,
            fps=float(rate) if rate else None,
            num_frames=stream.frames or None,
            duration_s=float(ticks * stream.time_base) if ticks and ticks > 0 else total_s,
            has_audio=bool(self._container.streams.audio),
            bit_rate=self._container.bit_rate or None,
            size_bytes=size_bytes,
        )

    def _seen_info(self, frame: VideoFrame) -> VideoInfo:
        """The declared facts with what the first frame shows: real size, orientation, pixel format."""
        self.orientation = _orientation(frame)
        width, height = self.orientation.size(frame.width, frame.height)
        aspect = self.info.sample_aspect_ratio
        seen = {
            "width": width,
            "height": height,
            "rotation": self.orientation.rotation,
            "pix_fmt": frame.format.name,
            "sample_aspect_ratio": 1 / aspect if self.orientation.transpose else aspect,
        }
        return VideoInfo(**{**vars(self.info), **seen})

    def _stamped(self) -> Iterator[tuple[int | None, float | None, Callable[[], NDArray[np.uint8]]]]:
        is_avi = self._container.format.name == "avi"
        frame = self._first
        self._first = None  # the reader must not keep a frame alive
        previous: int | None = None
        while frame is not None:
            previous = stamp = _avi_stamp(frame, previous) if is_avi else frame.pts
            duration_s = float(frame.duration * self._stream.time_base) if frame.duration else None
            yield stamp, duration_s, self._converter(frame)
            with self._timed():
                frame = next(self._frames, None)

    def _decoded(self) -> Iterator[VideoFrame]:
        """Frames of every packet that decodes."""
        for packet in self._packets():
            for frame in self._decode(packet):
                check_size(frame.width, frame.height, self.name, self.limits)
                if frame.is_corrupt:
                    self._count("frames decoded from damaged data")
                yield frame
        self._note_early_end(self._num_packets, self._reached_s)

    def _packets(self) -> Iterator[Packet]:
        """Packets of the video stream, the flushing one last; sound is read only to know how far the file goes."""
        import av

        streams = [self._stream, *self._container.streams.audio]
        packets = self._container.demux(streams)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self._note(f"reading stopped at {self._reached_s:.2f} s ({error.strerror})")
                return
            if packet is None:
                return
            self._see(packet)
            if packet.stream_index == self._stream.index:
                yield packet

    def _see(self, packet: Packet) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._reached_s = max(self._reached_s, packet_end_s(packet, stamp))
        if packet.size and packet.stream_index == self._stream.index:
            self._num_packets += 1

    def _decode(self, packet: Packet) -> list[Any]:
        import av

        try:
            return packet.decode()
        except av.error.FFmpegError as error:
            self._refusal = str(error.strerror)
            self._count("packets could not be decoded")
            return []

    def _no_frame(self) -> VideoError:
        reason = (
            f" ({self._refusal}; frames above {self.limits.max_pixels:,} pixels are refused)" if self._refusal else ""
        )
        return VideoError(f"no frame of '{self.name}' can be decoded{reason}; try to play it or copy it again")

    def _converter(self, frame: VideoFrame) -> Callable[[], NDArray[np.uint8]]:
        orientation = self.orientation
        changed = orientation.size(frame.width, frame.height) != (self.info.width, self.info.height)
        if changed and not self._resized:
            self._resized = True
            self._note(f"the picture size changes to {frame.width}×{frame.height}; those frames were rescaled")

        def convert() -> NDArray[np.uint8]:
            with self._timed():
                rgb = orientation.apply(self._to_rgb(frame))
                return resize_rgb(rgb, self.info.width, self.info.height) if changed else rgb

        return convert

    def _to_rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 as stored; transparent parts on black, as players show them."""
        import av

        has_alpha = any(component.is_alpha for component in frame.format.components)
        target = "rgba" if has_alpha else "rgb24"
        scale = {"format": target, "interpolation": scaler_flags(), "threads": 1}
        try:
            pixels = reformatter().reformat(frame, **scale).to_ndarray()
        except av.error.FFmpegError:
            frame.colorspace, frame.color_range = _UNSPECIFIED, 0
            try:
                pixels = reformatter().reformat(frame, **scale).to_ndarray()
            except av.error.FFmpegError as error:
                raise VideoError(
                    f"pixels of '{self.name}' ({frame.format.name}) cannot be converted to RGB; re-encode it"
                ) from error
        if not has_alpha:
            return pixels
        alpha = pixels[..., 3:].astype(np.uint16)
        return ((pixels[..., :3] * alpha + 127) // 255).astype(np.uint8)


def _avi_stamp(frame: VideoFrame, previous: int | None) -> int | None:
    """Time stamp of a frame of an AVI file, which stores none: one tick is one chunk.

    FFmpeg's guess at `pts` is wrong behind B-frames, the count of chunks read (`dts`) is right, but stands still or is
    missing while the decoder is emptied at the end.
    """
    if previous is None:
        return frame.pts if frame.dts is None else frame.dts
    return previous + 1 if frame.dts is None or frame.dts <= previous else frame.dts


def packet_end_s(packet: Any, stamp: int) -> float:
    """Seconds from the start of its stream to the end of a packet's display."""
    return float((stamp - (packet.stream.start_time or 0) + (packet.duration or 0)) * packet.time_base)


def _orientation(frame: Any) -> Orientation:
    from av.sidedata.sidedata import Type

    for data in frame.side_data:
        if data.type == Type.DISPLAYMATRIX:
            return from_display_matrix(bytes(data))
    return Orientation()
