"""What ``up/result`` says of a command."""

import re

import msgspec

from shared.contracts.commands import CommandResult
from shared.contracts.decoding import Refused
from shared.contracts.parking import Reason

LARGEST_RESULT_BYTES = 4_096
DETAIL_MOST = 500
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

_results = msgspec.json.Decoder(CommandResult)


def read_result(payload: bytes) -> CommandResult | Refused:
    """Give the result in ``payload``; its text is cut to 500 printable characters."""
    if len(payload) > LARGEST_RESULT_BYTES:
        return Refused(Reason.TOO_LARGE, f"{len(payload)} bytes of result")
    try:
        result = _results.decode(payload)
    except msgspec.ValidationError as error:
        return Refused(Reason.WRONG_TYPE, str(error)[:200])
    except RecursionError:
        return Refused(Reason.TOO_DEEP, "result")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refused(Reason.MALFORMED, str(error)[:200])
    if _UUID.fullmatch(result.command) is None:
        return Refused(Reason.BAD_IDENTITY, "the command's id is none of ours")
    return CommandResult(
        command=result.command, outcome=result.outcome, detail=printable(result.detail)
    )


def printable(detail: str) -> str:
    """Give at most 500 printable characters of what a device says."""
    return _UNPRINTABLE.sub(" ", detail)[:DETAIL_MOST]
