"""Errors a caller can read: a stable code, a sentence, and the place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Bad rows a refusal lists in full; the count covers all of them.
LISTED_ROWS = 100


class ReleaseError(Exception):
    """The release cannot be loaded or run; nothing is served."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one quote."""

    code: str
    message: str
    row: int = 0
    field: str | None = None
    #: What a request with this fault is answered with.
    status: int = 422

    def payload(self, *, with_row: bool) -> dict[str, Any]:
        """The JSON object for this fault; `row` only where the caller sent an array."""
        body: dict[str, Any] = {"error": self.message, "error_code": self.code}
        if self.field is not None:
            body["field"] = self.field
        if with_row:
            body["row"] = self.row
        return body

    def at_row(self, row: int) -> Fault:
        return Fault(self.code, self.message, row, self.field, self.status)


class Refusal(Exception):
    """A request that is answered with an error: never a traceback, never a price."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: int | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"error": message, "error_code": code, **details}
        self.retry_after = retry_after

    @classmethod
    def of_faults(cls, faults: list[Fault], *, batch: bool) -> Refusal:
        """Refuses the whole request, naming the first fault on top and every bad row of a batch. A fault of the service's own
        outweighs the caller's: it goes on top."""
        first = max(faults, key=lambda fault: fault.status)
        refusal = cls(first.status, first.code, first.message)
        refusal.body = first.payload(with_row=batch)
        if batch or len(faults) > 1:
            refusal.body["error_count"] = len(faults)
            refusal.body["errors"] = [fault.payload(with_row=batch) for fault in faults[:LISTED_ROWS]]
        return refusal
