"""The lease in the bucket, and another machine that takes it."""

import json


def lease(deployment):
    return json.loads(deployment.s3.get_object(Bucket=deployment.bucket, Key="lease.json")["Body"].read())


def releases(request):
    return request.method == "PUT" and request.path.endswith("/lease.json") and b'"released": true' in request.body


def overtake(machine):
    """Another machine takes over, saves newer state and is gone."""
    other = machine.deployment.launch()
    other.boot()
    other.write("workspace/notes/3.md", "newest")
    other.backup()
    other.die()


def takes(request):
    """Also what a holder says of its own lease."""
    return request.method == "PUT" and request.path.endswith("/lease.json")


def reads_lease(request):
    return request.method == "GET" and request.path.endswith("/lease.json")
