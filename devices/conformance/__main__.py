"""``vitalwire conformance``: says what of a device is right, what is wrong, and where.

On a capture (a JSON object a line: topic, hex, properties, at), or on a live device:

    vitalwire conformance --capture capture.jsonl --model ppg-terminal
    vitalwire conformance --device ward3-bed4 --host broker.example --user vw_gateway \
        --secret-file secret --for 60 --command identify

With ``--play-server`` it gives receipts itself, where no other server does, and looks whether a
message without one comes again. Exit status: 0 all right, 1 something wrong, 2 could not look.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import aiomqtt
import msgspec

from devices.conformance.capture import read_capture
from devices.conformance.examination import Examination
from devices.conformance.findings import as_text, is_right
from devices.conformance.live_trial import Trial, run_trial
from shared.contracts.identity import parse_device_id
from shared.device_models.catalogue import load_device_models

CANNOT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at a device or a capture; gives the exit status."""
    options = _parser().parse_args(arguments)
    models = load_device_models()
    if options.model is not None and options.model not in models:
        return _cannot(f"no model is called {options.model}; there are {', '.join(models)}")
    model = None if options.model is None else models[options.model]
    examination = Examination(options.device, model)
    try:
        if options.capture is not None:
            with options.capture.open("rb") as lines:
                for heard in read_capture(lines):
                    examination.take(heard)
        else:
            device = parse_device_id(options.device or "")
            if device is None:
                return _cannot("give --capture FILE or --device ID")
            secret = options.secret_file.read_text().strip() if options.secret_file else ""
            trial = Trial(
                device=device, host=options.host, port=options.port, user=options.user,
                secret=secret, for_s=options.for_s, plays_server=options.play_server,
                command=options.command, keep=options.keep,
            )  # fmt: skip
            asyncio.run(run_trial(trial, examination))
    except (OSError, ValueError, aiomqtt.MqttError) as error:
        return _cannot(str(error))
    findings = examination.findings()
    if options.json:
        body = {"right": is_right(findings), "findings": findings}
        sys.stdout.write(msgspec.json.encode(body).decode() + "\n")
    else:
        sys.stdout.write(as_text(findings) + "\n")
    return 0 if is_right(findings) else 1


def _cannot(why: str) -> int:
    sys.stderr.write(f"vitalwire conformance: {why}\n")
    return CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vitalwire conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--capture", type=Path, help="a file of what was heard of the device")
    parser.add_argument("--device", help="id of the device")
    parser.add_argument("--model", help="what it is said to be: codecs and rates are looked at")
    parser.add_argument("--host", default="127.0.0.1", help="of the broker")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", default="vw_gateway", help="a user that may read up/#")
    parser.add_argument("--secret-file", type=Path, help="holds its password")
    parser.add_argument("--for", dest="for_s", type=float, default=30.0, help="seconds to watch")
    parser.add_argument("--play-server", action="store_true", help="give receipts and the time")
    parser.add_argument("--command", default="", help="a command to try, such as identify")
    parser.add_argument("--keep", type=Path, help="write what is heard into this capture")
    parser.add_argument("--json", action="store_true", help="the report for programs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
