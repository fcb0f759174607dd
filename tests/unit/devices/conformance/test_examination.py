"""The conformance kit: a good device is right in all, each wrong thing is named by place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.conformance.__main__ import main
from devices.conformance.capture import Heard, read_capture, write_line
from devices.conformance.examination import Examination
from devices.conformance.findings import Finding, Rule, Verdict, is_right
from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.systems import SYSTEMS, simulated_devices
from shared.codecs.packed import codec as packed
from shared.contracts.decoding import Decoded
from shared.contracts.identity import DeviceId
from shared.contracts.names import UpKind, up_topic
from shared.device_models.catalogue import load_device_models

BOOT, T0_US, SECONDS = 0x1F3A90C2, 1_795_262_400_000_000, 4
MODELS = load_device_models()


def status(device: DeviceId, **changed: object) -> Heard:
    body = {"online": True, "boot": BOOT, "t": T0_US, "battery": 80, **changed}
    text = json.dumps({k: v for k, v in body.items() if v is not None}).encode()
    return Heard(topic=up_topic(device, UpKind.STATUS), hex=text.hex())


def capture_of(system: str) -> tuple[str, list[Heard]]:
    """Model, and what its simulated device says in some seconds."""
    one = simulated_devices([system], count=1, seed=5)[0]
    heard = [status(one.device)]
    for second in range(SECONDS):
        start_us = T0_US + second * 1_000_000
        for message in one.source.second(second, start_us):
            n = len(heard) - 1
            if isinstance(message, Outgoing):
                frames = [frame.to_wire(start_us) for frame in message.frames]
                body = packed.encode(Decoded(BOOT, n, start_us, 0, frames))
                topic, properties = up_topic(one.device, UpKind.DATA, "packed"), []
            else:
                body, topic = message.body, up_topic(one.device, UpKind.DATA, message.codec)
                properties = [("b", f"{BOOT:x}"), ("n", str(n)), ("t", str(message.t_us))]
            heard.append(Heard(topic=topic, hex=body.hex(), properties=properties))
    gone = json.dumps({"online": False, "boot": BOOT}).encode()
    heard.append(Heard(topic=up_topic(one.device, UpKind.STATUS), hex=gone.hex()))
    return one.model, heard


def examine(model: str, heard: list[Heard]) -> dict[Rule, Finding]:
    examination = Examination(None, MODELS[model])
    for one in heard:
        examination.take(one)
    return {finding.rule: finding for finding in examination.findings()}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_simulated_device_is_right_in_all_that_is_seen(system: str) -> None:
    model, heard = capture_of(system)
    found = examine(model, heard)
    assert is_right(list(found.values())), [f for f in found.values() if f.wrong]
    not_seen = {rule for rule, finding in found.items() if finding.verdict is Verdict.NOT_SEEN}
    assert not_seen <= {Rule.REPEATS, Rule.RESENDS, Rule.COMMANDS, Rule.ENVELOPE, Rule.RATES}


def changed(heard: Heard, **fields: object) -> Heard:
    return Heard(**{name: getattr(heard, name) for name in heard.__struct_fields__} | fields)


def flipped(heard: Heard, offset: int) -> Heard:
    body = bytearray(heard.payload)
    body[offset] ^= 0x10
    return changed(heard, hex=bytes(body).hex())


def without(name: str) -> Callable[[Heard], Heard]:
    return lambda heard: changed(heard, properties=[p for p in heard.properties if p[0] != name])


EARLY = ("t", str(T0_US + 500_000))
WRONG: list[tuple[str, Rule, Callable[[list[Heard]], list[Heard]], str, int | None]] = [
    ("radar", Rule.BYTES, lambda h: [h[0], flipped(h[1], 40), *h[2:]], "bad_checksum", -4),
    ("radar", Rule.BYTES, lambda h: [h[0], flipped(h[1], 1), *h[2:]], "malformed", 1),
    ("ppg_terminal", Rule.BYTES, lambda h: [h[0], flipped(h[1], 2), *h[2:]], "unsupported", 2),
    ("telecare", Rule.BYTES, lambda h: [h[0], flipped(h[1], 30), *h[2:]], "bad_checksum", -4),
    ("smsg", Rule.BYTES, lambda h: [h[0], flipped(h[1], 26), *h[2:]], "garbage", 24),
    ("ppg_terminal", Rule.ENVELOPE, lambda h: [h[0], without("n")(h[1]), *h[2:]], "n", None),
    ("ppg_terminal", Rule.NUMBERS, lambda h: [*h[:2], *h[3:]], "n 1 to 1 never came", None),
    ("ppg_terminal", Rule.STATUS_FIRST, lambda h: h[1:], "no status of boot", None),
    ("ppg_terminal", Rule.STATUS, lambda h: [status(DeviceId("sim-ppg-01"), t=None), *h[1:]],
     "boot and t", None),
    ("ppg_terminal", Rule.STATUS, lambda h: [*h, status(DeviceId("sim-ppg-01"), battery=140)],
     "<= 100", None),
    ("ppg_terminal", Rule.TIMES, lambda h: [*h, status(DeviceId("sim-ppg-01"), t=5_000_000)],
     "no time between 2020 and 2037", None),
    ("ppg_terminal", Rule.CODEC,
     lambda h: [*h, changed(h[1], topic=up_topic(DeviceId("sim-ppg-01"), UpKind.DATA, "smsg"))],
     "none of the model", None),
    ("ppg_terminal", Rule.TOPIC,
     lambda h: [*h, changed(h[1], topic=h[1].topic.replace("vw1/", "vw1/0"))], "no topic", None),
    ("ppg_terminal", Rule.REPEATS,
     lambda h: [*h, changed(h[2], properties=h[1].properties)], "other bytes", None),
    ("ppg_terminal", Rule.RATES,
     lambda h: [*h[:2], changed(h[2], properties=[*h[2].properties[:2], EARLY])],
     "before the end", None),
    ("ppg_terminal", Rule.LAST_WILL,
     lambda h: [*h, status(DeviceId("sim-ppg-01"), online=False)], "no t", None),
]  # fmt: skip


@pytest.mark.parametrize(("system", "rule", "change", "says", "offset"), WRONG)
def test_what_is_wrong_is_named_with_its_place(
    system: str,
    rule: Rule,
    change: Callable[[list[Heard]], list[Heard]],
    says: str,
    offset: int | None,
) -> None:
    model, heard = capture_of(system)
    found = examine(model, change(heard))
    assert found[rule].verdict is Verdict.WRONG
    place = found[rule].places[0]
    assert says in place.what
    if offset is not None:
        size = len(heard[1].payload)
        assert place.offset == (offset if offset >= 0 else size + offset)
        assert place.expected != place.found


def test_a_repeat_is_no_fault() -> None:
    model, heard = capture_of("smsg")
    found = examine(model, [*heard[:3], heard[2], heard[1], *heard[3:]])
    assert is_right(list(found.values()))
    assert found[Rule.REPEATS].verdict is Verdict.RIGHT


def test_the_tool_reads_a_capture_and_gives_its_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, heard = capture_of("radar")
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(b"".join(map(write_line, heard)))
    bad.write_bytes(b"".join(map(write_line, [heard[0], flipped(heard[1], 50), *heard[2:]])))
    assert list(read_capture(good.read_bytes().splitlines())) == heard
    assert main(["--capture", str(good), "--model", model]) == 0
    assert "all that was seen is right" in capsys.readouterr().out
    assert main(["--capture", str(bad), "--model", model]) == 1
    assert "expected" in capsys.readouterr().out
    assert main(["--capture", str(bad), "--model", model, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["right"]
    assert [f["rule"] for f in report["findings"] if f["wrong"]] == ["bytes"]
    bad.write_bytes(b'{"topic": "x", "hex": "zz"}\n')
    assert main(["--capture", str(bad)]) == 2
    assert "line 1" in capsys.readouterr().err
    assert main(["--capture", str(tmp_path / "none")]) == 2
    assert main([]) == 2
    assert main(["--capture", str(good), "--model", "tricorder"]) == 2
