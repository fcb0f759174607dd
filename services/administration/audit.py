"""`vitalwire audit`: looks whether the chains of the audit trail are whole. Status 1: they are not.

For a nightly job. `--textfile` leaves the result where the node exporter of Prometheus reads it
(its textfile collector), for the alert AuditChainBroken.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.administration.settings import AdministrationSettings
from shared.database.pool import Database
from shared.database.statements import load_statements
from shared.errors import Misconfigured, VitalwireError
from shared.runtime.clock import SystemClock
from shared.runtime.service import EXIT_FAILED, EXIT_MISCONFIGURED
from shared.runtime.settings import read_settings
from shared.telemetry.logs import set_up_logs
from shared.telemetry.metrics import Metrics

log = structlog.get_logger()

TOLD_MOST = 20  # broken links that are logged one by one
BROKEN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLink:
    """Where a chain is not what it was when it was written."""

    chain: str
    n: int
    what: str


class AuditMetrics:
    """What the check leaves for Prometheus."""

    def __init__(self, metrics: Metrics) -> None:
        self.broken = metrics.gauge("broken_links", "Links of the audit trail that do not fit")
        self.checked = metrics.gauge(
            "checked_timestamp_seconds", "When the audit trail was checked last"
        )


async def broken_links(settings: AdministrationSettings, *, metrics: Metrics) -> list[BrokenLink]:
    """What is broken in the chains; nothing when all is whole.

    Raises
    ------
    Unavailable : PostgreSQL does not answer
    """
    sql = load_statements("services.administration")
    async with (
        Database.of(settings, instance=settings.instance, metrics=metrics) as database,
        database.session() as session,
    ):
        rows = await session.fetch(sql["verify_audit"])
    return [BrokenLink(chain=row["chain"], n=row["n"], what=row["what"]) for row in rows]


def write_textfile(path: Path, *, broken: int, now_s: float) -> None:
    """Replace the file whole: the exporter may read it at any time."""
    registry = Metrics("audit")
    metrics = AuditMetrics(registry)
    metrics.broken.set(broken)
    metrics.checked.set(now_s)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_bytes(registry.exposition())
    unfinished.replace(path)


def main() -> int:
    """Check as the command line and the environment say; gives the exit status."""
    parser = argparse.ArgumentParser(prog="vitalwire audit", description=__doc__)
    parser.add_argument("--textfile", type=Path, help="where to leave the result as metrics")
    options = parser.parse_args()
    try:
        settings = read_settings(AdministrationSettings)
        set_up_logs(service=settings.service, instance=settings.instance, level=settings.log_level)
        broken = asyncio.run(broken_links(settings, metrics=Metrics(settings.service)))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    except VitalwireError as error:
        log.error("audit_not_checked", reason=str(error))  # noqa: TRY400  the reason is enough
        return EXIT_FAILED
    if options.textfile is not None:
        now_s = SystemClock().now_us() / 1e6
        write_textfile(options.textfile, broken=len(broken), now_s=now_s)
    for link in broken[:TOLD_MOST]:
        log.error("audit_link_broken", chain=link.chain, n=link.n, what=link.what)
    log.info("audit_checked", broken=len(broken))
    return BROKEN if broken else 0


if __name__ == "__main__":
    sys.exit(main())
