#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-run: resident processes, batches, order by key, rates and breakers.

bats_require_minimum_version 1.5.0

setup() {
	command -v jq >/dev/null || skip "jq is missing"
	cd "$BATS_TEST_TMPDIR"
	run=$SFX_BUILD/sfx-run
}

# A resident process that does what the data of an event says, and notes its number.
make_worker() {
	cat >worker <<'SH'
#!/bin/bash
echo $$ >>pids
while IFS= read -r line; do
	say=${line##*'"data":"'} say=${say%%'"'*}
	echo "$$ $say" >>seen
	case $say in
	die) exit 3 ;;
	bad) echo '{"exit":65,"errorMessage":"no good"}' ;;
	error) echo '{"errorType":"Boom","errorMessage":"it broke"}' ;;
	hang) sleep 100 ;;
	twice) env printf 'a\nb\n' ;; # one write
	quiet) echo ;;
	*) echo "did $say" ;;
	esac
done
echo ended >>seen
SH
	chmod +x worker
}

@test "a resident process answers line by line, and ends with its input" {
	make_worker
	seq 20 | "$run" --worker -j1 -- ./worker >out
	[ "$(wc -l <pids)" -eq 1 ]
	[ "$(cat out)" = "$(seq -f 'did %g' 20)" ]
	[ "$(tail -n 1 seen)" = ended ]
}

