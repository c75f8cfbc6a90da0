#!/usr/bin/env bash
# Expected: a state that `openclaw backup restore` has unpacked is the state that was archived. OpenClaw's own guide
#   offers to point OPENCLAW_STATE_DIR at the unpacked folder, so a person's scheduled jobs run on from there.
# Seen: the gateway gets ready without a complaint, with its built-in jobs alone; the person's own job is not listed
#   and will never run. Its row is still in the database, under the path that the state had when the job was made
#   (column store_key of cron_jobs), and jobs are looked up by today's path.
#   `openclaw doctor`, with --fix too, neither moves nor names it (seen by hand: it takes minutes).
# Versions: openclaw 2026.9.6 (npm) on Node 24.21.0; any SQLite 3.
# Why it matters: the restore passes every check (archive verified, database sound, gateway ready), and what is lost is
#   noticed on the day the reminder does not come. Restore to the very path that the state had.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

jobs_named() {
  openclaw cron list --json --url "ws://127.0.0.1:$port" --token example |
    python3 -c 'import json, sys; print(sum(job["name"] == "tea" for job in json.load(sys.stdin)["jobs"]))'
}

openclaw_release 2026.9.6
gateway
openclaw cron add --name tea --every 1d --session main --system-event tea --url "ws://127.0.0.1:$port" --token example >/dev/null
expect 'jobs named tea before' "$(jobs_named)" 1
stop

openclaw backup create --verify --output "$work/state.tar.gz" >/dev/null
openclaw backup restore "$work/state.tar.gz" --target "$work/restored" >/dev/null
restored=$(find "$work/restored" -type d -name .openclaw)
rows="select count(*) from cron_jobs where name = 'tea'"
in_rows() {
  python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])' "$1" "$rows"
}
expect 'rows of it in the restored database' "$(in_rows "$restored/state/openclaw.sqlite")" 1

openclaw=(env -i OPENCLAW_STATE_DIR="$restored" "${openclaw[@]:2}")
gateway
expect 'gateway on the restored state' "$(status "http://127.0.0.1:$port/readyz")" 200
expect 'jobs named tea after' "$(jobs_named)" 0
stop
expect 'rows of it afterwards' "$(in_rows "$restored/state/openclaw.sqlite")" 1
done_with
