import numpy as np
import pytest

from dtr.checks import checked_array, checked_scores, checked_target
from dtr.errors import AnnotationError, DetectorError


def test_checked_array__names_what_where_and_what_to_do():
    with pytest.raises(DetectorError, match=r"boxes must be finite, got nan at index \(1, 2\) \(1 in all\); check"):
        checked_array([[0, 0, 1, 1], [0, 0, np.nan, 1]], "boxes", (None, 4))
    with pytest.raises(AnnotationError, match=r"boxes must have shape \(N, 4\), got \(2, 3\); fix"):
        checked_array(np.zeros((2, 3)), "boxes", (None, 4), AnnotationError)


def test_checked_array__nothing_fits_an_open_axis_but_not_a_closed_one():
    assert checked_array([], "spans", (None, 2)).shape == (0, 2)
    with pytest.raises(DetectorError, match=r"shape \(2\), got \(0,\)"):
        checked_array([], "span", (2,))


@pytest.mark.parametrize("bad", [[1.5], [-0.1], [np.inf], [[0.5]]])
def test_checked_scores__refuses_what_is_no_score(bad):
    with pytest.raises(DetectorError):
        checked_scores(bad)


@pytest.mark.parametrize("bad", [[0.5, 1], [0, np.nan], [1]])
def test_checked_target__refuses_what_is_no_label(bad):
    with pytest.raises(AnnotationError):
        checked_target(bad, 2)
