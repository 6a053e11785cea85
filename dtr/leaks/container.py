"""What a file says before a frame is decoded: container, codec, tags, clock, order of its packets."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dtr.video.source import open_container, video_stream
from dtr.video.types import Limits

if TYPE_CHECKING:
    from av.container import InputContainer

ContainerFacts = dict[str, str | float]

MAX_PACKETS = 300
"""Packets whose order is looked at: more than one group of pictures of any usual encoder."""

_WRITER = re.compile(rb"x26[45] - core \d+|x265 \(build \d+\)|Lavc[\d.]+|Lavf[\d.]+")


def container_facts(path: str | os.PathLike[str], limits: Limits) -> ContainerFacts:
    """Facts of a media file; nothing is decoded.

    Args:
        path: a file that `dtr.video.open_video` opens.
        limits: what it may cost.

    Returns:
        Name → text or number. What a file does not have is absent: two files differ in their names too.

    Raises:
        VideoError: the file cannot be opened or has no picture track.
        LimitError: its frames are beyond a limit.
    """
    name = os.fspath(path)
    with open_container(path, limits) as container:
        stream = video_stream(container, name, limits)
        facts = {**_stream_facts(container, stream), **_tags(container, stream)}
        return {**facts, **_packet_facts(container, stream)}


def _stream_facts(container: InputContainer, stream: Any) -> ContainerFacts:
    codec = stream.codec_context
    facts: dict[str, Any] = {
        "container": container.format.name,
        "codec": codec.codec.canonical_name,
        "codec_tag": codec.codec_tag,
        "profile": stream.profile,
        "level": codec.level,
        "pix_fmt": codec.pix_fmt,
        "color_range": int(codec.color_range),
        "colorspace": int(codec.colorspace),
        "color_primaries": int(codec.color_primaries),
        "color_trc": int(codec.color_trc),
        "ticks_per_s": float(1 / stream.time_base) if stream.time_base else None,
        "start_s": float(stream.start_time * stream.time_base) if stream.start_time else 0.0,
        "sample_aspect_ratio": float(stream.sample_aspect_ratio or 1),
        "reorder_delay": int(codec.has_b_frames),
        "streams": len(container.streams),
        "sound_streams": len(container.streams.audio),
    }
    for sound in container.streams.audio[:1]:
        facts |= {"sound_codec": sound.codec_context.name, "sound_rate_hz": sound.codec_context.sample_rate}
    # The four colour facts are code points, kinds and not amounts.
    kinds = {"color_range", "colorspace", "color_primaries", "color_trc"}
    return {key: str(v) if key in kinds else v for key, v in facts.items() if v is not None}


def _tags(container: InputContainer, stream: Any) -> ContainerFacts:
    """Tags of the file, its picture track and its first sound track."""
    found: ContainerFacts = {f"tag:{key}": str(value) for key, value in container.metadata.items()}
    found |= {f"video:{key}": str(value) for key, value in stream.metadata.items()}
    for sound in container.streams.audio[:1]:
        found |= {f"sound:{key}": str(value) for key, value in sound.metadata.items()}
    return found


def _packet_facts(container: InputContainer, stream: Any) -> ContainerFacts:
    """Distance of key frames, order, and the encoder's name where it signs its stream."""
    import av

    keys: list[int] = []
    stamps: list[int] = []
    writer = ""
    count = 0
    try:
        for packet in container.demux(stream):
            if not packet.size or count == MAX_PACKETS:
                break
            if not count:
                signed = _WRITER.search(bytes(packet)[:4096])
                writer = signed.group().decode("ascii") if signed else ""
            keys += [count] if packet.is_keyframe else []
            stamps += [packet.pts] if packet.pts is not None else []
            count += 1
    except av.error.FFmpegError:
        # A file that breaks off is told by the decoder, with a message; what came before it still counts here.
        count = max(count, 1)
    gap = (keys[-1] - keys[0]) / (len(keys) - 1) if len(keys) > 1 else float(count)
    ordered = all(a <= b for a, b in pairwise(stamps))
    facts: ContainerFacts = {"key_frame_gap": gap, "reordered": float(not ordered)}
    return facts | ({"writer": writer} if writer else {})
