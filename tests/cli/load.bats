#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load against the real sqlite3 shell: what is stored, once, whole or not at all.

load load.bash

setup() {
	command -v sqlite3 >/dev/null || skip "the sqlite3 shell is missing"
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	printf 'id,name\n1,a\n2,b\n' >orders.csv
}

query() {
	sqlite3 "${2:-x.db}" "$1"
}

# is SQL WANTED [DATABASE]: fails with a difference.
is() {
	got=$(query "$1" "${3:-x.db}")
	[ "$got" = "$2" ] || { printf '%s:\n%s\ninstead of\n%s\n' "$1" "$got" "$2" && return 1; }
}

# declared TABLE COLUMN: its type.
declared() {
	query "SELECT type FROM pragma_table_info('$1') WHERE name='$2'"
}

event() {
	printf '{"specversion":"1.0","id":"e-%s","source":"/in","type":"dev.sfx.file.closed","data":{"path":"%s"%s}}\n' \
		"$1" "$1" "${2:-}"
}

many_rows() {
	awk -v n="$1" 'BEGIN { print "id,name,amount"
		for (i = 1; i <= n; i++) printf "%d,name %d,%d.%02d\n", i, i, i % 1000, i % 100 }'
}

@test "every value comes back as its text" {
	cat >t.csv <<-'END'
		int,zip,price,huge,over,exp,minus,noday,mixed,real,neg,day,at
		1,00501,1.50,9007199254740993,18446744073709551616,1e5,-0,2024-01-02,1.5,1.5,-12.25,2024-02-29,2026-01-05T10:00:00.5Z
		-20,12345,10.00,-9223372036854775808,1,2,3,2024-12-31,2,2.0,0.01,1999-12-31,2026-01-05T10:00:01.0Z
		0,00000,0.05,9223372036854775807,2,3,4,2023-02-29,-0.25,1.5e-07,-0.50,2000-01-01,2026-01-05T10:00:02.0Z
	END
	exits 0 sfx-load sqlite:x.db t.csv
	[ "$(declared t int)" = INTEGER ]
	[ "$(declared t zip)" = TEXT ]
	[ "$(declared t price)" = "DECIMAL(15,2)" ]
	[ "$(declared t huge)" = INTEGER ]
	[ "$(declared t over)" = TEXT ]
	[ "$(declared t exp)" = TEXT ]
	[ "$(declared t minus)" = TEXT ]
	[ "$(declared t noday)" = TEXT ]
	[ "$(declared t day)" = DATE ]
	[ "$(declared t at)" = TIMESTAMPTZ ]
	[ "$(declared t mixed)" = NUMERIC ]
	[ "$(declared t real)" = REAL ]
	[ "$(declared t neg)" = "DECIMAL(15,2)" ]
	sqlite3 -csv -header x.db "SELECT int, zip, printf('%.2f', price) AS price, huge, over, exp, minus, noday,
		mixed, real, printf('%.2f', neg) AS neg, day, at FROM t" | tr -d '\r' >back.csv
	diff t.csv back.csv
	is "SELECT sum(price) FROM t" 11.55
}

@test "what looks like a number only up to the last record is text" {
	{ echo n && seq 1 5000 && echo 007; } >t.csv
	exits 0 sfx-load sqlite:x.db t.csv
	[ "$(declared t n)" = TEXT ]
	is "SELECT count(*), max(CAST(n AS INTEGER)), min(n) FROM t" "5001|5000|007"
}

@test "an empty field is NULL, a quoted empty text is ''" {
	printf 'n,t,q\n,,""\n1,a,"b"\n"",,\n' >t.csv
	exits 0 sfx-load sqlite:x.db t.csv
	is "SELECT quote(n), quote(t), quote(q) FROM t" "NULL|NULL|''
1|'a'|'b'
NULL|NULL|NULL"
}

@test "JSON keeps strings strings, booleans 0 and 1, null and missing NULL, nested its text" {
	cat >t.jsonl <<-'END'
		{"n":1,"s":"5","b":true,"o":{"a": [1, 2]},"e":"","d":1.5}
		{"n":null,"s":"06","b":false,"o":[],"d":2.5,"late":"caf\u00e9\n"}
	END
	exits 0 sfx-load sqlite:x.db t.jsonl
	is "SELECT quote(n), quote(s), quote(b), quote(o), quote(e), quote(d), quote(late) FROM t" \
		"1|'5'|1|'{\"a\": [1, 2]}'|''|1.5|NULL
NULL|'06'|0|'[]'|NULL|2.5|'café
'"
	[ "$(declared t b)" = BOOLEAN ]
	[ "$(declared t s)" = TEXT ]
}

@test "the same content is loaded once, whatever its name" {
	cp orders.csv copy.csv
	gzip -k copy.csv
	exits 0 sfx-load -v sqlite:x.db orders.csv
	grep -q "orders.csv: 2 records in, 2 loaded into orders" said
	exits 0 sfx-load -v sqlite:x.db -t orders copy.csv copy.csv.gz orders.csv
	[ "$(grep -c "already loaded into orders" said)" -eq 3 ]
	exits 0 sfx-load sqlite:x.db -t ORDERS copy.csv
	is "SELECT count(*) FROM orders" 2
	exits 0 sfx-load sqlite:x.db -t other copy.csv
	is "SELECT count(*) FROM other" 2
	is "SELECT load_id, target, source, rows_in, inserted, rejected, mode FROM _sfx_load" \
		"1|orders|orders.csv|2|2|0|append
2|other|copy.csv|2|2|0|append"
	is "SELECT source_key = 'sha256:' || '$(sha256sum <orders.csv | cut -d' ' -f1)', size FROM _sfx_load WHERE load_id=1" "1|$(stat -c %s orders.csv)"
}

@test "a table that was dropped is loaded again" {
	exits 0 sfx-load sqlite:x.db orders.csv
	query "DROP TABLE orders"
	exits 0 sfx-load sqlite:x.db orders.csv
	is "SELECT count(*) FROM orders" 2
}

@test "--force loads again, and the ledger has both" {
	exits 0 sfx-load sqlite:x.db orders.csv
	exits 0 sfx-load --force sqlite:x.db orders.csv
	exits 0 sfx-load sqlite:x.db orders.csv
	is "SELECT count(*) FROM orders" 4
	is "SELECT again FROM _sfx_load" "0
1"
}

@test "--load-id names a pipe's load" {
	exits 0 bash -c 'cat orders.csv | sfx-load sqlite:x.db -t orders --load-id monday'
	exits 0 bash -c 'printf "id,name\n3,c\n" | sfx-load -v sqlite:x.db -t orders --load-id monday'
	grep -q "already loaded" said
	exits 0 bash -c 'cat orders.csv | sfx-load sqlite:x.db -t orders --load-id tuesday'
	is "SELECT count(*), max(id) FROM orders" "4|2"
	is "SELECT source_key FROM _sfx_load" "id:monday
id:tuesday"
	exits 2 sfx-load sqlite:x.db --load-id both orders.csv orders.csv
}

