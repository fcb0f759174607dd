"""Metrics of the api, each declared once."""

from shared.telemetry.metrics import Metrics


class ApiMetrics:
    """What the api counts."""

    def __init__(self, metrics: Metrics) -> None:
        self.requests = metrics.counter(
            "requests", "Requests answered", ["method", "route", "status"]
        )
        self.request_seconds = metrics.histogram(
            "request_seconds", "From a request's head to the end of its answer", ["route"]
        )
        self.refused = metrics.counter(
            "refused", "Requests refused before they reached a route", ["reason"]
        )
        self.log_ins = metrics.counter("log_ins", "Attempts to log in", ["outcome"])
        self.audit_entries = metrics.counter("audit_entries", "Entries of the audit trail written")
        self.audit_failures = metrics.counter(
            "audit_failures", "Batches of audit entries that could not be written"
        )
        self.audit_waiting = metrics.gauge(
            "audit_waiting", "Entries that wait for the audit trail (bound 10,000)"
        )
        self.live_clients = metrics.gauge("live_clients", "Open live sockets")
        self.live_subscriptions = metrics.gauge("live_subscriptions", "Open live subscriptions")
        self.live_messages = metrics.counter("live_messages", "Live messages sent", ["kind"])
        self.live_bytes = metrics.counter("live_bytes", "Bytes of live messages sent")
        self.live_conflated = metrics.counter(
            "live_conflated", "Values that a newer one replaced before they were sent"
        )
        self.live_dropped = metrics.counter(
            "live_blocks_dropped", "Blocks of samples that a slow client missed, told as gaps"
        )
        self.live_closed = metrics.counter("live_closed", "Live sockets closed by us", ["reason"])
        self.tail_batches = metrics.counter("tail_batches", "Batches read live", ["kind"])
        self.tail_refused = metrics.counter(
            "tail_refused", "Messages of the streams that could not be read", ["kind"]
        )
        self.tail_lag_seconds = metrics.gauge(
            "tail_lag_seconds", "Age of the newest live batch when it was read", ["kind"]
        )
        self.recheck_seconds = metrics.histogram(
            "recheck_seconds", "One check of the rights of all live subscriptions"
        )
        self.recheck_failures = metrics.counter(
            "recheck_failures", "Checks of rights that could not be made (database away)"
        )
