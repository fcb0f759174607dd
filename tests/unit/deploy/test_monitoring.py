"""Dashboards, alert rules and runbook: every metric and label is one that the code has."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge

from deploy.local.layout import PROJECT, SERVICES
from deploy.monitoring.make_dashboards import DASHBOARDS, FOLDER, as_json
from services.administration.audit import AuditMetrics
from services.alarms.metrics import AlarmMetrics
from services.api.metrics import ApiMetrics
from services.dsp.metrics import DspMetrics
from services.gateway.metrics import GatewayMetrics
from services.storage.metrics import StorageMetrics
from shared.telemetry.metrics import Metrics

MONITORING = PROJECT / "deploy/monitoring"
RULES = MONITORING / "rules/vitalwire.yml"
RUNBOOK = PROJECT / "docs/operations/runbook"
OWN = {
    "gateway": GatewayMetrics,
    "storage": StorageMetrics,
    "dsp": DspMetrics,
    "alarms": AlarmMetrics,
    "api": ApiMetrics,
}
# Of Prometheus itself and of exporters that every machine has.
FOREIGN = {
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "probe_ssl_earliest_cert_expiry",
}
SCRAPED = {"instance", "job", "service", "namespace", "le"}  # labels that nobody has to declare
FOREIGN_LABELS = {"fstype", "mountpoint"}
OWNERS = ("gateway", "storage", "dsp", "alarms")  # of lanes
WORDS = re.compile(r"\b(vitalwire_[a-z0-9_]+)\b")


SUFFIXES = ("_total", "_bucket", "_sum", "_count")  # the bare names are no series


class OneRegistry(Metrics):
    """Metrics of a process that can be asked for their labels."""

    @property
    def labels(self) -> dict[str, set[str]]:
        """Labels of each series, by its name as Prometheus sees it."""
        registry: CollectorRegistry = self._registry
        return {
            name: set(collector._labelnames)  # type: ignore[attr-defined]
            for name, collector in registry._names_to_collectors.items()
            if isinstance(collector, Gauge) or name.endswith(SUFFIXES)
        }


@cache
def shared_metrics() -> Mapping[str, tuple[str, set[str]]]:
    """Metrics that parts below the services declare: kind and labels by name."""
    found: dict[str, tuple[str, set[str]]] = {}
    for path in (PROJECT / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("counter", "gauge", "histogram")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                labels = ast.literal_eval(node.args[2]) if len(node.args) > 2 else []
                found[str(node.args[0].value)] = (node.func.attr, set(labels))
    return found


@cache
def known() -> Mapping[str, set[str]]:
    """Labels of every series of every service."""
    found: dict[str, set[str]] = {}
    for service, own in OWN.items():
        registry = OneRegistry(service)
        own(registry)
        for name, (kind, labels) in shared_metrics().items():
            if name.startswith("lanes_") and service not in OWNERS:
                continue
            getattr(registry, kind)(name, "as declared in shared", sorted(labels))
        found |= registry.labels
    audit = OneRegistry("audit")
    AuditMetrics(audit)
    return found | audit.labels


def test_the_list_of_known_metrics_is_one() -> None:
    assert len(known()) > 150
    assert known()["vitalwire_gateway_refused_total"] == {"reason"}
    assert known()["vitalwire_api_amqp_confirmed_total"] == {"exchange"}
    assert "vitalwire_storage_lag_seconds_bucket" in known()
    assert "vitalwire_api_lanes_owned" not in known()


def faults(query: str) -> Iterator[str]:
    """What a query names that is not there."""
    used: set[str] = set()
    for name in re.findall(r'__name__=~"([^"]+)"', query):
        matching = {metric for metric in known() if re.fullmatch(name, metric)}
        if len(matching) < len(SERVICES):
            yield f"{name} is not a metric of every service"
        used |= matching
    plain = re.sub(r'"[^"]*"', '""', query)
    for name in WORDS.findall(plain):
        if name not in known():
            yield f"no metric {name}"
        else:
            used.add(name)
    used_foreign = {name for name in FOREIGN if re.search(rf"\b{name}\b", plain)}
    if not used and not used_foreign:
        yield "no metric at all"
    labels = set().union(*(known()[name] for name in used)) | SCRAPED
    if used_foreign:
        labels |= FOREIGN_LABELS
    for group in re.findall(r"\bby \(([^)]*)\)", plain):
        for label in group.split(","):
            if label.strip() not in labels:
                yield f"nothing here has the label {label.strip()}"
    for name, selector in re.findall(r"\b([a-z_]+)\{([^}]*)\}", plain):
        own = known().get(name, FOREIGN_LABELS) | SCRAPED
        for label in re.findall(r"([a-z_]+)\s*[=!]", selector):
            if label not in own:
                yield f"{name} has no label {label}"


def test_a_wrong_name_or_label_is_found() -> None:
    assert list(faults("rate(vitalwire_gateway_messages[1m])"))
    assert list(faults('vitalwire_gateway_refused_total{stream="x"}'))
    assert list(faults("sum by (reason) (vitalwire_gateway_lanes)"))
    assert list(faults("1 > 0"))
    assert list(faults('{__name__=~"vitalwire_(api)_amqp_refused_total"}'))
    assert not list(faults("sum by (reason) (rate(vitalwire_gateway_refused_total[1m]))"))


# ---------------------------------------------------------------- dashboards
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_every_line_of_a_dashboard_can_be_drawn(dashboard: Any) -> None:
    for _, panels in dashboard.rows:
        for panel in panels:
            for query, legend in panel.queries:
                told = list(faults(query.replace("$__rate_interval", "1m")))
                assert not told, f"{panel.title}: {told}"
                grouped = set(re.findall(r"by \(([^)]*)\)", query))
                names = {n.strip() for group in grouped for n in group.split(",")}
                assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= names


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_the_file_is_what_the_table_says(dashboard: Any) -> None:
    told = (FOLDER / f"{dashboard.uid}.json").read_text()
    assert told == as_json(dashboard), "run python -m deploy.monitoring.make_dashboards"
    document = json.loads(told)
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    places = [
        (p["gridPos"]["x"], p["gridPos"]["y"]) for p in document["panels"] if p["type"] != "row"
    ]
    assert len(set(places)) == len(places), "two panels lie on each other"


def test_there_is_a_dashboard_for_each_service_and_no_file_too_many() -> None:
    uids = {dashboard.uid for dashboard in DASHBOARDS}
    assert {f"vitalwire-{service}" for service in SERVICES} < uids
    assert {path.stem for path in FOLDER.glob("*.json")} == uids


# ---------------------------------------------------------------- documents
def documents() -> list[str]:
    """Pages for people, and those of the services."""
    found = [*(PROJECT / "docs").rglob("*.md"), *(PROJECT / "services").glob("*/README.md")]
    return sorted(str(path.relative_to(PROJECT)) for path in found)


@pytest.mark.parametrize("name", documents())
def test_a_metric_that_a_document_names_is_there(name: str) -> None:
    series = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in known()} | known().keys()
    named = re.findall(r"vitalwire_[a-z0-9_*]*[a-z0-9](?![a-z0-9_*])", (PROJECT / name).read_text())
    for metric in named:
        pattern = metric.replace("*", ".*")
        assert any(re.fullmatch(pattern, each) for each in series), f"no metric {metric}"


# ---------------------------------------------------------------- alerts
def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    names = [rule["alert"] for rule in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_asks_for_what_is_there_and_says_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert not list(faults(rule["expr"]))
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "users", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/operations/runbook/{name}.md"


HEADINGS = ("What it means", "What users see", "First look", "Mend", "Escalate")


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_has_its_page(name: str) -> None:
    page = (RUNBOOK / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    assert tuple(parts[1::2]) == HEADINGS
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        assert len(text.split()) >= 4, f"{heading} says nothing"
    for metric in WORDS.findall(page):
        assert {metric, f"{metric}_bucket"} & known().keys(), metric


def test_a_page_has_its_alert_and_the_index_has_all_pages() -> None:
    pages = {path.stem for path in RUNBOOK.glob("*.md")} - {"README"}
    assert pages == set(alerts())
    index = (RUNBOOK / "README.md").read_text()
    assert set(re.findall(r"\]\((\w+)\.md\)", index)) == pages


def test_every_link_of_the_operations_pages_leads_somewhere() -> None:
    for page in (PROJECT / "docs/operations").rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


# ---------------------------------------------------------------- Prometheus
def test_prometheus_asks_every_service_on_its_port() -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "vitalwire"
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == set(SERVICES)
    assert found["port"] == 9464
    assert {each["target_label"] for each in job["relabel_configs"]} <= SCRAPED
    compose = yaml.safe_load((PROJECT / "deploy/compose.yaml").read_text())["services"]
    mounts = dict(v.split(":")[:2] for v in compose["prometheus"]["volumes"] if v[0] == ".")
    rules = Path(mounts["./monitoring/rules"]) / "*.yml"
    assert config["rule_files"] == [str(rules)]
