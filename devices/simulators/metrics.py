"""Metrics of the simulators."""

from shared.telemetry.metrics import Metrics


class SimulatorMetrics:
    """What the fleet counts."""

    def __init__(self, metrics: Metrics) -> None:
        self.messages = metrics.counter("messages", "Messages that simulated devices published")
        self.behind = metrics.gauge(
            "behind_seconds", "How late the device that sent last was against its own clock"
        )

    def sent(self, messages: int, behind_us: int) -> None:
        """Take note of one second of one device."""
        self.messages.inc(messages)
        self.behind.set(behind_us / 1e6)
