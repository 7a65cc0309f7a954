#!/bin/sh
# Degraded against healthy: GETs of 4 KiB and 1 MiB on six drives (4+2), then the same with two of them
# absent. The data sets are several times as large as the read cache. Every body is verified.
# Usage: bench/degraded.sh HAMSTER EMPTY-DIRECTORY [ROUNDS] [SECONDS]. Needs curl.
set -eu
hamster=$(realpath "$1") directory=$(realpath "$2") rounds=${3:-3} seconds=${4:-5}
endpoint=127.0.0.1:9296
. "$(dirname "$0")/server.sh"
memory='--memory 2GiB'

# Sets `rates`, of so many rounds each.
measure() {
    rates=
    for size in 4KiB 1MiB; do
        objects=100000
        [ "$size" = 4KiB ] || objects=512
        for round in $(seq "$rounds"); do
            report=$(load --operation get --size "$size" --objects "$objects" --duration "$seconds" \
                --bucket "$(echo "get-$size" | tr '[:upper:]' '[:lower:]')" $prepare)
            rate=$(echo "$report" | field operations_per_second)
            echo "$1, GET $size, round $round: $rate/s, p99 $(echo "$report" | field p99_us) us"
            rates="$rates $1 $size $rate"
            prepare=$([ "$round" = "$rounds" ] && echo "$after" || echo --no-prepare)
        done
    done
}

machine
flags=$(drive_flags 6 drives)
"$hamster" init --listen "$listen" $flags >/dev/null
start_server $flags $memory
prepare='' after=''
measure healthy
all=$rates
stop_server
for drive in 2 5; do
    mv "$directory/drives/d$drive" "$directory/drives/away-$drive"
    mkdir "$directory/drives/d$drive"
done
start_server $flags $memory
prepare=--no-prepare after=--no-prepare
measure degraded
"$hamster" status --data-dir "$directory/drives/d1" | grep drives
stop_server
echo "$all $rates" | tr ' ' '\n' | grep . | paste - - - | sort -k 1,2 -k 3n | awk '
    { count[$1 $2]++; value[$1 $2, count[$1 $2]] = $3 }
    function middle(name) { return value[name, int((count[name] + 1) / 2)] }
    END { for (size = 1; size <= 2; size++) { name = size == 1 ? "4KiB" : "1MiB"
        printf "GET %s: degraded is %.2f of healthy (medians %d and %d /s)\n", name,
            middle("degraded" name) / middle("healthy" name), middle("degraded" name), middle("healthy" name) } }'
uptime
