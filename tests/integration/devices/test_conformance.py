"""``vitalwire conformance`` on live devices: the SDK, and one that answers nothing and repeats."""

import asyncio
from pathlib import Path

import aiomqtt

from devices.conformance.examination import Examination
from devices.conformance.findings import Finding, Rule, Verdict
from devices.conformance.live_trial import Trial, run_trial
from devices.sdk import Command, CommandAnswer, Device, Frame, Stream
from shared.contracts.identity import DeviceId
from shared.contracts.names import UpKind, up_topic
from tests.harness.ended import ended
from tests.harness.mosquitto import Mosquitto

DEVICE = DeviceId("tried-device-1")


def trial(broker: Mosquitto, **options: object) -> Trial:
    values: dict[str, object] = {
        "device": DEVICE, "host": "127.0.0.1", "port": broker.port, "user": "kit", "secret": "",
        "plays_server": True, "command": "identify", "for_s": 0.0,
        "answer_within_s": 60.0,
    }  # fmt: skip
    return Trial(**(values | options))  # type: ignore[arg-type]  # a mapping of anything


def by_rule(examination: Examination) -> dict[Rule, Finding]:
    return {finding.rule: finding for finding in examination.findings()}


async def test_a_device_of_the_sdk_is_right(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async def obey(command: Command) -> CommandAnswer:
        assert command.name == "identify"
        return None

    async def speak(device: Device) -> None:
        while True:
            await device.publish([Frame(stream=Stream.TEMPERATURE, samples=[3660], scale=0.01)])
            await asyncio.sleep(0.2)

    examination = Examination()
    capture = tmp_path / "capture.jsonl"
    async with Device(
        DEVICE, host="127.0.0.1", port=mosquitto.port, secret="", journal=tmp_path / "journal",
        # Far longer than any receipt takes: what is told stored must not come again.
        on_command=obey, resend_after_s=3.0,
    ) as device:  # fmt: skip
        speaking = asyncio.create_task(speak(device))
        await run_trial(trial(mosquitto, keep=capture), examination)
        await ended(speaking)
    found = by_rule(examination)
    assert not [finding for finding in found.values() if finding.wrong]
    seen = {rule for rule, finding in found.items() if finding.verdict is Verdict.RIGHT}
    assert {Rule.RESENDS, Rule.COMMANDS, Rule.STATUS, Rule.BYTES, Rule.REPEATS} <= seen
    assert len(capture.read_bytes().splitlines()) >= 5


async def test_a_device_that_hears_nothing_is_told_so(mosquitto: Mosquitto) -> None:
    examination = Examination()
    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        status = b'{"online": true, "boot": 7, "t": 1795262400000000}'
        await client.publish(up_topic(DEVICE, UpKind.STATUS), status, qos=1, retain=True)

        async def repeat() -> None:
            body = b'{"b": "7", "n": 0, "t": 1795262400000000, "s": "temperature", "x": 36.6}'
            while True:
                await client.publish(up_topic(DEVICE, UpKind.DATA, "json"), body, qos=1)
                other = body.replace(b'"n": 0', b'"n": 1')
                await client.publish(up_topic(DEVICE, UpKind.DATA, "json"), other, qos=1)
                await asyncio.sleep(0.3)

        speaking = asyncio.create_task(repeat())
        await run_trial(trial(mosquitto, answer_within_s=1.0), examination)
        await ended(speaking)
        await client.publish(up_topic(DEVICE, UpKind.STATUS), b"", qos=1, retain=True)
    found = by_rule(examination)
    assert found[Rule.COMMANDS].verdict is Verdict.WRONG
    assert found[Rule.RESENDS].verdict is Verdict.WRONG
    assert "came again after their receipts" in found[Rule.RESENDS].places[0].what
