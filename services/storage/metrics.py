"""What storage counts. `stream` is the kind of stream: frames, late, vitals, events."""

from shared.telemetry.metrics import Metrics

ROWS_BUCKETS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384)
LAG_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600, 86_400)


class StorageMetrics:
    """All metrics of the service, declared once."""

    def __init__(self, metrics: Metrics) -> None:
        stream = ["stream"]
        self.batches = metrics.counter("batches", "Messages of a stream that are stored", stream)
        self.commits = metrics.counter("commits", "Transactions that moved a position", stream)
        self.commit_s = metrics.histogram(
            "commit_seconds", "From the messages of one commit to its end, waits included", stream
        )
        self.rows = metrics.counter("rows", "Rows written", ["table"])
        self.rows_a_commit = metrics.histogram(
            "rows_a_commit", "Rows of one commit", stream, ROWS_BUCKETS
        )
        self.lag_s = metrics.histogram(
            "lag_seconds",
            "From the newest arrival at the gateway to its commit",
            stream,
            LAG_BUCKETS_S,
        )
        self.duplicates = metrics.counter(
            "duplicates", "Frames that came again with the same content", stream
        )
        self.looked_up = metrics.counter(
            "looked_up", "Frames whose identity had to be looked up", stream
        )
        self.refused = metrics.counter(
            "refused", "Frames kept aside in signal.conflict", ["stream", "reason"]
        )
        self.thinned = metrics.counter(
            "thinned", "Live values between those that are kept", ["stream"]
        )
        self.parked = metrics.counter("parked", "Messages parked", ["stream", "reason"])
        self.gaps = metrics.counter(
            "stream_gaps", "Times that messages of a stream were gone before they were read", stream
        )
        self.failures = metrics.counter(
            "failures", "Attempts that failed because something was away", ["stream", "dependency"]
        )
        self.lanes_lost = metrics.counter(
            "lanes_lost", "Times that another process had taken a lane over"
        )
        self.lanes_held = metrics.gauge("lanes_held", "Lanes and the events held by this process")
        self.compacted_hours = metrics.counter("compacted_hours", "Hours of frames made blocks")
        self.compacted_frames = metrics.counter("compacted_frames", "Frames moved to blocks")
        self.compaction_bytes = metrics.counter(
            "compaction_bytes", "Frames before (64 bytes of head each) and blocks after", ["side"]
        )
        self.compaction_s = metrics.histogram(
            "compaction_seconds", "One hour of frames, rests included", buckets=LAG_BUCKETS_S
        )
        self.compaction_lag_s = metrics.gauge(
            "compaction_lag_seconds", "From the end of the newest compacted hour to its compaction"
        )
        self.compaction_waiting = metrics.gauge(
            "compaction_waiting_hours", "Hours of frames that are no longer hot"
        )
        self.compaction_failures = metrics.counter(
            "compaction_failures", "Turns of compaction that something ended"
        )
        self.rolled_up = metrics.counter(
            "rolled_up", "Stretches of closed minutes, and minutes computed again", ["why"]
        )
        self.rollup_lag_s = metrics.gauge(
            "rollup_lag_seconds", "Age of the newest minute of vital signs that is computed"
        )
        self.rollup_failures = metrics.counter("rollup_failures", "Turns that something ended")
        self.removed = metrics.counter(
            "removed", "Partitions (table) and rows (rows) that outlived their time", ["what"]
        )
        self.retention_failures = metrics.counter("retention_failures", "Turns something ended")
        self.fenced = metrics.counter(
            "fenced", "Rows of erased patients that were not let in", ["table"]
        )
        self.erased = metrics.counter("erased", "Erasures of patients that are done")
        self.erasures_under_way = metrics.gauge(
            "erasures_under_way", "Erasures whose data is being removed"
        )
        self.erasure_failures = metrics.counter("erasure_failures", "Turns that something ended")
