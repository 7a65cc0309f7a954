#!/bin/sh
# What 2,000 slow connections do to healthy ones: GETs of 4 KiB at a fixed rate, alone, beside them, and
# alone again. Usage: bench/slow.sh HAMSTER EMPTY-DIRECTORY [COUNT] [RATE]. Needs curl and python3.
set -eu
hamster=$(realpath "$1") directory=$(realpath "$2") count=${3:-2000} rate=${4:-2000}
endpoint=127.0.0.1:9299
. "$(dirname "$0")/server.sh"

measure() {
    load --operation get --size 4KiB --objects 10000 --rate "$rate" --duration 20 "$@" |
        awk -v what="$what" '{ print what ": " $0 }'
}

machine
ulimit -n 8192
flags=$(drive_flags 1 slow)
"$hamster" init --listen "$listen" $flags >/dev/null
start_server $flags
what=alone measure
taskset -c 1 python3 "$(dirname "$0")/slow.py" "${endpoint%:*}" "${endpoint#*:}" "$count" 50 &
slow=$!
sleep 8
what=beside measure --no-prepare
wait "$slow"
what="alone again" measure --no-prepare
stop_server
uptime
