"""Somebody who can write to the bucket and has no key: what is put there, all of it harmless."""

import gzip
import json

NAME = "{generation:08d}-{sequence:08d}_{stamp}_1_5____{mark}"


def manifest_key(generation=9000, sequence=1, stamp="20301231T000000Z", mark="00000000"):
    name = NAME.format(generation=generation, sequence=sequence, stamp=stamp, mark=mark)
    return f"mirror/manifests/{name}.jsonl.gz"


def entry(path, **fields):
    common = {"mode": 0o644, "uid": 1000, "gid": 1000, "mtime_ns": 1}
    return {"path": path, "kind": "file", **common, **fields}


def manifest(*entries):
    return gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in entries))


def forge(deployment, text=b"forged", **name):
    """A backup of one note, newer than every other, as a version without signatures would have written it."""
    stored = deployment.s3.put_object(Bucket=deployment.bucket, Key="mirror/workspace/notes/3.md", Body=text)
    etag = stored["ETag"].strip('"')
    one = entry("workspace/notes/3.md", size=len(text), etag=etag, version=stored["VersionId"])
    root = entry("workspace", kind="directory", mode=0o755)
    state = entry(".openclaw", kind="directory", mode=0o700)
    key = manifest_key(**name)
    deployment.put(key, manifest(root, state, one))
    return key


def delete(deployment, prefix):
    """As anybody with the right to delete does: under delete markers all of it is still there."""
    for key in deployment.stored(prefix):
        deployment.s3.delete_object(Bucket=deployment.bucket, Key=key)


def parameter(deployment, name):
    """None where there is none."""
    try:
        found = deployment.ssm.get_parameter(Name=f"/openclaw/{deployment.name}/{name}", WithDecryption=True)
    except deployment.ssm.exceptions.ParameterNotFound:
        return None
    return found["Parameter"]["Value"]


def hand_over(source, target):
    """The secrets that a person takes along with a copied bucket."""
    for name in ("restic-password", "state-key"):
        value = parameter(source, name)
        if value is not None:
            path = f"/openclaw/{target.name}/{name}"
            target.ssm.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=True)


def forget(deployment, *names):
    for name in names:
        deployment.ssm.delete_parameter(Name=f"/openclaw/{deployment.name}/{name}")
