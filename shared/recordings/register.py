"""THE table of formats that are read from files only."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.contracts.file_reading import FileFormat
from shared.recordings.csv_file import CSV
from shared.recordings.edf_file import EDF
from shared.recordings.telecare_xml import TELECARE_XML
from shared.recordings.wfdb_file import WFDB

_FORMATS = (EDF, WFDB, CSV, TELECARE_XML)


def load_formats() -> Mapping[str, FileFormat]:
    """Give every format by the name that stands in topics and requests."""
    return MappingProxyType({one.name: one for one in _FORMATS})
