"""Runs work in a few threads, and refuses it when too much is waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from job.serving import limits
from job.serving.messages import unavailable

T = TypeVar("T")


class WorkQueue:
    """Threads, and the requests that wait for one, in the order of their arrival."""

    def __init__(self, n_threads: int) -> None:
        self._threads = ThreadPoolExecutor(n_threads, "work")
        self._free = asyncio.Semaphore(n_threads)
        self.n_waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns in a thread.

        Raises:
            HttpError: If too many requests are waiting, or this one waits too long.
        """
        if self.n_waiting >= limits.MAX_WAITING:
            raise unavailable(f"{self.n_waiting} requests are waiting already; try again later")
        await self._wait()
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._finish)
        return await asyncio.shield(future)  # if the client is gone, the thread is still busy until the end

    async def _wait(self) -> None:
        """Wait for a free thread."""
        self.n_waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), limits.QUEUE_S)
        except TimeoutError as error:
            raise unavailable(f"no thread was free for {limits.QUEUE_S:.0f} s; try again later") from error
        finally:
            self.n_waiting -= 1

    def _finish(self, future: "asyncio.Future[T]") -> None:
        """Give the thread to the next request, and let asyncio log no error of one whose client is gone."""
        self._free.release()
        if not future.cancelled():
            future.exception()

    def stop(self) -> None:
        """Start nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
