# shellcheck shell=bash
# What the gateway says of itself, and what the kernel did to it; sourced after common.sh. The container is not trusted:
# every answer is bounded in size and time, must be one JSON object with the fields that count, and is printed without
# control characters.

RUN=${OPENCLAW_RUN:-/run/openclaw}
CONTAINER=openclaw-gateway
ANSWER_BYTES=65536

# What /readyz gives as `failing` for the gateway itself (OpenClaw's docs/gateway/health.md); all else names a channel.
# A database of an agent, agent-database:<id>, is told from a channel by its colon.
# shellcheck disable=SC2016 # for jq
CHANNELS_ALONE='
  ["gateway-draining", "internal", "plugin-reload", "startup-sidecars", "state-database"] as $own
  | select(.ready == false) | .failing
  | select(type == "array" and length >= 1 and length <= 64)
  | select(all(.[]; type == "string" and test("\\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\z")))
  | select(. - $own == .)
  | unique | join(" ")'

# bounded: standard input as far as a bash variable and a log line can take it.
bounded() { head --bytes "$ANSWER_BYTES" | tr --delete '\000'; }

# printable TEXT: its first 300 characters, each that could act on a terminal or forge a line as a question mark.
printable() {
  local LC_ALL=C text=${1:0:300}
  printf '%s' "${text//[^ -~]/?}"
}

# ask PATH: the body of the answer of the gateway's published port, whatever its status.
ask() {
  curl --disable --silent --noproxy '*' --max-time 5 --max-filesize "$ANSWER_BYTES" \
    "${OPENCLAW_GATEWAY_URL:-http://127.0.0.1:18789}/$1" 2>/dev/null | bounded
}

# ask_inside PATH: the same, asked on the container's own loopback, where the gateway gives its reasons without a token.
# So no secret is handed around, and a token or password that the configuration changes does not matter.
ask_inside() {
  local text
  # The inner time limit is for the process in the container, which outlives its client.
  # shellcheck disable=SC2016 # for the bash in the container
  text=$(timeout --kill-after 2 10 docker exec "$CONTAINER" bash -c '
    exec 3<>/dev/tcp/127.0.0.1/18789 || exit
    printf "GET /%s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$0" >&3
    exec timeout 8 cat <&3' "$1" 2>/dev/null | bounded)
  printf '%s' "${text#*$'\r\n\r\n'}"
}

# of TEXT FILTER: what jq's FILTER makes of TEXT, where that is one JSON object; nothing where it is anything else.
of() {
  printf '%s' "$1" | jq --raw-output --slurp 'select(length == 1) | .[0] | select(type == "object") | '"$2" 2>/dev/null
}

# gateway_serves: whether the gateway is ready, or has started and fails in channels alone, whose names are then in
# `channels`: one that is out of reach takes neither the page, the command line and the jobs nor the other channels
# down. Its last words are in `answer`. The body decides, not the status: the page answers unknown paths with 200 too.
gateway_serves() {
  local startup
  channels=''
  answer=$(ask readyz)
  [[ $(of "$answer" '.ready == true') != true ]] || return 0
  [[ $(of "$answer" '.ready == false') == true ]] || return 1
  startup=$(ask startupz)
  # A release before 2026.8.1 does not know this path, and its page answers.
  [[ $(of "$startup" '.status == "started"') == true || $startup == '<'* ]] || return 1
  answer=$(ask_inside readyz)
  channels=$(of "$answer" "$CHANNELS_ALONE")
  [[ -n $channels || $(of "$answer" '.ready == true') == true ]]
}

# tell_channels: one line for each change of which channels fail, and their number as a metric.
tell_channels() {
  local said='' names
  [[ ! -e $RUN/channels-failing ]] || said=$(<"$RUN/channels-failing")
  if [[ $said != "$channels" ]]; then
    printf '%s\n' "$channels" >"$RUN/channels-failing"
    if [[ -n $channels ]]; then
      log "error: these channels do not work: $channels. Everything else of OpenClaw serves; why they fail:" \
        "journalctl -u openclaw.service, or: openclaw channels status --probe"
    else
      log "all channels work again: $said"
    fi
  fi
  read -ra names <<<"$channels"
  publish_metric ChannelsFailing "${#names[@]}"
}

# tell_kills: says and counts what was killed for memory in the gateway's container since this was last asked.
tell_kills() {
  local since=0 now kills
  [[ ! -e $RUN/kills-asked ]] || since=$(<"$RUN/kills-asked")
  now=$(date +%s.%N)
  # Docker keeps the latest 256 events, and the container's health check makes three a minute.
  kills=$(timeout 5 docker events --since "$since" --until "$now" --filter "container=$CONTAINER" \
    --filter event=oom --format . 2>/dev/null | wc --lines) || return 0
  printf '%s\n' "$now" >"$RUN/kills-asked"
  ((kills > 0)) || return 0
  log "error: killed for memory in OpenClaw's container: $kills; a larger instance type, or less work at once, helps"
  publish_metric KilledForMemory "$kills"
}
