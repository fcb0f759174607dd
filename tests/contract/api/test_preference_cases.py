"""The page's table and its cases are those of the contracts."""

import json
from pathlib import Path

from services.api.core.page_tables import preference_source
from shared.contracts.measures import MEASURES_BY_KEY
from tests.contract.api.make_preference_cases import TARGET, chosen

TABLE = Path(__file__).parents[3] / "web" / "src" / "api" / "preferences.ts"


def test_the_pages_table_is_the_one_of_the_contracts() -> None:
    assert TABLE.read_text() == preference_source(), "run make generate"


def test_every_case_is_decided_by_the_rule_as_it_is_written_down() -> None:
    cases = json.loads(TARGET.read_text())
    assert len(cases) >= 100
    for case in cases:
        assert chosen(MEASURES_BY_KEY[case["measure"]].id, case["words"]) == case["chosen"], case
