"""Writes the cases that page and services have to decide alike; with a fixed seed."""

import json
import random
from pathlib import Path
from typing import Any

from shared.contracts.measures import MEASURES, Measure
from shared.contracts.methods import METHODS, PREFERENCE, Method
from shared.contracts.preference import Word, preferred, rank_of, waited_us
from shared.contracts.quality import Validity

TARGET = Path(__file__).parents[1] / "vectors" / "preference" / "cases.json"
MEASURES_OF_CASES = (
    Measure.RESPIRATION_RATE,
    Measure.PULSE_RATE,
    Measure.HEART_RATE,
    Measure.CADENCE,
    Measure.FVC,
)
EACH = 40
_NUMBERS = {row.key: number for number, row in METHODS.items()}
_VALIDITIES = {validity.key: int(validity) for validity in Validity}


def chosen(measure: Measure, words: list[dict[str, Any]]) -> int:
    """Place of the word that the rule chooses."""
    read = [
        Word(
            round(word["at_s"] * 1_000_000),
            rank_of(measure, int(_NUMBERS[word["method"]])),
            _VALIDITIES[word["validity"]],
            word["order"],
        )
        for word in words
    ]
    best = preferred(read, waited_us=waited_us(measure))
    return next(place for place, word in enumerate(read) if word is best)


def cases() -> list[dict[str, Any]]:
    """All cases."""
    draw = random.Random(17)
    made = []
    for measure in MEASURES_OF_CASES:
        methods = [*(one.method for one in PREFERENCE[measure]), Method.WIFI_FINGERPRINTS]
        for _ in range(EACH):
            sources = draw.sample(
                [(METHODS[m].key, order) for m in methods for order in (0, 1, 2)],
                draw.randint(1, 5),
            )
            words = [
                {
                    "method": method,
                    "order": order,
                    "at_s": draw.choice((0, 1, 4, 6, 6.001, 9, 64, 66)),
                    "validity": draw.choice(("valid", "valid", *_VALIDITIES)),
                }
                for method, order in sources
            ]
            made.append(
                {
                    "measure": MEASURES[measure].key,
                    "words": words,
                    "chosen": chosen(measure, words),
                }
            )
    return made


def main() -> None:
    """Write the file."""
    lines = ",\n".join(json.dumps(case) for case in cases())
    TARGET.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
