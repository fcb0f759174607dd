"""Writes dashboards/*.json from the table below: `python -m deploy.monitoring.make_dashboards`.

A dashboard is rows of panels, a panel is a title, a unit and queries with their legends. A test
looks up every metric and label in the code, and compares the files with the table.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 8, 7  # of 24 columns


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph.

    Parameters
    ----------
    queries : query and legend of each line
    unit : as Grafana names units
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page of graphs; each row has a heading."""

    uid: str
    title: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]


def rate(metric: str, by: str = "") -> str:
    """Events a second, over all processes."""
    return f"sum{f' by ({by})' if by else ''} (rate(vitalwire_{metric}[$__rate_interval]))"


def quantile(q: float, metric: str, by: str = "") -> str:
    """A quantile of a histogram over all processes."""
    labels = f"le, {by}" if by else "le"
    inner = f"sum by ({labels}) (rate(vitalwire_{metric}_bucket[$__rate_interval]))"
    return f"histogram_quantile({q}, {inner})"


def spread(title: str, metric: str, unit: str = "s", by: str = "") -> Panel:
    """Median, 95 % and 99 % of a histogram."""
    legend = f" {{{{{by}}}}}" if by else ""
    return Panel(
        title,
        unit,
        tuple((quantile(q, metric, by), f"{round(q * 100)} %{legend}") for q in (0.5, 0.95, 0.99)),
    )


def offset(service: str) -> str:
    """How far each stream of frames was read."""
    return f'max by (stream) (vitalwire_{service}_stream_offset{{stream=~"frames.*"}})'


