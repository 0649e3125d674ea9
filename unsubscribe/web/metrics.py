"""Monitoring of the web side: counters for Prometheus and lines in the log, without addresses or tokens.

Promises: a path is logged with everything after its first part masked (``/u/…``). No query, body, mail address or
network address is logged. Each application has a registry of its own, so that several can live in one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import Scope
from structlog import get_logger

from unsubscribe.settings import COUNTED_TOGETHER
from unsubscribe.web.paths import KNOWN

log = get_logger("postiljon.web")


def masked(path: str) -> str:
    """Return the masked path for logs and counters: ``/u/…``; an unknown path is ``/?``."""
    first, _, rest = path.lstrip("/").partition("/")
    if first not in KNOWN:
        return "/" if path == "/" else "/?"
    return f"/{first}/…" if rest else f"/{first}"


class Metrics:
    """Counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "postiljon_web_requests", "Requests answered", ("path", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "postiljon_web_seconds",
            "Time from request to answer",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
            registry=self.registry,
        )
        self.readers = Counter("postiljon_web_choices", "What readers chose", ("choice",), registry=self.registry)

        self._answers = lru_cache(maxsize=256)(self.requests.labels)
        self._chosen = lru_cache(maxsize=64)(self.readers.labels)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer."""
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "OPTIONS") else "other"
        self._answers(masked(scope["path"]), method, status).inc()
        self.seconds.observe(seconds)

    def chose(self, choice: str) -> None:
        """Count a reader's choice, and log it without naming the reader."""
        self._chosen(choice).inc()

    def page(self, gauges: Iterable[Gauge] = ()) -> bytes:
        """Return all counters in the text format of Prometheus; with several web processes, those of all together.

        ``gauges``: values read from the database for this answer.
        """
        read = CollectorRegistry()
        read.register(_Read(tuple(gauges)))
        if COUNTED_TOGETHER not in os.environ:
            return generate_latest(self.registry) + generate_latest(read)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody) + generate_latest(read)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number for Prometheus: name, description, value."""

    name: str
    words: str
    value: float


Gauges = Callable[[], Iterable[Gauge]]


def no_gauges() -> Iterable[Gauge]:
    """Return none: the default of :class:`unsubscribe.web.context.WebDeps`."""
    return ()


class _Read(Collector):
    """Collector of numbers that were read elsewhere and already cover all processes."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers in the form that Prometheus's client expects."""
        for gauge in self._gauges:
            yield GaugeMetricFamily(gauge.name, gauge.words, gauge.value)
