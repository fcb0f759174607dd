"""Metrics of the alarm service, each declared once."""

from shared.telemetry.metrics import Metrics


class AlarmMetrics:
    """What the loops count and measure."""

    def __init__(self, metrics: Metrics) -> None:
        self.values = metrics.counter("values", "Live values judged")
        self.late = metrics.counter("values_late", "Late values left to history")
        self.absurd = metrics.counter(
            "values_absurd", "Values of an unknown measure or validity, or from the future"
        )
        self.bad = metrics.counter("messages_bad", "Messages that could not be read", ["stream"])
        self.choked = metrics.counter("choked", "Inputs that the rules failed on twice")
        self.raised = metrics.counter("raised", "Alarms raised", ["condition", "priority"])
        self.actions = metrics.counter("actions", "Actions of people carried out", ["outcome"])
        self.saved = metrics.counter("saves", "Saves of a lane", ["outcome"])
        self.delay = metrics.histogram(
            "decision_delay_seconds", "From the time of the deciding sample to the decision"
        )
        self.lag = metrics.gauge(
            "lag_seconds", "From the arrival of the newest judged frame until now", ["lane"]
        )
        self.standing = metrics.gauge("standing", "Alarms that have not ended", ["lane"])
        self.patients = metrics.gauge("patients", "Patients that are watched", ["lane"])
