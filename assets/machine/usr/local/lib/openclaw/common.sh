# shellcheck shell=bash
# Shared by the programs in /usr/local/libexec/openclaw. Messages go to stderr (the journal), data to stdout.

# set -e holds inside $(…) too.
shopt -s inherit_errexit

# One AWS call must not outlive a boot; retry() adds attempts for what the CLI itself does not retry.
export AWS_PAGER="" AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=4

log() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  log "error: $*"
  exit 1
}

# retry ATTEMPTS COMMAND...: runs COMMAND until it succeeds, waiting 1, 2, 4 … 16 seconds in between.
retry() {
  local attempts=$1 delay=${OPENCLAW_RETRY_DELAY:-1} try
  shift
  for ((try = 1; ; try++)); do
    "$@" && return 0
    ((try < attempts)) || return 1
    log "attempt $try of $attempts failed: ${1##*/}; again in $delay s"
    sleep "$delay"
    delay=$((delay < 16 ? delay * 2 : 16))
  done
}

aws_cli() { aws --cli-connect-timeout 5 --cli-read-timeout 60 "$@"; }

# publish_metric NAME VALUE: best effort, so that monitoring never decides whether the service runs.
publish_metric() {
  timeout 20 "${BASH_SOURCE[0]%/*}/../../libexec/openclaw/publish-metric" "$1" "$2" >&2 ||
    log "metric $1=$2 was not published"
}
