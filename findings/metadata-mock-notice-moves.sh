#!/usr/bin/env bash
# Expected: a spot interruption notice has one time. EC2 sets it once; whoever asks again reads the same.
# Seen: in AWS's own amazon-ec2-metadata-mock the time is two minutes from each request: it recedes as fast as the clock,
#   and so does the time of the rebalance recommendation. A second reader sees another notice. Beside the notice,
#   `instance-life-cycle` says on-demand.
# Versions: amazon-ec2-metadata-mock 1.13.0 (Go).
# Why it matters: a drain that is tested with it never runs out of time, as it reads again what is left and finds two
#   minutes, and a watcher that knows a notice by its time handles a new one at each poll: one fault hidden, one
#   invented. Start it with --time and --rebalance-rec-time, and set the life cycle in its configuration.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need curl python3

go_program github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock@v1.13.0
mock() {
  port=$(free_port)
  serve "http://127.0.0.1:$port/latest/meta-data/" env HOME="$work/home" "$program" spot --hostname 127.0.0.1 --port "$port" "$@"
}
# about PATH
about() {
  local token
  token=$(curl --silent --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "http://127.0.0.1:$port/latest/api/token")
  curl --silent --header "X-aws-ec2-metadata-token: $token" "http://127.0.0.1:$port/latest/meta-data/$1"
}
# moves PATH KEY: whether a second look, three seconds later, sees another time
moves() {
  local first
  first=$(about "$1")
  sleep 3
  python3 -c 'import json, sys; from datetime import datetime as d
first, second = (d.fromisoformat(json.loads(text)[sys.argv[1]].rstrip("Z")) for text in sys.argv[2:])
print("moves" if 2 <= (second - first).total_seconds() <= 30 else "stands")' "$2" "$first" "$(about "$1")"
}

mock
expect 'time of the interruption' "$(moves spot/instance-action time)" moves
expect 'time of the recommendation' "$(moves events/recommendations/rebalance noticeTime)" moves
expect 'life cycle' "$(about instance-life-cycle)" on-demand
stop
mock --time "$(date --utc --date '2 minutes' +%Y-%m-%dT%H:%M:%SZ)"
expect 'time of the interruption with --time' "$(moves spot/instance-action time)" stands
done_with