@test "a bad record fails its input, and nothing of it is loaded" {
	many_rows 3000 >t.csv
	echo "3001,ragged" >>t.csv
	exits 65 sfx-load sqlite:x.db t.csv
	grep -q "t.csv: line 3002, .*: record has 2 fields, header has 3" said
	[ ! -e x.db ]
}

@test "--on-error=skip counts what it leaves out" {
	printf 'id,name\n1,a\n2\n3,c,d\n4,e\n' >t.csv
	exits 0 sfx-load --on-error=skip sqlite:x.db t.csv
	grep -q "t.csv: 4 records in, 2 loaded into t, 2 skipped" said
	is "SELECT rows_in, inserted, rejected, skipped FROM _sfx_load" "4|2|0|2"
}

@test "--rejects keeps bad records with place and reason, and what is in adds up" {
	query "CREATE TABLE t(id INTEGER, name TEXT)"
	printf 'id,name\n1,a\nx,b\n3\n007,d\n5,"e ""q"""\n' >t.csv
	exits 1 sfx-load --rejects bad.jsonl sqlite:x.db t.csv
	grep -q "t.csv: 5 records in, 2 loaded into t, 3 rejected" said
	is "SELECT id, name FROM t" '1|a
5|e "q"'
	is "SELECT rows_in, inserted, duplicate, rejected, skipped FROM _sfx_load" "5|2|0|3|0"
	[ "$(wc -l <bad.jsonl)" -eq 3 ]
	grep -q '"line":3,.*"column":"id","value":"x",.*cannot hold.*"raw":"x,b"' bad.jsonl
	grep -q '"line":4,.*"raw":"3"' bad.jsonl
	grep -q '"value":"007"' bad.jsonl
}

@test "rejected records without a file are said" {
	printf 'id\n1\n2,3\n' >t.csv
	exits 1 sfx-load --on-error=reject sqlite:x.db t.csv
	grep -q "t.csv: line 3: record has 2 fields, header has 1" said
}

@test "a value that does not fit a declared type is a bad record, not a silent text" {
	query "CREATE TABLE t(i INT, d DECIMAL(5,2), r REAL, n NUMERIC, b BOOLEAN, s VARCHAR(3), o DATE)"
	bad=0
	for record in '1.0,,,,,,' '+1,,,,,,' '9223372036854775808,,,,,,' ',1.005,,,,,' ',1000.00,,,,,' ',,x,,,,' \
		',,0.1234567890123456789,,,,' ',,,1e,,,' ',,,,2,,' ',,,,,,00501'; do
		printf 'i,d,r,n,b,s,o\n%s\n' "$record" >t.csv
		exits 65 sfx-load sqlite:x.db t.csv
		grep -q 't.csv: line 2: column ".*" (.*) cannot hold' said
		bad=$((bad + 1))
	done
	[ $bad -eq 10 ]
	is "SELECT count(*) FROM t" 0
	printf 'i,d,r,n,b,s,o\n7,1.5,0.30000000000000004,12.25,true,00501,2024-01-02\n' >t.csv
	exits 0 sfx-load sqlite:x.db t.csv
	is "SELECT quote(i), quote(d), r = 0.1 + 0.2, quote(n), quote(b), quote(s), quote(o) FROM t" \
		"7|1.5|1|12.25|1|'00501'|'2024-01-02'"
}

@test "constraints refuse only the bad records" {
	query "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL)"
	{ many_rows 1000 | cut -d, -f1,2 && printf '500,again\n1001,\n1002,last\n'; } >t.csv
	exits 1 sfx-load --rejects bad.jsonl sqlite:x.db t.csv
	is "SELECT count(*), max(id) FROM t" "1001|1002"
	grep -q '"line":1002,.*UNIQUE constraint failed: t.id' bad.jsonl
	grep -q '"line":1003,.*NOT NULL constraint failed: t.name' bad.jsonl
	exits 65 sfx-load --force sqlite:x.db t.csv
	grep -q "t.csv: line 2: UNIQUE constraint failed: t.id" said
	is "SELECT count(*) FROM _sfx_load" 1
}

@test "columns of an existing table are matched by name" {
	query "CREATE TABLE t(Name TEXT, extra TEXT DEFAULT 'none', id INTEGER)"
	printf 'ID,name\n1,a\n' >t.csv
	exits 0 sfx-load sqlite:x.db t.csv
	is "SELECT * FROM t" "a|none|1"
	printf 'id,name,colour\n2,b,red\n' >t.csv
	exits 65 sfx-load sqlite:x.db t.csv
	grep -q 't.csv: column "colour" is not in table "t"' said
	is "SELECT count(*) FROM t" 1
}

@test "odd names are kept, and told apart" {
	printf 'select,a b,"q""q",id,ID,id_2,\n1,2,3,4,5,6,7\n' >t.csv
	exits 0 sfx-load sqlite:x.db -t 'my "odd" table; --' t.csv
	is "SELECT group_concat(name, '/') FROM pragma_table_info('my \"odd\" table; --')" \
		'select/a b/q"q/id/ID_3/id_2/7'
	is 'SELECT * FROM "my ""odd"" table; --"' "1|2|3|4|5|6|7"
	exits 2 sfx-load sqlite:x.db -t _sfx_load orders.csv
	exits 2 sfx-load sqlite:x.db -t sqlite_x orders.csv
	exits 2 sfx-load sqlite:x.db -t '' orders.csv
}

@test "without columns and records there is nothing to load, and it is said" {
	: >empty.csv
	exits 0 sfx-load sqlite:x.db empty.csv
	grep -q "empty.csv: is empty: nothing to load" said
	[ ! -e x.db ]
	echo "id,name" >head.csv
	exits 0 sfx-load -v sqlite:x.db head.csv
	grep -q "head.csv: 0 records in, 0 loaded into head" said
	is "SELECT count(*) FROM head" 0
}

@test "standard input, dialects and wide tables" {
	exits 0 bash -c 'printf "1;'"'x;y'"'\n2;z\n" | sfx-load sqlite:x.db -t t -i csv -d ";" --quote "'"'"'" --no-header'
	is 'SELECT "1", "2" FROM t' "1|x;y
2|z"
	exits 2 bash -c 'sfx-load sqlite:x.db <orders.csv'
	grep -q "standard input has no name" said
	exits 2 sfx-load sqlite:x.db --from xml orders.csv
	exits 2 sfx-load sqlite:x.db --delimiter ab orders.csv
	seq -s, 1 1500 >wide.csv
	seq -s, 1 1500 >>wide.csv
	exits 0 sfx-load sqlite:x.db wide.csv
	is 'SELECT "1500" FROM wide' 1500
	seq -s, 1 3000 >wide.csv
	exits 65 sfx-load sqlite:x.db -t wider wide.csv
}

