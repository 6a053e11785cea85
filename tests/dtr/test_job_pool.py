from __future__ import annotations

import operator
import os
from collections.abc import Callable

import pytest

from dtr.job_pool import run_jobs


class KillsItsReader:
    """Unpickling it ends the process that does, as a crash inside a codec would."""

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (3,)


@pytest.mark.parametrize("workers", [0, 1])
def test_run_jobs__gives_every_job_with_its_result(workers: int) -> None:
    assert sorted(run_jobs(range(5), operator.neg, workers)) == [(i, -i) for i in range(5)]


def test_run_jobs__a_crash_costs_one_job() -> None:
    deadly = KillsItsReader()
    results = list(run_jobs([1, deadly, 2], operator.truth, 1))
    assert [job for job, result in results if result is None] == [deadly]
    assert sorted(str(job) for job, result in results if result) == ["1", "2"]


def test_run_jobs__starts_nothing_before_it_is_read() -> None:
    jobs = iter(range(3))
    run_jobs(jobs, operator.neg, 1)
    assert next(jobs) == 0
