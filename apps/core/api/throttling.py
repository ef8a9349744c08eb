"""How many requests a person or address may make."""

import threading
from dataclasses import dataclass
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

# A process tells the others of its requests each time they reach this share of the limit.
SHARES = 50
KEPT = 10_000


@dataclass
class _Count:
    """Requests of one person in one window: known of all processes, and not told them yet."""

    window: int
    known: int = 0
    untold: int = 0


class SharedRateThrottle(UserRateThrottle):
    """
    A limit over fixed windows that costs no query on most requests.

    Each process counts for itself and adds to the shared cache in shares, so that a person may go over the limit by
    one share for each process, and no more.
    """

    _counts: dict[str, _Count] = {}
    _lock = threading.Lock()

    def allow_request(self, request: Request, view: Any) -> bool:
        if self.rate is None or (key := self.get_cache_key(request, view)) is None:
            return True
        limit, duration = int(self.num_requests), int(self.duration)
        self.now = self.timer()
        window = int(self.now // duration)
        tell = 0
        with self._lock:
            count = self._counts.get(key)
            if count is None or count.window != window:
                count = self._start(key, window)
            count.untold += 1
            if count.untold >= max(1, limit // SHARES):
                tell, count.untold = count.untold, 0
        if tell:
            name = f"{key}:{window}"
            count.known = self.cache.get(name, 0) + tell
            self.cache.set(name, count.known, 2 * duration)
        return count.known + count.untold <= limit

    def _start(self, key: str, window: int) -> _Count:
        if len(self._counts) >= KEPT:
            for other in [name for name, count in self._counts.items() if count.window < window]:
                del self._counts[other]
        count = self._counts[key] = _Count(window)
        return count

    def wait(self) -> float:
        """Seconds until the next window."""
        return float(self.duration - self.now % self.duration)
