import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, warnings, structlog
from shared.telemetry.logs import LogLevel, set_up_logs
set_up_logs(service="example", instance="example-1", level=LogLevel.INFO)
log = structlog.get_logger()
log.info("batch_written", lane=3)
log.debug("not_written")
logging.getLogger("library").info("not written either")
logging.getLogger("library").warning("from %s", "afar")
warnings.warn("old way")
try:
    raise KeyError("on purpose")
except KeyError:
    log.exception("failed")
"""


def test_every_line_is_one_json_object() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())},
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == [
        "batch_written",
        "library_message",
        "library_message",
        "failed",
    ]
    assert all(line["service"] == "example" for line in lines)
    assert lines[0]["lane"] == 3
    assert (lines[1]["library"], lines[1]["text"]) == ("library", "from afar")
    assert "on purpose" in json.dumps(lines[3]["exception"])
