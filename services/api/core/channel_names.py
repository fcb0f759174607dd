"""What the channels of a stream are called: by the device model, else by the table. Pure."""

from collections.abc import Mapping

from shared.contracts.device_model import DeviceModel
from shared.contracts.streams import StreamRow


def channel_names(
    model: str, row: StreamRow, n_channels: int, models: Mapping[str, DeviceModel]
) -> list[str]:
    """A name for each channel that a device of this model sends of a stream."""
    known = models.get(model)
    streams = known.streams if known is not None else ()
    named = next((one.channels for one in streams if one.key == row.key and one.channels), None)
    names = named or row.channels
    return [
        names[index] if index < len(names) else f"channel_{index + 1}"
        for index in range(n_channels)
    ]
