"""What is chosen of how the samples of a device are worked out, as people are told it."""

from typing import NamedTuple

from shared.contracts.device_model import DeviceModel
from shared.contracts.processing import RadarChain, SaturationCurve, laid_over

_CURVED = "ppg"
_CHAINED = "radar_iq"


class ChosenProcessing(NamedTuple):
    """The choices in force; None where a model sends no samples that would ask for one."""

    saturation_curve: SaturationCurve | None
    radar_chain: RadarChain | None


def chosen(model: DeviceModel | None, of_device: object = None) -> ChosenProcessing:
    """The choices of a model, with those of a single device over them.

    Parameters
    ----------
    of_device : `processing` in the settings of the device; what is no choice changes nothing, as
        in the gateway
    """
    if model is None:
        return ChosenProcessing(None, None)
    held = laid_over(model.processing, of_device or {}) or model.processing
    sent = {stream.key for stream in model.streams}
    return ChosenProcessing(
        held.saturation_curve if _CURVED in sent else None,
        held.radar_chain if _CHAINED in sent else None,
    )
