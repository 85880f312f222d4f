#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Chains of programs: what lands in a folder arrives in the database, once, whatever else lands there.

bats_require_minimum_version 1.5.0

setup() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is missing"
	command -v jq >/dev/null || skip "jq is missing"
	PATH=$SFX_BUILD:$PATH
	mkphoto=$SFX_BUILD/tests/data/mkphoto
	cd "$BATS_TEST_TMPDIR"
	mkdir inbox
	watch_pid= flow_pid=
}

teardown() {
	for pid in $watch_pid $flow_pid; do kill -KILL "$pid" 2>/dev/null || true; done
}

# Tries for up to 30 s, then lets the test fail where it stands.
until_true() {
	for _ in $(seq 600); do
		"$@" && return 0
		sleep 0.05
	done
	echo "in vain: $*"
	return 1
}

sql() { sqlite3 -batch shop.db "$1"; }
counts() { [ "$(sqlite3 -batch -cmd '.timeout 5000' shop.db "SELECT count(*) FROM $1" 2>/dev/null)" = "$2" ]; }

# Two good photos and two broken ones, one of which only the decoder can tell.
drop_photos() {
	"$mkphoto" -s 1 640x480 inbox/wide.jpg
	"$mkphoto" -s 2 -o 6 300x200 inbox/turned.png
	"$mkphoto" -s 3 320x240 cut.jpg
	head -c 2000 cut.jpg >inbox/cut.jpg
	rm cut.jpg
	echo 'not a photo' >inbox/text.jpg
}

# Three good exports in three wrappings, a broken one, and a bad record.
drop_exports() {
	printf 'id,customer,qty,price\n1,Ann,2,1.50\n2,"Bob, B.",1,10\n' >inbox/a.csv
	printf 'id,customer,qty,price\r\n3,Cy,4,0.25\r\n' | gzip >inbox/b.csv.gz
	printf 'id,customer,qty,price\n4,Dee,none,3\n5,Eve,3,3\n' >inbox/c.csv
	printf 'id,customer,qty,price\n6,"Fay,1,1\n' >inbox/broken.csv
}

resize_flow() { sfx-resize -E -s 100x100 -o 'thumbs/{stem}.jpg' --rejects bad-photos.jsonl | sfx-load -E sqlite:shop.db -t thumbs; }

orders_flow() {
	sfx-transform -E -o 'clean/{stem}.jsonl' --rejects bad-records.jsonl 'total = qty * price' |
		sfx-load -E --types total=numeric sqlite:shop.db -t orders # whichever file comes first
}

