from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dtr.annotation import VideoAnnotation
from dtr.leaks.media_facts import ClipFacts
from dtr.leaks.tables import (
    GROUPS,
    aspect_and_padding,
    clip_of,
    container,
    content_statistics,
    file_name,
    metadata,
    metadata_part,
    name_text,
    repeated_frames,
)

VIDEO = VideoAnnotation("id1", Path("f/stem1.mp4"), "fake", width=10, height=20, fps=5.0, duration_s=2.0)


def test_metadata__takes_what_the_file_says_before_what_the_row_says(plain_facts: ClipFacts) -> None:
    clips = [
        clip_of(VIDEO, {"codec": "vp9"}, None),
        clip_of(replace(VIDEO, video_id="id2"), {"codec": "vp9"}, plain_facts),
    ]
    table = metadata(clips)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.values.tolist()]
    assert (rows[0]["width"], rows[0]["fps"], rows[0]["codec=vp9"]) == (10, 5.0, 1.0)
    assert (rows[1]["width"], rows[1]["fps"], rows[1]["codec=h264"], rows[1]["has_audio"]) == (96, 12.0, 1.0, 0.0)
    assert math.isnan(rows[0]["has_audio"])


def test_metadata__a_manifest_with_facts_of_the_wrong_type_is_unknown() -> None:
    table = metadata([clip_of(VIDEO, {"codec": 3, "has_audio": "maybe", "bytes": "many"}, None)])
    assert not [name for name in table.columns if name.startswith("codec=")]
    assert np.isnan(table.values[0, table.columns.index("has_audio")])


def test_metadata_part__takes_its_columns_only() -> None:
    table = metadata_part("fps")([clip_of(VIDEO, {}, None)])
    assert (table.columns, table.values.tolist()) == (("fps",), [[5.0]])


def test_container__a_text_is_a_column_with_and_without_its_digits(plain_facts: ClipFacts) -> None:
    def with_encoder(text: str | None) -> ClipFacts:
        facts = {k: v for k, v in plain_facts.container.items() if k != "tag:encoder"}
        return replace(plain_facts, container=facts if text is None else {**facts, "tag:encoder": text})

    media = [with_encoder(text) for text in ("Lavf60.1", "Lavf60.1", "Lavf58.2", None, None)]
    table = container([clip_of(VIDEO, {}, facts) for facts in media] + [clip_of(VIDEO, {}, None)])
    columns = {name: table.values[:, i].tolist() for i, name in enumerate(table.columns)}
    assert columns["tag:encoder=Lavf60.1"][:5] == [1, 1, 0, 0, 0]
    assert columns["tag:encoder~Lavf#.#"][:5] == [1, 1, 1, 0, 0]
    assert columns["has tag:encoder"][:5] == [1, 1, 1, 0, 0]
    assert "tag:encoder=Lavf58.2" not in columns  # one clip names no class
    assert "container=mp4" not in columns  # every clip has it
    assert np.isnan(table.values[5]).all()


def test_aspect_and_padding__tells_the_picture_inside_the_bars(plain_facts: ClipFacts) -> None:
    boxed = replace(plain_facts, bars=(0.0, 0.25, 0.0, 0.25))
    table = aspect_and_padding([clip_of(VIDEO, {}, m) for m in (plain_facts, boxed, replace(boxed, bars=None))])
    inner = table.values[:, table.columns.index("inner_aspect")]
    assert inner[:2].tolist() == [1.5, 3.0]
    assert math.isnan(inner[2])


def test_name_text__has_no_folder_no_suffix_and_no_digits() -> None:
    assert name_text(VIDEO) == "<stem0>|<id0>"
    assert name_text(replace(VIDEO, video_id="stem1")) == "<stem0>"


def test_file_name__parts_that_some_names_share_are_columns() -> None:
    names = ["cm2a", "cm2b", "0_30_s_x", "0_30_s_y"]
    table = file_name([clip_of(VideoAnnotation(n, Path(f"{n}.mp4"), None), {}, None) for n in names])
    assert table.model == "linear"
    assert table.values[:, table.columns.index("'<cm'")].tolist() == [1, 1, 0, 0]
    assert table.values[:, table.columns.index("'_00_'")].tolist() == [0, 0, 1, 1]
    assert not [c for c in table.columns if "1" in c or "2" in c]


def test_repeated_frames_and_content_statistics__unknown_stays_unknown(plain_facts: ClipFacts) -> None:
    clips = [clip_of(VIDEO, {}, plain_facts), clip_of(VIDEO, {}, None)]
    assert repeated_frames(clips).values[0].tolist() == [0.0, 0.0]
    assert np.isnan(repeated_frames(clips).values[1]).all()
    statistics = content_statistics(clips)
    assert statistics.values[0, statistics.columns.index("brightness")] == 0.5
    assert np.isnan(statistics.values[0, statistics.columns.index("motion")])
    assert np.isnan(statistics.values[1]).all()


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.name)
def test_groups__have_a_row_per_clip_and_a_name_per_column(group, plain_facts: ClipFacts) -> None:
    table = group.build([clip_of(VIDEO, {}, plain_facts), clip_of(VIDEO, {}, None)])
    assert table.values.shape == (2, len(table.columns))
    assert len(set(table.columns)) == len(table.columns)
    # What needs media says nothing of a file that was not read, and the other way round.
    assert bool(np.isnan(table.values[1]).all()) == (group.needs_media or group.name in {"bit rate", "sound"})


def test_groups__have_names_of_their_own() -> None:
    assert len({group.name for group in GROUPS}) == len(GROUPS)
