"""After a new incarnation the broker gathers nothing for the sessions of the one before."""

from services.gateway.adapters.mqtt import MqttOptions, open_session
from shared.runtime.clock import SystemClock
from tests.harness.deployment import LANES
from tests.integration.gateway.system import System


async def test_a_new_incarnation_ends_the_sessions_of_the_one_before(system: System) -> None:
    options = MqttOptions(host="127.0.0.1", port=system.mosquitto.port, user="", password=b"")
    old = [f"gateway-1-{lane}" for lane in range(LANES)]
    for client_id in old:
        (await open_session(options, client_id, ["vw1/+/+/up/#"], SystemClock())).abandon()
    connection = await system.sql()
    try:
        await connection.execute("update registry.deployment set incarnation = 2")
    finally:
        await connection.close()
    system.start()
    await system.ready()
    for client_id in old:
        session = await open_session(options, client_id, ["none"], SystemClock())
        assert not session.session_present
        session.abandon()
