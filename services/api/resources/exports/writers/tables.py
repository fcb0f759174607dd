"""Tables as CSV and as Parquet."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.api.core.export_format import ExportFormat
from services.api.resources.exports.writers.sink import Sink
from shared.recordings import csv_table
from shared.recordings.csv_table import Column, Kind, Values, csv_head, csv_rows

PARQUET_MEDIA_TYPE = "application/vnd.apache.parquet"


class TableWriter(Protocol):
    """Writes one table; each method gives the next bytes of the file."""

    media_type: str
    suffix: str
    columns: tuple[Column, ...]

    def begin(self) -> bytes:
        """The beginning of the file."""
        ...

    def rows(self, values: Mapping[str, Values]) -> bytes:
        """Some rows: a sequence a column."""
        ...

    def end(self) -> bytes:
        """The end of the file."""
        ...


class CsvWriter:
    """A table as CSV."""

    media_type = csv_table.MEDIA_TYPE
    suffix = "csv"

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)

    def begin(self) -> bytes:
        """The names of the columns."""
        return csv_head(self.columns)

    def rows(self, values: Mapping[str, Values]) -> bytes:
        """Some lines."""
        return csv_rows(self.columns, values)

    def end(self) -> bytes:
        """Nothing more."""
        return b""


class ParquetWriter:
    """A table as Parquet, a row group for each piece.

    ``pyarrow`` is imported at the first use: it costs half a second and 52 MB, which a process
    that writes no such file does not pay.
    """

    media_type = PARQUET_MEDIA_TYPE
    suffix = "parquet"

    def __init__(self, columns: Sequence[Column], told: Mapping[str, str]) -> None:
        self.columns = tuple(columns)
        self._told = dict(told)
        self._sink = Sink()
        self._schema: Any = None  # of pyarrow, which has no types
        self._writer: Any = None

    def begin(self) -> bytes:
        """The magic of the format."""
        import pyarrow as pa
        from pyarrow import parquet

        types = {
            Kind.TIME: pa.timestamp("us", tz="UTC"),
            Kind.NUMBER: pa.float64(),
            Kind.INTEGER: pa.int32(),
            Kind.TEXT: pa.string(),
        }
        self._schema = pa.schema(
            [
                pa.field(one.name, types[one.kind], metadata={"unit": one.unit})
                for one in self.columns
            ],
            metadata=self._told,
        )
        self._writer = parquet.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd"
        )
        return self._sink.take()

    def rows(self, values: Mapping[str, Values]) -> bytes:
        """A row group."""
        import pyarrow as pa

        arrays = [
            pa.array(values[field.name], type=field.type, from_pandas=True)
            for field in self._schema
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        """The table of contents."""
        self._writer.close()
        return self._sink.take()


def table_writer(
    form: ExportFormat, columns: Sequence[Column], told: Mapping[str, str]
) -> TableWriter:
    """The writer of a table in a format; CSV has no room for what is told of it."""
    return CsvWriter(columns) if form is ExportFormat.CSV else ParquetWriter(columns, told)
