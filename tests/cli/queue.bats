#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-queue: anything goes in once, stays until it is dealt with, and can be seen and repaired.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	queue=$SFX_BUILD/sfx-queue
	q=sqlite:work.queue
	PATH=$SFX_BUILD:$PATH
}

# states: the state of each event, in order.
states() {
	"$queue" list $q | cut -f 2 | paste -sd ' '
}

# event ID: an event line.
event() {
	printf '{"specversion":"1.0","id":"%s","source":"t","type":"t","subject":"s/%s"}\n' "$1" "$1"
}

@test "lines, paths and events become events" {
	printf 'plain\n{"a":1}\n' | "$queue" put $q
	event e1 | "$queue" put $q
	seq 2 | "$queue" put sqlite:numbers.queue
	seq 2 | "$queue" put sqlite:numbers.queue # other lines, though they read the same
	[ "$("$queue" list sqlite:numbers.queue --json | jq -r .event.subject | paste -sd ' ')" = '1 2 1 2' ]
	echo x >file
	printf 'file\0' | "$queue" put $q --as paths -0
	"$queue" list $q --json >list
	[ "$(jq -c '[.event.type, .event.data, .event.data.path?]' list | sed -n 2p)" = '["dev.sfx.line",{"a":1},null]' ]
	[ "$(jq -r 'select(.seq == 1).event | .subject + " " + .data' list)" = 'plain plain' ]
	[ "$(jq -r 'select(.seq == 3).id' list)" = e1 ]
	[ "$(jq -r 'select(.seq == 4).event.data.path' list)" = file ]
	[ "$(jq -r 'select(.seq == 4).event.data.size' list)" = 2 ]
}

@test "an event is put once, its bytes stay" {
	event e1 >line
	cat line line | "$queue" put $q -v 2>said
	grep -q '1 put, 1 known already' said
	"$queue" put $q <line
	[ "$(states)" = ready ]
	[ "$(sqlite3 work.queue 'select line from event')" = "$(cat line)" ]
}

@test "what is no event is refused with its line, the rest is put" {
	run -1 --separate-stderr "$queue" put $q --as events < <(event a; echo nonsense; event b)
	[[ "$stderr" == *"line 2: "* ]]
	[ "$(states)" = "ready ready" ]
	run -1 --separate-stderr "$queue" put $q <<<'{"a":'
	[ "$(states)" = "ready ready" ]
	run -1 --separate-stderr "$queue" put $q --as paths <<<.
	[[ "$stderr" == *".: not a regular file"* ]]
	run -1 --separate-stderr "$queue" put $q --as paths <<<missing
	[[ "$stderr" == *"missing: No such file"* ]]
}

@test "pump gives events out to a pipe, and takes back what its end did not acknowledge" {
	{ event a; event b; } | "$queue" put $q
	"$queue" pump $q - | head -n 1 >line || true
	[ "$(jq -c '[.id, .sfxattempt]' line)" = '["a",1]' ]
	[ "$(states)" = "ready ready" ]
	"$queue" ack $q a b
	[ "$(states)" = "done done" ]
	run -1 "$queue" ack $q a
	[[ "$output" == *"a: no such event"* ]]
}

@test "pump keeps up the leases of what is not answered, whatever is" {
	for i in 1 2 3 4 5 6 7 8 9; do event e$i; done | "$queue" put $q
	"$queue" pump $q - --once --lease 3s >lines &
	pid=$!
	for i in $(seq 200); do
		[ "$(wc -l <lines)" -lt 9 ] || break
		sleep 0.05
	done
	"$queue" ack $q e2 e5 e6
	sleep 4
	[ "$(states)" = "leased done leased leased done done leased leased leased" ]
	"$queue" ack $q e1 e3 e4 e7 e8 e9
	wait $pid
	[ "$(wc -l <lines)" -eq 9 ]
}

@test "pump moves events to another queue once" {
	{ event a; event b; } | "$queue" put $q -k subject
	"$queue" pump $q sqlite:other.queue --once
	[ "$(states)" = "done done" ]
	[ "$("$queue" list sqlite:other.queue --json | jq -r .id | paste -sd ' ')" = "a b" ]
	[ "$("$queue" stats sqlite:other.queue --json | jq .ready)" = 2 ]
}

