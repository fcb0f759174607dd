"""Forced breaths on the page of a patient: the session, its grade and zone, and why one is none."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.running_system import RunningSystem
from tests.browser.screen import LAPTOP, PHONE, Screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ENDED, BEGUN = "2026-11-20T08:04:00.000000Z", "2026-11-20T08:00:00.000000Z"
FROM = {"device": "flow-1", "method": "flow_blow"}
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def value(measure: str, number: float, unit: str = "L", **expected: float) -> dict[str, Any]:
    nobody_knows = dict.fromkeys(("predicted", "lower_limit", "percent_predicted", "z_score"), None)
    return {"measure": measure, "unit": unit, "value": number} | nobody_knows | expected


FEV1 = value(
    "fev1", 2.43, predicted=2.93, lower_limit=2.3, percent_predicted=82.9, z_score=-1.4
)  # fmt: skip


def blow(t: str, *faults: str) -> dict[str, Any]:
    values = [FEV1, value("fvc", 3.31), value("pef", 352, "L/min"), value("end_rise", 0.12)]
    verdict = {"fev1": True, "fvc": not faults, "faults": faults}
    return FROM | {
        "t": t, "source": "computed", "quality": 0.95, "validity": "valid", "age_years": 46.5,
        "verdict": verdict, "values": [*values, value("fef25_75", 1.9, "L/s")],
    }  # fmt: skip


def result(grade: str, best: dict[str, Any]) -> dict[str, Any]:
    return {"grade": grade, "best": best, "apart_l": 0.03, "acceptable": 2, "usable": 2}


TOLD = {
    "items": [blow(ENDED), blow(BEGUN, "early_end")],
    "sessions": [
        FROM
        | {
            "start": BEGUN, "end": ENDED, "breaths": 2, "fev1": result("B", FEV1),
            "fvc": result("E", value("fvc", 3.31)), "fev1_fvc": value("fev1_fvc", 0.734, "1"),
        }
    ],
    "standing": {
        "measure": "pef", "unit": "L/min", "value": 352, "personal_best": 462,
        "personal_best_t": BEGUN, "percent": 76.2, "zone": "yellow", "days": 16, "days_needed": 14,
    },
}  # fmt: skip


async def with_breaths(page: Page) -> None:
    """Nobody here has blown: a session is laid into the server's answer."""

    async def answer(route: Route) -> None:
        real = await route.fetch()
        assert real.ok, await real.text()
        told = await real.json()
        assert set(TOLD) < set(told), "the answer has another shape"
        await route.fulfill(response=real, body=json.dumps(told | TOLD))

    await page.route("**/v1/patients/*/spirometry", answer)


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
async def test_a_session_stands_on_the_page_of_the_patient(
    browser: Browser, system: RunningSystem, size: tuple[int, int]
) -> None:
    screen = await Screen.open(browser, system, size=size, theme="light")
    page = screen.page
    await with_breaths(page)
    await screen.log_in()
    await screen.see_ward()
    await screen.open_patient("04")
    card = page.get_by_test_id("spirometry")
    await card.scroll_into_view_if_needed()
    await expect(page.get_by_test_id("spirometry-facts")).to_contain_text("2 breaths · flow-1")
    fev1 = page.get_by_test_id("spirometry-fev1")
    await expect(fev1).to_contain_text("Grade B")
    await expect(fev1).to_contain_text("2.43 L")
    await expect(fev1).to_contain_text("83\u00a0% of predicted, z\u00a0−1.4")
    standing = page.get_by_test_id("spirometry-standing")
    await expect(standing).to_contain_text("Yellow zone")
    await expect(standing).to_contain_text("76\u00a0% of personal best, 462\u00a0L/min")
    rows = card.get_by_role("row")
    await expect(rows.nth(1)).to_contain_text("Acceptable")
    await expect(rows.nth(2)).to_contain_text("FEV1 only: ended early, 0.12\u00a0L")
    assert await page.evaluate(WIDER) == 0
    assert await screen.findings() == []
    await screen.close()
