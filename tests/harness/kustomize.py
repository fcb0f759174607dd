"""Renders the kustomizations of this repository: the few fields that they use, and no other.

Not kustomize itself, which cannot be had where the tests run. A field it does not know is an
error, so that nothing is passed over in silence. Known: resources, namespace, images (newTag,
digest), patches (files of strategic merges, with `$patch: delete`), configMapGenerator (files)
with generatorOptions (labels; disableNameSuffixHash must be true).
"""

import copy
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
FIELDS = {"apiVersion", "kind", "resources", "namespace", "images", "patches",
          "configMapGenerator", "generatorOptions"}  # fmt: skip
CLUSTER_WIDE = {"Namespace", "PriorityClass"}
# By which key Kubernetes merges the entries of a list; lists without one are replaced whole.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "topologySpreadConstraints": "topologyKey",
}


class NotKnown(Exception):
    """The kustomization uses what this renderer does not know."""


def render(folder: Path) -> list[Manifest]:
    """All manifests of a kustomization.

    Raises
    ------
    NotKnown : a field that is not in the list above, or a patch of something that is not there
    """
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := set(kustomization) - FIELDS:
        raise NotKnown(f"{folder.name}: {sorted(unknown)}")
    found: list[Manifest] = []
    for name in kustomization.get("resources", []):
        path = (folder / name).resolve()
        found += render(path) if path.is_dir() else read_manifests(path)
    options = kustomization.get("generatorOptions", {})
    for entry in kustomization.get("configMapGenerator", []):
        found.append(_config_map(folder, entry, options))
    for entry in kustomization.get("patches", []):
        if set(entry) != {"path"}:
            raise NotKnown(f"{folder.name}: a patch that is no file")
        for patch in read_manifests(folder / entry["path"]):
            _apply(found, patch)
    for entry in kustomization.get("images", []):
        _set_image(found, entry)
    if namespace := kustomization.get("namespace"):
        for manifest in found:
            if manifest["kind"] == "Namespace":
                manifest["metadata"]["name"] = namespace
            elif manifest["kind"] not in CLUSTER_WIDE:
                manifest["metadata"]["namespace"] = namespace
    return found


def read_manifests(path: Path) -> list[Manifest]:
    """The documents of a file."""
    return [each for each in yaml.safe_load_all(path.read_text()) if each is not None]


def identity(manifest: Manifest) -> tuple[str, str]:
    """By which a patch finds it."""
    return manifest["kind"], manifest["metadata"]["name"]


def merged(base: Any, patch: Any, field: str = "") -> Any:
    """A strategic merge: maps by key, lists by their merge key where they have one."""
    if isinstance(base, dict) and isinstance(patch, dict):
        result = dict(base)
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merged(base[key], value, key) if key in base else value
        return result
    key = MERGE_KEYS.get(field)
    if isinstance(base, list) and isinstance(patch, list) and key is not None:
        items = {item[key]: item for item in base}
        for item in patch:
            name = item[key]
            if item.get("$patch") == "delete":
                if name not in items:
                    raise NotKnown(f"nothing to delete in {field}: {name}")
                del items[name]
            else:
                items[name] = merged(items[name], item) if name in items else item
        return list(items.values())
    return patch


def _apply(manifests: list[Manifest], patch: Manifest) -> None:
    for index, manifest in enumerate(manifests):
        if identity(manifest) == identity(patch):
            if patch.get("$patch") == "delete":
                del manifests[index]
            else:
                manifests[index] = merged(manifest, patch)
            return
    raise NotKnown(f"a patch of {identity(patch)}, which is not there")


def _config_map(folder: Path, entry: Manifest, options: Manifest) -> Manifest:
    if set(entry) != {"name", "files"} or options.get("disableNameSuffixHash") is not True:
        raise NotKnown(f"{folder.name}: the map {entry.get('name')}")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": entry["name"], "labels": copy.copy(options.get("labels", {}))},
        "data": {Path(file).name: (folder / file).read_text() for file in entry["files"]},
    }


def pod_template(manifest: Manifest) -> Manifest | None:
    """Labels and pod of a workload; None for everything else."""
    spec: Manifest = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    elif manifest["kind"] not in ("Deployment", "StatefulSet", "Job"):
        return None
    template: Manifest = spec["template"]
    return template


def pod_spec(manifest: Manifest) -> Manifest | None:
    """The pod of a workload; None for everything else."""
    template = pod_template(manifest)
    return None if template is None else template["spec"]


def containers_of(manifest: Manifest) -> list[Manifest]:
    """All containers of a workload, those that run first too."""
    spec = pod_spec(manifest)
    return [] if spec is None else [*spec.get("initContainers", []), *spec["containers"]]


def _set_image(manifests: list[Manifest], entry: Manifest) -> None:
    if not set(entry) <= {"name", "newTag", "digest"}:
        raise NotKnown(f"image {entry['name']}: {sorted(entry)}")
    version = f"@{entry['digest']}" if "digest" in entry else f":{entry['newTag']}"
    used = False
    for manifest in manifests:
        for container in containers_of(manifest):
            if container["image"].partition(":")[0].partition("@")[0] == entry["name"]:
                container["image"] = entry["name"] + version
                used = True
    if not used:
        raise NotKnown(f"nobody uses the image {entry['name']}")