@test "compressed files and members of archives are inputs of their own" {
	mkdir data
	cp orders.csv data
	printf '{"k":1}\n{"k":2}\n' >data/events.jsonl
	echo "read me" >data/README
	printf '\211PNG\r\n\032\n' >data/x.png
	tar czf all.tar.gz data
	exits 0 sfx-load sqlite:x.db all.tar.gz
	[ "$(grep -c "holds no records: passed over" said)" -eq 2 ]
	is "SELECT count(*) FROM orders" 2
	is "SELECT sum(k) FROM events" 3
	is "SELECT member FROM _sfx_load ORDER BY 1" "data/events.jsonl
data/orders.csv"
	exits 0 sfx-load -v sqlite:x.db all.tar.gz orders.csv
	[ "$(grep -c "already loaded" said)" -eq 3 ]
	gzip -k orders.csv
	exits 0 sfx-load sqlite:y.db orders.csv.gz
	is "SELECT count(*) FROM orders" 2 y.db
}

@test "what large files hold is decoded by a thread, and what is wrong with it is found" {
	many_rows 200000 >many.csv
	gzip -k many.csv
	exits 0 sfx-load sqlite:x.db -t t many.csv.gz
	is "SELECT count(*), sum(id), max(name) FROM t" "200000|20000100000|name 99999"
	is "SELECT sha256, size FROM _sfx_load" "$(sha256sum <many.csv | cut -d ' ' -f 1)|$(stat -c %s many.csv)"
	exits 0 sfx-load -v sqlite:x.db -t t many.csv
	grep -q 'already' said
	head -c -1000 many.csv.gz >cut.csv.gz
	exits 65 sfx-load sqlite:x.db -t cut cut.csv.gz
	grep -q 'cut.csv.gz: gzip data ends early' said
	is "SELECT count(*) FROM sqlite_master WHERE name='cut'" 0
}

@test "a bad member fails alone" {
	printf 'id\n1,2\n' >bad.csv
	tar cf all.tar bad.csv orders.csv
	exits 1 sfx-load sqlite:x.db all.tar
	grep -q "all.tar: bad.csv: line 2" said
	is "SELECT count(*) FROM orders" 2
	is "SELECT count(*) FROM sqlite_schema WHERE name='bad'" 0
	exits 1 sfx-load sqlite:x.db missing.csv bad.csv orders.csv
	exits 74 sfx-load sqlite:x.db missing.csv
	exits 65 sfx-load sqlite:x.db bad.csv
	head -c 100 all.tar >cut.tar
	exits 65 sfx-load sqlite:z.db --from csv cut.tar
	[ ! -e z.db ]
}

@test "an archive that ends within a member is said once" {
	tar cf all.tar orders.csv
	head -c 520 all.tar >cut.tar
	exits 65 sfx-load sqlite:x.db cut.tar
	[ "$(cat said)" = "sfx-load: cut.tar: orders.csv: Truncated tar archive" ]
	printf 'id\n1,2\n' >bad.csv
	tar cf all.tar bad.csv orders.csv
	head -c 1544 all.tar >cut.tar
	exits 65 sfx-load sqlite:x.db cut.tar
	[ "$(grep -c 'Truncated tar archive' said)" -eq 1 ]
}

@test "what is clearly no records is refused" {
	"$SFX_BUILD/tests/data/mkphoto" 64x48 photo.jpg
	exits 65 sfx-load sqlite:x.db photo.jpg
	grep -q "photo.jpg: holds no records: it is image/jpeg" said
	head -c 100 /dev/zero >zeros
	exits 65 sfx-load sqlite:x.db zeros
	[ ! -e x.db ]
}

@test "events: records are loaded, other files become rows, and each load is told of" {
	"$SFX_BUILD/tests/data/mkphoto" 64x48 photo.jpg
	{ event orders.csv && event photo.jpg ',"type":"image/jpeg","width":64,"height":48'; } >events
	exits 0 sfx-load -E sqlite:x.db <events
	is "SELECT count(*) FROM orders" 2
	is "SELECT path, type, size, width, height, sha256, event_id, mtime LIKE '20%Z' FROM files" \
		"photo.jpg|image/jpeg|$(stat -c %s photo.jpg)|64|48|$(sha256sum <photo.jpg | cut -d' ' -f1)|e-photo.jpg|1"
	[ "$(wc -l <out)" -eq 2 ]
	grep -q '"type":"dev.sfx.load.committed".*"sfxcause":"e-orders.csv".*"records":2.*"loaded":2' out
	grep -q '"sfxcause":"e-photo.jpg".*"records":1.*"table":"files","loaded":1' out
	cp out first
	exits 0 sfx-load -E sqlite:x.db <events
	grep -q '"records":2.*"loaded":0' out
	[ "$(grep -o '"id":"[0-9a-f]*"' out)" = "$(grep -o '"id":"[0-9a-f]*"' first)" ]
	is "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM files)" "2|1"
}

@test "events: what cannot be loaded is kept with its reason, the rest goes on" {
	printf 'id,name\n3\n' >bad.csv
	{ event missing.csv && event bad.csv && event orders.csv; } >events
	exits 1 sfx-load -E sqlite:x.db --rejects bad.jsonl --on-error=fail -t t <events
	[ "$(wc -l <bad.jsonl)" -eq 2 ]
	grep -q '"input":"missing.csv","code":"io".*"event":"e-missing.csv"' bad.jsonl || cat bad.jsonl
	is "SELECT count(*) FROM t" 2
	[ "$(wc -l <out)" -eq 1 ]
	printf 'id,name\n3\n4,d\n' >bad.csv
	exits 1 sfx-load -E sqlite:x.db --rejects records.jsonl -t t < <(event bad.csv)
	grep -q '"line":2,.*"raw":"3".*"event":"e-bad.csv"' records.jsonl
	is "SELECT count(*) FROM t" 3
	exits 2 sfx-load -E sqlite:x.db orders.csv
}

