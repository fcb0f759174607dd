"""Every alert fires when it should and is quiet when all is well, by promtool."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from deploy.local.layout import PROJECT
from deploy.local.servers.command import base_environment, find_program

RULES = PROJECT / "deploy/monitoring/rules/vitalwire.yml"
W = "vitalwire_"


class Case(NamedTuple):
    """Series as promtool writes them (`a+bxn`: a, then b more each minute), and when to look."""

    at: str
    firing: dict[str, str]
    quiet: dict[str, str]


def one(at: str, series: str, firing: str, quiet: str) -> Case:
    """A case of one series."""
    return Case(at, {f"{W}{series}": firing}, {f"{W}{series}": quiet})


def many(series: dict[str, str]) -> dict[str, str]:
    return {f"{W}{name}": values for name, values in series.items()}


def slow(name: str, labels: str, *, edge: str) -> Case:
    """A histogram whose observations all lie above an edge, or all below."""
    top = f'{W}{name}_bucket{{{labels}le="+Inf"}}'
    below = f'{W}{name}_bucket{{{labels}le="{edge}"}}'
    # Something above the edge as well: a quantile cannot lie beyond the last finite one.
    above = f'{W}{name}_bucket{{{labels}le="60"}}'
    full = "0+600x40"
    return Case(
        "30m",
        {top: full, above: full, below: "0x40"},
        {top: full, above: full, below: full},
    )


OWNED = {"gateway": "4x40", "storage": "5x40", "dsp": "4x40", "alarms": "4x40"}


def owned(**changed: str) -> dict[str, str]:
    return many({f"{name}_lanes_owned": values for name, values in {**OWNED, **changed}.items()})


DISK = '{fstype="ext4",mountpoint="/data",instance="a"}'
GB = 10**9
CASES: dict[str, Case] = {
    "StreamTruncated": one("20m", 'storage_stream_missing_total{stream="frames.0"}',
                           "0x10 5x20", "5x30"),
    "StreamRewound": one("20m", 'dsp_stream_rewound_total{stream="frames.1"}', "0x10 1x20", "0x30"),
    "StreamNearlyFull": one("10m", 'gateway_stream_lag_bytes{lane="0"}',
                            f"{900 * 2**20}x20", f"{100 * 2**20}x20"),
    "ReceiptsNotSent": Case(
        "20m",
        many({'storage_commits_total{stream="frames"}': "0+60x30",
              'gateway_receipts_total{lane="0"}': "7x30"}),
        many({'storage_commits_total{stream="frames"}': "0+60x30",
              'gateway_receipts_total{lane="0"}': "0+60x30"}),
    ),
    "DevicesNotTold": Case(
        "30m",
        many({'gateway_stored_untold_devices{lane="0"}': "3x40",
              'gateway_stored_told_total{lane="0"}': "9x40"}),
        many({'gateway_stored_untold_devices{lane="0"}': "3x40",
              'gateway_stored_told_total{lane="0"}': "0+9x40"}),
    ),
    "FramesInConflict": one("30m", 'storage_refused_total{stream="frames",reason="bad_time"}',
                            "0x10 1x30", "1x40"),
    "MessagesRefused": one("30m", 'gateway_refused_total{reason="bad_time"}', "0+60x40", "0+1x40"),
    "MessagesParked": one("30m", 'storage_parked_total{stream="vitals",reason="internal_error"}',
                          "0x10 1x30", "1x40"),
    "Choked": one("30m", 'dsp_choked_total{loop="live"}', "0x10 1x30", "1x40"),
    "DeferredNoClock": one("20m", 'gateway_deferred_total{why="clock"}', "0+6x30", "6x30"),
    "StorageLag": slow("storage_lag_seconds", 'stream="frames",', edge="5"),
    "VitalSignsLate": slow("dsp_lag_seconds", 'loop="live",', edge="5"),
    "AlarmsLate": one("10m", 'alarms_lag_seconds{lane="0"}', "12x20", "1x20"),
    "LiveLate": one("10m", 'api_tail_lag_seconds{kind="frames"}', "8x20", "0.2x20"),
    "ApiSlow": slow("api_request_seconds", 'route="/v1/vitals",', edge="1"),
    "ApiErrors": Case(
        "20m",
        many({'api_requests_total{status="200"}': "0+60x30",
              'api_requests_total{status="500"}': "0+6x30"}),
        many({'api_requests_total{status="200"}': "0+60x30",
              'api_requests_total{status="404"}': "0+60x30",
              'api_requests_total{status="500"}': "6x30"}),
    ),
    "HeldBack": one("20m", 'gateway_held_back_seconds_total{lane="0",cause="storage"}',
                    "0+30x30", "0+3x30"),
    "ProcessDown": Case("10m", {'up{job="vitalwire",instance="a"}': "0x20"},
                        {'up{job="vitalwire",instance="a"}': "1x20",
                         'up{job="other",instance="a"}': "0x20"}),
    "AlarmsSilent": Case(
        "20m",
        many({'dsp_values_total{loop="live"}': "0+60x30", "alarms_values_total": "600x30"}),
        many({'dsp_values_total{loop="live"}': "0+60x30", "alarms_values_total": "0+60x30"}),
    ),
    "NoDataFromDevices": Case(
        "20m",
        many({'gateway_online_devices{lane="0"}': "8x30",
              'gateway_messages_total{lane="0"}': "800x30"}),
        many({'gateway_online_devices{lane="0"}': "8x30",
              'gateway_messages_total{lane="0"}': "0+480x30"}),
    ),
    "DevicesGone": one("30m", 'gateway_online_devices{lane="0"}', "60x20 20x20", "60x20 40x20"),
    "LanesWithoutOwner": Case("10m", owned(dsp="3x40"), owned()),
    "OwnershipNotAgreed": Case(
        "10m",
        many({'storage_lanes_agreed{instance="a"}': "1x20",
              'storage_lanes_agreed{instance="b"}': "0x20"}),
        many({'storage_lanes_agreed{instance="a"}': "1x20"}),
    ),
    "LoopErrors": one("30m", 'gateway_loop_errors_total{loop="presence"}', "0+30x40", "0+1x40"),
    "CredentialsNotWritten": Case(
        "30m",
        many({'gateway_loop_errors_total{loop="credentials"}': "0+60x40",
              'gateway_loop_turns_total{loop="credentials"}': "0+60x40"}),
        many({'gateway_loop_errors_total{loop="credentials"}': "0x40",
              'gateway_loop_turns_total{loop="credentials"}': "0+2x40"}),
    ),
    "MqttSessionsFail": one("30m", 'gateway_mqtt_session_failures_total{lane="0"}',
                            "0+2x40", "0x20 1x20"),
    "EventLoopLate": one("20m", 'api_event_loop_lag_seconds{instance="a"}', "0.5x30", "0.01x30"),
    "SavesFail": one("20m", 'alarms_saves_total{outcome="failed"}', "0+6x30", "6x30"),
    "AuditNotWritten": one("10m", "api_audit_waiting", "5000x20", "10x20"),
    "AuditChainBroken": one("10m", "audit_broken_links", "0x5 1x20", "0x20"),
    "AuditNotChecked": one("2h", "audit_checked_timestamp_seconds", "-180000x130", "0+60x130"),
    "CompactionBehind": one("60m", "storage_compaction_waiting_hours", "20x70", "3x70"),
    "DiskFilling": Case(
        "3h",
        {f"node_filesystem_avail_bytes{DISK}": f"{80 * GB}-{GB // 20}x500",
         f"node_filesystem_size_bytes{DISK}": f"{100 * GB}x500"},
        {f"node_filesystem_avail_bytes{DISK}": f"{80 * GB}x500",
         f"node_filesystem_size_bytes{DISK}": f"{100 * GB}x500"},
    ),
    "DiskFull": Case(
        "10m",
        {f"node_filesystem_avail_bytes{DISK}": f"{2 * GB}x20",
         f"node_filesystem_size_bytes{DISK}": f"{100 * GB}x20"},
        {f"node_filesystem_avail_bytes{DISK}": f"{20 * GB}x20",
         f"node_filesystem_size_bytes{DISK}": f"{100 * GB}x20"},
    ),
    "CertificateEnds": Case(
        "2h",
        {'probe_ssl_earliest_cert_expiry{instance="a:8883"}': f"{7 * 86_400}x130"},
        {'probe_ssl_earliest_cert_expiry{instance="a:8883"}': f"{60 * 86_400}x130"},
    ),
    "RabbitMqRefuses": one("20m", 'gateway_amqp_refused_total{exchange="frames"}',
                           "0x10 3x20", "3x30"),
}  # fmt: skip


def names() -> list[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    program = find_program("promtool", package="prometheus")
    return subprocess.run(
        [str(program), *words],
        env=base_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def firing(name: str, case: Case, *, expected: bool) -> dict[str, object]:
    series = case.firing if expected else case.quiet
    return {
        "interval": "1m",
        "name": f"{name} {'fires' if expected else 'is quiet'}",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) > bool 0',
                "eval_time": case.at,
                "exp_samples": [{"labels": "{}", "value": 1}] if expected else [],
            }
        ],
    }


def run_tests(folder: Path, tests: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
    path = folder / "rules.test.yml"
    path.write_text(
        yaml.safe_dump(
            {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests},
            sort_keys=False,
        )
    )
    return promtool("test", "rules", str(path))


def test_promtool_accepts_the_rules() -> None:
    answer = promtool("check", "rules", str(RULES))
    assert answer.returncode == 0, answer.stderr
    assert f"{len(names())} rules found" in answer.stdout


def test_every_alert_has_its_case() -> None:
    assert set(CASES) == set(names())


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_alert_fires_when_it_should_and_not_otherwise(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    answer = run_tests(
        tmp_path, [firing(name, case, expected=True), firing(name, case, expected=False)]
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_lane_that_nobody_owns_is_found_in_every_service(tmp_path: Path) -> None:
    tests = [
        firing("LanesWithoutOwner", Case("10m", owned(**{name: values}), {}), expected=True)
        for name, values in {"gateway": "3x40", "storage": "4x40", "alarms": "0x40"}.items()
    ]
    answer = run_tests(tmp_path, tests)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_silent_alarm_service_is_found_though_it_is_not_there_at_all(tmp_path: Path) -> None:
    gone = Case("20m", many({'dsp_values_total{loop="live"}': "0+60x30"}), {})
    answer = run_tests(tmp_path, [firing("AlarmsSilent", gone, expected=True)])
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    wrong = Case("10m", CASES["DiskFull"].quiet, {})
    assert run_tests(tmp_path, [firing("DiskFull", wrong, expected=True)]).returncode != 0
