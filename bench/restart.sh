#!/bin/sh
# How long a start takes and what memory it holds, by the number of records: bodies of one byte on one
# drive, written through S3; then the server is drained and started, killed and started. Time: from exec
# to the first answer. Usage: bench/restart.sh HAMSTER EMPTY-DIRECTORY [RECORDS...]. Needs curl.
set -eu
hamster=$(realpath "$1") directory=$(realpath "$2")
shift 2
endpoint=127.0.0.1:9295
. "$(dirname "$0")/server.sh"

memory() {
    awk '/^VmRSS/ { rss = $2 } /^VmHWM/ { peak = $2 } END { printf "RSS %d MiB, peak %d MiB", rss / 1024, peak / 1024 }' \
        "/proc/$server/status"
}

reads() {
    load --operation get --size 1 --objects "$records" --no-prepare --warm-up 0 --duration 5 | field operations_per_second
}

machine
for records in ${*:-100000 1000000}; do
    flags=$(drive_flags 1 "of-$records")
    "$hamster" init --listen "$listen" $flags >/dev/null
    start_server $flags
    echo "empty: started in $started_ms ms, $(memory)"
    begun=$(date +%s)
    load --operation get --size 1 --objects "$records" --warm-up 0 --duration 1 >/dev/null
    echo "$records records written in $(($(date +%s) - begun)) s, $(memory)"
    for signal in TERM KILL; do
        stop_server $signal
        start_server $flags
        echo "$records records: after SIG$signal started in $started_ms ms, $(memory); then $(reads) GETs/s, $(memory)"
    done
    stop_server
    du -sm "$directory/of-$records" | awk '{ print $1 " MB on the drive" }'
    rm -r "$directory/of-$records"
done
uptime
