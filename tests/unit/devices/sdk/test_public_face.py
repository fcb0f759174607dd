import inspect

import devices.sdk

PUBLIC = {
    "Command", "CommandAnswer", "CommandOutcome", "Connected", "Desired", "Device", "Disconnected",
    "Durability", "FileOutcome", "FileUpload", "Frame", "JournalFullError", "JournalLockedError",
    "Key", "Place", "Refused", "ServerTime", "SetAside", "Stored", "Stream", "UploadedFile",
    "WhenFull",
}  # fmt: skip
METHODS = {
    "answer", "interrupt", "is_connected", "publish", "publish_native", "report", "resume",
    "unstored", "until_stored",
}  # fmt: skip


def test_what_device_makers_build_on_stays() -> None:
    """A name that goes or changes breaks devices in the field: it needs a new major version."""
    found = {
        name
        for name, value in vars(devices.sdk).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert found == PUBLIC
    methods = {name for name in vars(devices.sdk.Device) if not name.startswith("_")}
    assert methods == METHODS


def test_the_sdk_needs_no_server() -> None:
    import subprocess
    import sys

    seen = "import devices.sdk, sys; print([m for m in sys.modules if m.split('.')[0] in "
    seen += "('pydantic', 'scipy', 'asyncpg', 'aio_pika', 'fastapi', 'services', 'structlog')])"
    answer = subprocess.run(
        [sys.executable, "-c", seen], capture_output=True, check=True, timeout=120
    )
    assert answer.stdout.strip() == b"[]"
