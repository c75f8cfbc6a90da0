# shellcheck shell=bash
# What a new instance runs once: it becomes the machine that the stack describes, and CloudFormation is told how that went.
# Set before these lines: STACK, REGION and RESOURCE, where the description is, and SIGNAL_SECONDS, how long a deploy waits.
#
# Everything may be out of reach for a while, so each step is tried again. A machine that has its own files looks after
# itself: its health check has it replaced. One that has none ends itself, and the group launches another; as it tries for
# a quarter of an hour first, there are at most four of those in an hour.

# Not -e: every failure has its answer here.
set -uo pipefail

cfn=${OPENCLAW_CFN:-/opt/aws/bin}
libexec=${OPENCLAW_LIBEXEC:-/usr/local/libexec/openclaw}
init_log=${OPENCLAW_CFN_INIT_LOG:-/var/log/cfn-init.log}
description=(--region "${REGION:?}" --stack "${STACK:?}" --resource "${RESOURCE:?}")
# What is left of a deploy's wait is for an attempt that takes its time.
patience=$((${SIGNAL_SECONDS:?} - 300))
signalled=""

say() { printf 'user-data: %s\n' "$*" >&2; }

has_its_files() { systemctl is-active --quiet openclaw-health.timer; }

# signal STATUS: tells CloudFormation once, 0 for success. The signal's id is the instance's, as it must be for a group.
signal() {
  local answer pause=5
  [[ -z $signalled ]] || return 0
  signalled=yes
  until answer=$("$cfn/cfn-signal" -e "$1" "${description[@]}" 2>&1); do
    if [[ $answer == *ValidationError* ]]; then
      say "no deploy waits for this machine"
      return
    fi
    say "cfn-signal: $answer"
    ((SECONDS < SIGNAL_SECONDS)) || return
    sleep "$pause"
    pause=$((pause < 30 ? pause * 2 : 60))
  done
}

give_up() {
  say "cfn-init has failed at '$1' for $SECONDS s: $init_log ends with"
  tail --lines=30 "$init_log" >&2
  [[ ! -x $libexec/report-failure ]] || tail --lines=30 "$init_log" | "$libexec/report-failure" "cfn-init $1"
  signal 1
  has_its_files && return
  say "this instance cannot become a machine and ends itself; its group launches another"
  systemctl poweroff
  exit 1
}

# apply CONFIGSET: has cfn-init carry it out, again after each failure.
apply() {
  local pause=5
  until "$cfn/cfn-init" -v "${description[@]}" -c "$1"; do
    if ((SECONDS >= patience)) && [[ -z $signalled ]]; then give_up "$1"; fi
    say "cfn-init failed at '$1'; again in $pause s"
    sleep "$pause"
    pause=$((pause < 30 ? pause * 2 : 60))
  done
}

apply machine
apply software
# Logs, metrics and swap come before OpenClaw if they can: they are waited for, but they do not decide.
timeout 120 systemctl start openclaw-extras.service || say "going on without all of openclaw-extras.service"
status=0
"$libexec/first-start" || status=$?
signal "$status"
exit "$status"
