"""Log lines: one JSON object an event on standard error, readable when that is a terminal."""

import logging
import logging.config
import sys
from enum import StrEnum

import structlog
from structlog.typing import Processor

# Without the values of variables: they may be samples, names or secrets.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


class LogLevel(StrEnum):
    """How much is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def set_up_logs(*, service: str, instance: str, level: LogLevel) -> None:
    """Write structlog's and every library's log lines in one form, from here on.

    Parameters
    ----------
    service, instance : bound to each line
    level : lines below it are not written; libraries write warnings and above only,
        but follow `level` where it is stricter
    """
    stamps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Origin(service=service, instance=instance),
    ]
    readable = sys.stderr.isatty()
    ending: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [_TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*stamps, _LibraryEvent()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    own = getattr(logging, level.value.upper())
    root.setLevel(max(logging.WARNING, own))
    logging.getLogger(OWN).setLevel(own)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*stamps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=_OwnLoggers(),
        wrapper_class=structlog.make_filtering_bound_logger(own),
        cache_logger_on_first_use=False,
    )


OWN = "vitalwire"  # the stdlib logger that our own lines pass through


class _OwnLoggers:
    def __call__(self, *_: object) -> logging.Logger:
        return logging.getLogger(OWN)


class _Origin:
    """Adds which process wrote the line."""

    def __init__(self, *, service: str, instance: str) -> None:
        self._fields = {"service": service, "instance": instance}

    def __call__(
        self, _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {**event, **self._fields}


class _LibraryEvent:
    """Gives a library's line a constant event name; its own words become a field."""

    def __call__(
        self, _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        record = event.get("_record")
        library = record.name if isinstance(record, logging.LogRecord) else "unknown"
        return {**event, "event": "library_message", "library": library, "text": event["event"]}
