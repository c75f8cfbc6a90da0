#!/usr/bin/env bash
# Expected: `openclaw backup create --verify` keeps every document of a workspace, and says so if it does not.
# Seen: a document with `.tmp.` anywhere in its name, a name that ends in `.tmp` or one that ends in `.pid` is left out,
#   at any depth. The exit status is 0, the summary counts it as volatile ("live sessions, queues, sockets") and ends
#   with "Archive verification: passed": verified is what is in the archive, not that the workspace is.
# Versions: openclaw 2026.9.6 (npm) on Node 24.21.0.
# Why it matters: an assistant writes drafts, and `plan.tmp.md` is a natural name for one. An archive that passed its
#   verification is not a copy of the workspace; compare the list `skipped` of --json before the original goes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

openclaw_release 2026.9.6
workspace=$work/home/.openclaw/workspace
mkdir -p "$workspace/house"
for name in plan.md plan.tmp.md house/costs.tmp.ods house/rapid.pid; do
  echo draft >"$workspace/$name"
done
status=0
openclaw backup create --verify --output "$work/state.tar.gz" &>"$work/said" || status=$?
expect 'exit status' "$status" 0
expect 'verification' "$(grep verification: "$work/said")" 'Archive verification: passed'
documents() {
  python3 -c 'import sys, tarfile; print(*sorted(one.name.partition("/workspace/")[2] for one in tarfile.open(sys.argv[1])
    if one.isfile() and "/workspace/" in one.name))' "$work/state.tar.gz"
}
expect 'documents in the archive, of 4' "$(documents)" plan.md
done_with
