"""Commands from their queue to the device and back: once, in time, with an end that is known."""

from shared.contracts.commands import Answer
from tests.harness.eventually import eventually
from tests.integration.gateway.commands import (
    ask_for,
    has_outcome,
    is_told,
    obedient,
    row_of,
    told,
)
from tests.integration.gateway.system import System


async def test_a_command_reaches_its_device_and_its_answer_comes_back(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    async with obedient(system, name) as device:
        await device.status()
        command = await ask_for(system, name, "show_text", text="good morning")
        await eventually(has_outcome(system, command, "done"))
        (heard,) = device.sent
        assert (heard.command, heard.name, heard.args) == (
            command,
            "show_text",
            {"text": "good morning"},
        )
        await eventually(is_told(system, command, "done"))
        row = await row_of(system, command)
        assert row is not None
        assert row["sent_at"] is not None
        assert row["sends"] == 1


async def test_a_command_waits_for_its_device_and_expires_without_it(system: System) -> None:
    (name,) = await system.register("monitor-1")
    system.start()
    await system.ready()
    lost = await ask_for(system, name, within_s=1.5)
    in_time = await ask_for(system, name, within_s=900)
    late = await ask_for(system, name, within_s=-5)
    await eventually(has_outcome(system, late, "expired"))
    await eventually(has_outcome(system, lost, "expired"))
    async with obedient(system, name) as device:
        await device.status()
        await eventually(has_outcome(system, in_time, "done"))
        assert device.ran == [in_time]
        for command in (lost, late):
            await eventually(is_told(system, command, "expired"))
            row = await row_of(system, command)
            assert row is not None
            assert row["sends"] == 0


async def test_what_devices_answer_of_themselves_is_taken_by_id_and_device(system: System) -> None:
    name, other = await system.register("monitor-1", "monitor-2")
    system.start()
    await system.ready()
    async with obedient(system, name) as device, obedient(system, other) as stranger:
        device.deaf_to = {"identify"}
        await device.status()
        await stranger.status()
        command = await ask_for(system, name)
        await eventually(lambda: device.sent)
        await stranger.result(command, Answer.DONE)
        await device.result("no uuid", Answer.DONE)
        await device.result(command, "nonsense")
        await eventually(
            lambda: (
                sorted(headers["reason"] for headers, _ in system.seen.parked)
                == ["bad_identity", "wrong_type"]
            )
        )
        row = await row_of(system, command)
        assert row is not None
        assert row["outcome"] is None, "another device's answer ends nothing"
        await device.result(command, Answer.REFUSED, "not\x00now")
        await eventually(has_outcome(system, command, "refused"))
        row = await row_of(system, command)
        assert row is not None
        assert row["detail"] == "not now"
        await device.result(command, Answer.DONE)
        await device.result(command, Answer.DONE)
        last = await ask_for(system, other)
        await eventually(has_outcome(system, last, "done"))
        await eventually(is_told(system, last, "done"))
        await eventually(lambda: told(system, command))
        assert told(system, command) == ["refused"], "an end does not change"
