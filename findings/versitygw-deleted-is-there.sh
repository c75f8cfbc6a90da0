#!/usr/bin/env bash
# Expected: in a versioned bucket a deleted key counts as absent: S3's documentation lets `If-None-Match: *` succeed
#   where the newest version is a delete marker, and names may be each other's beginnings.
# Seen: in a versioned bucket of versitygw's posix backend a deleted key is answered 404 to a read and 412 to a write
#   that asks for it to be absent, at once and for ever. A key below it, `lease/new`, is refused with 409
#   ObjectParentIsFile, though `lease` is deleted. moto takes both.
# Versions: versitygw 1.8.0 (Go), boto3 1.44.5 and moto 5.2.5 (PyPI).
# Why it matters: a lock or lease in S3 that is released by a delete and taken by `If-None-Match: *` works on S3 and on
#   moto, and on this one is taken once and never again. Overwrite it to release it (`If-Match`): both take that.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need curl python3

go_program github.com/versity/versitygw/cmd/versitygw@v1.8.0
python_packages 'boto3==1.44.5' 'botocore==1.44.5' 'moto[server,s3]==5.2.5'
cat >ask.py <<'PYTHON'
import sys, boto3, botocore
s3 = boto3.client("s3", endpoint_url=sys.argv[1], aws_access_key_id="example", aws_secret_access_key="example-secret",
                  region_name="us-east-1", config=botocore.config.Config(s3={"addressing_style": "path"}))
s3.create_bucket(Bucket="state")
s3.put_bucket_versioning(Bucket="state", VersioningConfiguration={"Status": "Enabled"})

def code(call, **more):
    try:
        return call(Bucket="state", **more)["ResponseMetadata"]["HTTPStatusCode"]
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]

s3.put_object(Bucket="state", Key="lease", Body=b"first", IfNoneMatch="*")
s3.delete_object(Bucket="state", Key="lease")
print(code(s3.get_object, Key="lease"), code(s3.put_object, Key="lease/new", Body=b"below"),
      code(s3.put_object, Key="lease", Body=b"second", IfNoneMatch="*"))
PYTHON

mkdir buckets versions
port=$(free_port)
serve "http://127.0.0.1:$port/" "$program" --access example --secret example-secret --port "127.0.0.1:$port" \
  posix --versioning-dir "$work/versions" "$work/buckets"
expect 'versitygw: read, write below, write if absent' "$("$python" ask.py "http://127.0.0.1:$port")" '404 409 412'
stop
port=$(free_port)
serve "http://127.0.0.1:$port/" "${python%/*}/moto_server" -H 127.0.0.1 -p "$port"
expect 'moto: read, write below, write if absent' "$("$python" ask.py "http://127.0.0.1:$port")" '404 200 200'
done_with
