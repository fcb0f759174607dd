"""Which headers of waveforms a client knows, by the handles that stand for them. Pure."""

from services.api.live.waveform_bytes import WaveformHeader

_Place = tuple[str, str, str, str, str]  # subscription, patient, device, stream, place


class Handles:
    """Those that one client knows."""

    __slots__ = ("_handles", "_places")

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self._handles: dict[_Place, int] = {}

    def __contains__(self, handle: int) -> bool:
        return handle in self._places

    def has_all(self, handles: frozenset[int]) -> bool:
        """Whether the client knows all of these."""
        return self._places.keys() >= handles

    def introduce(self, handle: int, subscription: str, header: WaveformHeader) -> None:
        """Take note that the client is told what a handle stands for."""
        # One header of a stream is known at a time: another rate, scale or list of channels makes
        # the one before forgotten, so the table is as small as the number of streams watched.
        place = (subscription, header.patient, header.device, header.stream, header.place)
        outdated = self._handles.pop(place, None)
        if outdated is not None:
            del self._places[outdated]
        self._places[handle] = place
        self._handles[place] = handle

    def forget(self, subscription: str) -> None:
        """Drop those of a subscription that has ended."""
        for handle, place in list(self._places.items()):
            if place[0] == subscription:
                del self._places[handle], self._handles[place]
