from __future__ import annotations

import pytest

from dtr.errors import ConfigError
from dtr.robustness.catalogue import DEFAULT, KINDS, PLAIN, parse, parse_all


@pytest.mark.parametrize("name", [*DEFAULT, *PLAIN, "record-30", "scale-0.5+hflip+h264-crf28"])
def test_parse__gives_the_name_back(name: str) -> None:
    assert parse(name).name == name


def test_parse__makes_a_chain_of_its_parts() -> None:
    assert [s.name for s in parse("hflip+last-mile").stages] == ["hflip", *(s.name for s in parse("last-mile").stages)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "h264",
        "h264-crf",
        "h264-crf99",
        "h264-crf28.5",
        "scale-0",
        "scale-2",
        "scale-nan",
        "fps-inf",
        "hflip+",
        "twirl",
    ],
)
def test_parse__refuses_what_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match="expected a"):
        parse(name)


def test_default__has_every_kind_once_and_the_baseline_first() -> None:
    assert DEFAULT[0] == "none"
    assert len(set(DEFAULT)) == len(DEFAULT) == 26  # the number on the help page
    in_chains = {s.name.rstrip("0123456789.") for name in DEFAULT for s in parse(name).stages}
    assert set(KINDS) <= in_chains


def test_parse_all__adds_the_baseline_and_takes_each_once() -> None:
    assert [t.name for t in parse_all(["blur-1.0", "none", "blur-1"])] == ["none", "blur-1"]
