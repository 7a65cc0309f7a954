#!/bin/sh
# Syncs for each PUT and bytes written for each byte put: durable PUTs of 4 KiB over and over the same
# 10,000 keys, 64 connections, on four drives (2+2) and six (4+2), small bodies in three copies. First
# from empty directories, then ROUNDS times in the steady state, in which segments are recycled.
# Usage: bench/writes.sh HAMSTER EMPTY-DIRECTORY [ROUNDS] [SECONDS] [DRIVES]. Needs curl.
set -eu
hamster=$(realpath "$1") directory=$(realpath "$2") rounds=${3:-3} seconds=${4:-20}
endpoint=127.0.0.1:9297 metrics=
. "$(dirname "$0")/server.sh"

metric() {
    echo "$metrics" | awk -v name="$1" '$1 ~ "^" name "[{]" || $1 == name { sum += $2 } END { printf "%.0f", sum }'
}

measure() {
    metrics=$("$hamster" metrics --data-dir "$directory/of-$drives/d1")
    syncs=$(metric hamster_drive_syncs_total) written=$(metric hamster_drive_written_bytes_total)
    entries=$(metric hamster_metadata_applied_index)
    recycled=$(metric hamster_drive_segments_recycled_total)
    report=$(load --operation put --size 4KiB --objects 10000 --warm-up 0 --duration "$seconds")
    metrics=$("$hamster" metrics --data-dir "$directory/of-$drives/d1")
    awk -v drives="$drives" -v round="$1" -v puts="$(echo "$report" | field operations)" \
        -v rate="$(echo "$report" | field operations_per_second)" \
        -v all="$(echo "$report" | field written_per_put_byte)" \
        -v syncs=$(($(metric hamster_drive_syncs_total) - syncs)) \
        -v written=$(($(metric hamster_drive_written_bytes_total) - written)) \
        -v entries=$(($(metric hamster_metadata_applied_index) - entries)) \
        -v recycled=$(($(metric hamster_drive_segments_recycled_total) - recycled)) 'BEGIN {
            printf "%s drives, %s: %d PUTs (%d/s); for each PUT and drive %.3f syncs of objects and at most %.3f of the log; written for each byte %.2f (objects %.2f); %d segments recycled\n",
                drives, round, puts, rate, syncs / puts / drives, entries / puts, all, written / puts / 4096, recycled }'
}

machine
for drives in ${5:-4 6}; do
    flags=$(drive_flags "$drives" "of-$drives")
    "$hamster" init --listen "$listen" $flags >/dev/null
    start_server $flags
    measure "from empty"
    # Until the segments of the empty directories have had their turn.
    metrics=
    while [ "$(metric hamster_drive_segments_recycled_total)" -lt "$drives" ] 2>/dev/null ||
        [ -z "$metrics" ]; do
        load --operation put --size 4KiB --objects 10000 --warm-up 0 --duration "$seconds" >/dev/null
        metrics=$("$hamster" metrics --data-dir "$directory/of-$drives/d1")
    done
    for round in $(seq "$rounds"); do
        measure "steady, round $round"
    done
    stop_server
done
uptime
