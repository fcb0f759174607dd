"""The manifests, rendered: valid, restricted, and true to what the code says of itself."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from deploy.local.layout import PROJECT, SERVICES
from deploy.secret_files import secrets_of_cluster
from services.api.settings import ApiSettings
from services.command_line import COMMANDS
from tests.harness.dockerfile import assignments, read_dockerfile
from tests.harness.kustomize import (
    Manifest,
    containers_of,
    pod_spec,
    pod_template,
    read_manifests,
    render,
)
from tests.harness.settings_of import names_own_to, servers_of

K8S = PROJECT / "deploy/k8s"
KUSTOMIZATIONS = ("base", "overlays/dev", "examples/production")
SERVERS = ("postgres", "rabbitmq")  # of others: they write beside their data
OURS = {**{name: name for name in SERVICES}, "migrate": "administration"}
OLDEST, NEWEST = "1.29", "1.35"
MADE_BY_OTHERS = {"vitalwire-mqtt-tls", "vitalwire-api-tls"}  # certificates
MONITOR, HTTP, MQTT, MQTTS = 9464, 8080, 1883, 8883


@cache
def rendered(name: str) -> tuple[Manifest, ...]:
    return tuple(render(K8S / name))


def of_kind(name: str, kind: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in rendered(name) if m["kind"] == kind}


def workloads(name: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in rendered(name) if pod_spec(m) is not None}


@cache
def all_workloads() -> list[tuple[str, str]]:
    return [
        (kustomization, name)
        for kustomization in KUSTOMIZATIONS
        for name in workloads(kustomization)
    ]


def spec_of(kustomization: str, name: str) -> Manifest:
    spec = pod_spec(workloads(kustomization)[name])
    assert spec is not None
    return spec


def labels_of(workload: Manifest) -> dict[str, str]:
    template = pod_template(workload)
    assert template is not None
    labels: dict[str, str] = template["metadata"]["labels"]
    return labels


def image_name(container: Manifest) -> str:
    return str(container["image"].partition(":")[0])


# ---------------------------------------------------------------- valid
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_kubernetes_knows_every_word(kustomization: str, version: str) -> None:
    for manifest in rendered(kustomization):
        own = K8S / f"examples/production/schemas/{manifest['kind'].lower()}.json"
        if own.exists():
            jsonschema.validate(manifest, json.loads(own.read_text()))
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_a_word_that_kubernetes_does_not_know_is_found() -> None:
    wrong = json.loads(json.dumps(of_kind("base", "Deployment")["api"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_nothing_is_there_twice_and_everything_is_in_the_namespace(kustomization: str) -> None:
    names = [(m["kind"], m["metadata"]["name"]) for m in rendered(kustomization)]
    assert len(set(names)) == len(names)
    spaces = {m["metadata"].get("namespace") for m in rendered(kustomization)} - {None}
    assert len(spaces) == 1
    space = of_kind(kustomization, "Namespace").popitem()[1]
    assert space["metadata"]["name"] in spaces
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_file_of_a_folder_is_used() -> None:
    for kustomization in KUSTOMIZATIONS:
        folder = K8S / kustomization
        told = (folder / "kustomization.yaml").read_text()
        for path in folder.glob("*.yaml"):
            assert path.name == "kustomization.yaml" or path.name in told, path


# ---------------------------------------------------------------- restricted
@pytest.mark.parametrize(("kustomization", "name"), all_workloads())
def test_a_pod_has_no_more_rights_than_it_needs(kustomization: str, name: str) -> None:
    spec = spec_of(kustomization, name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "VITALWIRE_... of a Service would stop the start"
    account = of_kind(kustomization, "ServiceAccount")[spec["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["runAsGroup"] > 0
    assert security["fsGroup"] == security["runAsGroup"], "it could not read its secrets"
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any("hostPath" in volume for volume in spec.get("volumes", []))
    for container in containers_of(workloads(kustomization)[name]):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is (name not in SERVERS)
        assert "privileged" not in own
        assert not any("hostPort" in port for port in container.get("ports", []))


@pytest.mark.parametrize(("kustomization", "name"), all_workloads())
def test_every_container_is_bounded_and_has_an_exact_version(kustomization: str, name: str) -> None:
    for container in containers_of(workloads(kustomization)[name]):
        resources = container["resources"]
        for which in ("requests", "limits"):
            assert {"cpu", "memory"} <= set(resources[which])
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?[a-z-]*", container["image"])


def test_our_images_are_of_the_version_of_the_project() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    compose = yaml.safe_load((PROJECT / "deploy/compose.yaml").read_text())["services"]
    theirs = {image_name(s): s["image"] for s in compose.values() if "/" not in s["image"][:9]}
    for kustomization, name in all_workloads():
        for container in containers_of(workloads(kustomization)[name]):
            if container["image"].startswith("vitalwire/"):
                assert container["image"].endswith(f":{project}")
            else:
                assert container["image"] == theirs[image_name(container)], "as in compose.yaml"


READ_ONLY = {"configMap", "secret", "projected"}


@pytest.mark.parametrize(("kustomization", "name"), all_workloads())
def test_every_mount_has_its_volume_and_can_be_made(kustomization: str, name: str) -> None:
    spec = spec_of(kustomization, name)
    volumes = {volume["name"]: set(volume) - {"name"} for volume in spec.get("volumes", [])}
    for claim in workloads(kustomization)[name]["spec"].get("volumeClaimTemplates", []):
        volumes[claim["metadata"]["name"]] = {"persistentVolumeClaim"}
    used = set()
    for container in containers_of(workloads(kustomization)[name]):
        mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
        used |= set(mounts.values())
        for path in mounts:
            for above, volume in mounts.items():
                if path.startswith(f"{above}/"):
                    assert not volumes[volume] & READ_ONLY, f"{path} cannot be made in {above}"
    assert used == set(volumes)


@pytest.mark.parametrize(("kustomization", "name"), all_workloads())
def test_probes_ask_where_it_answers(kustomization: str, name: str) -> None:
    workload = workloads(kustomization)[name]
    if workload["kind"] in ("Job", "CronJob"):
        return  # they end by themselves
    for container in spec_of(kustomization, name)["containers"]:
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        probes = {k: container[f"{k}Probe"] for k in ("startup", "readiness", "liveness")}
        if container["image"].startswith("vitalwire/"):
            assert ports["monitor"] == MONITOR
            asked = {k: probe["httpGet"] for k, probe in probes.items()}
            assert {probe["port"] for probe in asked.values()} == {"monitor"}
            # Restarting us does not bring PostgreSQL back: only readiness asks for dependencies.
            assert asked["startup"]["path"] == asked["liveness"]["path"] == "/health/live"
            assert asked["readiness"]["path"] == "/health/ready"
        for probe in probes.values():
            if "tcpSocket" in probe:
                assert probe["tcpSocket"]["port"] in ports


def test_the_ports_are_those_of_the_image() -> None:
    recipe = read_dockerfile(PROJECT / "deploy/images/Dockerfile")
    told = {
        name: value
        for stage in recipe.line_of("image-api")
        for each in stage.all("ENV")
        for name, value in assignments(each.rest).items()
    }
    assert told["VITALWIRE_MONITOR_PORT"] == str(MONITOR)
    assert told["VITALWIRE_API_PORT"] == str(HTTP)
    for kustomization in KUSTOMIZATIONS:
        for service in of_kind(kustomization, "Service").values():
            selected = [
                w
                for w in workloads(kustomization).values()
                if service["spec"]["selector"].items() <= labels_of(w).items()
            ]
            assert selected, service["metadata"]["name"]
            ports = {
                p["name"] for w in selected for c in containers_of(w) for p in c.get("ports", [])
            }
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


# ---------------------------------------------------------------- true to the code
def environment(kustomization: str, container: Manifest) -> dict[str, str]:
    """All variables of a container; those from the pod's own fields are named by the field."""
    maps = of_kind(kustomization, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]["data"]
    for entry in container.get("env", []):
        found[entry["name"]] = entry.get("value", str(entry.get("valueFrom")))
    return found


