#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load -: the load as a script of SQL, run by sqlite3. (By psql: load-postgres.bats.)

bats_require_minimum_version 1.5.0

setup() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is missing"
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	printf 'id,name,price,made,zip\n1,it'"'"'s,1.50,2026-01-05,00501\n2,"two\nlines",2.25,2026-01-06,94110\n3,,,,\n4,"",0.10,,1\n' >orders.csv
}

# run_in DB: as the manual says.
run_in() { sqlite3 -bail "$1"; }

dump() { sqlite3 "$1" 'SELECT id, name, price, made, zip FROM orders ORDER BY id'; }

@test "a script brings what a load brings" {
	sfx-load - -t orders orders.csv >script
	run_in a.db <script
	sfx-load -q sqlite:b.db -t orders orders.csv
	[ "$(dump a.db)" = "$(dump b.db)" ]
	[ "$(sqlite3 a.db "SELECT count(*) FROM orders WHERE name IS NULL")" -eq 1 ]
	[ "$(sqlite3 a.db 'SELECT rows_in, inserted, rejected, state FROM _sfx_load')" = '4|4|0|done' ]
	[ "$(sqlite3 a.db 'SELECT source_key FROM _sfx_load')" = "$(sqlite3 b.db 'SELECT source_key FROM _sfx_load')" ]
}

@test "what was loaded is not loaded again, by a script or without one" {
	sfx-load - -t orders orders.csv >script
	run_in a.db <script
	run -1 run_in a.db <script
	[ "$(sqlite3 a.db 'SELECT count(*) FROM orders')" -eq 4 ]
	run -1 run_in a.db < <(sfx-load - -t orders orders.csv)
	[ "$(sqlite3 a.db 'SELECT count(*) FROM orders')" -eq 4 ]
	sfx-load sqlite:a.db -t orders orders.csv
	[ "$(sqlite3 a.db 'SELECT count(*) FROM orders')" -eq 4 ]
	run_in a.db < <(sfx-load - --force -t orders orders.csv)
	[ "$(sqlite3 a.db 'SELECT count(*) FROM orders')" -eq 8 ]
	echo 'id,name,price,made,zip
9,z,1.00,2026-01-09,9' | sfx-load sqlite:a.db -t orders -
	[ "$(sqlite3 a.db 'SELECT count(*) FROM orders')" -eq 9 ]
}

@test "a script that was overtaken by a later load is not run" {
	printf 'id\n1\n' >1.csv
	printf 'id\n2\n' >2.csv
	sfx-load - -t t 1.csv >first
	sfx-load - -t t --mode truncate 2.csv | run_in a.db
	# It would be a row that the ledger takes for one that was there before the table was emptied.
	run -1 run_in a.db <first
	[ "$(sqlite3 a.db 'SELECT id FROM t')" -eq 2 ]
	sfx-load - -t t --mode replace 2.csv >first
	sfx-load - -t t 1.csv | run_in a.db
	run -1 run_in a.db <first
	[ "$(sqlite3 a.db 'SELECT id FROM t ORDER BY id' | paste -sd ' ')" = '1 2' ]
	sfx-load - -t other --mode replace 2.csv >first
	sfx-load - -t t --force 1.csv | run_in a.db
	run_in a.db <first
	[ "$(sqlite3 a.db 'SELECT count(*) FROM other')" -eq 1 ]
}

@test "modes by key, and those that begin anew" {
	printf 'id,n\n1,a\n2,b\n' >1.csv
	printf 'id,n\n2,c\n3,d\n3,e\n' >2.csv
	for mode in upsert ignore; do
		rm -f m.db
		sfx-load - -t t --key id --mode $mode 1.csv 2.csv | run_in m.db
		sqlite3 m.db 'SELECT id, n FROM t ORDER BY id' | paste -sd ' ' >>got
	done
	for mode in replace truncate; do
		rm -f m.db
		sfx-load - -t t 1.csv | run_in m.db
		sfx-load - -t t --mode $mode 2.csv | run_in m.db
		sqlite3 m.db 'SELECT id, n FROM t ORDER BY id, n' | paste -sd ' ' >>got
	done
	[ "$(cat got)" = '1|a 2|c 3|e
1|a 2|b 3|d
2|c 3|d 3|e
2|c 3|d 3|e' ]
	sfx-load - -t t --key id --index n --before 'CREATE TABLE x(y)' --after "INSERT INTO x VALUES('z')" 1.csv | run_in n.db
	[ "$(sqlite3 n.db "SELECT y FROM x; SELECT count(*) FROM sqlite_schema WHERE name='t_n_idx'" | paste -sd ' ')" = 'z 1' ]
}

@test "a load that fails ends in a rollback, bad records go aside" {
	{ cat orders.csv && echo 'x,bad,1.00,2026-01-01,1'; } >bad.csv
	run -65 --separate-stderr sfx-load - -t orders --types id=integer bad.csv
	run_in a.db <<<"$output"
	[ "$(tail -n 1 <<<"$output")" = 'ROLLBACK;' ] || [ -z "$output" ]
	[ -z "$(sqlite3 a.db .tables)" ]
	run -1 --separate-stderr sfx-load - -t orders --types id=integer --rejects rejects bad.csv
	run_in a.db <<<"$output"
	[ "$(sqlite3 a.db 'SELECT count(*) FROM orders; SELECT rejected FROM _sfx_load' | paste -sd ' ')" = '4 1' ]
	[ "$(wc -l <rejects)" -eq 1 ]
}

@test "a script of many rows is what its input is" {
	awk 'BEGIN { print "id,text,half"; for (i = 1; i <= 30000; i++) printf "%d,%s,%.1f\n", i, (i % 7 ? "line " i : "it'"''"'s \"\""), i / 2 }' >many.csv
	sfx-load - -t many many.csv | run_in a.db
	sfx-load -q sqlite:b.db -t many many.csv
	[ "$(sqlite3 a.db 'SELECT * FROM many ORDER BY id' | sha256sum)" = "$(sqlite3 b.db 'SELECT * FROM many ORDER BY id' | sha256sum)" ]
	[ "$(sqlite3 a.db 'SELECT count(*) FROM many')" -eq 30000 ]
}

@test "what a script cannot do is misuse, a full disk is an error" {
	run -2 sfx-load - -t t --key id --mode sync orders.csv
	run -2 sfx-load - -E </dev/null
	run -2 sfx-load - --undo 1
	run -2 sfx-load - --evolve add orders.csv
	run -2 sfx-load - --commit-every 10 orders.csv
	printf 'a,A\n1,2\n' >twice.csv
	run -65 sfx-load - -t t twice.csv
	status=0
	sfx-load - -t orders orders.csv >/dev/full 2>said || status=$?
	[ $status -eq 74 ]
	sfx-load -n - -t orders orders.csv >plan
	grep -q 'CREATE TABLE' plan
	! grep -q INSERT plan
}
