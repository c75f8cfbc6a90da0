# shellcheck shell=bash
# What the operator's programs begin with: the deployment that STACK and REGION or cdk.json name, the programs they need,
# failure.

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# require_programs NAME…
require_programs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "$program is missing; install it and run this again"
  done
}

# in_context KEY: what cdk.json's context gives it, or nothing.
in_context() {
  jq --raw-output --arg key "$1" '.context[$key] // empty' "$(dirname "${BASH_SOURCE[0]}")/../cdk.json"
}

# Sets stack and region. Without REGION the region is that of cdk.json's zone, as for a deploy, before the shell's own.
find_deployment() {
  require_programs jq
  local zone
  zone=$(in_context az)
  stack=${STACK:-$(in_context stack)}
  stack=${stack:-dev}
  region=${REGION:-${zone%[a-z]}}
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}
  [[ -n $region ]] || die "REGION must be the deployment's region, like me-central-1, got nothing (az in cdk.json says it too)"
}

# Sets group, the deployment's Auto Scaling group, and instance, the machine that it has in service.
find_machine() {
  find_deployment
  group=openclaw-$stack
  # shellcheck disable=SC2016  # the backticks are JMESPath's
  instance=$(aws autoscaling describe-auto-scaling-groups --region "$region" --auto-scaling-group-names "$group" \
    --query 'AutoScalingGroups[0].Instances[?LifecycleState==`InService`]|[0].InstanceId' --output text)
  [[ $instance == i-* ]] || die "no machine of $group is in service in $region: STACK and REGION must name a deployment"
}

# Sets bucket, the deployment's state bucket, which may be there or not.
find_bucket() {
  find_deployment
  bucket=openclaw-backup-$stack-$(aws sts get-caller-identity --query Account --output text)-$region
}

# find_bucket, for what needs it to be there.
require_bucket() {
  local answer
  find_bucket
  answer=$(aws s3api head-bucket --region "$region" --bucket "$bucket" 2>&1) ||
    die "cannot use the state bucket $bucket: STACK and REGION must name a deployment with backups (${answer//$'\n'/ })"
}

# Sets snapshot or at, and paths: what SNAPSHOT or AT, and PATHS, say that is to be restored.
read_request() {
  snapshot=${SNAPSHOT:-}
  at=${AT:-}
  [[ -n $snapshot && -z $at || -z $snapshot && -n $at ]] ||
    die "SNAPSHOT (an id of \`make snapshots\`, or latest) or AT must be given, and not both, got SNAPSHOT='$snapshot' AT='$at'"
  [[ -z $at || $at =~ ^[0-9]{4}-[01][0-9]-[0-3][0-9]\ [0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$ ]] ||
    die "AT must be a time in UTC like '2026-11-20 14:00', got '$at'"
  # shellcheck disable=SC2034  # the programs that call this read it
  read -ra paths <<<"${PATHS:-}"
}
