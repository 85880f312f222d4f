#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-run --from: events of a queue are done, tried again, given up, given back; none is lost and
# none is done twice, whoever is killed.

bats_require_minimum_version 1.5.0

setup() {
	command -v jq >/dev/null || skip "jq is missing"
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	q=sqlite:work.queue
}

# put ID…: an event each.
put() {
	printf '{"specversion":"1.0","id":"%s","source":"t","type":"t"}\n' "$@" | sfx-queue put $q
}

# depth STATE
depth() {
	sfx-queue stats $q | awk -v state="$1" '$1 == state { print $2 }'
}

@test "the exit decides: done, tried again, given up at once" {
	put good data flaky
	cat >f <<-'END'
		#!/bin/sh
		case $CE_ID in
		data) echo "bad data" >&2; exit 65 ;;
		flaky) [ -e tried ] || { : >tried; exit 1; } ;;
		esac
		echo "$CE_ID" >>done
	END
	chmod +x f
	run -1 sfx-run -q --from $q --once --backoff 50ms -- "$PWD/f"
	[ "$(sort done | paste -sd ' ')" = 'flaky good' ]
	[ "$(depth done)" -eq 2 ]
	[ "$(depth dead)" -eq 1 ]
	[ "$(depth retried_total)" -eq 1 ]
	sfx-queue dead $q | grep -q data
	sfx-queue show $q data | grep -q 'exit status 65'
	[ "$(sfx-queue history $q | wc -l)" -eq 4 ]
	[ "$(sfx-queue meter $q | sed -n 2p | cut -d , -f 2-4)" = '"f",4,2' ]
	sfx-queue retry $q data
	printf '#!/bin/sh\n' >f
	sfx-run -q --from $q --once -- "$PWD/f"
	[ "$(depth done)" -eq 3 ]
}

@test "what was in hand when it is told to stop goes back uncounted" {
	put a b c
	sfx-run -q --from $q -j 1 --grace 100ms --drain 100ms -- sh -c 'echo x >>started; sleep 30' &
	pid=$!
	for _ in $(seq 200); do [ -s started ] && break; sleep 0.02; done
	kill -TERM $pid
	wait $pid || true
	[ "$(depth leased)" -eq 0 ]
	[ "$(($(depth ready) + $(depth delayed)))" -eq 3 ]
}

@test "several runners share a queue, and a waiting one is woken" {
	sfx-run -q --from $q -- sh -c 'echo "$CE_ID" >>done' &
	one=$!
	sfx-run -q --from $q -- sh -c 'echo "$CE_ID" >>done' &
	two=$!
	for _ in $(seq 200); do [ -e work.queue ] && break; sleep 0.02; done
	put $(seq 100)
	for _ in $(seq 400); do [ "$(depth done)" -eq 100 ] && break; sleep 0.05; done
	kill -TERM $one $two
	wait $one $two || true
	[ "$(sort -n done | uniq | wc -l)" -eq 100 ]
	[ "$(wc -l <done)" -eq 100 ]
}

@test "a runner that is killed loses nothing" {
	put $(seq 200)
	for _ in 1 2 3 4 5 6; do
		sfx-run -q --from $q -j 4 -- sh -c 'echo "$CE_ID" >>done' &
		pid=$!
		sleep "0.$((RANDOM % 2))$((RANDOM % 10))"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
	done
	timeout 60 sfx-run -q --from $q --once -j 4 -- sh -c 'echo "$CE_ID" >>done'
	for _ in $(seq 100); do [ "$(depth done)" -eq 200 ] && break; sleep 0.1; timeout 60 sfx-run -q --from $q --once -- sh -c 'echo "$CE_ID" >>done'; done
	[ "$(depth done)" -eq 200 ]
	[ "$(sort -n done | uniq | wc -l)" -eq 200 ]
	[ "$(($(depth ready) + $(depth leased) + $(depth delayed) + $(depth dead)))" -eq 0 ]
}

@test "what does not go together is misuse" {
	for words in '--from nowhere' '--once' '--durable' "--from $q --lines" "--from $q --dead $q"; do
		# shellcheck disable=SC2086 # words
		run -2 sfx-run $words -- true </dev/null
	done
}

