from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.data.pieces import PieceReader, find_pieces, next_piece
from dtr.errors import ArchiveError

DATA = bytes(range(97))


def cut(folder: Path, *sizes: int) -> list[Path]:
    files, start = [], 0
    for number, size in enumerate([*sizes, len(DATA) - sum(sizes)], start=1):
        files.append(folder / f"a.{number:03d}")
        files[-1].write_bytes(DATA[start : start + size])
        start += size
    return files


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 110), st.integers(0, 110)), max_size=6), st.integers(1, 40))
def test_reader__reads_what_the_whole_file_would(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, int]], buffer: int
) -> None:
    files = cut(tmp_path_factory.mktemp("p"), 10, 0, 1, 50)
    whole = io.BytesIO(DATA)
    with io.BufferedReader(PieceReader(files), buffer) as joined:
        for position, count in reads:
            assert joined.seek(position) == whole.seek(position)
            assert joined.read(count) == whole.read(count)
            assert joined.tell() == whole.tell()
        assert joined.seek(-5, io.SEEK_END) == len(DATA) - 5
        assert joined.read() == DATA[-5:]


def test_reader__refuses_a_negative_position(tmp_path: Path) -> None:
    with PieceReader(cut(tmp_path, 10)) as reader, pytest.raises(OSError):
        reader.seek(-1)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x")


def test_find_pieces__in_order_from_zero_or_one(tmp_path: Path) -> None:
    touch(tmp_path, "v.zip.010", *(f"v.zip.00{i}" for i in range(1, 10)), "v.zip.part", "w.zip.000", "w.zip.001")
    assert [p.name for p in find_pieces(tmp_path, "v.zip")] == [f"v.zip.{i:03d}" for i in range(1, 11)]
    assert [p.name for p in find_pieces(tmp_path, "w.zip")] == ["w.zip.000", "w.zip.001"]
    assert find_pieces(tmp_path, "x.zip") == ()
    touch(tmp_path, "v.zip")
    assert [p.name for p in find_pieces(tmp_path, "v.zip")] == ["v.zip"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("v.zip.001", "v.zip.003"), "v.zip.002 is missing; download it again"),
        (("v.zip.002", "v.zip.004"), "v.zip.001, v.zip.003 are missing; download them again"),
        (("v.zip.01", "v.zip.001"), "got v.zip.001 and v.zip.01; remove one"),
    ],
)
def test_find_pieces__names_what_is_wrong(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(ArchiveError, match=words):
        find_pieces(tmp_path, "v.zip")


def test_next_piece__keeps_the_digits() -> None:
    assert next_piece([Path("v.zip.009")]) == "v.zip.010"
    assert next_piece([Path("v.zip.99")]) == "v.zip.100"
