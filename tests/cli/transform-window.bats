#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform on live streams: windows appear when they close, late records are kept, signals and
# the clock close what is open.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
}

# Waits until FILE has N lines, for ten seconds at most.
wait_lines() {
	for _ in $(seq 200); do
		[ "$(wc -l <"$1")" -ge "$2" ] && return
		sleep 0.05
	done
	cat "$1"
	return 1
}

# Starts sfx-transform with the program $1 on a pipe that the test writes to (descriptor 7).
start_live() {
	mkfifo in
	: >out
	sfx-transform -i csv "$1" <in >out 2>err 3>&- 7>&- &
	pid=$!
	exec 7>in
}

@test "a window is printed as soon as it closes, while the pipe stays open" {
	start_live 'window 1m on ts lateness 10s group by host: n = count()'
	printf '%s\n' ts,host 2026-01-05T10:00:10Z,a 2026-01-05T10:00:50Z,b >&7
	printf '%s\n' 2026-01-05T10:01:09Z,a 2026-01-05T10:00:59Z,a >&7
	sleep 0.3
	[ "$(wc -l <out)" -eq 0 ]
	echo 2026-01-05T10:01:10Z,a >&7
	wait_lines out 3
	[ "$(cat out)" = "$(printf '%s\n' window_start,window_end,host,n \
		2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,a,2 2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,b,1)" ]
	exec 7>&-
	wait "$pid"
	[ "$(tail -1 out)" = 2026-01-05T10:01:00Z,2026-01-05T10:02:00Z,a,2 ]
}

@test "flush closes windows when no record comes" {
	start_live 'window 1m on ts flush 200ms: n = count()'
	printf '%s\n' ts 2026-01-05T10:00:10Z >&7
	wait_lines out 2
	printf '%s\n' 2026-01-05T10:00:20Z 2026-01-05T10:01:20Z >&7
	wait_lines out 3
	exec 7>&-
	wait "$pid"
	[ "$(cat out)" = "$(printf '%s\n' window_start,window_end,n 2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,1 \
		2026-01-05T10:01:00Z,2026-01-05T10:02:00Z,1)" ]
	grep -q 'rule late (skip): 3 records checked, 1 failed' err
}

@test "SIGTERM closes all windows, and a record that is not complete is in none" {
	start_live 'window 1m on ts: n = count()'
	printf '%s\n' ts 2026-01-05T10:00:10Z >&7
	printf 2026-01-05T10:00:2 >&7
	sleep 0.3
	kill -TERM "$pid"
	wait "$pid"
	[ "$(tail -1 out)" = 2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,1 ]
	exec 7>&-
}

@test "late records go to a file of their own" {
	printf '%s\n' ts,x 2026-01-05T10:00:10Z,1 2026-01-05T10:05:00Z,2 2026-01-05T10:00:20Z,3 >in.csv
	run --separate-stderr sfx-transform 'window 1m on ts late "late.csv": n = count()' in.csv
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[ "$(cat late.csv)" = "$(printf '%s\n' ts,x 2026-01-05T10:00:20Z,3)" ]
	[[ "$stderr" == *"rule late (aside): 3 records checked, 1 failed"* ]]
}

@test "head behind a window ends a live pipe" {
	start_live 'window 1m on ts: n = count() | head 1'
	printf '%s\n' ts 2026-01-05T10:00:10Z 2026-01-05T10:01:10Z 2026-01-05T10:02:10Z >&7
	wait "$pid"
	[ "$(wc -l <out)" -eq 2 ]
	exec 7>&-
}
