"""The renderer of kustomizations, on what kustomize 5.5 gives for the same."""

from pathlib import Path

import pytest
import yaml

from tests.harness.kustomize import NotKnown, merged, render

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: web
          image: web
          args: [a, b]
          env: [{name: A, value: "1"}, {name: B, value: "2"}]
        - {name: other, image: other}
"""


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_an_overlay_is_laid_over_its_base(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [web.yaml]\nnamespace: one\n"
            "generatorOptions: {disableNameSuffixHash: true}\n"
            "configMapGenerator: [{name: files, files: [conf/x.conf]}]\n",
            "base/web.yaml": WEB,
            "base/conf/x.conf": "a = 1\n",
            "over/kustomization.yaml": "resources: [../base]\nnamespace: two\n"
            "patches: [{path: p.yaml}]\nimages: [{name: web, newTag: 1.2.3}]\n",
            "over/p.yaml": "kind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 5\n"
            "  template: {spec: {containers: [{name: web, args: [c], env: "
            "[{name: B, value: '3'}]}, {name: other, $patch: delete}]}}\n",
        },
    )
    web, files = render(tmp_path / "over")
    assert web["metadata"] == {"name": "web", "namespace": "two"}
    assert web["spec"]["replicas"] == 5
    assert web["spec"]["template"]["spec"]["containers"] == [
        {
            "name": "web",
            "image": "web:1.2.3",
            "args": ["c"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}],
        }
    ]
    assert files["data"] == {"x.conf": "a = 1\n"}


def test_a_whole_manifest_can_be_deleted(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "kustomization.yaml": "resources: [web.yaml]\npatches: [{path: p.yaml}]\n",
            "web.yaml": WEB,
            "p.yaml": "kind: Deployment\nmetadata: {name: web}\n$patch: delete\n",
        },
    )
    assert render(tmp_path) == []


@pytest.mark.parametrize(
    "kustomization",
    [
        "resources: [web.yaml]\nhelmCharts: []\n",
        "resources: [web.yaml]\npatches: [{patch: '- op: remove'}]\n",
        "resources: [web.yaml]\nimages: [{name: nobody, newTag: 1.0.0}]\n",
        "resources: [web.yaml]\nimages: [{name: web, newName: other}]\n",
        "resources: [web.yaml]\npatches: [{path: p.yaml}]\n",
        "resources: [web.yaml]\nconfigMapGenerator: [{name: x, files: [web.yaml]}]\n",
    ],
)
def test_what_it_does_not_know_is_an_error(tmp_path: Path, kustomization: str) -> None:
    written(
        tmp_path,
        {
            "kustomization.yaml": kustomization,
            "web.yaml": WEB,
            "p.yaml": "kind: Service\nmetadata: {name: absent}\n",
        },
    )
    with pytest.raises(NotKnown):
        render(tmp_path)


def test_nothing_and_lists_without_a_key() -> None:
    base = yaml.safe_load("{a: 1, b: {c: 2}, list: [1, 2]}")
    assert merged(base, {"a": None, "list": [3]}) == {"b": {"c": 2}, "list": [3]}
    with pytest.raises(NotKnown):
        merged({"volumes": []}, {"volumes": [{"name": "x", "$patch": "delete"}]})
