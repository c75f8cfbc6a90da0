#!/usr/bin/env bash
# Expected: `restic restore --verify` of a database that was copied through SQLite's backup API, onto a service that is
#   stopped, brings back the rows of the snapshot.
# Seen: the rows that the restore was meant to undo are there again, with status 0, "finished verifying" and a clean
#   integrity_check. A service that was killed leaves its write-ahead log `state.sqlite-wal` beside the database; the
#   snapshot has none, so restic leaves that file alone, and SQLite replays it into the database just restored.
#   The log does not say which database it belongs to.
# Versions: restic 0.19.1 (Go), Python 3's SQLite 3.
# Why it matters: snapshots leave logs out on purpose, and a restore is for the day on which something was killed.
#   Remove `-wal` and `-shm` first, restore into an empty folder and swap it in, or use `restore --delete`.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

go_program github.com/restic/restic/cmd/restic@v0.19.1
export RESTIC_REPOSITORY=$work/repository RESTIC_PASSWORD=example RESTIC_CACHE_DIR=$work/cache
mkdir live copy
cat >service.py <<'PYTHON'
import os, sqlite3, sys

live = sqlite3.connect("live/state.sqlite", isolation_level=None)
if sys.argv[1] == "friday":
    live.execute("pragma journal_mode=wal")
    live.execute("create table note(text)")
    live.execute("insert into note values ('friday')")
    copy = sqlite3.connect("copy/state.sqlite")
    live.backup(copy)
    copy.close()
    live.close()
else:
    live.execute("update note set text = 'saturday'")
    os._exit(0)  # as a power cut: nothing is closed
PYTHON
read_back() {
  python3 -c 'import sqlite3; print(*[row[0] for row in sqlite3.connect("live/state.sqlite").execute(
      "select text from note union all select * from pragma_integrity_check")])'
}

python3 service.py friday
"$program" init --quiet
(cd copy && "$program" backup --quiet .)
python3 service.py saturday
cp -r live second

status=0
"$program" restore latest --target live --verify >"$work/said" || status=$?
expect 'exit status of the restore of friday' "$status" 0
expect 'its words' "$(grep --only-matching 'finished verifying 1 files' "$work/said")" 'finished verifying 1 files'
expect 'what the database holds' "$(read_back)" 'saturday ok'

rm -r live && mv second live
"$program" restore latest --target live --delete >/dev/null
expect 'the same with --delete' "$(read_back)" 'friday ok'
done_with
