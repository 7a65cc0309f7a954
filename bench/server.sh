# Sourced by the other scripts: one server on CPU 0, one client on CPU 1, figures out of both.
# Needs: hamster (path), directory (absolute), endpoint.
export HAMSTER_ACCESS_KEY_ID=hamster HAMSTER_SECRET_ACCESS_KEY=keep-this-one-secret HAMSTER_LOG=warn
listen=${listen:-127.0.0.1:9294}
server=
trap '[ -z "$server" ] || kill "$server"' EXIT
trap 'exit 1' INT TERM

# The drives d1 to d$1 of the directory "$2", as flags.
drive_flags() {
    for drive in $(seq "$1"); do
        printf ' --data-dir %s/%s/d%s' "$directory" "$2" "$drive"
    done
}

# Starts the server with flags, and waits until it answers; `started_ms` is what that took.
start_server() {
    begun=$(date +%s%N)
    taskset -c 0 "$hamster" serve "$@" --s3 "$endpoint" --cores 1 &
    server=$!
    until curl -s -o /dev/null "http://$endpoint/"; do
        kill -0 "$server"
        sleep 0.01
    done
    started_ms=$((($(date +%s%N) - begun) / 1000000))
}

# Ends it, by SIGTERM or the signal given.
stop_server() {
    kill "-${1:-TERM}" "$server"
    wait "$server" || true
    server=
}

# Load of 64 connections; its report in JSON.
load() {
    taskset -c 1 "$hamster" --json bench load --endpoint "http://$endpoint" --connections 64 \
        --server-pid "$server" "$@"
}

# A number of a JSON report.
field() {
    grep -o "\"$1\":[0-9.]*" | head -n 1 | cut -d : -f 2
}

machine() {
    date -u '+%F %R'
    grep -m 1 'model name' /proc/cpuinfo
    uname -r
    uptime
}
