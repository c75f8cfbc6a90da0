#!/usr/bin/env bash
# Expected: `restic restore --include PATH` and `restic backup --files-from LIST` take the paths that restic itself
#   prints and `restic dump` accepts; a path that is not found is an error.
# Seen: both take patterns. A file with a bracket in its name, as a browser's second download "scan [1].pdf", is not
#   restored (0 files, status 0, not a word) and not backed up (a line on stderr, status 0, a snapshot of the rest).
#   `dump` of the same path works. Not in restic's statuses: 3 stands for what cannot be read, not for what is missing.
# Versions: restic 0.19.1 (Go).
# Why it matters: chats hand an assistant files with such names, and a tool that builds the list itself meets them
#   after years. Escape the path, restore `<snapshot>:<folder>`, use --files-from-verbatim, count what came back.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need python3

go_program github.com/restic/restic/cmd/restic@v0.19.1
export RESTIC_REPOSITORY=$work/repository RESTIC_PASSWORD=example RESTIC_CACHE_DIR=$work/cache
mkdir media
echo scan >'media/scan [1].pdf'
echo note >media/note.txt
"$program" init --quiet
files_in_latest() {
  "$program" ls latest --json | python3 -c 'import json, sys; print(*[one["name"] for one in map(json.loads, sys.stdin)
    if one.get("type") == "file"], sep=", ")'
}

"$program" backup --quiet media
expect 'a snapshot of the folder' "$(files_in_latest)" 'note.txt, scan \[1\].pdf'
expect 'dump' "$("$program" dump latest '/media/scan [1].pdf')" scan
status=0
"$program" restore latest --target back --include '/media/scan [1].pdf' &>"$work/said" || status=$?
expect 'restore --include, status' "$status" 0
expect 'restore --include, files' "$(find back -type f | wc -l)" 0
expect 'restore --include, words' "$(grep --only-matching 'Restored 0 files' "$work/said")" 'Restored 0 files'
"$program" restore latest --target back --include '/media/scan \[1\].pdf' >/dev/null
expect 'the same, escaped' "$(find back -type f | wc -l)" 1

printf '%s\n' "$work/media/scan [1].pdf" "$work/media/note.txt" >list
status=0
"$program" backup --quiet --files-from list 2>"$work/said" || status=$?
expect 'backup --files-from, status' "$status" 0
expect 'backup --files-from, files' "$(files_in_latest)" note.txt
"$program" backup --quiet --files-from-verbatim list
expect 'backup --files-from-verbatim, files' "$(files_in_latest)" 'note.txt, scan \[1\].pdf'
done_with
