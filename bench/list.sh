#!/bin/sh
# What a page of a listing costs: 1,000 entries, flat and delimited, in a bucket of 10^4, 10^5 and 10^6
# keys, and of 10^4 keys where 10^6 were deleted. One server on one CPU, the client on the other.
# Usage: bench/list.sh HAMSTER EMPTY-DIRECTORY [KEYS]. Needs curl.
set -eu
hamster=$(realpath "$1") directory=$(realpath "$2") keys=${3:-1000000}
endpoint=127.0.0.1:9298
. "$(dirname "$0")/server.sh"

machine
flags=$(drive_flags 1 listed)
"$hamster" init --listen "$listen" $flags >/dev/null
start_server $flags
taskset -c 1 "$hamster" bench list --endpoint "http://$endpoint" --keys "$keys" --server-pid "$server"
stop_server
uptime
