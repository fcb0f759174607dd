"""Kinds of metric, each declared once with its help text, in the names of Prometheus.

A service declares its own in `services/<name>/metrics.py` as a class that takes `Metrics` and
makes its metrics in `__init__`; names come out as `vitalwire_{service}_{what}_{unit}`.
Labels are lanes, dependencies and members of enums, never input.
"""

import re
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

# Seconds: from a quick look-up to a wait that somebody notices.
DURATION_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SERVICE = re.compile(r"[a-z][a-z0-9_]*")


class Metrics:
    """All metrics of one process.

    Parameters
    ----------
    service : second part of each name
    """

    def __init__(self, service: str) -> None:
        if not _SERVICE.fullmatch(service):
            raise ValueError(f"a service is called in lower case, not {service!r}")
        self.service = service
        self._registry = CollectorRegistry()

    def counter(self, what: str, says: str, labels: Sequence[str] = ()) -> Counter:
        """Something that only grows; Prometheus appends `_total`."""
        return Counter(self._name(what), says, labels, registry=self._registry)

    def gauge(self, what: str, says: str, labels: Sequence[str] = ()) -> Gauge:
        """Something that goes up and down: a fill, a lag, a state."""
        return Gauge(self._name(what), says, labels, registry=self._registry)

    def histogram(
        self,
        what: str,
        says: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = DURATION_BUCKETS_S,
    ) -> Histogram:
        """How something spreads: durations in seconds by default, sizes with own buckets."""
        return Histogram(self._name(what), says, labels, registry=self._registry, buckets=buckets)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def _name(self, what: str) -> str:
        return f"vitalwire_{self.service}_{what}"
