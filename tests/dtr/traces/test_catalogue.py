"""All mechanisms together: every category has some, and exactly one that training never sees."""

from __future__ import annotations

import itertools

import pytest

from dtr.annotation import CATEGORIES
from dtr.errors import ConfigError
from dtr.traces.catalogue import BY_NAME, MECHANISMS, choose
from dtr.traces.mechanism import Mechanism


def test_mechanisms__come_by_category_in_their_order() -> None:
    assert tuple(name for name, _ in itertools.groupby(m.category for m in MECHANISMS)) == CATEGORIES


@pytest.mark.parametrize("category", CATEGORIES)
def test_mechanisms__every_category_has_trained_ones_and_one_held_out(category: str) -> None:
    own = [m for m in MECHANISMS if m.category == category]
    assert len(own) >= 2
    assert sum(m.held_out for m in own) == 1


def test_mechanisms__have_their_own_names_that_are_no_categories() -> None:
    names = [m.name for m in MECHANISMS]
    assert len(set(names)) == len(names) == len(BY_NAME)
    assert not set(names) & set(CATEGORIES)
    assert len({m.begin for m in MECHANISMS}) == len(MECHANISMS)


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda m: m.name)
def test_mechanism__says_where_in_every_sentence_and_comes_on_in_a_share_of_its_span(mechanism: Mechanism) -> None:
    assert len(set(mechanism.sentences)) == len(mechanism.sentences) >= 2
    for sentence in mechanism.sentences:
        assert sentence.count("{where}") == 1
        said = sentence.format(where="on the left")
        assert said[0].isupper()
        assert said.endswith(".")
    low, high = mechanism.rise
    assert 0 <= low <= high <= 1


def test_choose__by_use_splits_the_whole() -> None:
    trained, held_out = choose(use="trained"), choose(use="held-out")
    assert not any(m.held_out for m in trained)
    assert all(m.held_out for m in held_out)
    assert {*trained, *held_out} == set(choose()) == set(MECHANISMS)
    assert {m.category for m in trained} == {m.category for m in held_out} == set(CATEGORIES)


def test_choose__by_names_of_mechanisms_and_categories() -> None:
    assert [m.name for m in choose(["melt", "swell"])] == ["melt", "swell"]
    assert {m.name for m in choose(["Object Merging"])} == {
        m.name for m in MECHANISMS if m.category == "Object Merging"
    }
    assert len(choose(["melt", "Object Distortion"])) == len(choose(["Object Distortion"]))


def test_choose__refuses_other_names_and_an_empty_choice() -> None:
    with pytest.raises(ConfigError, match=r"names of mechanisms or categories, got 'wobble'; mechanisms: .*melt"):
        choose(["wobble"])
    with pytest.raises(ConfigError, match="no mechanism of swell is trained"):
        choose(["swell"], "trained")
