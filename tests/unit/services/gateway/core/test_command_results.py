"""What devices say of commands, good and bad."""

import pytest

from services.gateway.core.command_results import DETAIL_MOST, read_result
from shared.contracts.commands import Answer, CommandResult
from shared.contracts.decoding import Refused
from shared.contracts.parking import Reason

ID = "00000000-0000-4000-8000-000000000001"


def test_a_result_is_read_and_its_text_is_made_fit_to_store() -> None:
    body = b'{"command":"%s","outcome":"failed","detail":"a\\u0000b\\ud800%s"}' % (
        ID.encode(),
        b"x" * 1_000,
    )
    result = read_result(body.replace(b"\\ud800", b""))
    assert isinstance(result, CommandResult)
    assert (result.command, result.outcome) == (ID, Answer.FAILED)
    assert result.detail.startswith("a b")
    assert len(result.detail) == DETAIL_MOST


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"{", Reason.MALFORMED),
        (b'{"command":"\xff","outcome":"done"}', Reason.MALFORMED),
        (b"[]", Reason.WRONG_TYPE),
        (b'{"command":"%s"}' % ID.encode(), Reason.WRONG_TYPE),
        (b'{"command":"%s","outcome":"unknown"}' % ID.encode(), Reason.WRONG_TYPE),
        (b'{"command":5,"outcome":"done"}', Reason.WRONG_TYPE),
        (b'{"command":"c-1","outcome":"done"}', Reason.BAD_IDENTITY),
        (b'{"command":"' + b"[" * 5_000, Reason.TOO_LARGE),
    ],
)
def test_what_is_no_result_has_its_reason(body: bytes, reason: Reason) -> None:
    refused = read_result(body)
    assert isinstance(refused, Refused)
    assert refused.reason is reason
