"""Spans for a collector; a module of its own, for its libraries take long to load."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def provider_to(endpoint: str, *, service: str, instance: str) -> TracerProvider:
    """Gives a provider whose spans go to an OTLP/HTTP collector."""
    resource = Resource.create(
        {"service.name": f"vitalwire-{service}", "service.instance.id": instance}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return provider
