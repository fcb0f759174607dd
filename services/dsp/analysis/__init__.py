"""``vitalwire analyse``: the shipped estimators over a recording, and a report of it."""
