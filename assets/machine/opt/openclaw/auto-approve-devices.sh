#!/usr/bin/env bash
# Approves OpenClaw devices that knock while an operator has opened a window, and only those that are what they should
# be: the Control UI or web chat, as operator, with listed scopes, through this machine's own port, asked for just now.
#
#   auto-approve-devices.sh open [MINUTES]   opens the window (default 10, at most 60)
#   auto-approve-devices.sh close            closes it
#   auto-approve-devices.sh                  one pass; with autoApproveDevices=true a timer makes it every 15 s
#
# OpenClaw's rules: https://docs.openclaw.ai/gateway/pairing
set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../../usr/local/lib/openclaw
source "${OPENCLAW_LIB:-/usr/local/lib/openclaw}/common.sh"

WINDOW=${OPENCLAW_RUN:-/run/openclaw}/approve-until
CONTAINER=openclaw-gateway
MAX_AGE_SECONDS=120
MAX_MINUTES=60

open_window() {
  local minutes=${1:-10}
  if [[ ! $minutes =~ ^[1-9][0-9]?$ ]] || ((minutes > MAX_MINUTES)); then
    die "MINUTES must be a whole number from 1 to $MAX_MINUTES, got '$minutes'"
  fi
  printf '%s\n' "$(($(date +%s) + minutes * 60))" >"$WINDOW.new"
  mv "$WINDOW.new" "$WINDOW"
  log "devices that ask within $minutes minutes are approved"
}

close_window() {
  rm -f "$WINDOW"
  log "the window is closed"
}

# window_is_open: false, with the file removed, when the time is over or the file is not one we wrote.
window_is_open() {
  local end
  [[ -e $WINDOW ]] || return 1
  end=$(<"$WINDOW")
  [[ $end =~ ^[0-9]{1,12}$ ]] && (($(date +%s) < end)) && return
  close_window
  return 1
}

gateway() { docker exec "$CONTAINER" openclaw "$@"; }

# A browser that comes through the published port has the bridge's gateway as its address, a node elsewhere has not.
bridge_address() {
  docker inspect --format '{{range .NetworkSettings.Networks}}{{println .Gateway}}{{end}}' "$CONTAINER" | head -n 1
}

# eligible BRIDGE: the ids to approve, from the list on standard input.
eligible() {
  jq --raw-output --arg bridge "$1" --argjson now "$(date +%s)000" --argjson age "${MAX_AGE_SECONDS}000" '
    ["operator.admin", "operator.approvals", "operator.pairing", "operator.questions", "operator.read",
      "operator.write"] as $scopes
    | .pending[]
    | select((.requestId | type) == "string" and (.requestId | test("^[A-Za-z0-9][A-Za-z0-9_-]{7,127}$")))
    | select(.clientId == "openclaw-control-ui" or .clientId == "webchat")
    | select(.role == "operator" and ((.roles // ["operator"]) == ["operator"]))
    | select((.scopes | type) == "array" and (.scopes - $scopes) == [])
    | select($bridge != "" and .remoteIp == $bridge)
    | select((.isRepair // false) == false)
    | select((.ts | type) == "number" and .ts <= $now + 5000 and .ts > $now - $age)
    | .requestId'
}

approve_eligible() {
  local list ids id
  window_is_open || return 0
  list=$(gateway devices list --json) || die "cannot list the devices"
  ids=$(eligible "$(bridge_address)" <<<"$list") || die "the list of devices is not as expected"
  while IFS= read -r id; do
    [[ -n $id ]] || continue
    # The window may have been closed while the one before was approved.
    window_is_open || return 0
    gateway devices approve "$id" --json >/dev/null </dev/null || die "cannot approve request $id"
    log "approved request $id"
  done <<<"$ids"
}

case ${1:-} in
  open) open_window "${2:-}" ;;
  close) close_window ;;
  '') approve_eligible ;;
  *) die "expected open, close or nothing, got '$1'" ;;
esac
