"""CSV as files that are taken in: units, decimal commas, times of all kinds, the bad line."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.file_reading import BadFile, ReadFile
from shared.contracts.parking import Reason
from shared.contracts.streams import Stream
from shared.recordings.csv_file import read_csv
from shared.recordings.csv_table import Column, Kind, csv_head, csv_rows
from tests.unit.shared.recordings.test_edf_file import samples_of

T0_US = 1_767_323_045_000_000  # 2026-01-02T03:04:05Z


def bad(text: str, **options: Any) -> BadFile:
    read = read_csv(text.encode(), options)
    assert isinstance(read, BadFile), read
    return read


def test_our_own_table_comes_back() -> None:
    columns = [
        Column("time", Kind.TIME),
        Column("I", Kind.NUMBER, "mV"),
        Column("II", Kind.NUMBER, "mV"),
    ]
    n = 1_000
    times = T0_US + np.rint(np.arange(n) * 1e6 / 360).astype(np.int64)
    times[600:] += 60_000_000  # a hole
    values = {"time": times, "I": np.sin(np.arange(n) / 9), "II": np.cos(np.arange(n) / 9)}
    found = samples_of(read_csv(csv_head(columns) + csv_rows(columns, values), {}))
    ecg = found[Stream.ECG]
    np.testing.assert_allclose([v[0] for _, v in ecg], values["I"], atol=1e-7)
    np.testing.assert_allclose([v[1] for _, v in ecg], values["II"], atol=1e-7)
    assert np.abs(np.array([t for t, _ in ecg]) - times).max() <= 1.5


def test_decimal_commas_units_and_an_offset() -> None:
    text = (
        "Zeit;EKG [uV];Temp [degF]\r\n2026-01-02T05:04:05+02:00;1.000,5;98,6\r\n".replace(
            "1.000", "1000"
        )
        + "2026-01-02T05:04:06+02:00;-250,25;\r\n"
    )
    found = samples_of(read_csv(text.encode(), {"decimal": ","}))
    assert [t for t, _ in found[Stream.ECG]] == [T0_US, T0_US + 1_000_000]
    assert [v[0] for _, v in found[Stream.ECG]] == pytest.approx([1.0005, -0.25025])
    assert found[Stream.TEMPERATURE][0][1] == pytest.approx((37.0,))
    assert len(found[Stream.TEMPERATURE]) == 1


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,b\n1,9\n2,9\n3,9\n",
         {"signals": "a=ecg:I", "start": "2026-01-02T03:04:05Z", "rate": "2"}),
        ("t,a\n0,1\n0.5,2\n1,3\n", {"signals": "a=ecg", "start": "2026-01-02T03:04:05Z"}),
        ("t,a\n1767323045000,1\n1767323045500,2\n1767323046000,3\n",
         {"signals": "a=ecg", "time_unit": "ms"}),
        ("a\tt\n1\t2026-01-02 04:04:05.0\n2\t2026-01-02 04:04:05.5\n3\t2026-01-02 04:04:06.0\n",
         {"stream": "ecg", "time_zone": "+01:00"}),
        ('t;a\n"2026-01-02T03:04:05Z";1\n\n"2026-01-02T03:04:05.5Z";2\n"2026-01-02T03:04:06Z";3',
         {"signals": "a=ecg", "units": "a=mV"}),
    ],
)  # fmt: skip
def test_times_of_all_kinds(text: str, options: dict[str, str]) -> None:
    ecg = samples_of(read_csv(text.encode(), options))[Stream.ECG]
    assert ecg == [(T0_US, (1.0,)), (T0_US + 500_000, (2.0,)), (T0_US + 1_000_000, (3.0,))]


def test_readings_at_no_rate_stay_at_their_times() -> None:
    at = [0, 1, 5, 6, 60, 61, 300]
    text = "t,SpO2 [%]\n" + "".join(f"{second},{90 + n}\n" for n, second in enumerate(at))
    spo2 = samples_of(read_csv(text.encode(), {"start": "2026-01-02T03:04:05Z"}))[Stream.SPO2]
    assert spo2 == [(T0_US + s * 1_000_000, (90.0 + n,)) for n, s in enumerate(at)]


def test_a_bad_line_is_named() -> None:
    head = "t,ECG\n" + "".join(f"{n},0.{n}\n" for n in range(1, 40))
    start = "2026-01-02T03:04:05Z"
    assert bad(head + "40,x1\n41,2\n", start=start).line == 41
    assert bad(head + "\n40\n41,2\n", start=start).line == 42
    late = bad(head + "39,1\n", start=start)
    assert (late.reason, late.line) == (Reason.BAD_TIME, 41)
    iso = "t,ECG\n2026-01-02T03:04:05Z,1\n2026-01-02T03:04:06Z,1\n2026-13-02T03:04:07Z,1\n"
    assert (bad(iso).reason, bad(iso).line) == (Reason.BAD_TIME, 4)
    assert bad("t,Foo\n1,2\n").reason is Reason.UNKNOWN_STREAM
    assert bad("ECG\n1\n").line == 1
    assert bad("t,ECG [parsec]\n1,2\n").reason is Reason.UNKNOWN_STREAM
    assert bad("t,ECG\n").reason is Reason.EMPTY_SAMPLES


@given(st.data())
@settings(max_examples=300)
def test_no_bytes_raise(data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        text = bytearray(
            b"t,ECG I [mV],Temp\n" + b"".join(b"%d,0.%d,\n" % (n, n) for n in range(9))
        )
        for _ in range(data.draw(st.integers(1, 4))):
            text[data.draw(st.integers(0, len(text) - 1))] = data.draw(
                st.sampled_from(b'0,;.-e\n"x\0\xff')
            )
        content = bytes(text)
    else:
        content = data.draw(st.binary(max_size=80))
    options = {"start": "2026-01-02T03:04:05Z"} if data.draw(st.booleans()) else {}
    read = read_csv(content, options)
    if isinstance(read, ReadFile):
        assert len(list(read.pieces())) == read.n_pieces
