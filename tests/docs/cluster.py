"""A stand-in for the Kubernetes API: enough for kubectl to run what the documents say.

It keeps objects by their paths and answers like the real one where kubectl looks. What it does not
do is run anything: a stateful set is ready as soon as it is stored.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

__all__ = ["Cluster", "cluster"]

# Group and version: kind, plural, whether it lies in a namespace.
KINDS = {
    "v1": [
        ("Namespace", "namespaces", False),
        ("Secret", "secrets", True),
        ("Service", "services", True),
        ("ServiceAccount", "serviceaccounts", True),
        ("ConfigMap", "configmaps", True),
        ("Pod", "pods", True),
        ("Node", "nodes", False),
    ],
    "apps/v1": [
        ("StatefulSet", "statefulsets", True),
        ("Deployment", "deployments", True),
        ("ControllerRevision", "controllerrevisions", True),
    ],
    "autoscaling/v2": [("HorizontalPodAutoscaler", "horizontalpodautoscalers", True)],
    "policy/v1": [("PodDisruptionBudget", "poddisruptionbudgets", True)],
    "networking.k8s.io/v1": [("NetworkPolicy", "networkpolicies", True)],
    "rbac.authorization.k8s.io/v1": [
        ("ClusterRole", "clusterroles", False),
        ("ClusterRoleBinding", "clusterrolebindings", False),
    ],
}


class Cluster:
    """What the stand-in holds.

    Attributes
    ----------
    objects : dict of str to dict
        By path, such as ``/apis/apps/v1/namespaces/n/statefulsets/s``.
    asked : list of (str, str)
        Method and path of each request that changed something.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self._fixed = _discovery()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
        """Return code and body of the answer to a request."""
        if method == "GET":
            return self._get(path)
        self.asked.append((method, path))
        if method == "POST":
            return 201, self._store(f"{path}/{body['metadata']['name']}", body)
        if path not in self.objects:
            return 404, _missing(path)
        if method == "DELETE":
            return 200, self.objects.pop(path)
        new = _merged(self.objects[path], body) if method == "PATCH" else body
        return 200, self._store(path, new)

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        if path in self._fixed:
            return 200, self._fixed[path]
        if path in self.objects:
            return 200, self.objects[path]
        plural = path.rsplit("/", 1)[1]
        if any(plural == each for kinds in KINDS.values() for _, each, _ in kinds):
            return 200, self._list(path, plural)
        return 404, _missing(path)

    def _store(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        for name, word in body.pop("stringData", {}).items():
            body.setdefault("data", {})[name] = b64encode(word.encode()).decode()
        body["metadata"].setdefault("uid", f"uid-{len(self.objects)}")
        generation = self.objects.get(path, {}).get("metadata", {}).get("generation", 0) + 1
        body["metadata"] |= {"generation": generation, "resourceVersion": str(generation)}
        if body.get("kind") in {"StatefulSet", "Deployment"}:
            count = body["spec"].setdefault("replicas", 1)
            names = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas")
            body["status"] = dict.fromkeys(names, count) | {"observedGeneration": generation}
            body["status"] |= {"currentRevision": "r", "updateRevision": "r"}
        if body.get("kind") == "StatefulSet":
            self._keep_revision(path, body, generation)
        self.objects[path] = body
        return body

    def _keep_revision(self, path: str, body: dict[str, Any], number: int) -> None:
        """Keep what the pods of a stateful set were made from, for a roll back."""
        meta = body["metadata"]
        owner = {"kind": "StatefulSet", "apiVersion": "apps/v1", "controller": True}
        owner |= {"name": meta["name"], "uid": meta["uid"], "blockOwnerDeletion": True}
        folder = path.split("/statefulsets/", maxsplit=1)[0]
        name = f"{meta['name']}-{number}"
        template = {"$patch": "replace", **body["spec"]["template"]}
        self.objects[f"{folder}/controllerrevisions/{name}"] = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": name,
                "namespace": "antiphase",
                "labels": body["spec"]["selector"]["matchLabels"],
                "ownerReferences": [owner],
            },
            "data": {"spec": {"template": template}},
            "revision": number,
        }

    def _list(self, path: str, plural: str) -> dict[str, Any]:
        version, kind = next(
            (name, kind)
            for name, kinds in KINDS.items()
            for kind, each, _ in kinds
            if each == plural
        )
        items = [made for at, made in self.objects.items() if at.rsplit("/", 1)[0] == path]
        meta = {"resourceVersion": "1"}
        return {"kind": f"{kind}List", "apiVersion": version, "metadata": meta, "items": items}


