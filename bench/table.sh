#!/bin/sh
# Prints the table of RESULTS.md: the device's ceilings, then 4 KiB and 1 MiB PUT and GET with 64
# connections, server on CPU 0 and client on CPU 1, for one drive and for six, each line run ROUNDS
# times. Usage: bench/table.sh HAMSTER DIRECTORY [ROUNDS] [SECONDS]; the directory must be empty, and
# on the disk to be measured.
set -eu
hamster=$(realpath "$1") directory=$(realpath "$2") rounds=${3:-3} seconds=${4:-5}
endpoint=127.0.0.1:9299
export HAMSTER_ACCESS_KEY_ID=hamster HAMSTER_SECRET_ACCESS_KEY=keep-this-one-secret HAMSTER_LOG=warn
server=
trap '[ -z "$server" ] || kill "$server"' EXIT

load() {
    taskset -c 1 "$hamster" bench load --endpoint "http://$endpoint" --connections 64 \
        --duration "$seconds" --server-pid "$server" "$@" |
        awk '/^(PUT|GET)/ { rate = $2; mb = $3; p50 = $4; p99 = $6; errors = $9 }
             /^client CPU/ { for (i = 1; i < NF; i++) if ($i == "s:") cpu = $(i + 1) }
             END { printf "%s ops/s, %s MB/s, p50 %s us, p99 %s us, %s per server-CPU-second, %s errors\n", rate, mb, p50, p99, cpu, errors }'
}

lines() {
    for size in 4KiB 1MiB; do
        objects=10000
        [ "$size" = 4KiB ] || objects=128
        for operation in put get; do
            prepare=
            for round in $(seq "$rounds"); do
                printf '%s drives, %s %s, round %s: ' "$1" "$operation" "$size" "$round"
                load --operation "$operation" --size "$size" --objects "$objects" \
                    --bucket "table-$(echo "$size" | tr '[:upper:]' '[:lower:]')-$operation" $prepare
                [ "$operation" = put ] || prepare=--no-prepare
            done
        done
    done
}

date -u +%F
grep -m 1 'model name' /proc/cpuinfo
uname -r
uptime
taskset -c 0 "$hamster" bench device --dir "$directory"
for drives in 1 6; do
    flags=
    for drive in $(seq "$drives"); do
        flags="$flags --data-dir $directory/of-$drives-d$drive"
    done
    "$hamster" init $flags
    taskset -c 0 "$hamster" serve $flags --s3 "$endpoint" --cores 1 &
    server=$!
    until "$hamster" status --data-dir "$directory/of-$drives-d1" >/dev/null 2>&1; do sleep 0.2; done
    lines "$drives"
    kill "$server"
    wait "$server"
    server=
done
uptime