@test "photos become thumbnails and rows; a second run changes nothing" {
	drop_photos
	sfx-watch --once --type 'image/*' inbox | resize_flow >first || true
	[ "$(sql 'SELECT path, width, height FROM thumbs ORDER BY path')" = "thumbs/turned.jpg|100|67
thumbs/wide.jpg|100|75" ]
	[ "$(jq -r .input bad-photos.jsonl)" = inbox/cut.jpg ]
	[ "$(jq -r .data.loaded first | xargs)" = "1 1" ]
	sql 'SELECT * FROM thumbs ORDER BY path' >table
	sfx-watch --once --type 'image/*' inbox | resize_flow >second || true
	sql 'SELECT * FROM thumbs ORDER BY path' | cmp - table
	[ "$(jq -r .data.loaded second | xargs)" = "0 0" ]
	[ "$(jq -r .id first | sort)" = "$(jq -r .id second | sort)" ]
}

@test "exports of any wrapping become rows; a broken one stops nothing; a second run changes nothing" {
	drop_exports
	for run in first second; do
		sfx-watch --once --glob '*.csv' --glob '*.gz' inbox | orders_flow >$run || true
		[ "$(sql 'SELECT id, customer, total FROM orders ORDER BY id')" = "1|Ann|3
2|Bob, B.|10
3|Cy|1
5|Eve|9" ]
	done
	grep -q broken.csv bad-records.jsonl
	grep -q none bad-records.jsonl
	[ -z "$(find . -name '.sfx-*')" ]
}

@test "records through a pipe by hand: loaded once, however often" {
	drop_exports
	for run in first second; do
		cat inbox/a.csv | sfx-transform 'where qty > 1' | sfx-load sqlite:shop.db -t orders
		[ "$(sql 'SELECT id, customer, qty FROM orders')" = "1|Ann|2" ]
	done
}

@test "events that come again load nothing again" {
	drop_exports
	sfx-watch --once --glob a.csv inbox >events
	cat events events | orders_flow >out
	counts orders 2
	cat events | orders_flow >out
	counts orders 2
}

@test "a flow that runs while files land takes them all, and ends when the watch is stopped" {
	mkfifo events
	sfx-watch -v --glob '*.csv' inbox >events 2>err 3>&- &
	watch_pid=$!
	orders_flow <events >out 2>flow-err 3>&- &
	flow_pid=$!
	until_true grep -q 'are watched' err
	for i in $(seq 50); do printf 'id,qty,price\n%d,1,2\n' "$i" >"inbox/$i.csv"; done
	mkdir -p inbox/deep/er
	printf 'id,qty,price\n51,1,2\n' >inbox/deep/er/51.csv
	until_true counts orders 51
	printf 'id,qty,price\n52,1,2\n' >inbox/52.csv
	kill -TERM "$watch_pid"
	wait "$watch_pid"
	watch_pid=
	wait "$flow_pid"
	flow_pid=
	[ "$(sql 'SELECT count(*), count(DISTINCT id), sum(total) FROM orders')" = "52|52|104" ]
}

@test "the output folder of one stage is the inbox of the next" {
	mkdir clean
	mkfifo first second
	sfx-watch -v clean >second 2>err 3>&- &
	watch_pid=$!
	sfx-load -E sqlite:shop.db -t orders <second >out 2>load-err 3>&- &
	flow_pid=$!
	until_true grep -q 'are watched' err
	for i in 1 2 3; do printf 'id,qty\n%d,1\n' "$i" >"inbox/$i.csv"; done
	sfx-watch --once inbox | sfx-transform -E -o 'clean/{stem}.csv' '' >made
	[ "$(wc -l <made)" -eq 3 ]
	until_true counts orders 3
	kill -TERM "$watch_pid"
	wait "$watch_pid"
	watch_pid=
	wait "$flow_pid"
	flow_pid=
	[ "$(sql 'SELECT id FROM orders ORDER BY id' | xargs)" = "1 2 3" ]
}

@test "names of any bytes go through" {
	name=$(printf 'line\nend \377 "%%".csv')
	printf 'id,qty,price\n1,2,3\n' >"inbox/$name"
	sfx-watch --once inbox | orders_flow >out
	counts orders 1
	[ -e "clean/$(printf 'line\nend \377 "%%".jsonl')" ]
}

@test "a reader that goes away while nothing happens ends the flow in front of it" {
	"$mkphoto" -s 4 200x200 inbox/one.png
	run timeout 30 bash -c "sfx-watch inbox | sfx-resize -E -s 100x100 -o 'thumbs/{stem}.jpg' | head -n 1 >got; echo \${PIPESTATUS[@]}"
	[ "$output" = "141 141 0" ]
	[ "$(wc -l <got)" -eq 1 ]
}

@test "a reader that goes away ends the flow in front of it, and leaves nothing half made" {
	drop_photos
	"$mkphoto" -s 4 200x200 inbox/more.png
	run timeout 30 bash -c "sfx-watch --type 'image/*' inbox |
		sfx-resize -E -s 100x100 -o 'thumbs/{stem}.jpg' 2>/dev/null | head -n 1 >got; echo \${PIPESTATUS[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" != *70* ]]
	[ "$(wc -l <got)" -eq 1 ]
	[ -z "$(find . -name '.sfx-*')" ]
}

@test "events that name pipes or devices fail, and nothing waits for them" {
	mkfifo pipe
	for path in pipe /dev/zero; do
		printf '{"specversion":"1.0","id":"%s","source":"t","type":"t","data":{"path":"%s"}}\n' "$path" "$path"
	done >events
	for command in "sfx-transform -E -o out/{stem}.csv ''" "sfx-resize -E -o out/{stem}.jpg" \
		"sfx-load -E sqlite:shop.db"; do
		run timeout 30 bash -c "$command <events"
		echo "$command: $status, $output"
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 2 ]
		[[ "${lines[0]}" == *": pipe: is a device, pipe or socket, not a file" ]]
		[[ "${lines[1]}" == *": /dev/zero: is a device, pipe or socket, not a file" ]]
	done
}

@test "two inputs that make the same output: the second fails, a new version of the first does not" {
	mkdir inbox/sub
	printf 'a\n1\n' >inbox/x.csv
	printf 'a\n2\n' >inbox/sub/x.csv
	sfx-watch --once inbox >events
	printf 'a\n3\n' >inbox/x.csv
	sfx-watch --once --glob x.csv inbox >>events
	run --separate-stderr sfx-transform -E -o 'clean/{stem}.csv' '' <events
	[ "$status" -eq 1 ]
	[ "$(wc -l <<<"$output")" -eq 2 ]
	[[ "$stderr" == *"output clean/x.csv was made of another input of this run"* ]]
}

@test "a file of zero bytes is an error, not an archive without members" {
	head -c 10240 /dev/zero >zeros.csv
	run --separate-stderr sfx-load sqlite:shop.db zeros.csv
	[ "$status" -eq 65 ]
	[ "$stderr" = "sfx-load: zeros.csv: holds nothing but zero bytes" ]
}
