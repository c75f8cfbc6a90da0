#!/usr/bin/env bash
# Expected: a health check with a mistyped path, or a path from another product, is answered 404 and fails.
# Seen: OpenClaw's gateway answers GET and HEAD of nearly any unknown path of one segment with 200: the page of its
#   Control UI. `/readzy`, `/livez` and `/metrics` are as green as `/readyz`. Of two segments, `/api/health`, it is 404.
# Versions: openclaw 2026.9.6 (npm) on Node 24.21.0.
# Why it matters: a Compose health check, a load balancer's or a monitor's, that has one wrong letter is green for as
#   long as the gateway listens: while it starts, drains, or has lost its channels. Check the body, not only the status.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

openclaw_release 2026.9.6
gateway

answer() {
  curl --silent --output "$work/body" --write-out '%{http_code} %{content_type}' "http://127.0.0.1:$port$1"
}

expect 'GET /readyz' "$(answer /readyz)" '200 application/json*'
for path in /readzy /livez /metrics; do
  expect "GET $path" "$(answer $path)" '200 text/html*'
  expect "HEAD $path" "$(curl --silent --head "http://127.0.0.1:$port$path" | head -1 | cut -d ' ' -f 2)" 200
done
expect 'GET /api/health' "$(answer /api/health)" '404 *'
done_with
