#!/usr/bin/env bash
# Expected: a gateway that finds its state in use by another one says so, and ends with a status that means "try again":
#   78 is what OpenClaw ends with where a start can never succeed (refused configuration or state).
# Seen: it ends with 78, and its last words are "requires state migration" and "run openclaw doctor --fix", though the
#   state needs no migration: once the first one has ended, the same command gets ready with no repair in between.
# Versions: openclaw 2026.9.6 (npm) on Node 24.21.0.
# Why it matters: where a supervisor treats 78 as final, as it should, a start that overlaps the end of the one before
#   (a slow drain, a hand-started second one) leaves the assistant down for good, and sends the operator to repair a
#   healthy state. Wait for the old process's end before a start.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

openclaw_release 2026.9.6
gateway
status=0
openclaw gateway run --allow-unconfigured --bind loopback --port "$(free_port)" &>"$work/second.log" || status=$?
expect 'exit status of a second one on the same state' "$status" 78
expect 'what it asks for' "$(grep --only-matching 'requires state migration' "$work/second.log" | head -1)" 'requires state migration'
expect 'who is in the way' "$(grep --only-matching 'another OpenClaw process owns [a-z-]*' "$work/second.log" | head -1)" \
  'another OpenClaw process owns gateway-lifecycle'
expect 'the first one meanwhile' "$(status "http://127.0.0.1:$port/readyz")" 200
stop
gateway
expect 'the second one once the first has ended' "$(status "http://127.0.0.1:$port/readyz")" 200
done_with
