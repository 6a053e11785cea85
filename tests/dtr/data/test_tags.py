from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtr.annotation import CATEGORIES
from dtr.data.tags import read_tag, read_tags

CHECKLIST = {
    "unexpected move for still things (e.g. trail moves)": "Unexpected Move",
    "Shape distortion (e.g. human arm bending as rubbery)": "Object Distortion",
    "merging (e.g. two objects merge into one.)": "Object Merging",
    "splitting (e.g. one object splits into two)": "Object Splitting",
    "overlap background distortion (e.g. because of object movement)": "Background Distortion",
    "weird motion (e.g. unnatural movement paths / patterns)": "Object Trajectory",
    "Blurring (e.g. sudden blurring)": "Sudden Blurring",
    "None of the above, but I've written in the explanations": None,
    "disappearance of object": "Object Disappearance",
    "appearance of redundant/extra object": "Redundant Object",
}


@pytest.mark.parametrize(("tag", "category"), CHECKLIST.items())
def test_read_tag__reads_the_annotators_checklist(tag: str, category: str | None) -> None:
    assert read_tag(tag) == (category, True)


@pytest.mark.parametrize("name", CATEGORIES)
def test_read_tag__reads_the_names_of_the_categories(name: str) -> None:
    assert read_tag(name.upper()).category == name


@pytest.mark.parametrize(
    ("tag", "category"),
    [
        ("object deformation", "Object Distortion"),
        ("unsmooth motion", "Object Trajectory"),
        ("Unsmooth movement", "Object Trajectory"),
        ("object disappears", "Object Disappearance"),
        ("Dissapearance", "Object Disappearance"),
        ("extra objects", "Redundant Object"),
        ("sudden appearance", "Redundant Object"),
        ("change of appearance, deformed", "Object Distortion"),
        ("blurring of the background", "Sudden Blurring"),
        ("Spliting", "Object Splitting"),
        ("fusion of two hands", "Object Merging"),
        ("confusing shape", "Object Distortion"),
        ("static object moves", "Unexpected Move"),
        ("moves by itself", "Unexpected Move"),
        ("background warps", "Background Distortion"),
        ("unnatural lighting", None),
        ("colour distortion", None),
        ("liquid", None),
    ],
)
def test_read_tag__reads_other_wordings(tag: str, category: str | None) -> None:
    assert read_tag(tag) == (category, True)


@pytest.mark.parametrize("tag", ["bad vibes", "???", "12"])
def test_read_tag__leaves_unknown_tags_unknown(tag: str) -> None:
    assert read_tag(tag) == (None, False)


@given(
    tag=st.sampled_from(sorted(CHECKLIST)),
    upper=st.booleans(),
    before=st.sampled_from(["", "  ", "- ", "* "]),
    after=st.sampled_from(["", ".", " ;", "\t", "!"]),
    gap=st.sampled_from([" ", "  ", "_", "-", "\u00a0"]),
)
def test_read_tag__ignores_case_space_and_punctuation(tag: str, upper: bool, before: str, after: str, gap: str) -> None:
    changed = before + (tag.upper() if upper else tag.lower()).replace(" ", gap) + after
    assert read_tag(changed) == read_tag(tag)


@given(st.text())
def test_read_tag__answers_any_text(text: str) -> None:
    assert read_tag(text).category in (None, *CATEGORIES)


def test_read_tags__tells_no_tags_from_none_of_the_nine() -> None:
    assert read_tags([]) == (None, ())
    assert read_tags(["", "  "]) == (None, ())
    assert read_tags(["None of the above"]) == (frozenset(), ())


def test_read_tags__keeps_known_categories_beside_unknown_tags() -> None:
    assert read_tags(["merging", "bad vibes", "None of the above"]) == (frozenset({"Object Merging"}), ("bad vibes",))
    assert read_tags(["bad vibes"]) == (None, ("bad vibes",))
