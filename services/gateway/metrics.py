"""Metrics of the gateway. Labels: lanes, reasons, kinds; never anything a device sent."""

from shared.telemetry.metrics import Metrics


class GatewayMetrics:
    """Each metric once."""

    def __init__(self, metrics: Metrics) -> None:
        self.messages = metrics.counter("messages", "Messages of devices taken from MQTT", ["lane"])
        self.frames = metrics.counter("frames", "Frames confirmed by RabbitMQ", ["lane", "way"])
        self.batch_frames = metrics.histogram(
            "batch_frames", "Frames in a batch", ["lane"], buckets=(1, 4, 16, 32, 64, 128, 256, 512)
        )
        self.frame_rate = metrics.gauge(
            "frame_rate_hz", "Live frames a second, last second", ["lane"]
        )
        self.puback = metrics.histogram(
            "puback_seconds", "From reading a batch's newest message to its PUBACK", ["lane"]
        )
        self.unacknowledged = metrics.gauge(
            "unacknowledged_messages", "Messages taken and not acknowledged", ["lane"]
        )
        self.refused = metrics.counter("refused", "Messages refused and parked", ["reason"])
        self.deferred = metrics.counter(
            "deferred", "Messages acknowledged and not forwarded: they come again", ["why"]
        )
        self.rests = metrics.counter("stream_rests", "Rests of byte streams made durable", ["lane"])
        self.held_streams = metrics.gauge(
            "held_streams", "Byte streams whose newest rests are held", ["lane"]
        )
        self.notes = metrics.counter("notes", "Events told of what devices noted", ["lane"])
        self.segments = metrics.counter("clock_segments", "Clock segments opened", ["kind"])
        self.statuses = metrics.counter("statuses", "Status messages", ["lane"])
        self.receipts = metrics.counter("receipts", "Receipts taken from storage", ["lane"])
        self.stored_told = metrics.counter("stored_told", "down/stored sent to devices", ["lane"])
        self.stored_untold = metrics.gauge(
            "stored_untold_devices", "Devices with receipts that were not told yet", ["lane"]
        )
        self.stream_lag = metrics.gauge(
            "stream_lag_bytes", "Bytes of the lane that storage has not confirmed", ["lane"]
        )
        self.held_back = metrics.counter(
            "held_back_seconds", "Time in which a lane was not read, by cause", ["lane", "cause"]
        )
        self.sessions = metrics.counter(
            "mqtt_sessions",
            "MQTT sessions opened, by whether the broker still had them",
            ["lane", "present"],
        )
        self.session_failures = metrics.counter(
            "mqtt_session_failures", "MQTT sessions lost or refused", ["lane"]
        )
        self.lanes = metrics.gauge("lanes", "Lanes held by this process")
        self.known_devices = metrics.gauge("known_devices", "Devices of the registry held")
        self.known_boots = metrics.gauge("known_boots", "Clock maps held", ["lane"])
        self.online_devices = metrics.gauge("online_devices", "Devices that are online", ["lane"])
        self.presence_unsaved = metrics.gauge(
            "presence_unsaved", "Presence rows that wait for PostgreSQL", ["lane"]
        )
        self.commands = metrics.counter("commands", "Commands taken from the queue", ["lane"])
        self.open_commands = metrics.gauge(
            "open_commands", "Commands that have not ended, or unknown of late", ["lane"]
        )
        self.commands_sent = metrics.counter(
            "commands_sent", "Commands given to MQTT, and questions after them", ["what"]
        )
        self.command_answers = metrics.counter(
            "command_answers", "Answers of devices on up/result", ["answer"]
        )
        self.commands_finished = metrics.counter(
            "commands_finished", "Events told of commands that have ended", ["outcome"]
        )
        self.dialogues = metrics.gauge(
            "dialogues", "Devices with which a conversation in their own protocol is held", ["lane"]
        )
        self.dialogue_effects = metrics.counter(
            "dialogue_effects", "What dialogues had done, and what was left out", ["what"]
        )
        self.dialogue_failures = metrics.counter(
            "dialogue_failures", "Dialogues that failed twice and began anew", ["lane"]
        )
        self.configurations_sent = metrics.counter(
            "configurations_sent", "down/desired published, retained", ["lane"]
        )
        self.counts_unsaved = metrics.gauge(
            "counts_unsaved", "Counters of devices that wait for PostgreSQL", ["lane"]
        )
        self.file_parts = metrics.counter(
            "file_parts", "Parts of files taken, by what became of them", ["outcome"]
        )
        self.files = metrics.counter("files", "Files that have ended", ["outcome"])
        self.file_bytes = metrics.counter("file_bytes", "Bytes of the files read")
        self.credentials_written = metrics.counter(
            "credentials_written", "Times mosquitto's password file was written"
        )
        self.loop_errors = metrics.counter(
            "loop_errors", "Turns of a loop that failed and are tried again", ["loop"]
        )
        self.loop_turns = metrics.counter("loop_turns", "Turns of the periodic loops", ["loop"])