def _discovery() -> dict[str, dict[str, Any]]:
    """Return what the API says of itself, by path."""
    groups = []
    urls = {}
    found: dict[str, dict[str, Any]] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    }
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    for name, kinds in KINDS.items():
        group, _, number = name.rpartition("/")
        place = f"apis/{name}" if group else f"api/{name}"
        version = {"groupVersion": name, "version": number}
        if group:
            groups.append({"name": group, "versions": [version], "preferredVersion": version})
        urls[place] = {"serverRelativeURL": f"/openapi/v3/{place}"}
        resources = [
            {"name": plural, "singularName": kind.lower(), "namespaced": inside, "kind": kind}
            | {"verbs": verbs}
            for kind, plural, inside in kinds
        ]
        listed = {"kind": "APIResourceList", "groupVersion": name, "resources": resources}
        found |= {f"/{place}": listed, f"/openapi/v3/{place}": _openapi(name)}
    found["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    found["/openapi/v3"] = {"paths": urls}
    return found


def _openapi(name: str) -> dict[str, Any]:
    """Return the little that kubectl asks of the API's description: who checks the fields."""
    group, _, version = name.rpartition("/")
    paths = {}
    for kind, plural, _ in KINDS[name]:
        known = {"group": group, "version": version, "kind": kind}
        checks = [{"name": "fieldValidation", "in": "query"}, {"name": "dryRun", "in": "query"}]
        paths[f"/{plural}/{{name}}"] = {
            "patch": {"x-kubernetes-group-version-kind": known, "parameters": checks}
        }
    return {"openapi": "3.0.0", "info": {"title": "k", "version": "1"}, "paths": paths}


def _missing(path: str) -> dict[str, Any]:
    words = {"status": "Failure", "reason": "NotFound", "code": 404, "message": path}
    return {"kind": "Status", "apiVersion": "v1", **words}


def _merged(old: Any, new: Any) -> Any:  # noqa: ANN401 - JSON
    """Return both merged; lists of things with names are merged by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {key: value for key, value in old.items() if key not in new}
        changed = {
            k: _merged(old.get(k), v) for k, v in new.items() if v is not None and k[0] != "$"
        }
        return kept | changed
    named = (
        isinstance(old, list)
        and isinstance(new, list)
        and all(isinstance(each, dict) and "name" in each for each in [*old, *new])
    )
    if named:
        by_name = {each["name"]: each for each in old}
        for each in new:
            by_name[each["name"]] = _merged(by_name.get(each["name"], {}), each)
        return list(by_name.values())
    return new


@contextmanager
def cluster(config: Path) -> Iterator[Cluster]:
    """Serve a cluster on loopback and write a configuration of kubectl for it."""
    made = Cluster()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length).decode() if length else ""
            body = yaml.safe_load(text) if text else None
            parts = urlsplit(self.path)
            code, found = made.answer(self.command, parts.path, body)
            if "watch=" in parts.query:
                events = [{"type": "ADDED", "object": item} for item in found["items"]]
                data = "".join(json.dumps(event) + "\n" for event in events).encode()
            else:
                data = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - theirs

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "antiphase"}}
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [context],
    }
    config.write_text(json.dumps(text), encoding="utf-8")
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
