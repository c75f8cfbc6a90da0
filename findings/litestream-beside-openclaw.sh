#!/usr/bin/env bash
# Expected: Litestream only reads the database that it replicates, and keeps its own things to itself.
# Seen: it creates two tables in it, _litestream_seq and _litestream_lock, and turns a database in rollback mode into
#   one in WAL mode, for good. With OpenClaw's state database, those tables are then in every snapshot that OpenClaw
#   makes of it, and Litestream's hidden folder, raw pages of the database since its start, is in every archive of
#   `openclaw backup create`, which takes care to leave rows such as the delivery queue out of its own copy.
# Versions: litestream 0.5.18 (Go), openclaw 2026.9.6 (npm) on Node 24.21.0.
# Why it matters: a state that was replicated once is marked for life, also where it is restored without Litestream, and
#   comparing schemas tells them apart; the archives grow with the log. Keep Litestream's folder (meta-path) elsewhere.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3 tar

go_program github.com/benbjohnson/litestream/cmd/litestream@v0.5.18
openclaw_release 2026.9.6
# query DATABASE SQL
query() {
  python3 -c 'import sqlite3, sys; print(*[row[0] for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2])])' "$1" "$2"
}
marks="select name from sqlite_master where name like '\_litestream%' escape '\' order by name"

query rollback.sqlite 'create table note(text)' >/dev/null
expect 'mode of a new database' "$(query rollback.sqlite 'pragma journal_mode')" delete
"$program" replicate -once rollback.sqlite "file://$work/replica-1" &>/dev/null
expect 'mode after it was replicated' "$(query rollback.sqlite 'pragma journal_mode')" wal

openclaw config set gateway.mode local >/dev/null
state=$work/home/.openclaw/state/openclaw.sqlite
expect 'foreign tables in the state of OpenClaw' "$(query "$state" "$marks")" ''
"$program" replicate -once "$state" "file://$work/replica-2" &>/dev/null
expect 'the same after it was replicated' "$(query "$state" "$marks")" '_litestream_lock _litestream_seq'
openclaw backup sqlite create --global --repository "$work/snapshots" >/dev/null
expect 'in a snapshot by OpenClaw' "$(query "$work"/snapshots/*/database.sqlite "$marks")" '_litestream_lock _litestream_seq'
openclaw backup create --verify --output "$work/state.tar.gz" >/dev/null
tar --list --file "$work/state.tar.gz" >"$work/list"
expect 'its log in an archive by OpenClaw' "$(grep --only-matching '[^/]*-litestream/.*[.]ltx$' "$work/list" | head -1)" \
  '.openclaw.sqlite-litestream/*.ltx'
done_with
