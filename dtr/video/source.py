"""Opening a file that may be hostile: only real files, only known containers and codecs, nothing followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtr.errors import LimitError, VideoError
from dtr.video.types import Limits

if TYPE_CHECKING:
    from av.container import InputContainer

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,gif,mpeg,ogg,flv"
_CODECS = (
    "av1,cinepak,dnxhd,ffv1,flv,gif,h263,h264,hevc,libdav1d,libvpx,libvpx-vp9,mjpeg,mpeg1video,mpeg2video,mpeg4,"
    "msmpeg4,msmpeg4v1,msmpeg4v2,prores,rawvideo,theora,vp8,vp9"
)
CODECS = frozenset(_CODECS.split(","))
KINDS = "MP4, MOV, WebM, MKV, AVI, TS or GIF"

_SCRIPTS = ((b"#EXTM3U", "an HLS playlist"), (b"ffconcat", "a concat script"), (b"<?xml", "XML"), (b"<!DOC", "HTML"))


def check_file(path: str | os.PathLike[str], limits: Limits) -> int:
    """Refuses everything but a readable regular file of an allowed size that is not text.

    Returns:
        Size in bytes.

    Raises:
        VideoError: for a URL, a missing file, a directory or device, an empty file, text, a playlist.
        LimitError: above `limits.max_bytes`.
    """
    name = os.fspath(path)
    file = Path(name)
    try:
        facts = file.stat()
    except (OSError, ValueError) as error:
        hint = "; download it first, URLs are never opened" if "://" in name else "; check the path"
        raise VideoError(f"expected a video file, but '{name}' cannot be found{hint}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise VideoError(f"expected a video file, got a {_file_kind(facts.st_mode)} at '{name}'; give a file")
    if facts.st_size == 0:
        raise VideoError(f"expected a video file, but '{name}' is empty (0 bytes); copy or download it again")
    if facts.st_size > limits.max_bytes:
        raise LimitError(
            f"'{name}' has {facts.st_size:,} bytes, more than the limit of {limits.max_bytes:,}; "
            "lift it with --long (Limits.long())"
        )
    try:
        with file.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise VideoError(f"'{name}' cannot be read ({error.strerror}); check its permissions") from error
    what = _text_kind(head)
    if what is not None:
        raise VideoError(f"expected a video file ({KINDS}), got {what} in '{name}'; nothing it names was opened")
    return facts.st_size


def open_container(path: str | os.PathLike[str], limits: Limits) -> InputContainer:
    """Opens a checked file with FFmpeg's allow-lists on.

    Raises:
        VideoError: the container is unknown, not allowed or broken beyond use.
    """
    import av

    options = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": "file",
        # Probing decodes the first frames: the list keeps every other decoder out of that too.
        "codec_whitelist": _CODECS,
    }
    name = os.fspath(path)
    try:
        # An absolute path cannot be read as a protocol; a bare name such as "concat:a.mp4" would be.
        return av.open(str(Path(name).absolute()), options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(
            f"expected a video file ({KINDS}), but '{name}' is no such file or too damaged to open "
            f"({_reason(error)}); try to play it or re-export it"
        ) from error


def video_stream(container: InputContainer, name: str, limits: Limits) -> Any:
    """The stream to decode (a PyAV `VideoStream`), checked: codec allowed, size allowed.

    Raises:
        VideoError: there is no moving picture, or its codec is not allowed.
        LimitError: a frame is larger than the limits.
    """
    from av.stream import Disposition

    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "sound only" if container.streams.audio else "no video stream"
        raise VideoError(f"expected a video, got {what} in '{name}'; give a file with a picture track")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    codec = stream.codec_context.codec.name if stream.codec_context is not None else "unknown"
    if codec not in CODECS:
        raise VideoError(f"the video codec '{codec}' of '{name}' is not allowed; re-encode it, for example as H.264")
    check_size(stream.codec_context.width, stream.codec_context.height, name, limits)
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def check_size(width: int, height: int, name: str, limits: Limits) -> None:
    """Refuses a frame that is larger than the limits.

    Raises:
        LimitError: with the size and the limit.
    """
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise LimitError(
            f"frames of '{name}' have {width}×{height} pixels, more than the limit of {limits.max_pixels:,} pixels and "
            f"{limits.max_side} a side; scale the video down first"
        )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def _file_kind(mode: int) -> str:
    kinds: tuple[tuple[Any, str], ...] = ((stat.S_ISDIR, "folder"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"))
    return next((word for test, word in kinds if test(mode)), "device")


def _text_kind(head: bytes) -> str | None:
    """What kind of text a file starts with; None = it is binary."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, what in _SCRIPTS:
        if start[: len(magic)].lower() == magic.lower():
            return what
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return None if control else "text"
