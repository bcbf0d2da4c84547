"""What a pod is asked for. No Kubernetes cluster takes part: a job is rendered, and read."""

import json
import shutil
import subprocess
import sys

import pytest
from test_cluster import ROOT, workspace

pytest.importorskip("snakemake_executor_plugin_kubernetes", reason="no plugin: docs/cluster.md")
pytest.importorskip("snakemake_storage_plugin_fs", reason="no storage plugin: docs/cluster.md")
pytestmark = pytest.mark.skipif(not shutil.which("rsync"), reason="no rsync: apt-get install rsync")


def test_a_job_asks_for_what_its_rule_says(tmp_path):
    folder = workspace(tmp_path / "study")
    for words in (["init", "-q"], ["add", "Snakefile", "workflow", "config", "profiles"]):
        subprocess.run(["git", *words], cwd=folder, check=True)  # what of the sources is sent
    (tmp_path / "volume").mkdir()
    words = ["results/cluster/corpus/tracks.csv", "--workflow-profile", "profiles/kubernetes"]
    words += ["--configfile", "tests/cluster/small.yaml", "--container-image", "roots:1"]
    words += ["--default-storage-prefix", str(tmp_path / "volume")]
    script = ROOT / "tests/cluster/render_kubernetes.py"
    done = subprocess.run(
        [sys.executable, script, *words], cwd=folder, text=True, stdout=-1, stderr=subprocess.STDOUT
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("JOB ")]
    assert told, done.stdout[-3000:]
    pod = json.loads(told[0].removeprefix("JOB "))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "roots:1"
    assert container["resources"]["requests"]["memory"] == "2000M"
    assert container["resources"]["requests"]["cpu"] == "950m"
    assert {"mountPath": "/mnt/music", "name": "musical-roots"} in container["volumeMounts"]
    claim = {"claimName": "musical-roots"}
    assert {"name": "musical-roots", "persistentVolumeClaim": claim} in pod["volumes"]
    assert "--allowed-rules recordings" in container["args"][1]
