"""Where shards run: in this process one after another, in worker processes, on a cluster of Dask or Ray.

One seam: `map(work, specs)` yields receipts as they come. An engine may run a shard twice, after a worker was
killed or a link was cut: it doesn't matter, the first receipt counts.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol, Self

from loanbook.core.errors import LedgerError
from loanbook.core.store.instance import FILE, Close, InstanceError
from loanbook.pipelines.servicing.sharding.spec import Receipt, ShardSpec

Work = Callable[[ShardSpec], Receipt]
TRIES = 3
"""Times that a shard is begun at most, where its worker dies."""


class Executor(Protocol):
    """Runs shards somewhere."""

    def map(self, work: Work, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:
        """Receipts of the shards as they come; of one there may be several. Raises what `work` raises."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class InThisProcess:
    """One shard after another: no faster than one frame, but in the memory of one shard."""

    def map(self, work: Work, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:
        """See `Executor`."""
        return map(work, specs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Local:
    """Worker processes of this machine, one thread of Polars each, kept from day to day."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Work, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:
        """See `Executor`. A shard whose worker dies is begun again, `TRIES` times in all; then LedgerError."""
        left = {spec.shard: spec for spec in specs}
        for _ in range(TRIES):
            with _light():
                running = {self._begun().submit(work, spec): spec for spec in left.values()}
            try:
                for done in as_completed(running):
                    receipt = done.result()
                    del left[running[done].shard]
                    yield receipt
            except BrokenProcessPool:
                yield from self._finished(running, left)
                self._end()
            except BaseException:
                for each in running:
                    each.cancel()
                raise
            if not left:
                return
        raise LedgerError(
            f"worker processes died {TRIES} times in shards {sorted(left)}: nothing was committed. Out of memory? "
            f"Set more `shards` in [close] of {FILE}, each of fewer loans, and run again"
        )

    @staticmethod
    def _finished(
        running: dict[Future[Receipt], ShardSpec], left: dict[int, ShardSpec]
    ) -> Iterator[Receipt]:
        """Those that had come before the pool broke."""
        for each, spec in running.items():
            if (
                each.done()
                and not each.cancelled()
                and each.exception() is None
                and spec.shard in left
            ):
                del left[spec.shard]
                yield each.result()

    def _begun(self) -> ProcessPoolExecutor:
        if self._pool is None:
            spawned = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=spawned)
        return self._pool

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


@contextmanager
def _light() -> Iterator[None]:
    """Processes that begin within have one thread of Polars, and load none of the program that begins them: a new
    process would import its main module first, as the command with all commands, or Dagster."""
    before, program = os.environ.get("POLARS_MAX_THREADS"), sys.modules["__main__"]
    os.environ["POLARS_MAX_THREADS"] = "1"
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before


class Dask:
    """Workers of a Dask cluster that is there already, at its scheduler's address."""

    def __init__(self, scheduler: str) -> None:
        distributed = _imported("distributed", "dask")
        self._scheduler = scheduler
        self._client = distributed.Client(scheduler, set_as_default=False)
        self._as_completed = distributed.as_completed

    def map(self, work: Work, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:
        """See `Executor`. Dask begins a shard again whose worker is lost; LedgerError where its scheduler is."""
        futures = self._client.map(work, specs, pure=False, retries=TRIES - 1, key="close_shard")
        for _, receipt in self._as_completed(futures, loop=self._client.loop, with_results=True):
            if not isinstance(receipt, Receipt):  # futures of a lost scheduler end as cancelled
                raise LedgerError(
                    f"Dask's scheduler at {self._scheduler} was lost while shards ran: nothing of this attempt was "
                    "committed; see that it runs, then run again"
                )
            yield receipt

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


class Ray:
    """Workers of a Ray cluster that is there already, at its address."""

    def __init__(self, address: str) -> None:
        self._ray = _imported("ray", "ray")
        self._ray.init(address, ignore_reinit_error=True, log_to_driver=False)

    def map(self, work: Work, specs: Sequence[ShardSpec]) -> Iterator[Receipt]:
        """See `Executor`. Ray begins a shard again whose worker is lost."""
        remote = self._ray.remote(max_retries=TRIES - 1)(work)
        running = [remote.remote(spec) for spec in specs]
        while running:
            done, running = self._ray.wait(running)
            yield from self._ray.get(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()


def _imported(module: str, extra: str) -> Any:
    try:
        return __import__(module)
    except ImportError:
        raise InstanceError(
            f'{FILE}: [close] says executor = "{extra}", but {module} is not installed: '
            f"`pip install 'loanbook[{extra}]'`, or take another executor"
        ) from None


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def executor_of(rules: Close) -> Executor:
    """The executor that `[close]` of loanbook.toml names. InstanceError names what is missing."""
    if rules.executor in ("dask", "ray") and not rules.scheduler:
        raise InstanceError(
            f'{FILE}: [close] says executor = "{rules.executor}" but no `scheduler`: write its address'
        )
    if rules.executor == "dask":
        return Dask(rules.scheduler)
    if rules.executor == "ray":
        return Ray(rules.scheduler)
    if rules.executor == "local":
        return Local(min(cores(), rules.shards or cores()))
    return InThisProcess()
