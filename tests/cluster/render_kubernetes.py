"""Print the first job that a run would send to Kubernetes, and end; there is no cluster."""

import json
import os
import sys

import kubernetes
from kubernetes import client


def show(self, namespace, body):
    print("JOB", json.dumps(client.ApiClient().sanitize_for_serialization(body)), flush=True)
    os._exit(0)


kubernetes.config.load_kube_config = lambda *_, **__: None
client.CoreV1Api.create_namespaced_secret = lambda *_: None
client.BatchV1Api.create_namespaced_job = show

from snakemake.cli import main  # noqa: E402

sys.argv[0] = "snakemake"
main()
