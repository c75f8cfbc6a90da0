#!/usr/bin/env bash
# Expected: restic stores what is new. Where 1 % of a database's rows changes, about 1 % of it is sent.
# Seen: where those rows lie scattered, all of it is sent again: restic cuts files into blocks of half a MiB to 8 MiB,
#   and each block has some page that changed. `VACUUM`, even after ten rows were deleted, sends all of it too: the
#   rows move against the borders of SQLite's pages, whose headers then differ everywhere. A second `VACUUM` sends next
#   to nothing, and so do ten rows that were deleted together.
# Versions: restic 0.19.1 (Go), Python 3's SQLite 3.
# Why it matters: "deduplicating" promises small hourly backups of a state database; what is paid for is a full copy
#   for each. Store changed pages beside the last full copy, and do not vacuum what is copied each hour.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

go_program github.com/restic/restic/cmd/restic@v0.19.1
export RESTIC_REPOSITORY=$work/repository RESTIC_PASSWORD=example RESTIC_CACHE_DIR=$work/cache
cat >change.py <<'PYTHON'
import random, sqlite3, sys

rows = random.Random(sys.argv[1])
database = sqlite3.connect("state.sqlite", isolation_level=None)
if sys.argv[1] == "vacuum":
    database.execute("vacuum")
    sys.exit()
database.execute("begin")
if sys.argv[1] == "make":
    database.execute("create table message(id integer primary key, body blob)")
    database.executemany("insert into message(body) values (?)", [(rows.randbytes(900),) for _ in range(24000)])
elif sys.argv[1] == "scatter":
    for row in rows.sample(range(1, 24001), 240):
        database.execute("update message set body = ? where id = ?", (rows.randbytes(900), row))
elif sys.argv[1] == "delete":
    database.execute("delete from message where id <= 10")
database.execute("commit")
PYTHON
# sent CHANGE: the share of the database that a backup stores after it. The borders of the blocks differ for each repository.
sent() {
  python3 change.py "$1"
  "$program" backup state.sqlite --json | tail -1 | python3 -c '
import json, sys
said = json.load(sys.stdin)
share = said["data_added"] / said["total_bytes_processed"]
print("more than 80 %" if share > 0.8 else "less than 40 %" if share < 0.4 else f"{share:.0%}")'
}

"$program" init --quiet
expect 'first' "$(sent make)" 'more than 80 %'
expect '240 of 24,000 rows changed, scattered' "$(sent scatter)" 'more than 80 %'
expect '10 rows deleted' "$(sent delete)" 'less than 40 %'
expect 'VACUUM after that' "$(sent vacuum)" 'more than 80 %'
expect 'VACUUM again' "$(sent vacuum)" 'less than 40 %'
done_with