@test "too many attempts make a dead letter, which is listed, retried, purged" {
	event a | "$queue" put $q
	"$queue" pump $q - --once --lease 10ms --max-attempts 2 >lines &
	pid=$!
	for i in $(seq 100); do
		[ "$(states)" = dead ] && break
		sleep 0.1
	done
	wait $pid
	[ "$(wc -l <lines)" -ge 1 ]
	"$queue" dead $q | grep -q 'given out 2 times without an answer'
	"$queue" retry $q --all
	[ "$(states)" = ready ]
	run -2 "$queue" retry $q
	"$queue" purge $q --state ready
	[ -z "$(states)" ]
	event a | "$queue" put $q
	[ "$(states)" = ready ]
}

@test "delays and lanes show as states" {
	event a | "$queue" put $q --delay 1h
	{ event b; event b2; } | sed 's,"s/b2","s/b",' | "$queue" put $q -k subject
	[ "$(states)" = "delayed ready blocked" ]
	[ "$("$queue" list $q -m 's/b' -s blocked | cut -f 5)" = b2 ]
	[ "$("$queue" list $q -n 1 | cut -f 5)" = a ]
	[ "$("$queue" list $q --older 1h | wc -l)" -eq 0 ]
	[ "$("$queue" list $q --since 1h | wc -l)" -eq 3 ]
}

@test "what is done is forgotten after the retention time" {
	event a | "$queue" put $q --retention 1ms
	"$queue" ack $q a
	for i in $(seq 100); do
		event "x$i" | "$queue" put $q
		[ "$("$queue" stats $q --json | jq .done)" -eq 0 ] && return
		sleep 0.05
	done
	false
}

# run_of ID ERROR: records a run, as sfx-run does.
run_of() {
	sqlite3 work.queue "insert into context(hash, text) values(1, '$3');
		insert into invocation values(null, '$1', 'resize', '', 1, $(date +%s)000000000, 5000000, 5,
		0, 0, 4000000, 0, 1048576, 1073741824, 10, 10, 0, '$2', '', 'oops', '', last_insert_rowid(), 1.0)"
}

@test "runs are shown, summed up, and replayed with their environment" {
	event a | "$queue" put $q
	run_of a exit '{"argv":["sh","-c","cat; echo $GREETING; pwd"],"cwd":"/","env":{"GREETING":"hello","PATH":"/usr/bin:/bin"}}'
	[ "$("$queue" show $q a | jq -r .stderr | tail -n 1)" = oops ]
	[ "$("$queue" history $q -f resize --since 1h | jq -r .error)" = exit ]
	[ -z "$("$queue" history $q -f other)" ]
	"$queue" meter $q >meter
	[ "$(cut -d , -f 2-5,7 meter | tail -n 1)" = '"resize",1,1,0.005,0.005000000' ]
	[ "$("$queue" meter $q --json | jq -r '.day | length')" = 10 ]
	"$queue" top $q --once >top
	grep -q '^ready 1 ' top
	grep -q '^resize .*|.*█' top
	[ "$("$queue" top $q --once --json | jq -r '.functions[0].function')" = resize ]
	"$queue" replay $q a >out
	[ "$(jq -r .id <(head -n 1 out))" = a ]
	[ "$(sed -n 2,3p out | paste -sd ' ')" = "hello /" ]
	run -65 "$queue" replay $q b
}

@test "misuse is told" {
	run -2 "$queue" lst $q
	[[ "$output" == *"did you mean list?"* ]]
	run -2 "$queue" list
	run -2 "$queue" list $q
	[[ "$output" == *"no such queue"* ]]
	run -2 "$queue" list nowhere:x
	run -2 "$queue" stats $q --delay 1s
	[[ "$output" == *"stats takes no option --delay"* ]]
	run -2 "$queue" show $q
	sqlite3 foreign.db 'create table t(a)'
	run -2 "$queue" put sqlite:foreign.db </dev/null
	[[ "$output" == *"is an SQLite database, but no queue"* ]]
}

@test "a full disk loses nothing that was put" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
	mkdir small
	mount -t tmpfs -o size=400k none small || skip "cannot mount"
	event a | "$queue" put sqlite:small/q
	run "$queue" put sqlite:small/q < <(seq 20000)
	n=$("$queue" stats sqlite:small/q --json | jq .put_total)
	umount small
	[ "$status" -eq 74 ]
	[ "$n" -ge 1 ]
}