@test "--dry-run says what would be done, and writes nothing" {
	exits 0 sfx-load -n sqlite:x.db orders.csv
	grep -q -- "-- orders.csv: 2 records in, 2 to load into orders" out
	[ ! -e x.db ]
	sqlite3 made.db <out
	[ "$(query "SELECT sql FROM sqlite_schema" made.db | tr -d ' \n')" = 'CREATETABLE"orders"("id"INTEGER,"name"TEXT)' ]
	query "CREATE TABLE orders(id INTEGER)"
	sum=$(sha256sum <x.db)
	exits 65 sfx-load -n sqlite:x.db orders.csv
	printf 'id\nx\n2\n' >ids.csv
	exits 1 sfx-load -n --rejects bad.jsonl sqlite:x.db -t orders ids.csv
	grep -q "2 records in, 1 to load into orders, 1 to reject" out
	[ ! -e bad.jsonl ]
	[ "$sum" = "$(sha256sum <x.db)" ]
	exits 0 sfx-load sqlite:y.db orders.csv
	exits 0 sfx-load -n sqlite:y.db orders.csv
	grep -q "already loaded into orders" out
}

@test "targets that are none" {
	mkdir folder
	exits 2 sfx-load sqlite:folder orders.csv
	exits 2 sfx-load sqlite: orders.csv
	exits 2 sfx-load x.db orders.csv
	grep -q "this build has sqlite:PATH" said
	exits 2 sfx-load mysql:x orders.csv
	exits 2 sfx-load sqlite:orders.csv orders.csv
	grep -q "orders.csv: file is not a database" said
	exits 74 sfx-load sqlite:none/x.db orders.csv
	exits 0 sfx-load sqlite::memory: orders.csv
	[ -s :memory: ]
	[ "$(sfx-load --sinks | grep -c '^sqlite:PATH ')" -eq 1 ]
	exits 74 timeout 10 bash -c 'sfx-load --sinks >/dev/full'
	[ "$(cat said)" = "sfx-load: standard output: cannot write: No space left on device" ]
}

@test "a locked database is an error to try again" {
	query "CREATE TABLE t(id)"
	mkfifo hold
	sqlite3 x.db <hold >held &
	exec 9>hold
	printf "BEGIN EXCLUSIVE;\nSELECT 'held';\n" >&9
	until grep -q held held; do sleep 0.01; done
	exits 75 sfx-load --timeout 100ms sqlite:x.db orders.csv
	grep -q "x.db: database is locked" said
	exec 9>&-
	wait
	exits 0 sfx-load sqlite:x.db orders.csv
}

@test "several loaders at once each load what is theirs, once" {
	for i in 1 2 3 4; do
		many_rows 20000 | sed "s/name/name $i/2;s/^\([0-9]\)/$i\1/" >"part$i.csv"
	done
	for i in 1 2 3 4; do
		sfx-load sqlite:x.db -t t part1.csv part2.csv part3.csv part4.csv &
	done
	wait
	is "SELECT count(*), count(DISTINCT id) FROM t" "80000|80000"
	is "SELECT count(*), sum(inserted) FROM _sfx_load" "4|80000"
	is "PRAGMA integrity_check" ok
}

@test "a killed load leaves all of its input or nothing" {
	{ echo id,next && seq 200000 | awk '{ print $1 "," $1 + 1 }'; } >t.csv
	begun=$EPOCHREALTIME
	exits 0 sfx-load sqlite:once.db t.csv
	took=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { print int((b - a) * 1000000) }')
	for _ in $(seq 200); do
		delay=$((RANDOM * took / 32768))
		timeout -s KILL "$(printf '0.%06d' $((delay < 999999 ? delay : 999999)))" \
			sfx-load sqlite:x.db t.csv 2>said || true
		count=$(query "SELECT count(*) FROM t" 2>/dev/null) || count=none
		case $count in
		none) ;;
		200000) rm x.db ;;
		*) echo "$count records" && return 1 ;;
		esac
	done
	exits 0 sfx-load sqlite:x.db t.csv
	is "PRAGMA integrity_check" ok
	[ "$(sqlite3 x.db '.dump t' | sha256sum)" = "$(sqlite3 once.db '.dump t' | sha256sum)" ]
	is "SELECT count(*) FROM _sfx_load" 1
}

