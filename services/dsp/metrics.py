"""What the signal processing counts."""

from shared.telemetry.metrics import Metrics

LAG_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 5, 10, 30, 60, 300)


class DspMetrics:
    """All metrics of the service, declared once. `loop` is live or late."""

    def __init__(self, metrics: Metrics) -> None:
        loop = ["loop"]
        self.messages = metrics.counter("messages", "Messages taken from a stream", loop)
        self.frames = metrics.counter("frames", "Frames taken from a stream", loop)
        self.bad_batches = metrics.counter("bad_batches", "Messages that could not be read", loop)
        self.choked = metrics.counter("choked", "Messages or computations a bug choked on", loop)
        self.compute_s = metrics.histogram("compute_seconds", "One computation of a lane", loop)
        self.values = metrics.counter("values", "Values of vital signs given out", loop)
        self.beats = metrics.counter("beats", "Beats given out", loop)
        self.events = metrics.counter("events", "Events given out", loop)
        self.replayed = metrics.counter("replayed_messages", "Messages read to rebuild windows")
        self.lag_s = metrics.histogram(
            "lag_seconds",
            "From the newest arrival at the gateway to the values that rest on it",
            loop,
            LAG_BUCKETS_S,
        )
        self.streams_followed = metrics.gauge(
            "streams_followed", "Streams of devices that a lane follows", ["lane"]
        )
        self.saves = metrics.counter("position_saves", "Positions saved", loop)
        self.save_failures = metrics.counter(
            "position_save_failures", "Positions that could not be saved and will be later", loop
        )
        self.state_saves = metrics.counter("state_saves", "Windows of a lane kept for a restart")
        self.state_save_failures = metrics.counter(
            "state_save_failures", "Windows that could not be kept: a restart replays more"
        )
        self.state_bytes = metrics.gauge("state_bytes", "Size of the windows of a lane", ["lane"])
        self.state_s = metrics.histogram("state_seconds", "Keeping the windows of a lane")
        self.late_noted = metrics.counter(
            "late_intervals", "Times for which samples came after they were computed"
        )
        self.corrections = metrics.counter("corrections", "Times that were computed again")
        self.summaries = metrics.counter(
            "summaries", "Times of which windows were computed from stored beats"
        )
        self.late_waiting = metrics.gauge(
            "late_intervals_waiting", "Times that wait to be computed again", ["lane"]
        )
        self.gaps = metrics.counter(
            "stream_gaps", "Times that messages of a stream were gone before they were read", loop
        )
        self.failures = metrics.counter(
            "failures", "Attempts that failed because something was away", ["dependency"]
        )
        self.lanes_held = metrics.gauge("lanes_held", "Lanes worked on by this process")
