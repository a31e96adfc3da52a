"""The files of docs/deploy fit the product and each other: settings that it knows, ports, images, nothing secret."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from loanbook.core.store.instance import Instance
from loanbook.core.store.settings import VARIABLES, Settings
from loanbook.core.store.storage.s3 import KEY, SECRET

DEPLOY = Path(__file__).resolve().parents[1] / "docs" / "deploy"
KNOWN = {*VARIABLES, KEY, SECRET, "POLARS_MAX_THREADS", "PGPASSWORD", "POSTGRES_USER", "POSTGRES_DB",
         "POSTGRES_PASSWORD", "S3_BUCKET"}  # fmt: skip
HIDDEN = re.compile("PASSWORD|SECRET|KEY|TOKEN")
IMAGE = re.compile(r"[a-z/]+:\d[\w.-]*")
Documents = list[dict[str, Any]]


@pytest.fixture(scope="module")
def manifests() -> Documents:
    paths = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [each for path in paths for each in yaml.safe_load_all(path.read_text())]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def _pods(manifests: Documents) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in manifests
        if each["kind"] in ("Deployment", "StatefulSet")
    }


def _containers(manifests: Documents) -> Iterator[dict[str, Any]]:
    for pod in _pods(manifests).values():
        yield from [*pod.get("initContainers", []), *pod["containers"]]


def _of_kind(manifests: Documents, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def test_names_ports_and_volumes_of_the_manifests_fit_each_other(manifests: Documents) -> None:
    pods, maps = _pods(manifests), _of_kind(manifests, "ConfigMap")
    assert set(pods) == {"catalogue", "storage", "scheduler", "worker", "dagster"}
    for name, service in _of_kind(manifests, "Service").items():
        open_ports = {p["containerPort"] for c in pods[name]["containers"] for p in c["ports"]}
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= open_ports
        assert service["spec"]["selector"] == {"app": name}
    for name, pod in pods.items():
        volumes = {each["name"]: each for each in pod.get("volumes", [])}
        of_claims = _of_kind(manifests, "StatefulSet").get(name, {"spec": {}})["spec"]
        volumes |= {c["metadata"]["name"]: c for c in of_claims.get("volumeClaimTemplates", [])}
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert {m["name"] for m in container.get("volumeMounts", [])} <= set(volumes)
            named = [
                e["configMapRef"]["name"]
                for e in container.get("envFrom", [])
                if "configMapRef" in e
            ]
            assert set(named) <= set(maps)
        used = [v["configMap"]["name"] for v in volumes.values() if "configMap" in v]
        assert set(used) <= set(maps)
    close = (DEPLOY / "close.toml").read_text()
    assert maps["instance"]["data"]["close.toml"].strip() == close.strip()
    assert Instance.model_validate(tomllib.loads(close)).close.executor == "dask"


def _stated(manifests: Documents, compose: dict[str, Any]) -> list[dict[str, str]]:
    """Environments as they are written, each as one place has them."""
    found = [dict(each.get("environment", {})) for each in compose["services"].values()]
    found += [
        {e["name"]: e.get("value", "") for e in container.get("env", [])}
        for container in _containers(manifests)
    ]
    return [*found, _of_kind(manifests, "ConfigMap")["loanbook"]["data"]]


def test_settings_are_those_that_the_product_knows_and_none_is_a_secret(
    manifests: Documents, compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for stated in _stated(manifests, compose):
        assert set(stated) <= KNOWN, stated
        assert not [name for name, value in stated.items() if HIDDEN.search(name) and value]
        assert "@" not in stated.get("LOANBOOK_CATALOGUE", "").partition(":")[0]
        assert not re.search(r"://[^/@]*:[^/@]*@", " ".join(map(str, stated.values())))
        if "LOANBOOK_DATA" in stated:
            for name, value in stated.items():
                monkeypatch.setenv(name, value)
            where = Settings.of(tmp_path)
            assert where.place.root == "s3://loanbook/book"
            assert (where.endpoint, where.region) == ("http://storage:8333", "us-east-1")
    told = (DEPLOY / "README.md").read_text()
    made = set(re.findall(r"^([A-Z_]+)=", told, re.M))
    assert {KEY, SECRET, "PGPASSWORD", "POSTGRES_PASSWORD"} == made
    for container in _containers(manifests):
        for each in container.get("env", []):
            if HIDDEN.search(each["name"]):
                assert each["valueFrom"]["secretKeyRef"]["key"] in made


def test_images_are_pinned_and_commands_are_those_of_the_release(
    manifests: Documents, compose: dict[str, Any]
) -> None:
    from distributed.cli.dask_scheduler import main as scheduler
    from distributed.cli.dask_worker import main as worker

    from loanbook.pipelines.commands.app import app

    own = get_command(app).commands  # type: ignore[attr-defined]
    programs = {("dask", "scheduler"): scheduler, ("dask", "worker"): worker}
    programs |= {("loanbook", name): own[name] for name in ("dagster", "pages")}
    ours = [
        shlex.split(s["command"])
        for s in compose["services"].values()
        if isinstance(s.get("command"), str)
    ]
    ours += [c["args"] for c in _containers(manifests) if "args" in c]
    seen = set()
    for words in ours:
        program = programs.get(tuple(words[:2]))
        if program is None:
            assert words[0] in ("mini", "sh"), words
            continue
        seen.add(tuple(words[:2]))
        options = {o for p in program.params for o in [*p.opts, *p.secondary_opts]}
        assert {w for w in words if w.startswith("--")} <= options, words
        assert [w for w in words if "://" in w] in ([], ["tcp://scheduler:8786"])
    assert seen == set(programs)
    images = [each["image"] for each in [*compose["services"].values(), *_containers(manifests)]]
    assert all(IMAGE.fullmatch(image) for image in images), images
    assert {i for i in images if i.startswith("loanbook")} == {"loanbook:0.1.0"}
    ports = [p for each in compose["services"].values() for p in each.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