# orders N: N files of two rows each, in a queue.
orders() {
	mkdir -p in
	for i in $(seq "$1"); do
		printf 'id,qty\n%d,1\n%d,2\n' "$((2 * i))" "$((2 * i + 1))" >"in/$i.csv"
	done
	printf '%s\n' in/*.csv | "$queue" put $q --as paths
}

@test "the end of a pipe acknowledges what it loaded, and tells what failed" {
	orders 3
	printf 'id,qty\n1\n' >in/bad.csv
	echo in/bad.csv | "$queue" put $q --as paths
	"$queue" pump $q - --once | sfx-transform -E -q -o 'clean/{base}' 'where qty > 1' |
		sfx-load -E -q --ack $q sqlite:shop.db -t orders >told
	[ "$(states)" = "done done done dead" ]
	"$queue" dead $q | grep -q 'bad.csv: '
	[ "$(sqlite3 shop.db 'select count(*) from orders')" -eq 3 ]
	[ "$(jq -s 'map(select(.type == "dev.sfx.event.failed")) | length' told)" -eq 1 ]
}

@test "what is committed in groups is acknowledged behind the commit" {
	orders 4
	mkfifo pipe
	"$queue" pump $q - --once >pipe &
	pump=$!
	sfx-load -E -q --flush 1h --commit-every 1000 --ack $q sqlite:shop.db -t orders <pipe >told 3>&- 4>&- &
	loader=$!
	for i in $(seq 200); do
		[ "$(states)" = "leased leased leased leased" ] && break
		sleep 0.02
	done
	sleep 0.2
	[ "$(states)" = "leased leased leased leased" ]
	[ ! -s told ]
	kill -9 $loader $pump
	wait $loader $pump || true
	# None of the group is loaded, and its events come back with the death of who held them.
	[ "$(sqlite3 shop.db "select count(*) from sqlite_master where name = 'orders'")" -eq 0 ]
	"$queue" pump $q - --once | sfx-load -E -q --flush 1h --commit-every 4 --ack $q sqlite:shop.db -t orders >told
	[ "$(states)" = "done done done done" ]
	[ "$(wc -l <told)" -eq 4 ]
	[ "$(sqlite3 shop.db 'select count(*), count(distinct id) from orders')" = "8|8" ]
}

@test "an event that fans out is done when all that came of it is" {
	"$SFX_BUILD/tests/data/mkphoto" 64x48 photo.jpg
	echo photo.jpg | "$queue" put $q --as paths
	"$queue" pump $q - --once >events & # holds the lease
	pid=$!
	for i in $(seq 100); do
		[ -s events ] && break
		sleep 0.05
	done
	sfx-resize -E -q -s 9 -s 20 -s 30 -o '{stem}-{width}.jpg' <events >made
	[ "$(jq -r .sfxpart made | paste -sd ' ')" = "1 2 3!" ]
	head -n 2 made | sfx-resize -E -q -s 5 -o 'again/{base}' --ack $q >/dev/null
	[ "$(states)" = leased ]
	tail -n 1 made | sfx-resize -E -q -s 5 -o 'again/{base}' >last
	[ "$(jq -r .sfxpart last)" = '3!.1!' ]
	sfx-resize -E -q -s 4 -o 'more/{base}' --ack $q <last >/dev/null
	[ "$(states)" = done ]
	wait $pid
	run -2 sfx-resize -s 4 --ack $q photo.jpg
	run -2 sfx-load --ack $q sqlite:x.db photo.jpg
	run -2 sfx-transform --ack $q 'head 1' photo.jpg
}

@test "kill -9 in every stage of a pipe: nothing lost, nothing twice" {
	orders 30
	for round in $(seq 9); do
		"$queue" pump $q - --once >fifo.$round.a 2>/dev/null &
		pids=("$!")
		tail -f --pid=${pids[0]} -n +1 -s 0.01 fifo.$round.a |
			sfx-transform -E -q -o 'clean/{base}' 'where qty > 0' 2>/dev/null >fifo.$round.b &
		pids+=("$!")
		tail -f --pid=${pids[0]} -n +1 -s 0.01 fifo.$round.b |
			sfx-load -E -q --ack $q sqlite:shop.db -t orders >/dev/null 2>&1 &
		pids+=("$!")
		sleep "0.0$((round * 7 % 10))"
		kill -9 "${pids[$((round % 3))]}" 2>/dev/null || true
		sleep 0.05
		kill -9 "${pids[@]}" 2>/dev/null || true
		wait
	done
	timeout 20 "$queue" pump $q - --once | sfx-transform -E -q -o 'clean/{base}' 'where qty > 0' |
		sfx-load -E -q --ack $q sqlite:shop.db -t orders >/dev/null
	[ "$("$queue" stats $q --json | jq .done)" -eq 30 ]
	[ "$(sqlite3 shop.db 'select count(*), count(distinct id) from orders')" = "60|60" ]
}
