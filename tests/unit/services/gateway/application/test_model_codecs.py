"""A device may only speak the codecs of its model."""

from collections.abc import Iterable

from services.gateway.application.devices import Devices
from services.gateway.application.routing import Route, Routes
from services.gateway.core.messages import Device
from services.gateway.metrics import GatewayMetrics
from shared.codecs.register import load_codecs
from shared.contracts.decoding import Refused
from shared.contracts.device_model import DeviceModel
from shared.contracts.identity import DeviceId, DeviceKey
from shared.contracts.names import UpKind, up_topic
from shared.contracts.parking import Reason
from shared.telemetry.metrics import Metrics
from tests.harness.manual_clock import ManualClock

READABLE = Device(DeviceKey(1), DeviceId("readable-1"), "readable", simulated=False)
UNHEARD_OF = Device(DeviceKey(2), DeviceId("unheard-1"), "of-a-later-version", simulated=False)
MODELS = {"readable": DeviceModel(label="Readable", maker="a maker", codecs=("json",))}


class Registry:
    async def all_devices(self) -> list[Device]:
        return [READABLE, UNHEARD_OF]

    async def devices(self, names: Iterable[DeviceId]) -> list[Device]:
        return [device for device in (READABLE, UNHEARD_OF) if device.name in set(names)]


async def routes() -> Routes:
    devices = Devices(Registry(), ManualClock(), GatewayMetrics(Metrics("gateway")))
    await devices.look_up([READABLE.name, UNHEARD_OF.name])
    return Routes(load_codecs(), devices, MODELS)


async def test_another_codec_is_refused_by_name_and_the_own_one_is_not() -> None:
    found = await routes()
    own = found.find(up_topic(READABLE.name, UpKind.DATA, "json"))
    other = found.find(up_topic(READABLE.name, UpKind.DATA, "packed"))
    none = found.find(up_topic(READABLE.name, UpKind.DATA, "morse"))
    assert isinstance(own, Route)
    assert isinstance(other, Refused)
    assert (other.reason, other.detail) == (Reason.FOREIGN_CODEC, "readable does not speak packed")
    assert isinstance(none, Refused)
    assert none.reason is Reason.UNKNOWN_CODEC


async def test_a_model_of_a_later_version_is_not_cut_off() -> None:
    found = await routes()
    for codec in ("json", "packed"):
        assert isinstance(found.find(up_topic(UNHEARD_OF.name, UpKind.DATA, codec)), Route)


async def test_statuses_and_results_have_no_codec() -> None:
    found = await routes()
    for kind in (UpKind.STATUS, UpKind.RESULT):
        route = found.find(up_topic(READABLE.name, kind))
        assert isinstance(route, Route)
        assert (route.kind, route.decoder) == (kind, None)
