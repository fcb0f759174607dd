"""`vitalwire lanes N`: changes the number of lanes while devices send.

Gateways stop reading (devices and MQTT broker keep what is sent), what was taken is computed,
stored and judged to its end, the new number is switched on in one transaction, and all services
start over it. Without N it says how many lanes there are. Killed at any point it can be run again;
before the switch the services go on as before by themselves. Status 0: there are N lanes now;
1: not changed, or not all is removed yet; 2: N is no number of lanes.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

import structlog

from services.administration.change_table import ChangeTable
from services.administration.command_move import CommandMove
from services.administration.lane_change import LaneChanger
from services.administration.settings import AdministrationSettings
from shared.broker.connection import Broker, BrokerAddress
from shared.broker.publisher import Publisher
from shared.contracts.identity import MAX_LANES, is_lane_count
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Conflict, Denied, Misconfigured, VitalwireError
from shared.runtime.clock import SystemClock
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.logs import LogLevel, set_up_logs
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

EXIT_USAGE = 2
WAIT_S = 60.0


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="vitalwire lanes", description=__doc__)
    parser.add_argument(
        "lanes",
        type=int,
        nargs="?",
        help=f"how many there shall be: a power of two, at most {MAX_LANES}",
    )
    parser.add_argument(
        "--wait", type=float, default=WAIT_S, metavar="SECONDS",
        help="give up when a step takes longer (%(default)g)",
    )  # fmt: skip
    return parser.parse_args(words)


async def run(
    settings: AdministrationSettings,
    to_lanes: int | None,
    *,
    wait_s: float,
    tell: Callable[[str], None],
) -> None:
    """Change the number of lanes, or tell it where none is asked for.

    Raises
    ------
    Conflict : not changed; the text says why
    Denied : this user may not
    Unavailable : PostgreSQL or RabbitMQ does not answer
    """
    metrics = Metrics(settings.service)
    clock = SystemClock()
    sql = load_statements("services.administration")
    async with Database.of(settings, instance=settings.instance, metrics=metrics) as database:
        if to_lanes is None:
            table = ChangeTable(database)
            now, change = await table.deployment(), await table.open()
            tell(f"there are {now.lanes} lanes (incarnation {now.incarnation})")
            if change is not None:
                tell(f"a change to {change.after.lanes} lanes was begun and not ended")
            return
        async with database.dedicated() as session:
            if not await session.fetch_value(sql["may_change_lanes"]):
                raise Denied(f"{settings.database_user} may not change the lanes: use vw_admin")
            if not await session.fetch_value(sql["claim_lanes"]):
                raise Conflict("another command is changing the lanes now")
            address = BrokerAddress.of(settings)
            async with (
                Broker(address, instance=settings.instance, metrics=metrics) as broker,
                Publisher(broker, clock=clock) as publisher,
            ):
                changer = LaneChanger(
                    settings,
                    table=ChangeTable(database),
                    broker=broker,
                    commands=CommandMove(broker, publisher, database),
                    clock=clock,
                    tell=tell,
                    wait_s=wait_s,
                )
                await changer.carry_out(to_lanes, asked_by=settings.database_user)


async def _until_signal(
    settings: AdministrationSettings, options: argparse.Namespace, tell: Callable[[str], None]
) -> None:
    """Run; SIGTERM gives up in good order, as Ctrl-C does."""
    running = asyncio.current_task()
    assert running is not None, "it runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await run(settings, options.lanes, wait_s=options.wait, tell=tell)


def main() -> int:
    """Do what the command line and the environment say; gives the exit status."""
    options = parse()
    if options.lanes is not None and not is_lane_count(options.lanes):
        sys.stderr.write(
            f"{options.lanes} is no number of lanes: "
            f"it must be a power of two from 1 to {MAX_LANES}\n"
        )
        return EXIT_USAGE
    clock = SystemClock()
    began_s = clock.monotonic_s()

    def tell(text: str) -> None:
        sys.stdout.write(f"[{clock.monotonic_s() - began_s:5.1f} s] {text}\n")
        sys.stdout.flush()

    status = 0
    try:
        settings = read_settings(AdministrationSettings)
        level = max(settings.log_level, LogLevel.WARNING, key=list(LogLevel).index)
        set_up_logs(service=settings.service, instance=settings.instance, level=level)
        asyncio.run(_until_signal(settings, options, tell))
    except* Misconfigured as errors:
        sys.stderr.writelines(f"{reason}\n" for reason in _reasons(errors))
        status = EXIT_MISCONFIGURED
    except* VitalwireError as errors:
        sys.stderr.writelines(f"not finished: {reason}\n" for reason in _reasons(errors))
        status = EXIT_FAILED
    except* (KeyboardInterrupt, asyncio.CancelledError):
        status = EXIT_FAILED
    return status


def _reasons(group: BaseExceptionGroup[VitalwireError]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        found += _reasons(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return found


if __name__ == "__main__":
    sys.exit(main())
