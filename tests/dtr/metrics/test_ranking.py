import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from dtr.errors import AnnotationError, DetectorError
from dtr.metrics.ranking import auroc


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40))
@settings(max_examples=80, deadline=None)
def test_auroc__agrees_with_scikit_learn_ties_included(rows):
    scores, target = [s for s, _ in rows], [int(y) for _, y in rows]
    if len(set(target)) == 1:
        assert math.isnan(auroc(scores, target))
    else:
        assert auroc(scores, target) == pytest.approx(roc_auc_score(target, scores))


def test_auroc__refuses_what_is_no_number_or_label():
    with pytest.raises(DetectorError, match="finite"):
        auroc([np.nan, 1.0], [0, 1])
    with pytest.raises(AnnotationError, match=r"0 \(real\) or 1"):
        auroc([0.0, 1.0], [0, 3])
