"""Many jobs at once in worker processes that import only what a job needs; one that dies costs one job."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from typing import TypeVar


@dataclass(frozen=True)
class JobFailure:
    """Why a job gave nothing: kind of error and its message."""

    kind: str
    message: str

    def to_json(self) -> dict[str, str]:
        """Plain JSON types."""
        return asdict(self)


Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(jobs: Iterable[Job], work: Callable[[Job], Result], workers: int) -> Iterator[tuple[Job, Result | None]]:
    """Results in the order in which they are ready; at most `workers` + 2 are under way.

    A worker that dies (a crash inside a codec, no memory left) costs only the job that killed it. Workers end with the
    process that started them, even by kill -9.

    Args:
        jobs: what to do; each can be pickled.
        work: does one; a function of a module (or a partial of one) that gives its result back and raises nothing.
        workers: processes; 0 = in this process.

    Yields:
        (job, result); None = the job ended its worker.
    """
    if workers == 0:
        yield from ((job, work(job)) for job in jobs)
        return
    waiting = deque(jobs)
    while waiting:
        suspects = yield from _run_until_broken(waiting, work, workers)
        for job in suspects:
            if (yield from _run_until_broken(deque([job]), work, 1)):
                yield job, None


def _run_until_broken(
    waiting: deque[Job], work: Callable[[Job], Result], workers: int
) -> Generator[tuple[Job, Result | None], None, list[Job]]:
    """Take jobs off `waiting` until none is left or a worker dies; returns the jobs that were under way then."""
    running: dict[Future[Result], Job] = {}
    spawn = multiprocessing.get_context("spawn")  # a fork would copy torch and its threads
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with_parent)
    try:
        while waiting or running:
            while waiting and len(running) < workers + 2:
                running[pool.submit(work, waiting[0])] = waiting[0]
                waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                yield running.pop(future), result
        return []
    except BrokenProcessPool:
        return list(running.values())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker end when the process that started it does, even by kill -9."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