@test "SIGTERM takes the input in hand back, though nothing more comes" {
	exits 0 sfx-load sqlite:x.db orders.csv
	mkfifo feed
	for options in "" "--commit-every 1000"; do
		sfx-load sqlite:x.db -t orders --load-id late $options <feed 2>said &
		pid=$!
		exec 9>feed
		printf 'id,name\n3,c\n' >&9
		kill -TERM $pid
		for ((i = 0; i < 100; i++)); do
			[ -d /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status || break
			sleep 0.1
		done
		exec 9>&-
		[ "$i" -lt 100 ]
		status=0
		wait $pid || status=$?
		[ "$status" -eq 143 ]
		is "SELECT count(*) FROM orders" 2
	done
}

small_disk() {
	mkdir -p small
	mount -t tmpfs -o size=1m sfx-test small 2>/dev/null || skip "only root can mount a small file system"
	touch mounted
}

@test "a full disk leaves the target as it was" {
	small_disk
	exits 0 sfx-load sqlite:small/x.db orders.csv
	many_rows 200000 >t.csv
	exits 74 sfx-load sqlite:small/x.db -t orders2 t.csv
	grep -q "disk is full" said
	is "SELECT count(*) FROM orders" 2 small/x.db
	is "SELECT count(*) FROM sqlite_schema WHERE name='orders2'" 0 small/x.db
	is "PRAGMA integrity_check" ok small/x.db
	exits 74 bash -c 'cat t.csv | sfx-load sqlite:y.db -t t --tmp small'
	[ ! -e y.db ]
}

@test "a read-only database is an error" {
	small_disk
	exits 0 sfx-load sqlite:small/x.db orders.csv
	mount -o remount,ro small
	exits 74 sfx-load sqlite:small/x.db -t other orders.csv
	exits 74 sfx-load sqlite:small/y.db orders.csv
}

@test "an existing database keeps its journal mode, a new one gets large pages" {
	exits 0 sfx-load sqlite:x.db orders.csv
	is "PRAGMA page_size" 16384
	query "PRAGMA journal_mode=wal" >/dev/null
	exits 0 sfx-load sqlite:x.db -t more orders.csv
	is "PRAGMA journal_mode" wal
	is "SELECT count(*) FROM more" 2
}

@test "--stats tells what was done" {
	cp orders.csv copy.csv
	exits 0 sfx-load --stats=stats sqlite:x.db -t t orders.csv copy.csv
	grep -q '"loaded":1,"already_loaded":1,"ignored":0,"failed":0,.*"records_in":2,"records_inserted":2' stats
}

@test "--mode=upsert: new keys become rows, known ones change, what says the same is left alone" {
	query "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, kept TEXT DEFAULT 'k')"
	query "INSERT INTO t VALUES(1,'a','x'),(2,'b','x'),(3,'c','x')"
	printf 'id,name\n1,a\n2,B\n4,d\n4,D\n' >t.csv
	exits 0 sfx-load -v --mode=upsert --key id sqlite:x.db t.csv
	grep -q '4 records in, 1 loaded into t, 2 updated, 1 unchanged' said # the second record of a key changes the first
	is "SELECT * FROM t ORDER BY id" '1|a|x
2|B|x
3|c|x
4|D|k'
	is "SELECT mode, rows_in, inserted, updated, unchanged, duplicate FROM _sfx_load" 'upsert|4|1|2|1|0'
	exits 0 sfx-load -v --mode=upsert --key id sqlite:x.db t.csv
	grep -q 'already loaded' said
	exits 0 sfx-load -v --force --mode=upsert --key id sqlite:x.db t.csv
	grep -q '0 loaded into t, 2 updated, 2 unchanged' said
}

@test "a table made for a key has it as its primary key, and a record without it is bad" {
	printf 'a,b,v\n1,x,1\n1,y,2\n,y,3\n1,x,4\n' >t.csv
	exits 65 sfx-load --mode=upsert --key a,b sqlite:x.db t.csv
	exits 1 sfx-load --mode=upsert --key a,b --rejects bad.jsonl sqlite:x.db t.csv
	jq -r '"\(.line) \(.column)"' bad.jsonl | grep -qx '4 a'
	is "SELECT * FROM t ORDER BY b" '1|x|4
1|y|2'
	is "SELECT group_concat(name) FROM pragma_table_info('t') WHERE pk > 0" 'a,b'
	exits 2 sfx-load --mode=upsert sqlite:x.db t.csv
	echo '2,x,1' >>t.csv
	exits 65 sfx-load --mode=upsert --key nope sqlite:x.db t.csv
	grep -q 'the key column "nope" is not in the input' said
}

@test "--mode=ignore and --mode=newer decide which of two records stays" {
	printf 'id,v,at\n1,a,2026-01-02\n2,b,2026-01-02\n' >t.csv
	exits 0 sfx-load --key id sqlite:x.db t.csv
	printf 'id,v,at\n1,A,2026-01-03\n3,c,2026-01-01\n3,C,2026-01-02\n' >more.csv
	exits 0 sfx-load -v --mode=ignore --key id -t t sqlite:x.db more.csv
	grep -q '3 records in, 1 loaded into t, 2 duplicate' said
	is "SELECT group_concat(v, '') FROM (SELECT v FROM t ORDER BY id)" abc
	printf 'id,v,at\n1,A,2026-01-03\n1,z,2026-01-01\n2,B,2026-01-01\n3,C,2026-01-01\n4,d,\n' >more.csv
	exits 2 sfx-load --mode=newer --key id -t t sqlite:x.db more.csv
	exits 0 sfx-load -v --mode=newer --key id --version-column at -t t sqlite:x.db more.csv
	grep -q '5 records in, 1 loaded into t, 1 updated, 2 unchanged, 1 duplicate' said
	is "SELECT group_concat(v, '') FROM (SELECT v FROM t ORDER BY id)" Abcd
}

@test "--mode=delete takes the rows of its keys away" {
	query "CREATE TABLE t(id INTEGER, v TEXT)"
	query "INSERT INTO t VALUES(1,'a'),(1,'b'),(2,'c'),(3,'d')"
	printf 'id\n1\n1\n9\n' >gone.csv
	exits 0 sfx-load -v --mode=delete --key id -t t sqlite:x.db gone.csv
	grep -q '3 records in, 0 loaded into t, 1 unchanged, 1 deleted, 1 duplicate, 2 rows removed' said
	is "SELECT group_concat(v, '') FROM t" cd
}

@test "--mode=sync marks rows that have no record any more, and unmarks those that have one again" {
	printf 'id,v\n1,a\n2,b\n' >t.csv
	exits 0 sfx-load --mode=sync --key id sqlite:x.db t.csv
	printf 'id,v\n2,b\n3,c\n' >two.csv
	exits 0 sfx-load -v --mode=sync --key id -t t sqlite:x.db two.csv
	grep -q '1 loaded into t, 1 unchanged, 1 row removed' said
	is "SELECT id, v, _deleted_at IS NOT NULL FROM t" '1|a|1
2|b|0
3|c|0'
	exits 0 sfx-load -v --mode=sync --key id sqlite:x.db t.csv
	grep -q '0 loaded into t, 1 updated, 1 unchanged, 1 row removed' said
	is "SELECT id, v, _deleted_at IS NOT NULL FROM t" '1|a|0
2|b|0
3|c|1'
}

@test "--mode=scd2 keeps every version of a row with the time in which it was valid" {
	printf 'id,v\n1,a\n2,b\n' >t.csv
	exits 0 sfx-load --mode=scd2 --key id sqlite:x.db t.csv
	printf 'id,v\n1,A\n2,b\n3,c\n' >two.csv
	exits 0 sfx-load -v --mode=scd2 --key id -t t sqlite:x.db two.csv
	grep -q '3 records in, 1 loaded into t, 1 updated, 1 unchanged' said
	is "SELECT id, v, _valid_to IS NULL FROM t ORDER BY id, _valid_from" '1|a|0
1|A|1
2|b|1
3|c|1'
	is "SELECT count(*) FROM t o JOIN t n ON o._valid_to = n._valid_from AND o.id = n.id" 1
}

@test "--mode=replace makes the table anew, --mode=truncate empties it, the run's other inputs append" {
	query "CREATE TABLE t(id TEXT, old TEXT, v TEXT)"
	query "INSERT INTO t VALUES('x','y','z')"
	printf 'id,v\n1,a\n' >a.csv
	printf 'id,v\n2,b\n' >b.csv
	exits 0 sfx-load -v --mode=truncate -t t sqlite:x.db a.csv b.csv
	grep -q '1 row removed' said
	is "SELECT id, old, v FROM t" '1||a
2||b'
	exits 0 sfx-load --mode=replace -t t sqlite:x.db b.csv
	is "SELECT * FROM t" '2|b'
	[ "$(declared t id)" = INTEGER ]
	exits 0 sfx-load -v --mode=replace -t t sqlite:x.db b.csv
	grep -q 'already loaded' said
	exits 0 sfx-load --mode=replace -t t sqlite:x.db a.csv
	exits 0 sfx-load --mode=replace -t t sqlite:x.db b.csv # no longer the last that was loaded
	is "SELECT * FROM t" '2|b'
	exits 0 sfx-load --mode=replace -t t sqlite:x.db a.csv b.csv
	exits 0 sfx-load --mode=replace -t t sqlite:x.db a.csv b.csv
	is "SELECT * FROM t" '1|a
2|b'
	exits 0 sfx-load --mode=replace -t t sqlite:x.db b.csv
	exits 2 sfx-load --mode=sync --key id -t t sqlite:x.db a.csv b.csv
	grep -q 'takes one input a table' said
	query "DELETE FROM t WHERE id <> 2"
	printf 'id,v\n3\n' >bad.csv
	exits 65 sfx-load --mode=replace -t t sqlite:x.db bad.csv
	is "SELECT id, v FROM t" '2|b'
}

@test "--types, --infer, --not-null and --index say what a new table is like" {
	printf 'id,zip,price,at\n1,501,1.5,2026-01-05\n2,502,2.25,2026-01-06\n' >t.csv
	exits 0 sfx-load --types 'zip=text,price=decimal(9,2)' --not-null id,zip --index zip --index at,id sqlite:x.db t.csv
	is "SELECT group_concat(type, ' ') FROM pragma_table_info('t')" 'INTEGER TEXT DECIMAL(9,2) DATE'
	is "SELECT group_concat(\"notnull\", '') FROM pragma_table_info('t')" 1100
	is "SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_index_list('t') ORDER BY name)" 't_at_id_idx t_zip_idx'
	printf 'id,zip,price,at\n3,503,3.00,\n' >more.csv
	exits 0 sfx-load --index zip -t t sqlite:x.db more.csv # there already
	exits 0 sfx-load --infer none --types id=integer -t none sqlite:x.db t.csv
	is "SELECT group_concat(type, ' ') FROM pragma_table_info('none')" 'INTEGER TEXT TEXT TEXT'
	printf 'id,zip\nx,1\n' >bad.csv
	exits 65 sfx-load --types id=integer sqlite:x.db bad.csv
	grep -q 'line 2: column "id" (INTEGER) cannot hold "x"' said
	exits 65 sfx-load --types nope=text sqlite:x.db bad.csv
	exits 65 sfx-load --index nope sqlite:x.db bad.csv
	exits 65 sfx-load --not-null nope sqlite:x.db bad.csv
	for bad in 'id' 'id=int' 'id=decimal(2,3)' 'id=decimal(2' 'id=text(3)' 'id=decimal(20,2)'; do
		exits 2 sfx-load --types "$bad" sqlite:x.db bad.csv
	done
	exits 0 sfx-load -n --index zip -t plan sqlite:x.db t.csv
	grep -q 'CREATE INDEX IF NOT EXISTS "plan_zip_idx" ON "plan"("zip");' out
}

@test "--evolve=add adds the columns that a table lacks" {
	exits 0 sfx-load -t t sqlite:x.db orders.csv
	printf 'id,price,name\n3,1.50,c\n' >more.csv
	exits 65 sfx-load -t t sqlite:x.db more.csv
	grep -q 'column "price" is not in table "t": add it (--evolve=add)' said
	exits 0 sfx-load -n --evolve add -t t sqlite:x.db more.csv
	grep -q 'ALTER TABLE "t" ADD COLUMN "price" DECIMAL(15,2);' out
	exits 0 sfx-load --evolve add -t t sqlite:x.db more.csv
	is "SELECT * FROM t" '1|a|
2|b|
3|c|1.5'
}

@test "--lineage says where rows came from, and lets --undo take a load back" {
	tar -cf in.tar orders.csv
	exits 0 sfx-load --lineage -t t sqlite:x.db in.tar
	is "SELECT id, _source, _line, _load_id, _loaded_at GLOB '20??-??-??T??:??:??.??????Z' FROM t" '1|in.tar:orders.csv|2|1|1
2|in.tar:orders.csv|3|1|1'
	printf 'id,name\n3,c\n' >more.csv
	exits 0 sfx-load --lineage -t t sqlite:x.db more.csv
	exits 0 sfx-load -n --undo 1 sqlite:x.db
	grep -q 'load 1 into t would be taken back: 2 of its 2 rows' said
	exits 0 sfx-load --undo 1 sqlite:x.db
	grep -q 'load 1 into t is taken back: 2 of its 2 rows' said
	is "SELECT id FROM t" 3
	exits 2 sfx-load --undo 1 sqlite:x.db
	exits 2 sfx-load --undo 9 sqlite:x.db
	exits 2 sfx-load --undo 2 sqlite:x.db more.csv
	exits 0 sfx-load --lineage -t t sqlite:x.db in.tar # may come again
	is "SELECT count(*) FROM t" 3
	exits 0 sfx-load -t plain sqlite:x.db orders.csv
	exits 2 sfx-load --undo 4 sqlite:x.db
	grep -q 'are not known without --lineage' said
	exits 0 sfx-load -t old sqlite:x.db more.csv
	exits 0 sfx-load --lineage --mode upsert --key id -t old sqlite:x.db more.csv --force
	grep -q . said && return 1
	is "SELECT updated, unchanged FROM _sfx_load WHERE mode='upsert'" '0|1'
	exits 2 sfx-load --undo 6 sqlite:x.db
	printf '_line\n1\n' >odd.csv
	exits 65 sfx-load --lineage sqlite:x.db odd.csv
}

@test "--lineage is right in every batch behind --transform, whatever columns come" {
	for i in {1..3000}; do
		printf '{"id":%d' $i
		[ $i -le 2500 ] || printf ',"late":1,"later":2,"last":3,"more":4,"a":5,"b":6,"c":7,"d":8,"e":9,"f":10,"g":11'
		printf '}\n'
	done >t.jsonl
	exits 0 sfx-load --lineage --transform 'rename n = id' sqlite:x.db t.jsonl
	is "SELECT count(*), sum(n = _line), sum(late), sum(g) FROM t" '3000|3000|500|5500'
}

@test "--commit-every goes on behind the last commit after a failure" {
	many_rows 5000 >t.csv
	echo '5001,last,none' >>t.csv
	query 'CREATE TABLE t(id INTEGER, name TEXT, amount DECIMAL(9,2))'
	exits 65 sfx-load --commit-every 2000 sqlite:x.db t.csv
	grep -q 't.csv: load 1 is not finished: 4096 records of it are in t' said
	is "SELECT count(*) FROM t" 4096
	is "SELECT state, next_row, rows_in, inserted FROM _sfx_load" 'open|4096|4096|4096'
	exits 1 sfx-load -v --commit-every 2000 --rejects bad.jsonl sqlite:x.db t.csv
	grep -q 'load 1 goes on behind record 4096' said
	grep -q '5,001 records in, 5,000 loaded into t, 1 rejected' said
	[ "$(wc -l <bad.jsonl)" -eq 1 ]
	is "SELECT count(*), count(DISTINCT id) FROM t" '5000|5000'
	is "SELECT state, next_row, rows_in, inserted, rejected FROM _sfx_load" 'done||5001|5000|1'
	exits 0 sfx-load -v sqlite:x.db t.csv
	grep -q 'already loaded' said
}

@test "--commit-every knows the content again, and the mode" {
	{ many_rows 3000 && echo 'x,y,z'; } >t.csv
	query 'CREATE TABLE t(id INTEGER, name TEXT, amount DECIMAL(9,2))'
	exits 65 sfx-load --commit-every 1000 --load-id a sqlite:x.db t.csv
	exits 2 sfx-load --mode ignore --key id --load-id a sqlite:x.db t.csv
	grep -q 'load 1 of this input is not finished: it goes on with --mode=append' said
	many_rows 3000 | sed 's/name 17,/name 99,/' >t.csv
	exits 65 sfx-load --commit-every 1000 --load-id a sqlite:x.db t.csv
	grep -q 'is not what load 1 has begun with' said
	many_rows 3000 >t.csv
	exits 0 sfx-load --load-id a sqlite:x.db t.csv # the last transaction needs no checkpoints
	is "SELECT count(*), count(DISTINCT id) FROM t" '3000|3000'
	for mode in replace truncate sync scd2; do
		exits 2 sfx-load --commit-every 10 --mode $mode --key id sqlite:y.db t.csv
	done
	exits 2 sfx-load -E --commit-every 10 sqlite:y.db
}

@test "--commit-every adds to what is in the file of rejects, of several inputs" {
	printf '{"a":"before"}\n' >bad.jsonl
	printf 'id,name\n1,a,b\n2,b\n' >a.csv
	printf 'id,name\n3,a,b\n4,b\n5,c,d\n' >b.csv
	exits 1 sfx-load --commit-every 1 -t t --rejects bad.jsonl sqlite:x.db a.csv b.csv
	[ "$(jq -r '.raw // .a' bad.jsonl | tr '\n' ' ')" = 'before 1,a,b 3,a,b 5,c,d ' ]
	[ ! -e bad.jsonl.part ]
	is "SELECT group_concat(id), (SELECT group_concat(rejected) FROM _sfx_load) FROM t" '2,4|1,2'
}

@test "--schema checks records, and says what a new table is like" {
	cat >s.json <<-'END'
		{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["id", "zip"],
		 "properties": {"id": {"type": "integer", "minimum": 1}, "zip": {"type": "string"}, "price": {"type": "number"},
		 "day": {"type": "string", "format": "date"}, "later": {"type": ["boolean", "null"]}}}
	END
	printf 'id,zip,price,day\n1,501,1.5,2026-01-05\n0,502,2,2026-01-05\n3,,2,2026-01-06\n4,504,x,2026-01-07\n' >t.csv
	exits 65 sfx-load --schema s.json sqlite:x.db t.csv
	grep -q '^sfx-load: t.csv: line 3, offset 38: column id: "0" is below 1' said
	exits 1 sfx-load -v --schema s.json --rejects bad.jsonl sqlite:x.db t.csv
	grep -q '4 records in, 1 loaded into t, 3 rejected' said
	[ "$(jq -r .rule bad.jsonl | tr '\n' ' ')" = 'minimum required type ' ]
	is "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\", ', ') FROM pragma_table_info('t')" \
		'id INTEGER 1, zip TEXT 1, price NUMERIC 0, day DATE 0, later BOOLEAN 0'
	is "SELECT * FROM t" '1|501|1.5|2026-01-05|'
	exits 2 sfx-load --schema orders.csv sqlite:x.db t.csv
}

@test "--transform: records pass a program before they are loaded" {
	printf '%s\n' '{"id":1,"who":{"name":"a","city":"x"}}' '{"id":2,"who":{"name":"b","city":"y"}}' '{"id":3}' >t.jsonl
	exits 0 sfx-load -v --transform 'flatten | rename order_id = id | where order_id != 2' sqlite:x.db t.jsonl
	grep -q '2 records in, 2 loaded into t' said
	query "SELECT * FROM t" | grep -qx '1|a|x'
	is "SELECT count(*), sum(order_id), (SELECT rows_in FROM _sfx_load) FROM t" '2|4|2'
	exits 2 sfx-load --transform 'nonsense x' -t u sqlite:x.db t.jsonl
	many_rows 5000 >m.csv
	exits 0 sfx-load --transform 'x = int(name) | amount = amount * 2' --commit-every 1000 --on-error skip sqlite:x.db m.csv
	many_rows 5000 | sed 's/name 4000/4000/' >n.csv
	exits 65 sfx-load --transform 'sort -id | where id < 4001 | x = int(name)' --commit-every 1000 sqlite:x.db n.csv
}

@test "--before and --after run in the transaction of the records" {
	printf 'id,name\n3,c\n' >more.csv
	exits 0 sfx-load sqlite:x.db orders.csv
	exits 0 sfx-load -t orders --before 'DELETE FROM orders WHERE id=1; CREATE TABLE b(x integer)' \
		--after 'UPDATE orders SET name=upper(name) WHERE id=3; INSERT INTO b SELECT count(*) FROM orders' sqlite:x.db more.csv
	is "SELECT id, name, (SELECT x FROM b) FROM orders ORDER BY id" '2|b|2
3|C|2'
	printf 'id,name\n4,d\n' >more.csv
	exits 2 sfx-load -t orders --before 'DELETE FROM orders' --after 'nonsense' sqlite:x.db more.csv
	grep -q -e '--after: .*syntax error' said
	exits 2 sfx-load -t orders --before 'COMMIT' sqlite:x.db more.csv
	grep -q 'it has ended the load' said
	exits 0 sfx-load -n -t orders --before 'DELETE FROM orders' sqlite:x.db more.csv
	is "SELECT count(*) FROM orders" 2
}

@test "--evolve=widen gives a column the type that holds what is there and what comes" {
	printf 'id,n,d,r,b,day,at,same,none\n1,5,1.50,2.5e-07,true,2026-01-05,2026-01-05T10:00:00Z,1,1\n' >a.csv
	printf 'id,n,d,r,b,day,at,same,none\n2,1.25,1.125,12,maybe,soon,2026-01-05T10:00:00.123Z,2,\n' >b.csv
	printf '{"id":1,"b":true}\n' >a.jsonl
	exits 0 sfx-load -t t sqlite:x.db a.csv
	exits 65 sfx-load -t t sqlite:x.db b.csv
	exits 0 sfx-load --evolve widen -t t sqlite:x.db b.csv
	exits 0 sfx-load --evolve widen -t t sqlite:x.db a.csv
	is "SELECT id, n, d, r, b, day, same, none FROM t ORDER BY id" '1|5|1.5|2.5e-07|true|2026-01-05|1|1
2|1.25|1.125|12|maybe|soon|2|'
	[ "$(query "SELECT group_concat(name || ' ' || type, ',') FROM pragma_table_info('t') WHERE name IN ('n','d','r','b','day','at','same')")" = \
		'b TEXT,at TIMESTAMPTZ,same INTEGER,n NUMERIC,d NUMERIC,r NUMERIC,day TEXT' ]
	exits 0 sfx-load -t j sqlite:x.db a.jsonl
	printf '{"id":2,"b":"no","new":1}\n' >b.jsonl
	exits 0 sfx-load --evolve widen -t j sqlite:x.db b.jsonl
	is "SELECT id, b, new FROM j ORDER BY id" '1|true|
2|no|1'
}

@test "--evolve=quarantine puts records aside that have more than the table" {
	exits 0 sfx-load sqlite:x.db orders.csv
	printf '%s\n' '{"id":3,"name":"c"}' '{"id":4,"name":"d","more":1}' '{"id":5,"name":"e","more":null}' '{"id":"x","name":"f"}' >more.jsonl
	exits 1 sfx-load -v -t orders --evolve quarantine --rejects bad.jsonl sqlite:x.db more.jsonl
	grep -q '4 records in, 2 loaded into orders, 2 rejected' said
	[ "$(jq -r '"\(.line) \(.column) \(.value)"' bad.jsonl | tr '\n' ';')" = '2 more 1;4 id x;' ]
	is "SELECT count(*), max(id) FROM orders" '4|5'
}

@test "--rejects-table keeps bad records in the transaction of the others" {
	printf 'id,name\n1,a\n2,b,too many\n3,c\377\tc\n' >t.csv
	
	exits 1 sfx-load --rejects-table --rejects bad.jsonl sqlite:x.db t.csv
	is "SELECT load_id, line, column_name IS NULL, reason, raw FROM _sfx_reject ORDER BY line" '1|3|1|record has 3 fields, header has 2|2,b,too many'
	is "SELECT (SELECT count(*) FROM _sfx_reject) - (SELECT rejected FROM _sfx_load), (SELECT count(*) FROM t)" '0|2'
	[ "$(jq .line bad.jsonl | tr '\n' ' ')" = '3 ' ]
	exits 65 sfx-load --rejects-table --not-null nosuch sqlite:x.db -t u t.csv
	exits 2 sfx-load -t _sfx_reject sqlite:x.db orders.csv
	many_bad >m.csv
	exits 1 sfx-load -q --rejects-table --types n=integer --commit-every 5000 sqlite:x.db m.csv
	is "SELECT count(*), count(DISTINCT line), max(value) FROM _sfx_reject WHERE load_id = (SELECT max(load_id) FROM _sfx_load)" '20000|20000|x9999'
	is "SELECT count(*) FROM m" 20000
}

many_bad() {
	awk 'BEGIN { print "n,pad"; for (i = 0; i < 40000; i++) print (i % 2 ? "x" int(i / 2) : i) ",something to fill the buffer of rejects with" }'
}

@test "--mode=upsert counts the same with a stage, where the table has no index for the key or no rowid" {
	printf 'id,v\n1,a\n2,b\n3,c\n' >t.csv
	query 'CREATE TABLE plain(id INTEGER, v TEXT); CREATE TABLE norowid(id INTEGER PRIMARY KEY, v TEXT) WITHOUT ROWID;
		CREATE TABLE checked(id INTEGER PRIMARY KEY, v TEXT CHECK (v <> '"'bad'"'), u INTEGER UNIQUE)'
	for t in plain norowid checked; do
		query "INSERT INTO $t(id, v) VALUES (1, 'a'), (2, 'old')"
		exits 0 sfx-load -v --mode=upsert --key id -t $t sqlite:x.db t.csv
		grep -q "3 records in, 1 loaded into $t, 1 updated, 1 unchanged" said
		is "SELECT group_concat(id || v, ' ') FROM (SELECT * FROM $t ORDER BY id)" '1a 2b 3c'
	done
	printf 'id,v\n1,A\n2,bad\n4,d\n' >u.csv
	exits 1 sfx-load --mode=upsert --key id -t checked --rejects bad.jsonl sqlite:x.db u.csv
	is "SELECT inserted, updated, rejected FROM _sfx_load WHERE source = 'u.csv'" '1|1|1'
	query "CREATE TABLE log(n); CREATE TRIGGER up AFTER UPDATE ON checked BEGIN INSERT INTO log VALUES (1); END"
	exits 0 sfx-load -v --force --mode=upsert --key id -t checked sqlite:x.db t.csv
	grep -q "3 records in, 0 loaded into checked, 1 updated, 2 unchanged" said
}

@test "--flush: files are committed together, and told of then" {
	for i in 1 2 3 4; do printf 'id,name\n%d,n\n' $i >f$i.csv; done
	printf 'id,name\nx,n\n' >bad.csv
	{ event f1.csv && event bad.csv && event f2.csv && event f1.csv; } >events
	query 'CREATE TABLE t(id INTEGER, name TEXT)'
	exits 1 sfx-load -E --flush 1h -t t --stats=s.json sqlite:x.db <events
	grep -q 'bad.csv: line 2' said
	[ "$(jq -r '"\(.subject) \(.data.loaded)"' out | tr '\n' ';')" = 'f1.csv 1;f2.csv 1;f1.csv 0;' ]
	is "SELECT count(*), (SELECT count(*) FROM _sfx_load) FROM t" '2|2'
	# What is not flushed is neither there nor told of.
	mkfifo pipe
	sfx-load -E --flush 1h --commit-every 2 -t t sqlite:x.db <pipe >out 2>said &
	loader=$!
	exec 7>pipe
	event f3.csv >&7
	event f1.csv >&7
	sleep 0.3
	[ ! -s out ]
	is "SELECT count(*) FROM t" 2
	kill -9 $loader
	wait $loader || true
	exec 7>&-
	is "SELECT count(*) FROM t" 2
	# By the number of records, by time, and at the end.
	sfx-load -E --flush 0.2s --commit-every 2 -t t sqlite:x.db <pipe >out 2>said &
	loader=$!
	exec 7>pipe
	event f3.csv >&7
	until [ -s out ]; do sleep 0.01; done
	is "SELECT count(*) FROM t" 3
	event f4.csv >&7
	exec 7>&-
	wait $loader
	is "SELECT count(*), max(id) FROM t" '4|4'
	exits 2 sfx-load --flush 1s sqlite:x.db f1.csv
	exits 2 sfx-load -E --commit-every 5 sqlite:x.db
}


@test "a ledger of an older build gets the columns that it lacks" {
	exits 0 sfx-load sqlite:x.db orders.csv
	for c in state next_row next_refused next_offset reject_len tail; do query "ALTER TABLE _sfx_load DROP COLUMN $c"; done
	exits 0 sfx-load -v sqlite:x.db orders.csv
	grep -q 'already loaded' said
	printf 'id,name\n3,c\n' >more.csv
	exits 0 sfx-load -t orders --commit-every 1 sqlite:x.db more.csv
	is "SELECT group_concat(state, ',') FROM _sfx_load" done,done
}
