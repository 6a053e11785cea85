"""Checks of arrays that come from a model or an annotation: shape, finiteness and range, with one-sentence errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtr.errors import AnnotationError, DetectorError, DTRError

_REMEDY: dict[type[DTRError], str] = {
    DetectorError: "check the model's weights and the features it was given",
    AnnotationError: "fix the annotation (`dtr data check` lists bad rows)",
}


def checked_array(
    values: ArrayLike, name: str, shape: tuple[int | None, ...], error: type[DTRError] = DetectorError
) -> NDArray[np.float64]:
    """The values as finite float64 of the expected shape.

    Args:
        values: anything numpy can read; no values at all fit every shape that has an open axis.
        name: what the values are, for the error.
        shape: expected sizes; None = any.
        error: `DetectorError` for what a model predicted, `AnnotationError` for what is true.

    Raises:
        DTRError: of type `error`, if the shape differs or a value is not finite.

    Example:
        >>> checked_array([[0, 0, 1, 1]], "boxes", (None, 4)).shape, checked_array([], "boxes", (None, 4)).shape
        ((1, 4), (0, 4))
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 and None in shape:
        return array.reshape([0 if n is None else n for n in shape])
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        wanted = "(" + ", ".join("N" if n is None else str(n) for n in shape) + ")"
        raise error(f"{name} must have shape {wanted}, got {array.shape}; {_remedy(error)}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise error(f"{name} must be finite, got {array[where]} at index {where} ({len(bad)} in all); {_remedy(error)}")
    return array


def checked_scores(scores: ArrayLike, name: str = "scores") -> NDArray[np.float64]:
    """(N,) float64 scores, all in [0, 1].

    Raises:
        DetectorError: for another shape, a value that is not finite, or one outside [0, 1] (a logit, for example).

    Example:
        >>> checked_scores([0.25, 1]).tolist()
        [0.25, 1.0]
    """
    array = checked_array(scores, name, (None,))
    outside = array[(array < 0) | (array > 1)]
    if len(outside):
        raise DetectorError(f"{name} must lie in [0, 1], got {outside[0]:g}; pass scores, not logits")
    return array


def checked_target(target: ArrayLike, count: int, name: str = "target") -> NDArray[np.bool_]:
    """(count,) bool truth, True = fake.

    Raises:
        AnnotationError: for another length or anything but 0 and 1; unknown labels (NaN) have to be left out before.

    Example:
        >>> checked_target([0, 1.0], 2).tolist()
        [False, True]
    """
    array = checked_array(target, name, (None,), AnnotationError)
    if len(array) != count:
        raise AnnotationError(f"{name} must have one value per score, got {len(array)} for {count} scores; pair them")
    strange = array[(array != 0) & (array != 1)]
    if len(strange):
        raise AnnotationError(f"{name} must be 0 (real) or 1 (fake), got {strange[0]:g}; leave unknown labels out")
    return array == 1


def _remedy(error: type[DTRError]) -> str:
    return _REMEDY.get(error, "check the input")
