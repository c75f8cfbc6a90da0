"""Damage to what only the newest backup uses."""

import random

LOST = ".openclaw/agents/main/sessions/cold/2.jsonl.zst"
# Nothing compresses it: it is the largest of what is stored with it.
CONTENT = random.Random(1).randbytes(30_000)  # noqa: S311


def damage_newest(machine):
    """Damages what only the newest backup uses: a flipped byte in restic's store, a lost object in the mirror."""
    deployment = machine.deployment
    before = set(deployment.stored())
    machine.write(LOST, CONTENT)
    machine.backup()
    new = [key for key in deployment.stored() if key not in before]
    prefix = "snapshots/data/" if deployment.backup == "snapshots" else "mirror/.openclaw/agents/"
    bodies = {
        key: deployment.s3.get_object(Bucket=deployment.bucket, Key=key)["Body"].read()
        for key in new
        if key.startswith(prefix)
    }
    # The largest is content; damage in restic's directories would be noticed by the next backup itself.
    key = max(bodies, key=lambda one: len(bodies[one]))
    body = bytearray(bodies[key])
    body[len(body) // 2] ^= 1
    deployment.erase(key)
    if deployment.backup == "snapshots":
        deployment.put(key, bytes(body))
    return key
