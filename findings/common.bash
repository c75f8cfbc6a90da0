# shellcheck shell=bash
# What each finding begins with: a temporary folder to work in, pinned packages, servers that end with it, comparisons.
# Exit status of a finding: 0 all as stated, 1 something has changed, 2 it could not be run.

work=$(mktemp -d)
# All findings of one `make findings` install into one folder; one that is run by itself has its own.
packages=${FINDINGS_PACKAGES:-$work/packages}
mkdir -p "$packages" "$work/home"
# Away from any .npmrc, package.json or state of whoever runs this.
cd "$work" || exit 2
declare -a servers=()
changed=0

finish() {
  local status=$?
  local server
  for server in ${servers[@]+"${servers[@]}"}; do
    kill "$server" 2>/dev/null || continue
    wait "$server" 2>/dev/null || true
  done
  rm -rf "${work:?}"
  exit "$status"
}
trap finish EXIT

die() {
  echo "cannot run: $*" >&2
  exit 2
}

# expect WHAT SEEN STATED: STATED is a glob pattern.
expect() {
  # shellcheck disable=SC2053
  if [[ $2 == $3 ]]; then
    echo "  $1: $2"
  else
    echo "  CHANGED $1: '$2', stated was '$3'"
    changed=1
  fi
}

# done_with: the last line of a finding.
done_with() {
  exit "$changed"
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "$program is missing"
  done
}

# go_program PACKAGE@VERSION: sets program. Go's own caches make a second build a matter of seconds.
go_program() {
  need go
  local folder=$packages/go/${1//[\/@]/_}
  if ! ls "$folder"/* &>/dev/null; then
    GOBIN=$folder GOFLAGS=-p=1 go install "$1" &>"$work/install.log" || die "go install $1: $(tail -1 "$work/install.log")"
  fi
  program=$(echo "$folder"/*)
}

# python_packages NAME==VERSION…: sets python, which has them.
python_packages() {
  need python3
  local folder
  folder=$packages/python/$(echo "$*" | tr -c '[:alnum:].\n' _)
  if [[ ! -e $folder/installed ]]; then
    python3 -m venv "$folder" || die "python3 -m venv"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || die "pip install $*"
    touch "$folder/installed"
  fi
  # shellcheck disable=SC2034  # for the finding
  python=$folder/bin/python
}

# npm_packages FOLDER NAME@VERSION…
npm_packages() {
  need npm
  local folder=$packages/npm/$1
  [[ -e $folder/installed ]] && return
  mkdir -p "$folder"
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "${@:2}" >/dev/null ||
    die "npm install ${*:2}"
  touch "$folder/installed"
}

# openclaw_release VERSION: makes `openclaw` that release, on the Node that it asks for.
openclaw_release() {
  local machine=x64
  [[ $(uname -m) == x86_64 ]] || machine=arm64
  npm_packages node "node-linux-$machine@24.21.0"
  [[ -e $packages/npm/openclaw-$1/installed ]] || PATH=$packages/npm/node/node_modules/node-linux-$machine/bin:$PATH \
    npm_packages "openclaw-$1" "openclaw@$1"
  openclaw=(env -i HOME="$work/home" PATH="$packages/npm/node/node_modules/node-linux-$machine/bin:/usr/bin:/bin"
    TMPDIR="$work" NO_COLOR=1 OPENCLAW_NO_AUTO_UPDATE=1 OPENCLAW_DISABLE_BONJOUR=1 OPENCLAW_GATEWAY_TOKEN=example
    node "$packages/npm/openclaw-$1/node_modules/openclaw/openclaw.mjs")
}

openclaw() {
  "${openclaw[@]}" "$@"
}

free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve URL COMMAND…: starts a server in the background and waits until URL answers. Sets server, its process id.
serve() {
  local url=$1 try
  shift
  "$@" &>"$work/server.log" &
  server=$!
  servers+=("$server")
  for ((try = 0; try < 1500; try++)); do
    curl --silent --output /dev/null "$url" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  die "$1 does not answer: $(tail -3 "$work/server.log")"
}

# stop: ends the server that was started last.
stop() {
  kill "$server"
  wait "$server" || true
  unset 'servers[-1]'
}

# gateway: starts OpenClaw's gateway on a free port and waits until it is ready. Sets port and server.
gateway() {
  local try
  need curl
  port=$(free_port)
  serve "http://127.0.0.1:$port/healthz" "${openclaw[@]}" gateway run --allow-unconfigured --bind loopback --port "$port"
  for ((try = 0; try < 1500; try++)); do
    [[ $(status "http://127.0.0.1:$port/readyz") == 200 ]] && return
    sleep 0.2
  done
  die "the gateway does not get ready: $(tail -3 "$work/server.log")"
}

# status URL: of a GET
status() {
  curl --silent --output /dev/null --write-out '%{http_code}' "$1"
}
