#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Killed at random, again and again, a load that commits every so many records ends with each record
# once: the table, the ledger and the rejects are those of a load that nobody disturbed. SFX_KILLS says
# how many kills there are for each database (6).

load ../cli/postgres.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	kills=${SFX_KILLS:-6}
	command -v jq >/dev/null || skip "jq is missing"
}

teardown() {
	postgres_stop
}

# Rejects of the reader (a field too many), and of the table (an amount that is none).
make_input() {
	awk -v n="$1" 'BEGIN { print "id,name,amount"; for (i = 1; i <= n; i++) {
		if (i % 997 == 0) print i ",a field,too,many"
		else if (i % 1009 == 0) print i ",name " i ",none"
		else printf "%d,\"name, %d\",%d.%02d\n", i, i, i % 1000, i % 100 } }' >t.csv
}

# load_input REJECTS OPTIONS…: is the program, so that it is what is killed.
load_input() {
	local rejects=$1
	shift
	exec sfx-load -q --commit-every 1000 --types 'amount=decimal(9,2)' --rejects "$rejects" "$@" t.csv
}

# query SQL in the database of the test.
query() {
	if [ "$sink" = sqlite ]; then sqlite3 -cmd '.timeout 20000' x.db "$1"; else psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; fi
}

# What must be true at any time: the ledger counts the rows that are there.
check_ledger() {
	[ "$(query "SELECT coalesce(sum(inserted), 0), coalesce(sum(rows_in - inserted - rejected), 0) FROM _sfx_load" 2>/dev/null)" = \
		"$(query "SELECT count(*) FROM t" 2>/dev/null)|0" ] || {
		query "SELECT * FROM _sfx_load" && query "SELECT count(*) FROM t"
		return 1
	}
}

# kill_loads OPTIONS…: one input after the other, each killed until it is loaded.
kill_loads() {
	local done=0 round=0 pid pause
	while [ "$done" -lt "$kills" ]; do
		round=$((round + 1))
		make_input $((20000 + round))
		lines=$(($(wc -l <t.csv) - 1))
		bad=$((lines / 997 + lines / 1009 - lines / (997 * 1009)))
		[ "$round" -gt 1 ] || { load_once "$@" && span=$(($(date +%s%N) / 1000000 - began)); }
		query 'DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS _sfx_load'
		rm -f bad.jsonl
		while :; do
			load_input bad.jsonl "$@" 2>said &
			pid=$!
			pause=$((RANDOM % (span + 5)))
			sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
			kill -9 $pid 2>/dev/null && done=$((done + 1))
			wait $pid && status=0 || status=$?
			# 1: records were rejected; 0: killed behind the last commit, so all was loaded already.
			[ "$status" -gt 1 ] || break
			[ "$status" -eq 137 ] || { echo "ended with $status: $(cat said)" && return 1; }
			! query "SELECT 1 FROM t LIMIT 0" >/dev/null 2>&1 || check_ledger || return 1
		done
		check_end || return 1
	done
	echo "# $done kills, $round inputs" >&3
}

load_once() {
	query 'DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS _sfx_load'
	began=$(($(date +%s%N) / 1000000))
	(load_input once.jsonl "$@") || [ $? -eq 1 ]
}

check_end() {
	[ ! -e bad.jsonl.part ]
	[ "$(wc -l <bad.jsonl)" -eq "$bad" ]
	[ "$(jq .line bad.jsonl | sort -n | uniq | wc -l)" -eq "$bad" ]
	[ "$(query "SELECT count(*), count(DISTINCT id), sum(id) FROM t")" = \
		"$((lines - bad))|$((lines - bad))|$((lines * (lines + 1) / 2 - $(jq -r '.raw | split(",")[0]' bad.jsonl | awk '{ s += $1 } END { printf "%d", s }')))" ]
	[ "$(query "SELECT count(*), max(state), sum(rows_in), sum(inserted), sum(rejected) FROM _sfx_load")" = "1|done|$lines|$((lines - bad))|$bad" ]
}

@test "kill -9 at random times: into SQLite each record goes once" {
	command -v sqlite3 >/dev/null || skip "the sqlite3 shell is missing"
	sink=sqlite
	kill_loads sqlite:x.db
}

@test "kill -9 at random times: into PostgreSQL each record goes once" {
	"$SFX_BUILD/sfx-load" --sinks | grep -q '^postgresql' || skip "built without libpq"
	command -v psql >/dev/null || skip "PostgreSQL is missing"
	postgres_start
	cd "$BATS_TEST_TMPDIR"
	sink=postgres
	kill_loads -t t postgresql:///tester
}

@test "kill -9 at random times: an upsert leaves the last record of each key" {
	command -v sqlite3 >/dev/null || skip "the sqlite3 shell is missing"
	sink=sqlite
	awk 'BEGIN { print "id,v"; for (i = 1; i <= 30000; i++) print i % 7000 "," i }' >u.csv
	sfx-load --mode=upsert --key id -t t sqlite:once.db u.csv
	for ((i = 0; i < kills; i++)); do
		sfx-load -q --mode=upsert --key id --commit-every 1000 -t t sqlite:x.db u.csv 2>said &
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -9 $! 2>/dev/null || true
		wait $! || true
	done
	sfx-load -q --mode=upsert --key id --commit-every 1000 -t t sqlite:x.db u.csv
	[ "$(query 'SELECT state, rows_in FROM _sfx_load')" = 'done|30000' ]
	diff <(query 'SELECT * FROM t ORDER BY id') <(sqlite3 once.db 'SELECT * FROM t ORDER BY id')
}
