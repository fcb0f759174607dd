"""``make bench``: what a message costs, beside plain peers, and what the whole system bears.

Parts (``make bench WHAT=path,whole``): `path` from MQTT to PostgreSQL beside the peers; `whole` all
services at 100 to 3,000 connections; `connections` at 10,000; `rude` what rude devices do to the
others; `forward` what hours of the past do to live data, uploaded by a device and brought by
``vitalwire import``; `live` what sockets cost the api, `live-rude` what rude ones do to the others;
`ceiling` how fast stages work off a backlog; `codecs` what decoding costs; `science` what
estimators cost, with 1 to 4,096 devices at once; `profile` where the time of a service goes;
`soak` memory over a long time. CPU is what the operating system counts for each process with its
children, divided by the messages sent, with what a process does in a second without messages.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.performance import codecs, forward, live_clients, path, rude, science, soak, whole

DEFAULT = "codecs,science,path,whole,rude"
PAIRS, FORWARD_PAIRS = 3, 5
FORWARD_S = 20.0  # of each window: p99 of 2,000 messages


async def run_part(what: str, options: argparse.Namespace) -> tuple[Any, str, bool]:
    """Figures of a part, their table, and whether all that was promised was kept."""
    match what:
        case "path":
            rates = [float(rate) for rate in options.rates.split(",")]
            hows = [how for how in options.peers.split(",") if how]
            rows = await path.beside_peers(rates, options.seconds, options.pairs or PAIRS, hows)
            ours = [row for row in rows if row["path"] == path.OURS]
            return rows, path.told(rows), all(row["stored"] == row["sent"] for row in ours)
        case "profile":
            rate = float(options.rates.split(",")[-1])
            if options.profile in path.SERVICES:
                text = await path.profiled(options.profile, rate, options.seconds)
            else:
                fleet = whole.Fleet(waves=round(rate))
                text = await whole.profiled(options.profile, fleet, options.seconds)
            return text, text, True
        case "ceiling":
            stages = await path.ceilings(40_000)
            return stages, "\n".join(f"{one}" for one in stages), True
        case "whole":
            rows = [
                await whole.loaded(whole.Fleet(waves=waves), max(options.seconds, 20.0))
                for waves in whole.SIZES
            ]
            return rows, whole.told(rows), all(row["stored"] == row["sent"] for row in rows)
        case "connections":
            fleet = whole.Fleet(waves=options.waves, readings=options.connections - options.waves)
            held = await soak.soak(fleet, 60.0 * options.minutes)
            return held, soak.told(held), bool(held["stored"] == held["sent"])
        case "rude":
            disturbed = await rude.disturbed(
                options.pairs or PAIRS,
                max(options.seconds, 8.0),
                reconnecting=options.reconnecting,
                backlog_messages=options.backlog,
            )
            return disturbed, rude.told(disturbed), True
        case "forward":
            forwarded = await forward.rounds(
                options.pairs or FORWARD_PAIRS,
                max(options.seconds, FORWARD_S),
                backlog_messages=options.backlog,
            )
            return forwarded, forward.told(forwarded), forward.is_kept(forwarded)
        case "live":
            rows, profile = await live_clients.costs(
                live_clients.SIZES, options.seconds, profiled=options.profile == "api"
            )
            return rows, f"{live_clients.told(rows)}\n\n{profile}", True
        case "live-rude":
            found = await live_clients.rude_pairs(options.pairs or PAIRS, options.seconds)
            return found, live_clients.rude_told(found), True
        case "codecs":
            rows = codecs.measured()
            return rows, codecs.told(rows), codecs.is_kept(rows)
        case "science":
            rows = science.measured(keys=[key for key in options.estimators.split(",") if key])
            return rows, science.told(rows), True
        case "soak":
            kept = await soak.soak(whole.Fleet(waves=options.waves), 60.0 * options.minutes)
            grown = soak.grown(kept)
            text = soak.told(kept) + (f"\nnot flat: {', '.join(grown)}" if grown else "")
            return kept, text, not grown and kept["stored"] == kept["sent"]
        case _:
            raise ValueError(f"no part is called {what}")


def main() -> int:
    """Measure, print, and write the figures as JSON where asked to."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--what", default=DEFAULT, help="parts, with commas")
    parser.add_argument("--rates", default="3000,8000", help="messages a second of the path")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--pairs", type=int, help="rounds; 3 unless told, 5 of forward")
    parser.add_argument("--peers", default=",".join(path.PEERS), help="which; empty for none")
    parser.add_argument("--estimators", default="", help="of science, by key, and lane; all")
    parser.add_argument("--profile", default="gateway", help="service to sample")
    parser.add_argument("--connections", type=int, default=10_000, help="of the part `connections`")
    parser.add_argument("--waves", type=int, default=200, help="of them, or of soak: send an ECG")
    parser.add_argument("--minutes", type=float, default=1.0, help="of connections and soak")
    parser.add_argument("--reconnecting", type=int, default=rude.RECONNECTING, help="at once")
    parser.add_argument("--backlog", type=int, default=86_400, help="messages of the past")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    unknown = {how for how in options.peers.split(",") if how} - set(path.PEERS)
    if unknown:
        parser.error(f"no peer is called {', '.join(sorted(unknown))}: {', '.join(path.PEERS)}")
    figures: dict[str, Any] = {}
    is_kept = True
    for what in options.what.split(","):
        began_s = time.monotonic()
        print(f"\n## {what}, {time.strftime('%Y-%m-%d %H:%M')}\n", flush=True)
        figures[what], text, kept = asyncio.run(run_part(what, options))
        is_kept &= kept
        print(f"{text}\n\n({time.monotonic() - began_s:.0f} s)", flush=True)
        if not kept:
            print(f"{what}: what was promised was not kept: see above", flush=True)
        if options.json:
            Path(options.json).write_text(json.dumps(figures, indent=1))
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
