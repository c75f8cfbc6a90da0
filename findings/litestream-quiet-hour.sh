#!/usr/bin/env bash
# Expected: `litestream restore -timestamp T` gives the database as it was at T. Where nobody has written since before
#   T, that is the newest state.
# Seen: "timestamp does not exist", status 1, for every T after the last write, though Litestream has replicated after
#   T too (with a `replicate` that runs throughout it is the same) and the restore without -timestamp works. After one
#   more write, however late, the same T works.
# Versions: litestream 0.5.18 (Go; 0.5.17 the same), Python 3's SQLite 3.
# Why it matters: an assistant is idle at night. "As of an hour ago" is what a person asks for first, and the quieter
#   the hour, the surer the refusal, which reads as if the backup were missing. Restore the newest one instead.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

go_program github.com/benbjohnson/litestream/cmd/litestream@v0.5.18
write() {
  python3 -c 'import sqlite3, sys
database = sqlite3.connect("state.sqlite", isolation_level=None)
database.execute("pragma journal_mode=wal")
database.execute("create table if not exists note(text)")
database.execute("insert into note values (?)", sys.argv[1:])' "$1"
  "$program" replicate -once state.sqlite "file://$work/replica" &>/dev/null
}
# restore OUTPUT OPTION…: its exit status and last words, or the rows
restore() {
  local status=0
  "$program" restore -o "$1" "${@:2}" "file://$work/replica" &>said || status=$?
  if ((status)); then
    echo "$status: $(tail -1 said)"
  else
    python3 -c 'import sqlite3, sys; print(*[row[0] for row in sqlite3.connect(sys.argv[1]).execute("select text from note")])' "$1"
  fi
}

write evening
sleep 2
quiet=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
sleep 2
"$program" replicate -once state.sqlite "file://$work/replica" &>/dev/null
expect 'the newest' "$(restore newest.sqlite)" evening
expect 'as of the quiet hour' "$(restore quiet.sqlite -timestamp "$quiet")" '1: *timestamp does not exist'
write morning
expect 'the same after another write' "$(restore later.sqlite -timestamp "$quiet")" evening
done_with
