#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kill -9 of sfx-run, its workers and the producer, at random moments while events pass: each event
# has its effect, none is lost, and the counters add up.
#
# SFX_KILLS and SFX_EVENTS: how many; more than what stands here take their time.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	kills=${SFX_KILLS:-40} events=${SFX_EVENTS:-4000}
	q=sqlite:work.queue
}

# Puts all events in groups of a hundred; a group whose put was killed is put again.
produce() {
	local first
	for ((first = 1; first <= events; first += 100)); do
		until seq -f '{"specversion":"1.0","id":"%g","source":"t","type":"t"}' $first $((first + 99)) |
			sfx-queue put $q 2>/dev/null; do :; done
		sleep 0.06 # as long as the kills last
	done
}

start() {
	sfx-run -q --from $q -w -j 2 -r 1000000 --backoff 1ms..5ms -- ./worker 3>&- &
	runner=$!
}

counter() {
	awk -v name="$1" '$1 == name { print $2 }' stats
}

@test "each event has its effect, whoever is killed" {
	cat >worker <<-'SH'
		#!/bin/bash
		while IFS= read -r line; do
			id=${line#*'"id":"'}
			echo "${id%%'"'*}" >>effects
			echo
		done
	SH
	chmod +x worker
	sfx-queue put $q </dev/null
	produce 3>&- &
	producer=$!
	start
	for ((i = 0; i < kills; i++)); do
		sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
		case $((RANDOM % 3)) in
		0)
			kill -9 $runner
			wait $runner || true
			start
			;;
		1) pkill -9 -P $runner || true ;;
		2) pkill -9 -P $producer sfx-queue || true ;;
		esac
	done 2>/dev/null
	wait $producer
	for _ in $(seq 1200); do
		sfx-queue stats $q >stats
		[ "$(counter done)" -lt "$events" ] || break
		sleep 0.1
	done
	kill $runner
	wait $runner 2>/dev/null || true
	sfx-queue stats $q >stats
	[ "$(counter put_total)" -eq "$events" ]
	[ "$(counter done)" -eq "$events" ]
	[ "$(($(counter ready) + $(counter leased) + $(counter delayed) + $(counter blocked) + $(counter dead)))" -eq 0 ]
	sort -u effects >once
	[ "$(wc -l <once)" -eq "$events" ]
	[ "$(sort -n once | sed -n '1p;$p' | paste -sd ' ')" = "1 $events" ]
	# An event that is done was so once, by a run that is recorded; all else that was given out came back.
	sfx-queue history $q --limit 0 | jq -r 'select(.error == null).event' | sort >succeeded
	[ "$(wc -l <succeeded)" -eq "$events" ]
	[ -z "$(uniq -d succeeded)" ]
	[ "$(counter acked_total)" -eq "$events" ]
	[ "$(counter leased_total)" -eq "$((events + $(counter retried_total) + $(counter returned_total)))" ]
}
