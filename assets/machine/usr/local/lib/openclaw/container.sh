# shellcheck shell=bash
# What the gateway's container and one of a command on the stopped state have in common; sourced after common.sh.

# The container of a command on the stopped state.
# shellcheck disable=SC2034 # for the programs that source this
OFFLINE=openclaw-offline

# What the machine needs beside the container: Docker, the agents, and a backup, which peaks at some 140 MiB.
HOST_MIB=448

# lock_state OPTION…: the right to run OpenClaw on this machine's state, with flock's options; held until this process
# and all that it becomes or starts have ended.
lock_state() {
  exec {state_lock}>"${OPENCLAW_RUN:-/run/openclaw}/state.lock"
  flock --exclusive "$@" "$state_lock"
}

# limit_memory: exports how much memory, and memory with swap, Compose allows the container: the kernel then ends what
# is too large in it, and not the machine's own programs. 512 MiB of setup-swap's 2 GiB stay with those.
limit_memory() {
  local name kib total=0
  while read -r name kib _; do
    [[ $name != MemTotal: ]] || total=$((kib / 1024))
  done <"${OPENCLAW_MEMINFO:-/proc/meminfo}"
  # On a machine that small no limit leaves room for both.
  ((total > 2 * HOST_MIB)) || return 0
  local host=$((total / 10 > HOST_MIB ? total / 10 : HOST_MIB))
  export OPENCLAW_MEMORY_LIMIT=$((total - host))m OPENCLAW_MEMORY_SWAP_LIMIT=$((total - host + 1536))m
}
