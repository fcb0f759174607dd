"""Which reader reads a file of a device: by its format, with the constants of the device."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from services.gateway.application.devices import with_choice
from services.gateway.application.routing import constants_of
from services.gateway.core.files import FileToRead
from shared.contracts.codec import Codec
from shared.contracts.device_model import DeviceModel
from shared.contracts.file_reading import BadFile, FileFormat, FileReader, ReadFile


class FileReaders:
    """The readers of all formats."""

    def __init__(
        self,
        codecs: Mapping[str, Codec],
        formats: Mapping[str, FileFormat],
        models: Mapping[str, DeviceModel],
    ) -> None:
        self._codecs = codecs
        self._formats = formats
        self._models = models

    def of(self, file: FileToRead) -> FileReader | None:
        """Give the reader of a file; of a codec's, the numbers of its protocol are among options.

        What the file was brought with stays over them.
        """
        found = self._formats.get(file.format)
        if found is not None:
            return found.read
        codec = self._codecs.get(file.format)
        if codec is None or codec.read_file is None:
            return None
        constants = constants_of(file.device, codec, self._models.get(file.device.model))
        return partial(_read, codec.read_file, constants)

    def frame_flags(self, file: FileToRead) -> int:
        """Give what the frames of a file carry of the choice of its device."""
        return with_choice(file.device, self._models.get(file.device.model)).frame_flags


def file_codecs(
    codecs: Mapping[str, Codec], models: Mapping[str, DeviceModel]
) -> Mapping[str, str]:
    """Give by model the codec whose files its devices keep, where there is one."""
    found: dict[str, str] = {}
    for name, model in models.items():
        for codec_name in model.codecs:
            codec = codecs.get(codec_name)
            if codec is not None and codec.read_file is not None:
                found.setdefault(name, codec_name)
    return found


def _read(
    reader: FileReader, constants: Mapping[str, float], data: bytes, options: Mapping[str, Any]
) -> ReadFile | BadFile:
    return reader(data, {**constants, **options})
