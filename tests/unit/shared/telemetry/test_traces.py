from shared.telemetry.traces import TRACEPARENT, Traces, extract, inject

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_context_of_a_message_is_carried_on_without_an_endpoint() -> None:
    traces = Traces(service="example", instance="e")
    headers: dict[str, str | int] = {}
    with traces.span("store", {TRACEPARENT: PARENT}):
        inject(headers)
    assert str(headers[TRACEPARENT]).split("-")[1] == PARENT.split("-")[1]
    traces.close()


def test_a_bad_or_missing_context_is_none() -> None:
    for bad in ({}, {TRACEPARENT: "nonsense"}, {TRACEPARENT: 7}):
        headers: dict[str, str | int] = {}
        with Traces(service="example", instance="e").span("store", bad):
            inject(headers)
        assert TRACEPARENT not in headers
        assert extract(bad) == {}


def test_with_an_endpoint_spans_are_recorded() -> None:
    # nobody listens there: nothing is sent, for no span has ended
    traces = Traces(service="example", instance="e", endpoint="http://127.0.0.1:1/v1/traces")
    span = traces._tracer.start_span("store")
    assert span.is_recording()
    traces.close()