@test "an answer says what became of its event" {
	make_worker
	printf 'one\nbad\nerror\nquiet\ntwo\n' | run -1 "$run" --worker -j1 -r1 --backoff 1ms --dead dead -- ./worker
	[ "$(jq -r '[.requestPayload.data, .requestContext.condition, .responseContext.reason] | join(" ")' dead | sort)" = "bad DataError no good
error RetriesExhausted Boom: it broke" ]
	[ "$(grep -c error seen)" -eq 2 ]
	[ "$(wc -l <pids)" -eq 1 ]
}

@test "a process that ends, hangs or answers twice fails its event, and another takes over" {
	make_worker
	printf 'die\na\nhang\nb\ntwice\nc\n' | run -1 "$run" --worker -j1 -r0 -t 2s --grace 100ms --dead dead -- ./worker
	[ "$(jq -r .requestPayload.data dead | sort | xargs)" = "die hang twice" ]
	[ "$(grep -cE ' (a|b|c)$' seen)" -eq 3 ]
	[ "$(wc -l <pids)" -ge 3 ]
	while read -r p; do [ ! -e "/proc/$p" ]; done <pids
}

@test "the minimum is kept warm, what is beyond it goes when idle" {
	make_worker
	mkfifo pipe
	"$run" --worker -j 1..4 --idle 100ms -- ./worker <pipe >out 3>&- &
	pid=$!
	exec 4>pipe
	started() { [ "$(cat pids 2>/dev/null | wc -l)" -ge "$1" ]; }
	alive() { n=0; while read -r p; do [ ! -e "/proc/$p" ] || n=$((n + 1)); done <pids; [ "$n" -eq "$1" ]; }
	for _ in $(seq 200); do started 1 && break; sleep 0.05; done
	seq 40 >&4
	for _ in $(seq 200); do [ "$(wc -l <out)" -eq 40 ] && break; sleep 0.05; done
	[ "$(wc -l <out)" -eq 40 ]
	for _ in $(seq 200); do alive 1 && break; sleep 0.05; done
	alive 1
	exec 4>&-
	wait $pid
	alive 0
}

@test "to zero when idle" {
	make_worker
	mkfifo pipe
	"$run" --worker -j 2 --idle 50ms -- ./worker <pipe >out 3>&- &
	pid=$!
	exec 4>pipe
	echo 1 >&4
	for _ in $(seq 200); do grep -qs ended seen && break; sleep 0.05; done
	grep -q ended seen
	echo 2 >&4
	for _ in $(seq 200); do [ "$(wc -l <out)" -eq 2 ] && break; sleep 0.05; done
	exec 4>&-
	wait $pid
	[ "$(wc -l <pids)" -eq 2 ]
}

@test "batches are of the size asked for, and wait for the window" {
	seq 25 | "$run" -j1 --batch 10 --window 10s -- sh -c 'wc -l; echo "$SFX_EVENTS" >>counts' >out
	[ "$(xargs <out)" = "10 10 5" ]
	[ "$(xargs <counts)" = "10 10 5" ]
	{ echo 1; sleep 0.3; echo 2; sleep 5; } | "$run" -j1 --batch 10 --window 1s -- sh -c 'wc -l >>sizes' &
	for _ in $(seq 80); do [ -s sizes ] && break; sleep 0.05; done
	[ "$(head -n 1 sizes | tr -d ' ')" = 2 ]
	kill %1 || true
	wait
	seq 25 | "$run" -j1 --batch 10 --batch-size 400 --window 10s -- wc -l >out
	[ "$(sort -n out | tail -n 1)" -lt 10 ]
	[ "$(awk '{ n += $1 } END { print n }' out)" -eq 25 ]
}

@test "of a batch only what is named failed" {
	seq 10 | run -1 "$run" -j1 --batch 10 --window 10s --partial -r1 --backoff 1ms --dead dead -- \
		sh -c 'jq -c "select(.data | tonumber % 4 == 0) | {itemIdentifier: .id}" | jq -cs "{batchItemFailures: .}" | tee -a answers'
	[ "$(jq -r .requestPayload.data dead | sort | xargs)" = "4 8" ]
	[ "$(wc -l <answers)" -ge 2 ]
	[ "$(head -n 1 answers | jq '.batchItemFailures | length')" -eq 2 ]
}

@test "nothing, an empty list and null mean that none failed; nonsense fails all" {
	for answer in '' '{}' '{"batchItemFailures":[]}' '{"batchItemFailures":null}'; do
		seq 3 | "$run" --batch 3 --window 10s --partial -r0 --env "ANSWER=$answer" -- sh -c 'cat >/dev/null; printf %s "$ANSWER"'
	done
	for answer in '{' '{"batchItemFailures":[{"itemIdentifier":"x"}]}' '{"batchItemFailures":[{}]}' '{"batchItemFailures":7}'; do
		seq 3 | run -1 "$run" --batch 3 --window 10s --partial -r0 --dead dead --env "ANSWER=$answer" -- sh -c 'cat >/dev/null; printf %s "$ANSWER"'
	done
	[ "$(wc -l <dead)" -eq 12 ]
}

@test "--bisect finds the event that makes its batch fail" {
	seq 16 | run -1 "$run" -j1 --batch 16 --window 10s --bisect -r0 --dead dead -- \
		sh -c 'jq -r .data >batch; wc -l <batch >>sizes; ! grep -qx 11 batch && cat batch >>done'
	[ "$(jq -r .requestPayload.data dead)" = 11 ]
	[ "$(sort -n done | xargs)" = "$(seq 16 | grep -vx 11 | xargs)" ]
	[ "$(wc -l <sizes)" -eq 9 ]
}

@test "a worker's batch is an array in a line" {
	seq 6 | "$run" --worker -j1 --batch 3 --window 10s -- jq --unbuffered -c 'map(.data)' >out
	[ "$(xargs <out)" = "[1,2,3] [4,5,6]" ]
}

@test "events of a key keep their order, also when one is tried again" {
	for i in $(seq 8); do for k in a b c; do echo "{\"k\":\"$k\",\"i\":$i}"; done; done |
		"$run" -j6 --key '{data.k}' --retries 3 --backoff 5ms -- \
			sh -c '[ "$2" != 3 ] || [ "$SFX_ATTEMPT" = 3 ] || exit 1; sleep 0.01; echo "$2" >>got.$1' - {data.k} {data.i}
	for k in a b c; do [ "$(xargs <got.$k)" = "1 2 3 4 5 6 7 8" ]; done
}

@test "a rate holds back what a burst does not let through" {
	seq 8 | "$run" -j8 --rate 100/s --burst 3 --stats=stats -- true
	[ "$(jq .throttled stats)" -ge 1 ]
	[ "$(jq '.wall_ms >= 45' stats)" = true ] # five more at a hundredth of a second each
	run -2 "$run" --rate nonsense -- true
	[[ "$output" == *"--rate:"* ]]
}

@test "a breaker holds events back after failures in a row, then tries with one" {
	touch broken
	seq 6 | "$run" -j1 --retries 100 --backoff 1ms --breaker 3 --breaker-time 300ms -- \
		sh -c 'date +%s%N >>tries; [ "$(wc -l <tries)" -gt 4 ]' 2>said
	grep -q '3 failures in a row' said
	# Three failures, a pause, one failure, a pause, then six that are done.
	[ "$(wc -l <tries)" -eq 10 ]
	[ "$(awk 'NR == 4 { print ($1 - last > 250000000) } { last = $1 }' tries)" = 1 ]
	[ "$(awk 'NR == 5 { print ($1 - last > 250000000) } { last = $1 }' tries)" = 1 ]
}

@test "what does not go together is misuse" {
	for options in '--partial' '--bisect' '--window 1s' '--jobs 2..1' '--jobs 0' '--jobs 1..2' '--burst 2' \
		'--backoff 5s..1s' '--batch 2 --partial --emit' '--once' '--env =x'; do
		echo "$options"
		# shellcheck disable=SC2086
		run -2 "$run" $options -- true </dev/null
	done
}