def our_containers(kustomization: str) -> Iterator[tuple[str, Manifest, Manifest]]:
    for workload in workloads(kustomization).values():
        for container in containers_of(workload):
            if container["image"].startswith("vitalwire/"):
                yield image_name(container).removeprefix("vitalwire/"), container, workload


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_each_service_is_told_what_it_knows_and_all_that_it_needs(kustomization: str) -> None:
    seen = set()
    for service, container, workload in our_containers(kustomization):
        seen.add(service)
        told = environment(kustomization, container)
        assert set(told) <= names_own_to(service), service
        for server in servers_of(service):
            kind = {"rabbitmq": "AMQP", "postgres": "DATABASE", "mosquitto": "MQTT"}[server]
            assert told[f"VITALWIRE_{kind}_HOST"].startswith(server)
            assert f"VITALWIRE_{kind}_PASSWORD_FILE" in told
        spec = pod_spec(workload)
        assert spec is not None
        mounted = dict(files_of(spec, container))
        for name, value in told.items():
            if name.endswith("_FILE") and "/secrets/" in value:
                assert value in mounted, f"{name}: no Secret is mounted as {value}"
    assert seen == {*SERVICES, "administration"}


def files_of(spec: Manifest, container: Manifest) -> Iterator[tuple[str, tuple[str, str]]]:
    """Files that come from Secrets: path to (secret, key)."""
    keys = {secret.name: [*secret.files, *secret.texts] for secret in secrets_of_cluster()}
    keys["vitalwire-mqtt-tls"] = ["tls.crt", "tls.key"]
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        secret = volumes.get(mount["name"], {}).get("secret")
        if secret:
            assert mount["readOnly"] is True
            assert secret["defaultMode"] == 0o440, "a service refuses what everybody may read"
            names = {key: key for key in keys[secret["secretName"]]}
            if "items" in secret:
                names = {item["key"]: item["path"] for item in secret["items"]}
            for key, path in names.items():
                yield f"{mount['mountPath']}/{path}", (secret["secretName"], key)


