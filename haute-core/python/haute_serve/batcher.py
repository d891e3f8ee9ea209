"""Brings requests and the scorer together: what arrives while quotes are being scored is scored together next."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .answers import Documents
from .errors import Fault, Refusal
from .manifest import Limits
from .quotes import Quotes
from .scorer import SHARED_ROWS, Scorer

Outcomes = list[Documents | Fault]

#: Work that is expected to take longer than this (seconds) leaves the event loop, so that `/health` and new requests are answered.
INLINE_SECONDS = 0.010
#: Rows that may be scored on the event loop at most; the time a large frame takes is not known beforehand.
INLINE_ROWS = 64


@dataclass(slots=True)
class _Waiting:
    quotes: Quotes
    answer: asyncio.Future[Outcomes]


class Batcher:
    """Queues quotes for the one scorer. All methods run on the event loop's thread.

    A small frame is scored right on the event loop when nothing else is being scored: the hop to a thread costs more than it gives.
    Everything else goes to one thread. No timer: a frame is whatever has queued up meanwhile.
    """

    def __init__(self, scorer: Scorer, limits: Limits, *, seconds_per_frame: float) -> None:
        """`seconds_per_frame`: a first guess of the time one small frame takes."""
        self._scorer = scorer
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._seconds = seconds_per_frame
        self._busy = False
        self._scheduled = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self.rows_waiting = 0
        self.frames = 0
        self.rows = 0

    async def score(self, quotes: Quotes) -> Outcomes:
        """One outcome per quote. Raises a `Refusal` when the queue is full or the deadline has passed; cancelling drops the quotes if
        they are still waiting.
        """
        if self.rows_waiting and self.rows_waiting + quotes.count > self._limits.queue:
            raise Refusal(
                503,
                "queue_full",
                "More quotes are waiting than this service takes on; try again shortly.",
                retry_after=1,
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcomes] = loop.create_future()
        self._queue.append(_Waiting(quotes, answer))
        self.rows_waiting += quotes.count
        self._schedule(loop)
        timer = loop.call_later(self._limits.deadline_seconds, _expire, answer)
        try:
            return await answer
        finally:
            timer.cancel()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._scheduled and not self._busy:
            self._scheduled = True
            loop.call_soon(self._flush, loop)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        if self._busy:
            return
        frame, rows = self._take()
        if not frame:
            return
        if rows <= INLINE_ROWS and self._cost(rows) <= INLINE_SECONDS:
            self._finish(loop, frame, self._score(frame))
        else:
            self._busy = True
            work = loop.run_in_executor(self._thread, self._score, frame)
            work.add_done_callback(lambda done: self._finish(loop, frame, done.result()))

    def _take(self) -> tuple[list[_Waiting], int]:
        frame: list[_Waiting] = []
        rows = 0
        while self._queue:
            first = self._queue[0]
            if first.answer.done():
                # The caller has gone, or has been told that it took too long.
                self.rows_waiting -= self._queue.popleft().quotes.count
                continue
            if frame and (not self._scorer.shared or rows + first.quotes.count > SHARED_ROWS):
                break
            self._queue.popleft()
            self.rows_waiting -= first.quotes.count
            frame.append(first)
            rows += first.quotes.count
        return frame, rows

    def _cost(self, rows: int) -> float:
        return self._seconds if self._scorer.shared else self._seconds * rows

    def _score(self, frame: list[_Waiting]) -> Outcomes | Exception:
        started = time.perf_counter()
        try:
            outcomes = self._scorer.score([waiting.quotes for waiting in frame])
        except Exception as error:
            return error
        rows = len(outcomes)
        if rows <= INLINE_ROWS:
            spent = time.perf_counter() - started
            each = spent if self._scorer.shared else spent / max(rows, 1)
            self._seconds += (each - self._seconds) * 0.2
        return outcomes

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        frame: list[_Waiting],
        outcomes: Outcomes | Exception,
    ) -> None:
        self._busy = False
        self.frames += 1
        if isinstance(outcomes, Exception):
            for waiting in frame:
                if not waiting.answer.done():
                    waiting.answer.set_exception(outcomes)
        else:
            first = 0
            self.rows += len(outcomes)
            for waiting in frame:
                last = first + waiting.quotes.count
                if not waiting.answer.done():
                    waiting.answer.set_result(outcomes[first:last])
                first = last
        if self._queue:
            self._schedule(loop)


def _expire(answer: asyncio.Future[Outcomes]) -> None:
    if not answer.done():
        answer.set_exception(
            Refusal(504, "deadline_exceeded", "The quote was not priced within the time allowed.")
        )
