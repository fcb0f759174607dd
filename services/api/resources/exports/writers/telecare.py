"""Samples as Telecare XML."""

from collections.abc import Sequence

from services.api.core.sample_layout import Filling
from services.api.resources.exports.writers.signals import BeatMark, Recording, counts_of, symbol_of
from shared.recordings import telecare_xml
from shared.recordings.telecare_xml import XmlHead, XmlLead, XmlStream


class TelecareXmlWriter:
    """XML: each stretch without a hole with its rows, beats between them."""

    media_type = telecare_xml.MEDIA_TYPE
    suffix = telecare_xml.SUFFIX

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._stream = XmlStream(
            XmlHead(
                patient=recording.patient,
                device=recording.device,
                place=recording.place,
                stream=recording.stream,
                unit=recording.unit,
                interval_ns=recording.interval_ns,
                leads=tuple(
                    XmlLead(name=channel, scale=scale.scale, offset=scale.offset)
                    for channel, scale in zip(recording.channels, recording.scales, strict=True)
                ),
                remarks=tuple(recording.remarks),
            )
        )

    def begin(self) -> bytes:
        """The head."""
        return self._stream.begin()

    def beats(self, marks: Sequence[BeatMark]) -> bytes:
        """Beats, with the symbols of WFDB."""
        return b"".join(self._stream.beat(mark.t_us, symbol_of(mark)) for mark in marks)

    def samples(self, filling: Filling) -> bytes:
        """Rows."""
        begun = self._stream.stretch(round(filling.start_us)) if filling.begins else b""
        return begun + self._stream.add(counts_of(self._recording, filling))

    def end(self) -> bytes:
        """The end of the document."""
        return self._stream.end()