def lines(title: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """A panel of several lines."""
    return Panel(title, unit, queries)


def process(service: str) -> tuple[str, tuple[Panel, ...]]:
    """What every process has."""
    metric = f"vitalwire_{service}"
    return (
        "Process",
        (
            lines(
                "How late the event loop runs",
                "s",
                (f"max by (instance) ({metric}_event_loop_lag_seconds)", "{{instance}}"),
                (f"max by (instance) ({metric}_event_loop_lag_worst_seconds)",
                 "worst {{instance}}"),
            ),
            spread("Waiting for a database connection", f"{service}_database_acquire_seconds"),
            lines(
                "Connections opened",
                "short",
                (f"sum(increase({metric}_database_connections_total[5m]))", "PostgreSQL"),
                (f"sum by (purpose) (increase({metric}_amqp_connections_total[5m]))",
                 "RabbitMQ {{purpose}}"),
            ),
        ),
    )  # fmt: skip


OVERVIEW = Dashboard(
    "vitalwire-overview",
    "vitalwire: overview",
    (
        (
            "Is it well?",
            (
                lines("Processes that answer", "short",
                      ('sum by (service) (up{job="vitalwire"})', "{{service}}")),
                lines("Devices online", "short",
                      ("sum(vitalwire_gateway_online_devices)", "online"),
                      ("max(vitalwire_gateway_known_devices)", "known")),
                lines("Alarms standing", "short", ("sum(vitalwire_alarms_standing)", "standing")),
            ),
        ),
        (
            "How much",
            (
                lines("Messages and frames", "cps",
                      (rate("gateway_messages_total"), "messages taken"),
                      (rate("gateway_frames_total"), "frames confirmed"),
                      (rate('storage_rows_total{table="frame"}'), "frames stored")),
                lines("Vital signs", "cps",
                      (rate('dsp_values_total{loop="live"}'), "given out"),
                      (rate("alarms_values_total"), "judged"),
                      (rate('storage_rows_total{table="vital"}'), "rows stored")),
                lines("Live sockets and messages", "short",
                      ("sum(vitalwire_api_live_clients)", "sockets"),
                      (rate("api_live_messages_total"), "messages a second")),
            ),
        ),
        (
            "How late",
            (
                lines("From the device's message to ... (99 %)", "s",
                      (quantile(0.99, "gateway_puback_seconds"), "its PUBACK"),
                      (quantile(0.99, "storage_lag_seconds"), "its commit"),
                      (quantile(0.99, "dsp_lag_seconds"), "its vital sign")),
                lines("Behind", "s",
                      ("max(vitalwire_alarms_lag_seconds)", "alarms"),
                      ("max(vitalwire_api_tail_lag_seconds)", "live feed")),
                lines("Bytes ahead of storage", "bytes",
                      ("sum by (lane) (vitalwire_gateway_stream_lag_bytes)", "lane {{lane}}")),
            ),
        ),
        (
            "What goes wrong",
            (
                lines("Refused, parked, set aside", "cps",
                      (rate("gateway_refused_total", "reason"), "refused: {{reason}}"),
                      (rate("storage_parked_total", "reason"), "parked: {{reason}}"),
                      (rate("storage_refused_total", "reason"), "conflict: {{reason}}"),
                      (rate("dsp_choked_total"), "dsp choked"),
                      (rate("alarms_choked_total"), "alarms choked")),
                lines("Offsets that were gone", "short",
                      ("sum(increase(vitalwire_storage_stream_missing_total[5m]))", "storage"),
                      ("sum(increase(vitalwire_dsp_stream_missing_total[5m]))", "dsp"),
                      ("sum(increase(vitalwire_alarms_stream_missing_total[5m]))", "alarms")),
                lines("Lanes with an owner", "short",
                      ("sum(vitalwire_gateway_lanes_owned)", "gateway"),
                      ("sum(vitalwire_storage_lanes_owned) - 1", "storage"),
                      ("sum(vitalwire_dsp_lanes_owned)", "dsp"),
                      ("sum(vitalwire_alarms_lanes_owned)", "alarms")),
            ),
        ),
    ),
)  # fmt: skip

GATEWAY = Dashboard(
    "vitalwire-gateway",
    "vitalwire: gateway",
    (
        (
            "The path",
            (
                lines("Messages", "cps", (rate("gateway_messages_total", "lane"), "lane {{lane}}")),
                lines("Frames, live and late", "cps",
                      (rate("gateway_frames_total", "way"), "{{way}}")),
                spread("Until the PUBACK", "gateway_puback_seconds"),
                spread("Frames a batch", "gateway_batch_frames", "short"),
                lines("Taken and not acknowledged", "short",
                      ("sum by (lane) (vitalwire_gateway_unacknowledged_messages)",
                       "lane {{lane}}")),
                lines("Not reading", "percentunit",
                      (rate("gateway_held_back_seconds_total", "cause"), "{{cause}}")),
            ),
        ),
        (
            "Devices",
            (
                lines("Online", "short",
                      ("sum by (lane) (vitalwire_gateway_online_devices)", "lane {{lane}}")),
                lines("Refused", "cps", (rate("gateway_refused_total", "reason"), "{{reason}}")),
                lines("Deferred: they come again", "cps",
                      (rate("gateway_deferred_total", "why"), "{{why}}")),
                lines("Clock segments", "cps",
                      (rate("gateway_clock_segments_total", "kind"), "{{kind}}")),
                lines("Receipts", "cps",
                      (rate("gateway_receipts_total"), "from storage"),
                      (rate("gateway_stored_told_total"), "told to devices")),
                lines("Devices not told yet", "short",
                      ("sum by (lane) (vitalwire_gateway_stored_untold_devices)", "lane {{lane}}")),
            ),
        ),
        (
            "Sessions and loops",
            (
                lines("MQTT sessions", "short",
                      ("sum by (present) (increase(vitalwire_gateway_mqtt_sessions_total[5m]))",
                       "opened, there before: {{present}}"),
                      ("sum(increase(vitalwire_gateway_mqtt_session_failures_total[5m]))", "lost")),
                lines("Loops that fail", "cps",
                      (rate("gateway_loop_errors_total", "loop"), "{{loop}}")),
                lines("Password file written", "short",
                      ("sum(increase(vitalwire_gateway_credentials_written_total[5m]))", "times")),
            ),
        ),
        process("gateway"),
    ),
)  # fmt: skip

STORAGE = Dashboard(
    "vitalwire-storage",
    "vitalwire: storage",
    (
        (
            "Writing",
            (
                lines("Rows", "cps", (rate("storage_rows_total", "table"), "{{table}}")),
                lines("Commits", "cps", (rate("storage_commits_total", "stream"), "{{stream}}")),
                spread("Rows a commit", "storage_rows_a_commit", "short"),
                spread("One commit", "storage_commit_seconds"),
                spread("From arrival to commit", "storage_lag_seconds", by="stream"),
                lines("Lanes held", "short",
                      ("sum by (instance) (vitalwire_storage_lanes_held)", "{{instance}}")),
            ),
        ),
        (
            "What came twice or does not fit",
            (
                lines("Duplicates and look-ups", "cps",
                      (rate("storage_duplicates_total", "stream"), "again: {{stream}}"),
                      (rate("storage_looked_up_total", "stream"), "looked up: {{stream}}")),
                lines("Kept aside and parked", "cps",
                      (rate("storage_refused_total", "reason"), "conflict: {{reason}}"),
                      (rate("storage_parked_total", "reason"), "parked: {{reason}}")),
                lines("Failed because something was away", "cps",
                      (rate("storage_failures_total", "dependency"), "{{dependency}}")),
            ),
        ),
        (
            "Long term",
            (
                lines("Hours that wait for compaction", "short",
                      ("max(vitalwire_storage_compaction_waiting_hours)", "hours")),
                lines("Bytes before and after", "Bps",
                      (rate("storage_compaction_bytes_total", "side"), "{{side}}")),
                spread("One hour of frames", "storage_compaction_seconds"),
            ),
        ),
        process("storage"),
    ),
)  # fmt: skip

DSP = Dashboard(
    "vitalwire-dsp",
    "vitalwire: vital signs",
    (
        (
            "Live and late",
            (
                lines("Frames taken", "cps", (rate("dsp_frames_total", "loop"), "{{loop}}")),
                lines("Values, beats, events", "cps",
                      (rate("dsp_values_total", "loop"), "values {{loop}}"),
                      (rate("dsp_beats_total", "loop"), "beats {{loop}}"),
                      (rate("dsp_events_total", "loop"), "events {{loop}}")),
                spread("From arrival to value", "dsp_lag_seconds", by="loop"),
                spread("One computation", "dsp_compute_seconds", by="loop"),
                lines("Share of a core", "percentunit",
                      (rate("dsp_compute_seconds_sum", "loop"), "{{loop}}")),
                lines("Streams followed", "short",
                      ("sum by (lane) (vitalwire_dsp_streams_followed)", "lane {{lane}}")),
            ),
        ),
        (
            "Positions and corrections",
            (
                lines("Positions saved", "cps",
                      (rate("dsp_position_saves_total", "loop"), "{{loop}}"),
                      (rate("dsp_position_save_failures_total", "loop"), "failed {{loop}}")),
                lines("Times that wait to be computed again", "short",
                      ("sum by (lane) (vitalwire_dsp_late_intervals_waiting)", "lane {{lane}}")),
                lines("What went wrong", "cps",
                      (rate("dsp_choked_total", "loop"), "choked {{loop}}"),
                      (rate("dsp_bad_batches_total", "loop"), "unreadable {{loop}}"),
                      (rate("dsp_failures_total", "dependency"), "away: {{dependency}}")),
            ),
        ),
        process("dsp"),
    ),
)  # fmt: skip

ALARMS = Dashboard(
    "vitalwire-alarms",
    "vitalwire: alarms",
    (
        (
            "Alarms",
            (
                lines("Raised", "short",
                      ("sum by (condition, priority) (increase(vitalwire_alarms_raised_total[5m]))",
                       "{{condition}} ({{priority}})")),
                lines("Standing", "short",
                      ("sum by (lane) (vitalwire_alarms_standing)", "lane {{lane}}")),
                lines("Actions of people", "short",
                      ("sum by (outcome) (increase(vitalwire_alarms_actions_total[5m]))",
                       "{{outcome}}")),
            ),
        ),
        (
            "The way to them",
            (
                spread("From the deciding sample to the decision", "alarms_decision_delay_seconds"),
                lines("Behind", "s",
                      ("max by (lane) (vitalwire_alarms_lag_seconds)", "lane {{lane}}")),
                lines("Values", "cps",
                      (rate("alarms_values_total"), "judged"),
                      (rate("alarms_values_late_total"), "late, left to history"),
                      (rate("alarms_values_absurd_total"), "absurd")),
                lines("Patients watched", "short",
                      ("sum by (lane) (vitalwire_alarms_patients)", "lane {{lane}}")),
                lines("Saves", "cps", (rate("alarms_saves_total", "outcome"), "{{outcome}}")),
                lines("Unreadable or set aside", "cps",
                      (rate("alarms_messages_bad_total", "stream"), "unreadable {{stream}}"),
                      (rate("alarms_choked_total"), "choked")),
            ),
        ),
        process("alarms"),
    ),
)  # fmt: skip

API = Dashboard(
    "vitalwire-api",
    "vitalwire: api and live",
    (
        (
            "Requests",
            (
                lines("Requests", "reqps", (rate("api_requests_total", "status"), "{{status}}")),
                spread("How long", "api_request_seconds"),
                lines("Slowest routes (95 %)", "s",
                      (f"topk(8, {quantile(0.95, 'api_request_seconds', 'route')})", "{{route}}")),
                lines("Refused", "cps", (rate("api_refused_total", "reason"), "{{reason}}")),
                lines("Log-ins", "cps", (rate("api_log_ins_total", "outcome"), "{{outcome}}")),
                lines("Audit trail", "short",
                      ("sum(vitalwire_api_audit_waiting)", "waiting"),
                      (rate("api_audit_entries_total"), "written a second"),
                      (rate("api_audit_failures_total"), "failures a second")),
            ),
        ),
        (
            "Live",
            (
                lines("Sockets and subscriptions", "short",
                      ("sum(vitalwire_api_live_clients)", "sockets"),
                      ("sum(vitalwire_api_live_subscriptions)", "subscriptions")),
                lines("Sent", "Bps", (rate("api_live_bytes_total"), "bytes")),
                lines("Messages", "cps", (rate("api_live_messages_total", "kind"), "{{kind}}")),
                lines("Slow clients", "cps",
                      (rate("api_live_conflated_total"), "values replaced"),
                      (rate("api_live_blocks_dropped_total"), "blocks told as gaps"),
                      (rate("api_live_closed_total", "reason"), "closed: {{reason}}")),
                lines("Behind", "s",
                      ("max by (kind) (vitalwire_api_tail_lag_seconds)", "{{kind}}")),
                spread("Checking rights", "api_recheck_seconds"),
            ),
        ),
        process("api"),
    ),
)  # fmt: skip

SERVICES = ("gateway", "storage", "dsp", "alarms", "api")
BROKERS = Dashboard(
    "vitalwire-brokers",
    "vitalwire: RabbitMQ and PostgreSQL as our services see them",
    (
        (
            "RabbitMQ",
            (
                lines("Confirmed", "cps",
                      *((rate(f"{s}_amqp_confirmed_total", "exchange"), s + " to {{exchange}}")
                        for s in SERVICES)),
                lines("Until the confirm (99 %)", "s",
                      *((quantile(0.99, f"{s}_amqp_confirm_seconds"), s) for s in SERVICES)),
                lines("Handed over and not confirmed", "short",
                      *((f"sum(vitalwire_{s}_amqp_outstanding)", s) for s in SERVICES)),
                lines("Failed and tried again", "cps",
                      *((rate(f"{s}_amqp_failures_total", "what"), s + ": {{what}}")
                        for s in SERVICES)),
                lines("Refused, or published again", "cps",
                      *((rate(f"{s}_amqp_refused_total", "exchange"), s + " refused: {{exchange}}")
                        for s in SERVICES),
                      *((rate(f"{s}_amqp_repeated_total", "exchange"), s + " again: {{exchange}}")
                        for s in SERVICES)),
                lines("Read from streams", "cps",
                      *((rate(f"{s}_stream_messages_total", "stream"), s + " {{stream}}")
                        for s in ("storage", "dsp", "alarms", "api"))),
                lines("Distance of readers (messages)", "short",
                      (f"{offset('storage')} - {offset('dsp')}",
                       "storage before dsp on {{stream}}")),
                lines("Ended before the saved position", "short",
                      *((f"sum by (stream) (increase(vitalwire_{s}_stream_rewound_total[5m]))",
                         s + " {{stream}}") for s in ("storage", "dsp", "alarms"))),
                lines("Taken from queues", "cps",
                      *((rate(f"{s}_queue_messages_total", "queue"), s + " {{queue}}")
                        for s in ("gateway", "alarms"))),
            ),
        ),
        (
            "PostgreSQL",
            (
                lines("Waiting for a connection (99 %)", "s",
                      *((quantile(0.99, f"{s}_database_acquire_seconds"), s) for s in SERVICES)),
                lines("Connections opened", "short",
                      *((f"sum(increase(vitalwire_{s}_database_connections_total[5m]))", s)
                        for s in SERVICES)),
                lines("Answers for the locks of lanes", "short",
                      *((f"min(vitalwire_{s}_lanes_agreed)", s)
                        for s in ("gateway", "storage", "dsp", "alarms"))),
            ),
        ),
    ),
)  # fmt: skip

DASHBOARDS = (OVERVIEW, GATEWAY, STORAGE, DSP, ALARMS, API, BROKERS)


def as_json(dashboard: Dashboard) -> str:
    """The document that Grafana loads."""
    panels: list[dict[str, Any]] = []
    y = 0
    for heading, graphs in dashboard.rows:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": heading,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
            }
        )
        y += 1
        for place, graph in enumerate(graphs):
            x = place * WIDTH % 24
            panels.append(_panel(graph, number=len(panels) + 1, x=x, y=y + place // 3 * HEIGHT))
        y += -(-len(graphs) // 3) * HEIGHT
    document = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["vitalwire"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "from"}
            ]
        },
        "panels": panels,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _panel(panel: Panel, *, number: int, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": {"fillOpacity": 8, "showPoints": "never", "spanNulls": False},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": query,
                "legendFormat": legend,
            }
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(as_json(dashboard))


if __name__ == "__main__":
    main()