@test "a failed run is replayed with its event, arguments, folder and environment" {
	mkdir in
	put one
	cat >f <<-'END'
		#!/bin/sh
		cat
		echo "$1|$PWD|$GREETING|$CE_ID|$SFX_ATTEMPT|${SFX_OWN-none}|${SECRET-none}|${LATER-none}"
		exit 65
	END
	chmod +x f
	SFX_OWN=x SECRET=s run -1 sfx-run -q --from $q --once --cwd in --env GREETING=hello -- "$PWD/f" '<{event.id}>'
	! grep -q SECRET work.queue
	at=$PWD/in
	cd /
	q=sqlite:$BATS_TEST_TMPDIR/work.queue
	SFX_OWN=y CE_ID=other LATER=l GREETING=bye run -65 sfx-queue replay $q one
	[ "$(jq -r .id <<<"${lines[0]}")" = one ]
	[ "${lines[1]}" = "<one>|$at|hello|one|1|none|none|l" ]
}

@test "with a clean environment a replay has nothing but what the run had" {
	put one
	KEPT=k run -1 sfx-run -q --from $q --once --clean-env --env KEPT -- sh -c 'exit 65'
	run -65 sfx-queue replay $q one
	sqlite3 work.queue 'select text from context' | jq -e '.env.KEPT == "k" and (.inherits | not)'
}

@test "a run that went well is not recorded for replays" {
	put one
	sfx-run -q --from $q --once -- true
	run -65 sfx-queue replay $q one
	[[ "$output" == *"no run of it is recorded"* ]]
}

@test "dead letters go into another queue, where a function finds them" {
	put one two three
	run -1 sfx-run -q --from $q --once -r0 --dead sqlite:dead.queue -- sh -c '[ "$CE_ID" = two ] || { echo "no $CE_ID" >&2; exit 1; }'
	[ "$(depth done)" -eq 3 ]
	sfx-run -q --from sqlite:dead.queue --once -- sh -c 'cat >>letters'
	[ "$(jq -r '[.type, .source, .subject, .sfxcause, .data.requestPayload.id, .data.requestContext.condition, .data.responseContext.exitCode, (.data.stderr | rtrimstr("\n"))] | join(" ")' letters | sort)" = \
		"dev.sfx.function.failed sh one one one RetriesExhausted 1 no one
dev.sfx.function.failed sh three three three RetriesExhausted 1 no three" ]
	# What fails again later is another letter.
	jq -c 'select(.subject == "one").data.requestPayload | .id = "four"' letters | sfx-queue put $q
	run -1 sfx-run -q --from $q --once -r0 --dead sqlite:dead.queue -- false
	[ "$(q=sqlite:dead.queue depth ready)" -eq 1 ]
}

@test "lines that are no events are dead letters of a queue, each by itself" {
	printf '{"specversion":"1.0"}\n{"specversion":"1.0"}\n' | run -1 sfx-run -q --dead sqlite:dead.queue -- true
	q=sqlite:dead.queue
	[ "$(depth ready)" -eq 2 ]
}

@test "a dead letter that cannot be kept fails the run, and its event stays" {
	put one
	sfx-queue put sqlite:dead.queue </dev/null
	sqlite3 dead.queue "create trigger full before insert on event begin select raise(abort, 'no room'); end"
	run -74 sfx-run -q --from $q --once -r0 --dead sqlite:dead.queue -- false
	[[ "$output" == *"no room"* ]]
	[ "$(($(depth done) + $(depth dead)))" -eq 0 ]
}

@test "the first event of a resident process, and the end of a queue, wait for no clock" {
	# Each of these waited for the next tick once: a second.
	seq 20 >events
	sfx-queue put $q <events
	timeout 15 bash -c 'for i in $(seq 20); do
		echo x | sfx-run -q --worker -j1 -- sed -u s/x/y/ || exit 1
	done' >out
	[ "$(wc -l <out)" -eq 20 ]
	timeout 15 bash -c 'for i in $(seq 20); do
		echo "$i $RANDOM" | sfx-queue put sqlite:work.queue && sfx-run -q --from sqlite:work.queue --once -j1 -- true || exit 1
	done'
	[ "$(depth done)" -eq 40 ]
}
