"""W3C trace context in message headers, and spans where an endpoint is set.

Without an endpoint nothing is recorded: the context of a device's message is still carried on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"
_propagator = TraceContextTextMapPropagator()


class Traces:
    """Makes the spans of one process.

    Parameters
    ----------
    service, instance : attributes of each span
    endpoint : URL of an OTLP/HTTP collector; None records nothing
    """

    def __init__(self, *, service: str, instance: str, endpoint: str | None = None) -> None:
        self._shut_down: Callable[[], None] | None = None
        if endpoint is None:
            self._tracer = trace.NoOpTracerProvider().get_tracer("vitalwire")
        else:
            # Only who sends spans loads what sends them: a sixth of the start of a service.
            from shared.telemetry.collector import provider_to

            provider = provider_to(endpoint, service=service, instance=instance)
            self._tracer = provider.get_tracer("vitalwire")
            self._shut_down = provider.shutdown

    @contextmanager
    def span(
        self,
        name: str,
        headers: Mapping[str, object] | None = None,
        **attributes: str | float,
    ) -> Iterator[None]:
        """Record what happens inside as one span, a child of the one that the headers name."""
        parent = extract(headers) if headers is not None else None
        with self._tracer.start_as_current_span(name, context=parent, attributes=attributes):
            yield

    def close(self) -> None:
        """Send what is left; waits for the collector at most as long as its own timeout."""
        if self._shut_down is not None:
            self._shut_down()


def inject(headers: dict[str, str | int]) -> None:
    """Add the current trace context to the headers of a message, where there is one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    if TRACEPARENT in carrier:
        headers[TRACEPARENT] = carrier[TRACEPARENT]


def extract(headers: Mapping[str, object]) -> Context:
    """The trace context of a message's headers; an empty one where there is none or it is bad."""
    value = headers.get(TRACEPARENT)
    return _propagator.extract({TRACEPARENT: value} if isinstance(value, str) else {})
