"""A floor for the classes of beats on reference recordings, where they lie beside the repository.

Two records, a few minutes: the estimator's own figures on people it has not
seen take minutes (``python -m tests.accuracy.train_classes``).
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.accuracy.recordings import MITDB, ecg_record, needed
from tests.accuracy.train_classes import confusion, rates, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
RECORDS, SHOWN_S = ("119", "232"), 500


def test_classes(floors: dict[str, Any]) -> None:
    needed(MITDB)
    records = []
    for name in RECORDS:
        record = ecg_record(name)
        keep = record.beats_s < SHOWN_S - 10
        records.append(
            replace(
                record,
                lead=record.lead[: SHOWN_S * record.rate_hz],
                beats_s=record.beats_s[keep],
                classes=record.classes[keep],
            )
        )
    total: Counter[str] = Counter()
    for record, told in zip(records, run(records), strict=True):
        early = told.t_s < SHOWN_S - 10
        total += confusion(record, told._replace(
            t_s=told.t_s[early], classes=told.classes[early], features=told.features[early]
        ))  # fmt: skip
    floor = floors["mitdb"]["classes_percent_least"]
    assert min(rates(total, "V")) >= floor["V"], total
    assert min(rates(total, "S")) >= floor["S"], total
