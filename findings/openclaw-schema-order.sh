#!/usr/bin/env bash
# Expected: OpenClaw's versions are dates, so a later version opens what an earlier one has written.
# Seen: 2026.9.1-beta.1 refuses the state of 2026.8.1: that one's state database has schema 15, the later one knows 12.
# Versions: openclaw 2026.8.1 and 2026.9.1-beta.1 (npm) on Node 24.21.0.
# Why it matters: "not older than the one that wrote it" is no safe rule for an upgrade or for a restore: it lets this
#   pair through, and the gateway then never starts. Compare the schema (PRAGMA user_version), not the date.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

openclaw_release 2026.8.1
gateway
stop
state=$work/home/.openclaw/state/openclaw.sqlite
expect 'schema that 2026.8.1 writes' \
  "$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("pragma user_version").fetchone()[0])' "$state")" 15

openclaw_release 2026.9.1-beta.1
status=0
openclaw gateway run --allow-unconfigured --bind loopback --port "$(free_port)" &>"$work/later.log" || status=$?
expect 'exit status of 2026.9.1-beta.1 on it' "$status" 1
expect 'its reason' "$(grep --only-matching 'newer schema version 15; this build supports [0-9]*' "$work/later.log" | head -1)" \
  'newer schema version 15; this build supports 12'
done_with