REFERENCES = {"secret", "passwordSecret", "secretRef", "secretKeyRef"}


def secrets_named(value: Any) -> Iterator[str]:
    """Every Secret that something refers to, wherever it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "secretName":
                yield inner
            elif key in REFERENCES and isinstance(inner, dict) and "name" in inner:
                yield inner["name"]
            yield from secrets_named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_named(inner)


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_every_secret_is_made_and_documented_and_none_is_in_the_clear(kustomization: str) -> None:
    made = {secret.name for secret in secrets_of_cluster()}
    page = (PROJECT / "docs/operations/secrets.md").read_text()
    for manifest in rendered(kustomization):
        assert manifest["kind"] != "Secret", "Secrets come from elsewhere"
        for name in secrets_named(manifest):
            assert name in made | MADE_BY_OTHERS, name
            assert f"`{name}`" in page, f"docs/operations/secrets.md does not tell of {name}"
    for secret in secrets_of_cluster():
        assert f"`{secret.name}`" in page
        for key in (*secret.files, *secret.texts):
            assert f"`{key}`" in page, f"{secret.name}: {key}"


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_nobody_has_the_secret_of_another(kustomization: str) -> None:
    for service, container, workload in our_containers(kustomization):
        spec = pod_spec(workload)
        assert spec is not None
        own = "vitalwire-admin" if service == "administration" else f"vitalwire-{service}"
        allowed = {own} | ({"vitalwire-mosquitto"} if service == "gateway" else set())
        assert {secret for _, (secret, _) in files_of(spec, container)} <= allowed


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_no_more_processes_than_lanes(kustomization: str) -> None:
    maps = of_kind(kustomization, "ConfigMap")
    lanes = int(maps["vitalwire-admin"]["data"]["VITALWIRE_LANES"])
    deployments = of_kind(kustomization, "Deployment")
    assert deployments["gateway"]["spec"]["replicas"] + 1 <= lanes, "one is at the broker"
    for service in ("dsp", "storage", "alarms"):
        assert deployments[service]["spec"]["replicas"] <= lanes
    for scaled in of_kind(kustomization, "ScaledObject").values():
        assert scaled["spec"]["maxReplicaCount"] <= lanes
        assert scaled["spec"]["scaleTargetRef"]["name"] in deployments


def test_reading_stops_at_three_quarters_of_what_is_kept() -> None:
    maps = of_kind("overlays/dev", "ConfigMap")
    kept_mib = int(maps["vitalwire-admin"]["data"]["VITALWIRE_RETENTION_FRAMES_MIB"])
    late_mib = int(maps["vitalwire-admin"]["data"]["VITALWIRE_RETENTION_LATE_MIB"])
    most = int(maps["vitalwire-gateway"]["data"]["VITALWIRE_GATEWAY_STREAM_LAG_MOST_BYTES"])
    assert most <= min(kept_mib, 2 * late_mib) * 2**20 * 3 / 4


def test_the_gateway_beside_the_broker_can_tell_it_of_new_passwords() -> None:
    spec = spec_of("base", "mosquitto")
    assert spec["shareProcessNamespace"] is True
    broker, gateway = spec["containers"]
    assert (broker["name"], gateway["name"]) == ("mosquitto", "gateway")
    assert not any("runAsUser" in c["securityContext"] for c in spec["containers"]), "one user"
    told = environment("base", gateway)
    config = of_kind("base", "ConfigMap")["mosquitto"]["data"]["mosquitto.conf"]
    assert f"password_file {told['VITALWIRE_GATEWAY_PASSWORD_FILE_OUT']}\n" in config
    assert f"pid_file {told['VITALWIRE_GATEWAY_MQTT_PID_FILE']}\n" in config
    for container in (broker, gateway):
        assert {"name": "run", "mountPath": "/mosquitto/run"} in container["volumeMounts"]
    # Every place that the configuration names is mounted, and the folder of listeners is there.
    (projected,) = [v["projected"] for v in spec["volumes"] if "projected" in v]
    paths = [item["path"] for source in projected["sources"]
             for item in source["configMap"].get("items", [])]  # fmt: skip
    folder = config.partition("include_dir ")[2].split()[0]
    assert any(f"/mosquitto/config/{path}".startswith(f"{folder}/") for path in paths)
    mounts = {mount["mountPath"] for mount in broker["volumeMounts"]}
    for folder in re.findall(r"/mosquitto/\w+", config):
        assert folder in mounts
    for service in ("mosquitto", "devices"):
        assert of_kind("base", "Service")[service]["spec"]["publishNotReadyAddresses"] is True


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_what_may_be_many_may_be_moved_one_by_one_and_is_spread(kustomization: str) -> None:
    budgets = of_kind(kustomization, "PodDisruptionBudget")
    for name, deployment in of_kind(kustomization, "Deployment").items():
        labels = deployment["spec"]["selector"]["matchLabels"]
        assert budgets[name]["spec"]["selector"]["matchLabels"] == labels
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        spread = spec_of(kustomization, name)["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)
        assert labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_a_pod_is_given_longer_to_end_than_the_service_takes(kustomization: str) -> None:
    for service, container, workload in our_containers(kustomization):
        spec = pod_spec(workload)
        assert spec is not None
        grace = float(environment(kustomization, container)["VITALWIRE_SHUTDOWN_GRACE_S"])
        assert spec["terminationGracePeriodSeconds"] > grace, service


# ---------------------------------------------------------------- the ways
Way = tuple[str, str, int]


def ways(kustomization: str, direction: str) -> set[Way]:
    """(from, to, port) that policies of one direction let through between pods of the namespace."""
    found: set[Way] = set()
    side, peers = ("egress", "to") if direction == "out" else ("ingress", "from")
    for name, policy in of_kind(kustomization, "NetworkPolicy").items():
        if name in ("default-deny", "names"):
            continue
        subject = policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy["spec"].get(side, []):
            for port in rule["ports"]:
                for peer in rule.get(peers, []):
                    other = peer_name(peer)
                    pair = (subject, other) if direction == "out" else (other, subject)
                    found.add((*pair, port["port"]))
    return found


def peer_name(peer: Manifest) -> str:
    if "ipBlock" in peer:
        return "anywhere"
    if "namespaceSelector" in peer:
        labels = peer["namespaceSelector"]["matchLabels"]
        return f"namespace {labels['kubernetes.io/metadata.name']}"
    return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"])


def needed() -> set[Way]:
    """What the settings of each service say that it must reach, by the pods it runs in."""
    found: set[Way] = set()
    for service, _, workload in our_containers("base"):
        for server, port in servers_of(service).items():
            found.add((workload["metadata"]["name"], server, port))
    return found


def test_the_ways_between_pods_are_those_of_the_settings_and_no_other() -> None:
    assert ways("base", "out") == needed()
    inside = {way for way in ways("base", "in") if " " not in way[0] and way[0] != "anywhere"}
    assert inside == needed()


def test_from_outside_come_devices_people_and_the_monitor_alone() -> None:
    outside = ways("base", "in") - needed()
    monitored = {
        workload["metadata"]["name"]
        for service, _, workload in our_containers("base")
        if service != "administration"
    }
    assert outside == {
        ("anywhere", "mosquitto", MQTTS),
        ("namespace ingress", "api", ApiSettings.model_fields["api_port"].default),
        *(("namespace monitoring", name, MONITOR) for name in monitored),
    }


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_every_pod_is_shut_off_unless_a_way_is_named(kustomization: str) -> None:
    policies = of_kind(kustomization, "NetworkPolicy")
    assert policies["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    for name, workload in workloads(kustomization).items():
        labels = labels_of(workload)
        assert labels["app.kubernetes.io/part-of"] == "vitalwire", "it could not look up names"
        assert labels["app.kubernetes.io/name"] == name
        assert name in policies
        assert set(policies[name]["spec"]["policyTypes"]) == {"Ingress", "Egress"}


# ---------------------------------------------------------------- examples
def test_the_ingress_is_for_long_sockets_and_tls_alone() -> None:
    ingress = of_kind("examples/production", "Ingress")["api"]
    notes = {
        key.rpartition("/")[2]: value for key, value in ingress["metadata"]["annotations"].items()
    }
    assert notes["force-ssl-redirect"] == notes["hsts"] == "true"
    assert int(notes["hsts-max-age"]) >= 31_536_000
    assert int(notes["proxy-read-timeout"]) >= 600
    assert notes["proxy-buffering"] == "off"
    body = int(notes["proxy-body-size"].removesuffix("k")) * 1024
    assert body >= ApiSettings.model_fields["api_body_bytes_most"].default
    hosts = {rule["host"] for rule in ingress["spec"]["rules"]}
    assert hosts == {host for tls in ingress["spec"]["tls"] for host in tls["hosts"]}
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    ports = of_kind("base", "Service")[backend["name"]]["spec"]["ports"]
    assert backend["port"]["name"] in {port["name"] for port in ports}


def test_the_database_of_the_example_has_every_role() -> None:
    cluster = of_kind("examples/production", "Cluster")["postgres"]["spec"]
    roles = {role["name"] for role in cluster["managed"]["roles"]}
    roles.add(cluster["bootstrap"]["initdb"]["owner"])
    assert roles == {s.texts["username"] for s in secrets_of_cluster() if s.texts}


def test_the_backup_of_the_example_is_what_the_tool_takes() -> None:
    (container,) = spec_of("examples/production", "backup")["containers"]
    command, *words = container["args"]
    assert COMMANDS[command].module == "services.administration.backup"
    target = words[words.index("--into") + 1]
    assert target in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert int(words[words.index("--keep") + 1]) >= 7


def test_the_documents_of_a_file_are_all_read() -> None:
    assert len(read_manifests(K8S / "base/api.yaml")) == 3
