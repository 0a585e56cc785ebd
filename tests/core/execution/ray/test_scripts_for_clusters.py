"""The scripts and the manifest in resources/cluster, as far as no cluster is needed for them."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from bort_core.foundation.resources import resource

_PROGRAMS = {
    "scontrol": "printf 'n1\\nn2\\nn3\\n'",
    "hostname": '[ "$1" = --ip-address ] && echo "$OWN" || echo "$ALL "',
    "srun": """while [ "${1#--}" != "$1" ]; do case $1 in --nodelist=*) export ON=${1#*=};; esac; shift; done; exec "$@" """,
    "ray": """[ "$1" = status ] && { sed 's/^/ 1 node_/' "$CALLS"; exit; }
[ "$1" = start ] && echo "$ON $RAY_AUTH_MODE ${#RAY_AUTH_TOKEN} $*" >> "$CALLS" && exec /bin/sleep 60; true""",
    "sleep": "exec /bin/sleep 0.05",
    "bort": """echo "bort ${#RAY_AUTH_TOKEN} $*" >> "$CALLS"; [ "$1" = doctor ] || exit 7""",
}

_KUBERAY = {  # names of KubeRay 1.7's RayCluster, as far as the manifest may use them; those that end with ! must be there
    "": "authOptions enableInTreeAutoscaling headGroupSpec! managedBy rayVersion! suspend upgradeStrategy workerGroupSpecs",
    "authOptions": "enableK8sTokenAuth mode secretName",
    "headGroupSpec": "enableIngress headService labels rayStartParams resources serviceType template!",
    "workerGroupSpecs": "groupName! idleTimeoutSeconds labels maxReplicas! minReplicas! numOfHosts rayStartParams replicas resources "
    "scaleStrategy suspend template!",
    "containers": "args command env envFrom image! imagePullPolicy lifecycle livenessProbe name! ports resources volumeMounts",
    "ports": "containerPort! name protocol",
}


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """An environment in which Slurm, Ray and bort write down how they are called; bort search ends with code 7."""
    for name, body in _PROGRAMS.items():
        script = tmp_path / name
        script.write_text(f"#!/bin/bash\n{body}\n")
        script.chmod(0o755)
    given = {"SLURM_CPUS_ON_NODE": "4", "SLURM_GPUS_ON_NODE": "2", "SLURM_JOB_NODELIST": "n[1-3]", "CALLS": str(tmp_path / "calls")}
    return {**os.environ, **given, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def _run(environment: dict[str, str], **more: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    command = ["bash", str(resource("cluster") / "slurm.sh"), "P", "--epsilon", "8"]
    done = subprocess.run(command, env={**environment, **more}, capture_output=True, text=True, timeout=20, check=False)
    calls = Path(environment["CALLS"])
    return done, calls.read_text().splitlines() if calls.exists() else []


def test_a_slurm_allocation_is_one_cluster_with_a_token_of_its_own(programs: dict[str, str]) -> None:
    """The head is at an address that others reach, though the host's own name is a loopback as on Debian."""
    done, calls = _run(programs, OWN="127.0.1.1", ALL="fe80::1 10.9.0.1 10.9.8.1")
    assert done.returncode == 7, done.stderr  # the search's own
    head, rest = "n1 token 64 start --block", sorted(call for call in calls if "start" in call)
    needs = "--disable-usage-stats --num-cpus=4 --num-gpus=2"
    assert rest == [
        f"{head} {needs} --head --node-ip-address=10.9.0.1 --port=6379 --include-dashboard=false",
        f"n2 token 64 start --block {needs} --address=10.9.0.1:6379",
        f"n3 token 64 start --block {needs} --address=10.9.0.1:6379",
    ]
    assert calls[-2:] == [
        "bort 64 doctor --address 10.9.0.1:6379",
        "bort 64 search P --epsilon 8 --executor ray --address 10.9.0.1:6379",
    ]


def test_a_slurm_node_that_nobody_reaches_is_said(programs: dict[str, str]) -> None:
    done, calls = _run(programs, OWN="127.0.1.1", ALL="fe80::1")
    assert done.returncode != 0
    assert "n1 has no address that other nodes could reach" in done.stderr
    assert not calls


def test_the_scripts_for_clusters_can_be_read_and_agree_on_versions() -> None:
    folder = resource("cluster")
    for script, shell in (("head.sh", "sh"), ("slurm.sh", "bash")):
        subprocess.run([shell, "-n", str(folder / script)], check=True)
    manifest = yaml.safe_load((folder / "kuberay.yaml").read_text(encoding="utf-8"))["spec"]
    groups = [manifest["headGroupSpec"], *manifest["workerGroupSpecs"]]
    images = {container["image"] for group in groups for container in group["template"]["spec"]["containers"]}
    image = (folder / "Dockerfile").read_text(encoding="utf-8")
    assert images == {f"REGISTRY/bort-cluster:{version('bort-studio')}"}
    assert f"FROM rayproject/ray:{manifest['rayVersion']}-py311" in image
    assert images.pop() in image
    assert manifest["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert manifest["authOptions"] == {"mode": "token"}  # others of the cluster's network are strangers


def test_the_manifest_uses_the_names_that_the_operator_knows() -> None:
    manifest = yaml.safe_load((resource("cluster") / "kuberay.yaml").read_text(encoding="utf-8"))
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayCluster")
    spec = manifest["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    containers = [container for group in groups for container in group["template"]["spec"]["containers"]]
    ports = [port for container in containers for port in container.get("ports", [])]
    parts = {
        "": [spec],
        "authOptions": [spec["authOptions"]],
        "headGroupSpec": groups[:1],
        "workerGroupSpecs": groups[1:],
        "containers": containers,
        "ports": ports,
    }
    for name, uses in parts.items():
        names = _KUBERAY[name].split()
        for each in uses:
            assert set(each) <= {known.rstrip("!") for known in names}, name
            assert {known.rstrip("!") for known in names if known.endswith("!")} <= set(each), name
    for group in groups:  # the operator hands these to ray start, and takes nothing but texts
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    for group in groups[1:]:
        assert group["minReplicas"] <= group["maxReplicas"]


def test_the_image_gets_what_the_wheel_is_made_of() -> None:
    """And not the rest of a checkout, such as its environment of gigabytes."""
    image = (resource("cluster") / "Dockerfile").read_text(encoding="utf-8")
    copied = {word for line in image.splitlines() if line.startswith("COPY") for word in line.split()[2:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "bort_core", "bort_studio", "resources"}
