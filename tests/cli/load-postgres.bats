#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load into a real PostgreSQL server: what is stored, once, whole or not at all.

load load.bash
load postgres.bash

setup() {
	[ -z "${NO_POSTGRES:-}" ] || skip "$NO_POSTGRES"
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	target=postgresql:///tester
	printf 'id,name\n1,a\n2,b\n' >orders.csv
	query 'DROP SCHEMA public CASCADE; CREATE SCHEMA public' >/dev/null
}

query() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1" 2>&1
}

# is SQL WANTED: fails with a difference.
is() {
	got=$(query "$1")
	[ "$got" = "$2" ] || { printf '%s:\n%s\ninstead of\n%s\n' "$1" "$got" "$2" && return 1; }
}

types() {
	query "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid='$1'::regclass AND attnum>0"
}

@test "each type is made, and every value comes back as its text" {
	cat >t.csv <<-'END'
		int,zip,price,huge,over,mixed,real,neg,day,at,local,note
		1,00501,1.50,9007199254740993,18446744073709551616,1.5,1.5,-12.25,2024-02-29,2026-01-05T10:00:00.5Z,2026-01-05 10:00:00,"a, ""b""	c\d"
		-20,12345,10.00,-9223372036854775808,1,2,2.0,0.01,1999-12-31,1969-12-31T23:59:59.9Z,1900-01-01 00:00:00,
		0,00000,12345678901.05,9223372036854775807,2,-0.25,1.5e-07,-0.50,0001-01-01,9999-12-31T23:59:59.0Z,2026-12-31 23:59:59,"two
		lines é"
	END
	exits 0 sfx-load $target t.csv
	is "SELECT 1" 1
	[ "$(types t)" = "bigint,text,numeric(38,2),bigint,text,numeric,double precision,numeric(38,2),date,timestamp(1) with time zone,timestamp(0) without time zone,text" ]
	psql -X -q --csv -c "SELECT int,zip,price,huge,over,mixed,CASE WHEN real=2 THEN '2.0' ELSE real::text END AS real,
		neg,day,to_char(at,'YYYY-MM-DD\"T\"HH24:MI:SS.FF1\"Z\"') AS at,local,note FROM t" >back.csv
	diff t.csv back.csv
}

@test "numbers of any size are numerics" {
	query 'CREATE TABLE t(n numeric)'
	for n in 0 1 9 10 9999 10000 10001 99999999 100000000 0.1 0.0001 0.00001 0.00010001 1234567.8901234 \
		-123456789012345678901234567890.123456789 100000000000000000000 0.000 7.5000; do
		echo "$n"
	done >n.txt
	{ echo n && cat n.txt; } >t.csv
	exits 0 sfx-load $target t.csv
	query 'SELECT n FROM t ORDER BY ctid' | diff n.txt -
}

@test "JSON keeps its text, its booleans and its nulls" {
	printf '%s\n' '{"a":{"x": 1.50},"b":true,"s":"5","n":null}' '{"a":[1,2],"b":false,"s":"x\ty"}' >t.jsonl
	exits 0 sfx-load $target t.jsonl
	[ "$(types t)" = "json,boolean,text,text" ]
	is "SELECT a, b, s, n IS NULL FROM t ORDER BY b DESC" '{"x": 1.50}|t|5|t
[1,2]|f|x	y|t'
}

@test "the same content is loaded once, and --force loads again" {
	exits 0 sfx-load $target orders.csv
	cp orders.csv other.csv
	exits 0 sfx-load -v $target -t orders other.csv
	grep -q 'already loaded' said
	is "SELECT count(*) FROM orders" 2
	exits 0 sfx-load --force $target orders.csv
	is "SELECT count(*) FROM orders" 4
	is "SELECT again, inserted, source FROM _sfx_load ORDER BY load_id" '0|2|orders.csv
1|2|orders.csv'
	query "DROP TABLE orders"
	exits 0 sfx-load $target orders.csv
	is "SELECT count(*) FROM orders" 2
}

@test "a dry run writes nothing" {
	exits 0 sfx-load -n $target orders.csv
	grep -q 'CREATE TABLE "public"."orders"' out
	is "SELECT count(*) FROM pg_class WHERE relname IN ('orders','_sfx_load')" 0
}

@test "a bad record fails its input, and nothing of it is loaded" {
	query 'CREATE TABLE t(id integer, price numeric(5,2))'
	for bad in x,1 007,1 2147483648,1 1,1.005 1,1000.00 1,-0; do
		printf 'id,price\n1,1.50\n%s\n' "$bad" >t.csv
		exits 65 sfx-load $target t.csv
		grep -q 't.csv: line 3: column' said
	done
	is "SELECT count(*) FROM t" 0
	is "SELECT to_regclass('_sfx_load') IS NULL" t
}

@test "values that a column cannot hold are rejects, and the rest is loaded" {
	query "CREATE TYPE mood AS ENUM ('sad', 'ok');
		CREATE TABLE t(i smallint, b boolean, d date, ts timestamp, tz timestamptz, v varchar(3), j jsonb, r real, x bytea)"
	cat >t.csv <<-'END'
		i,b,d,ts,tz,v,j,r,x
		1,true,2026-01-05,2026-01-05 10:00:00,2026-01-05T10:00:00+01:00,äöü,"{""a"": 1}",0.5,ab
		40000,true,2026-01-05,,,,,,
		1,yes,2026-01-05,,,,,,
		1,f,05/01/2026,,,,,,
		1,f,,2026-01-05T10:00:00Z,,,,,
		1,f,,,2026-01-05 10:00:00,,,,
		1,f,,,,abcd,,,
		1,f,,,,,{a},,
		1,f,,,,,,0.1,
	END
	exits 1 sfx-load --rejects bad.jsonl $target t.csv
	[ "$(wc -l <bad.jsonl)" -eq 8 ]
	is "SELECT * FROM t" '1|t|2026-01-05|2026-01-05 10:00:00|2026-01-05 09:00:00+00|äöü|{"a": 1}|0.5|\x6162'
	is "SELECT rows_in, inserted, rejected FROM _sfx_load" '9|1|8'
}

@test "what a key, a check or a type of the server refuses is found by halving" {
	query "CREATE TYPE mood AS ENUM ('sad', 'ok');
		CREATE TABLE t(id integer PRIMARY KEY CHECK (id <> 777), m mood NOT NULL, tags text[])"
	awk -v tags='"{a,""b\\\\c""}"' 'BEGIN { print "id,m,tags"
		for (i = 1; i <= 3000; i++) print (i == 1500 ? 1499 : i) "," (i == 2500 ? "mad" : i == 9 ? "" : "ok") "," tags }' >t.csv
	exits 1 sfx-load --rejects bad.jsonl $target t.csv
	is "SELECT count(*), sum(id) FROM t" "2996|$((3000 * 3001 / 2 - 777 - 1500 - 2500 - 9))"
	is "SELECT DISTINCT tags[2] FROM t" 'b\c'
	jq -r .reason bad.jsonl | grep -q 'duplicate key'
	jq -r .reason bad.jsonl | grep -q 'check constraint'
	jq -r .reason bad.jsonl | grep -q 'invalid input value for enum mood'
	jq -r .line bad.jsonl | sort -n | tr '\n' ' ' | grep -qx '10 778 1501 2501 '
	is "SELECT rows_in, inserted, rejected FROM _sfx_load" '3000|2996|4'
}

@test "without rejects a violated constraint takes the whole input back" {
	query 'CREATE TABLE orders(id integer PRIMARY KEY, name text)'
	printf 'id,name\n1,a\n1,b\n' >orders.csv
	exits 65 sfx-load $target orders.csv
	grep -q 'duplicate key value' said
	is "SELECT count(*) FROM orders" 0
}

@test "a table of another schema, columns by name, defaults" {
	query "CREATE SCHEMA sales; CREATE TABLE sales.\"Odd name\"(extra text DEFAULT 'none', \"Name\" text, id integer)"
	printf 'id,Name\n1,x\n' >t.csv
	exits 0 sfx-load $target -t 'sales.Odd name' t.csv
	is 'SELECT * FROM sales."Odd name"' 'none|x|1'
	exits 0 sfx-load $target -t 'no.schema' t.csv
	is 'SELECT count(*) FROM "no.schema"' 1
	printf 'id,Nome\n1,x\n' >t.csv
	exits 65 sfx-load $target -t 'sales.Odd name' t.csv
	grep -q 'column "Nome" is not in table' said
}

@test "targets that are none, and a password is never said" {
	exits 2 sfx-load 'postgresql://u:secret@/x?nonsense=1' orders.csv
	! grep -q secret said
	exits 2 sfx-load "postgresql://tester:secret@/nowhere?host=$PGHOST" orders.csv
	grep -q 'database "nowhere" does not exist' said
	! grep -q secret said
	exits 75 sfx-load --timeout 0.2s "postgresql://u:secret@/x?host=/nonexistent" orders.csv
	! grep -q secret said
}

# Another session: it holds what the statements that it is told take (say) until it is told to end (hang_up). Its
# server never looks for a deadlock.
call() {
	mkfifo other
	PGOPTIONS='-c deadlock_timeout=10min' psql -X -q -v ON_ERROR_STOP=1 <other >/dev/null 2>other.said &
	holder=$!
	exec 5>other
}

say() {
	echo "$1" >&5
}

hang_up() {
	exec 5>&-
	wait $holder
}

# locks N CONDITION: waits until so many locks are as pg_locks has them.
locks() {
	until [ "$(query "SELECT count(*) FROM pg_locks WHERE $2")" = "$1" ]; do :; done
}

@test "a locked table is an error to try again, and a signal ends the wait" {
	query 'CREATE TABLE orders(id integer, name text)'
	call
	say 'BEGIN; LOCK TABLE orders;'
	locks 1 "relation='orders'::regclass AND mode='AccessExclusiveLock' AND granted"
	exits 75 sfx-load --timeout 0.2s $target orders.csv 5>&-
	sfx-load $target orders.csv 2>said 5>&- &
	loader=$!
	locks 1 "relation='orders'::regclass AND NOT granted"
	kill -TERM $loader
	wait $loader && status=0 || status=$?
	[ "$status" -eq 143 ]
	hang_up
	exits 0 sfx-load $target orders.csv
	is "SELECT count(*) FROM orders" 2
}

@test "an input that the server gives up in a deadlock is begun again" {
	query "CREATE TABLE orders(id integer PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'old')" >/dev/null
	# The other one holds a row; it asks for the table, which the loader uses, when that waits for the row.
	call
	say "BEGIN; UPDATE orders SET name = 'held' WHERE id = 1;"
	locks 1 "relation='orders'::regclass AND mode='RowExclusiveLock'"
	PGOPTIONS='-c deadlock_timeout=1s' sfx-load -t orders --key id --mode upsert $target orders.csv 2>said 5>&- &
	loader=$!
	locks 1 "locktype='transactionid' AND NOT granted"
	say 'LOCK TABLE orders; COMMIT;'
	hang_up
	wait $loader
	grep -q 'orders.csv: .*deadlock detected.*: trying again' said
	is 'SELECT string_agg(name, $$,$$ ORDER BY id) FROM orders' a,b
	is 'SELECT count(*), sum(inserted), sum(updated) FROM _sfx_load' '1|1|1'
}

@test "several loaders at once load the same input once" {
	awk 'BEGIN { print "id,name"; for (i = 1; i <= 20000; i++) print i ",name " i }' >t.csv
	for i in 1 2 3; do
		sfx-load $target t.csv 2>"said.$i" &
		pids[i]=$!
	done
	for i in 1 2 3; do
		wait "${pids[i]}" || { cat "said.$i" && return 1; }
	done
	is "SELECT count(*), sum(id) FROM t" "20000|$((20000 * 20001 / 2))"
	is "SELECT count(*) FROM _sfx_load" 1
}

@test "a killed load leaves all of its input or nothing" {
	awk 'BEGIN { print "id,name"; for (i = 1; i <= 100000; i++) print i ",name " i }' >t.csv
	for i in 1 2 3 4 5 6; do
		sfx-load $target t.csv 2>said &
		sleep "0.0$((i * 3))"
		kill -9 $! 2>/dev/null || true
		wait $! || true
	done
	exits 0 sfx-load $target t.csv
	is "SELECT count(*), count(DISTINCT id) FROM t" "100000|100000"
	is "SELECT count(*) FROM _sfx_load" 1
}

# hit_at WHEN [CONSTRAINT]: the server ends the connection at row 700 of an input, at its insertion or at
# the commit. Sequences outlive the transaction: ROWS of them are counted over all attempts.
hit_at() {
	query "CREATE TABLE t(id integer, name text); CREATE SEQUENCE hits;
		CREATE FUNCTION hit() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
			IF nextval('hits') $1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF;
			RETURN NEW; END \$\$;
		CREATE $2 TRIGGER hit $3 INSERT ON t ${4:-} FOR EACH ROW EXECUTE FUNCTION hit()"
	awk 'BEGIN { print "id,name"; for (i = 1; i <= 1000; i++) print i ",name " i }' >t.csv
}

@test "a connection that is lost is made again, and the input is loaded once" {
	hit_at '= 700' '' BEFORE
	exits 0 sfx-load $target t.csv
	grep -q 't.csv: .*: trying again' said
	is "SELECT count(*), count(DISTINCT id), (SELECT last_value FROM hits) FROM t" "1000|1000|1700"
	is "SELECT rows_in, inserted FROM _sfx_load" '1000|1000'
}

@test "a connection that is lost at the commit is made again" {
	hit_at '= 700' CONSTRAINT AFTER 'DEFERRABLE INITIALLY DEFERRED'
	exits 0 sfx-load --stats=stats.json $target t.csv
	is "SELECT count(*), count(DISTINCT id) FROM t" "1000|1000"
	is "SELECT count(*) FROM _sfx_load" 1
	jq -e '.loaded == 1 and .records_inserted == 1000' stats.json
}

@test "a connection that is lost again and again leaves the target as it was, to try later" {
	hit_at '% 700 = 0' '' BEFORE
	exits 75 sfx-load $target t.csv
	[ "$(grep -c 'trying again' said)" -eq 3 ]
	is "SELECT count(*), (SELECT last_value FROM hits) FROM t" "0|2800"
	is "SELECT count(*) FROM pg_class WHERE relname='_sfx_load'" 0
	query 'DROP TRIGGER hit ON t'
	exits 0 sfx-load $target t.csv
	is "SELECT count(*), count(DISTINCT id) FROM t" "1000|1000"
}

@test "a server that is not there yet is asked again, in pauses that grow" {
	command -v perl >/dev/null || skip "perl is missing"
	mkdir sockets
	# Each connection is closed at once; the times of arrival go to "asked".
	perl -MIO::Socket::UNIX -MTime::HiRes=time -e 'my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 9) or die;
		$| = 1; print "ready\n"; while (my $c = $s->accept) { print int(time * 1000), "\n"; close $c }' \
		"$PWD/sockets/.s.PGSQL.5432" >asked &
	proxy=$!
	until grep -q ready asked; do :; done
	sfx-load --timeout 30s "postgresql:///tester?host=$PWD/sockets" orders.csv 2>said &
	loader=$!
	until [ "$(wc -l <asked)" -ge 9 ]; do sleep 0.05; done
	kill $proxy
	ln -sfn "$PGHOST/.s.PGSQL.5432" sockets/.s.PGSQL.5432
	wait $loader || { cat said && return 1; }
	is "SELECT count(*) FROM orders" 2
	# An attempt is a connection, and another one that asks whether the server is there; 50 ms, 100 ms, 200 ms.
	awk '$1 != "ready" { t[n++] = $1 } END { for (i = 2; i + 1 < n; i += 2) if (t[i] - t[i - 1] < 49 * 2 ^ (i / 2 - 1)) exit 1 }' asked
}

@test "--mode=upsert, ignore, newer and delete go by the key" {
	printf 'id,v,at,j\n1,a,2026-01-02,"{""x"": 1}"\n2,b,2026-01-02,\n' >t.csv
	query 'CREATE TABLE t(id integer PRIMARY KEY, v text, at date, j json, n integer DEFAULT 7)'
	exits 0 sfx-load --mode=upsert --key id $target t.csv
	printf 'id,v,at,j\n1,a,2026-01-02,"{""x"": 1}"\n2,B,2026-01-02,\n3,c,2026-01-02,\n3,C,2026-01-02,1\n' >u.csv
	exits 0 sfx-load -v --mode=upsert --key id -t t $target u.csv
	grep -q '4 records in, 1 loaded into t, 1 updated, 1 unchanged, 1 duplicate' said
	is "SELECT id, v, j, n FROM t ORDER BY id" '1|a|{"x": 1}|7
2|B||7
3|C|1|7'
	is "SELECT count(*) FROM t WHERE xmin <> (SELECT xmin FROM t WHERE id = 1)" 2 # what says the same is not rewritten
	exits 0 sfx-load -v --mode=ignore --key id -t t --force $target u.csv
	grep -q '4 records in, 0 loaded into t, 4 duplicate' said
	printf 'id,v,at\n1,old,2026-01-01\n2,new,2026-01-03\n' >n.csv
	exits 0 sfx-load -v --mode=newer --key id --version-column at -t t $target n.csv
	grep -q '2 records in, 0 loaded into t, 1 updated, 1 unchanged' said
	printf 'id\n2\n9\n' >d.csv
	exits 0 sfx-load -v --mode=delete --key id -t t $target d.csv
	grep -q '0 loaded into t, 1 unchanged, 1 deleted, 1 row removed' said
	is "SELECT string_agg(v, '' ORDER BY id) FROM t" aC
	is "SELECT string_agg(mode, ',' ORDER BY load_id) FROM _sfx_load" upsert,upsert,ignore,newer,delete
}

@test "of records with one key the last one counts, whatever the order and type of the keys" {
	local keys
	for keys in '1 2 2 3' '3 2 2 1' '2 1 3 2' '-9 -8 -9' '9223372036854775806 9223372036854775807 9223372036854775807' 'a b b' '9 10 9' '2026-01-01 2026-01-01'; do
		query 'DROP TABLE IF EXISTS t, _sfx_load' >/dev/null 2>&1
		printf '%s\n' $keys | awk 'BEGIN { print "k,v" } { print $1 "," NR }' >t.csv
		printf '%s\n' $keys | awk '{ last[$1] = NR } END { for (k in last) print k "|" last[k] }' | LC_ALL=C sort >expected
		exits 0 sfx-load --mode=upsert --key k $target t.csv
		query 'SELECT * FROM t' | LC_ALL=C sort | diff - expected
	done
	printf 'a,b,v\n1,1,x\n1,2,y\n2,1,z\n1,2,Y\n2,1,Z\n' >two.csv
	exits 0 sfx-load -v --mode=upsert --key a,b $target two.csv
	grep -q '5 records in, 3 loaded into two, 2 duplicate' said
	is "SELECT string_agg(v, '' ORDER BY a, b) FROM two" xYZ
	# Each transaction of a load looks for itself, and finds what the one before brought.
	printf 'k,v\n1,a\n2,b\n2,c\n3,d\n3,e\n' >often.csv
	exits 0 sfx-load --commit-every 2 --mode=upsert --key k $target often.csv
	is "SELECT string_agg(v, '' ORDER BY k) FROM often" ace
}

@test "--mode=sync marks what is absent, --mode=scd2 keeps a history" {
	printf 'id,v\n1,a\n2,b\n' >t.csv
	printf 'id,v\n2,B\n3,c\n' >u.csv
	exits 0 sfx-load --mode=sync --key id $target t.csv
	exits 0 sfx-load -v --mode=sync --key id -t t $target u.csv
	grep -q '1 loaded into t, 1 updated, 1 row removed' said
	is "SELECT id, v, _deleted_at IS NOT NULL FROM t ORDER BY id" '1|a|t
2|B|f
3|c|f'
	exits 0 sfx-load --mode=scd2 --key id -t h $target t.csv
	exits 0 sfx-load --mode=scd2 --key id -t h $target u.csv
	is "SELECT id, v, _valid_to IS NULL FROM h ORDER BY id, _valid_from" '1|a|t
2|b|f
2|B|t
3|c|t'
}

@test "--mode=replace swaps tables at the end, --mode=truncate empties the one that is there" {
	exits 0 sfx-load -t t $target orders.csv
	query "CREATE INDEX kept ON t(id)"
	printf 'id,name\n3,c\n' >a.csv
	printf 'id,name\n4,d\n' >b.csv
	exits 0 sfx-load --mode=truncate -t t $target a.csv b.csv
	is "SELECT string_agg(name, '' ORDER BY id) FROM t" cd
	is "SELECT count(*) FROM pg_indexes WHERE tablename='t'" 1
	printf 'id,x,name\n5,1.50,e\n' >c.csv
	exits 0 sfx-load --mode=replace -t t --key id $target c.csv
	is "SELECT id, x, name FROM t" '5|1.50|e'
	is "SELECT indexdef LIKE '%UNIQUE%(id)' FROM pg_indexes WHERE tablename='t'" t
	printf 'id,x,name\n6,1.50\n' >bad.csv
	exits 65 sfx-load --mode=replace -t t $target bad.csv
	is "SELECT count(*) FROM t" 1
	is "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sfx\\_new%'" 0
}

@test "a key that the table has twice is no key" {
	query "CREATE TABLE t(id integer, v text); INSERT INTO t VALUES (1,'a'),(1,'b')"
	printf 'id,v\n1,c\n' >t.csv
	exits 65 sfx-load --mode=upsert --key id $target t.csv
	grep -q 'share a key' said
	is "SELECT string_agg(v, '' ORDER BY v) FROM t" ab
}

@test "a new table gets its key when it has its rows, or when they are committed" {
	printf 'id,v\n1,a\n2,b\n' >t.csv
	exits 0 sfx-load --key id $target t.csv
	is "SELECT indexname FROM pg_indexes WHERE tablename='t'" t_pkey
	printf 'id,v\n1,a\n1,b\n' >twice.csv
	exits 65 sfx-load --key id $target twice.csv
	grep -q 'Key (id)=(1)' said
	is "SELECT count(*) FROM pg_class WHERE relname='twice'" 0
	{ echo id && seq 20000 && echo 1; } >late.csv
	exits 65 sfx-load --key id --commit-every 1000 $target late.csv
	grep -q 'Key (id)=(1)' said
	is "SELECT count(*) BETWEEN 1000 AND 20000, count(*) = count(DISTINCT id) FROM late" 't|t'
	is "SELECT indexname FROM pg_indexes WHERE tablename='late'" late_pkey
}

@test "--types, --not-null, --index and --key say what a new table is like" {
	printf 'id,zip,price,at\n1,501,1.5,2026-01-05T10:00:00Z\n1,502,2.25,2026-01-05T10:00:00.123456Z\n' >t.csv
	exits 1 sfx-load --types 'zip=text,price=decimal(9,2),at=timestamptz(6)' --not-null zip --index zip --key id \
		--rejects bad.jsonl $target t.csv
	jq -r .reason bad.jsonl | grep -q 'duplicate key'
	[ "$(types t)" = "bigint,text,numeric(9,2),timestamp(6) with time zone" ]
	is "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename='t'" 't_pkey t_zip_idx'
	printf 'id,zip,price,at\n2,,1,\n' >more.csv
	exits 65 sfx-load -t t $target more.csv
	grep -q 'the column is NOT NULL' said
}

@test "--evolve=add, --lineage and --undo" {
	exits 0 sfx-load -t t $target orders.csv
	printf 'id,day,name\n3,2026-01-05,c\n' >more.csv
	exits 65 sfx-load -t t $target more.csv
	exits 0 sfx-load --evolve add --lineage -t t $target more.csv
	is "SELECT id, name, day, _source, _line, _load_id, _loaded_at <= now() FROM t ORDER BY id" '1|a|||||
2|b|||||
3|c|2026-01-05|more.csv|2|3|t' # a load that fails takes a number
	exits 0 sfx-load -n --undo 3 $target
	grep -q 'would be taken back: 1 of its 1 rows' said
	exits 0 sfx-load --undo 3 $target
	is "SELECT count(*) FROM t" 2
	exits 2 sfx-load --undo 3 $target
	exits 2 sfx-load --undo 9 $target
	exits 0 sfx-load --lineage -t t $target more.csv
	is "SELECT count(*) FROM t" 3
}

@test "--before and --after run in the transaction of the records" {
	printf 'id,name\n3,c\n' >more.csv
	exits 0 sfx-load $target orders.csv
	exits 0 sfx-load -t orders --before 'DELETE FROM orders WHERE id=1; CREATE TABLE b(x integer)' \
		--after 'UPDATE orders SET name=upper(name) WHERE id=3; INSERT INTO b SELECT count(*) FROM orders' $target more.csv
	is "SELECT id, name, (SELECT x FROM b) FROM orders ORDER BY id" '2|b|2
3|C|2'
	printf 'id,name\n4,d\n' >more.csv
	exits 2 sfx-load -t orders --before 'DELETE FROM orders' --after 'nonsense' $target more.csv
	grep -q -e '--after: .*syntax error' said
	exits 2 sfx-load -t orders --before 'COMMIT' $target more.csv
	grep -q 'it has ended the load' said
	exits 0 sfx-load -n -t orders --before 'DELETE FROM orders' $target more.csv
	is "SELECT count(*) FROM orders" 2
}

@test "--evolve=widen gives a column the type that holds what is there and what comes" {
	printf 'id,n,d,r,b,day,at,same,none\n1,5,1.50,2.5e-07,true,2026-01-05,2026-01-05T10:00:00Z,1,1\n' >a.csv
	printf 'id,n,d,r,b,day,at,same,none\n2,1.25,1.125,12,maybe,soon,2026-01-05T10:00:00.123Z,2,\n' >b.csv
	printf '{"id":1,"b":true}\n' >a.jsonl
	exits 0 sfx-load -t t $target a.csv
	exits 65 sfx-load -t t $target b.csv
	exits 0 sfx-load --evolve widen -t t $target b.csv
	exits 0 sfx-load --evolve widen -t t $target a.csv
	is "SELECT id, n, d, r, b, day, same, none FROM t ORDER BY id" '1|5|1.50|0.00000025|true|2026-01-05|1|1
2|1.25|1.125|12|maybe|soon|2|'
	[ "$(types t)" = 'bigint,numeric,numeric,numeric,text,text,timestamp(3) with time zone,bigint,bigint' ]
	exits 0 sfx-load -t j $target a.jsonl
	printf '{"id":2,"b":"no","new":1}\n' >b.jsonl
	exits 0 sfx-load --evolve widen -t j $target b.jsonl
	is "SELECT id, b, new FROM j ORDER BY id" '1|true|
2|no|1'
}

@test "--evolve=quarantine puts records aside that have more than the table" {
	exits 0 sfx-load $target orders.csv
	printf '%s\n' '{"id":3,"name":"c"}' '{"id":4,"name":"d","more":1}' '{"id":5,"name":"e","more":null}' '{"id":"x","name":"f"}' >more.jsonl
	exits 1 sfx-load -v -t orders --evolve quarantine --rejects bad.jsonl $target more.jsonl
	grep -q '4 records in, 2 loaded into orders, 2 rejected' said
	[ "$(jq -r '"\(.line) \(.column) \(.value)"' bad.jsonl | tr '\n' ';')" = '2 more 1;4 id x;' ]
	is "SELECT count(*), max(id) FROM orders" '4|5'
}

@test "--rejects-table keeps bad records in the transaction of the others" {
	printf 'id,name\n1,a\n2,b,too many\n3,c\377\tc\n' >t.csv
	
	exits 1 sfx-load --rejects-table --rejects bad.jsonl $target t.csv
	is "SELECT load_id, line, column_name IS NULL, reason, encode(raw, 'escape') FROM _sfx_reject ORDER BY line" '1|3|t|record has 3 fields, header has 2|2,b,too many
1|4|f|column "name" (text): "c�	c" is not UTF-8|3,c\377	c'
	is "SELECT (SELECT count(*) FROM _sfx_reject) - (SELECT rejected FROM _sfx_load), (SELECT count(*) FROM t)" '0|1'
	[ "$(jq .line bad.jsonl | tr '\n' ' ')" = '3 4 ' ]
	exits 65 sfx-load --rejects-table --not-null nosuch $target -t u t.csv
	exits 2 sfx-load -t _sfx_reject $target orders.csv
	many_bad >m.csv
	exits 1 sfx-load -q --rejects-table --types n=integer --commit-every 5000 $target m.csv
	is "SELECT count(*), count(DISTINCT line), max(value) FROM _sfx_reject WHERE load_id = (SELECT max(load_id) FROM _sfx_load)" '20000|20000|x9999'
	is "SELECT count(*) FROM m" 20000
}

many_bad() {
	awk 'BEGIN { print "n,pad"; for (i = 0; i < 40000; i++) print (i % 2 ? "x" int(i / 2) : i) ",something to fill the buffer of rejects with" }'
}

event() {
	printf '{"specversion":"1.0","id":"e-%s","source":"/in","type":"dev.sfx.file.closed","data":{"path":"%s"}}\n' "$1" "$1"
}

@test "--flush: files are committed together, and told of then" {
	for i in 1 2 3 4; do printf 'id,name\n%d,n\n' $i >f$i.csv; done
	printf 'id,name\nx,n\n' >bad.csv
	# The first one of a group must not take the ledger back with it.
	{ event bad.csv && event f1.csv && event f2.csv && event f1.csv; } >events
	query 'CREATE TABLE t(id integer, name text)'
	exits 1 sfx-load -E --flush 1h -t t --stats=s.json $target <events
	grep -q 'bad.csv: line 2' said
	[ "$(jq -r '"\(.subject) \(.data.loaded)"' out | tr '\n' ';')" = 'f1.csv 1;f2.csv 1;f1.csv 0;' ]
	is "SELECT count(*), (SELECT count(*) FROM _sfx_load) FROM t" '2|2'
	# What is not flushed is neither there nor told of.
	mkfifo pipe
	sfx-load -E --flush 1h --commit-every 2 -t t $target <pipe >out 2>said &
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
	sfx-load -E --flush 0.2s --commit-every 2 -t t $target <pipe >out 2>said &
	loader=$!
	exec 7>pipe
	event f3.csv >&7
	until [ -s out ]; do sleep 0.01; done
	is "SELECT count(*) FROM t" 3
	event f4.csv >&7
	exec 7>&-
	wait $loader
	is "SELECT count(*), max(id) FROM t" '4|4'
	exits 2 sfx-load --flush 1s $target f1.csv
	exits 2 sfx-load -E --commit-every 5 $target
}

@test "--flush: files that fail, are known or have bad records leave the others of their group alone" {
	query 'CREATE TABLE t(id integer PRIMARY KEY, name text)'
	printf 'id,name\n1,a\n' >"it's \\ one.csv"
	printf 'id,name\n2,b\n1,again\n3,c\n3,again\n' >two.csv
	printf 'id,name\nx,n\n' >bad.csv
	printf 'id,name,more\n5,n,m\n' >more.csv
	printf 'id,name\n' >none.csv
	printf 'id,name\n4,d\n' >four.csv
	for f in "it's \\ one.csv" two.csv more.csv four.csv none.csv "it's \\ one.csv" four.csv; do
		jq -nc --arg p "$f" '{specversion: "1.0", id: $p, source: "/in", type: "dev.sfx.file.closed", data: {path: $p}}'
	done >events
	exits 1 sfx-load -E --flush 1h -t t --rejects bad.jsonl --stats=s.json $target <events
	grep -q 'more.csv: .*"more"' said
	[ "$(jq -r '"\(.subject) \(.data.loaded)"' out | tr '\n' ';')" = "it's \\ one.csv 1;two.csv 2;four.csv 1;none.csv 0;it's \\ one.csv 0;four.csv 0;" ]
	is 'SELECT string_agg(name, NULL ORDER BY id) FROM t' abcd
	is 'SELECT source, rows_in, inserted, rejected FROM _sfx_load ORDER BY load_id' "it's \\ one.csv|1|1|0
two.csv|4|2|2
four.csv|1|1|0
none.csv|0|0|0"
	[ "$(jq -r 'select(.line) | .line' bad.jsonl | tr '\n' ' ')" = '3 5 ' ]
	# One that fails behind one that does not.
	printf 'id,name\n6,f\n' >six.csv
	{ event six.csv && event bad.csv; } >events
	exits 1 sfx-load -E --flush 1h -t t $target <events
	is "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM _sfx_load WHERE source = 'six.csv')" '5|1'
}

@test "--flush: a table that changes behind a group is seen by the next one" {
	query 'CREATE TABLE t(id integer, name text)'
	for i in 1 2 3 4; do printf 'id,name\n1,n%d\n' $i >f$i.csv; done
	printf 'id,more\n5,x\n' >more.csv
	mkfifo pipe
	sfx-load -E --flush 0.1s -t t --evolve add --rejects bad.jsonl $target <pipe >out 2>said &
	loader=$!
	exec 7>pipe
	{ event f1.csv && event f2.csv; } >&7
	until [ "$(wc -l <out)" -eq 2 ]; do sleep 0.01; done
	query 'DELETE FROM t; CREATE UNIQUE INDEX ON t(id); ALTER TABLE t ALTER name TYPE varchar(2)'
	{ event f3.csv && event more.csv && event f4.csv; } >&7
	exec 7>&-
	wait $loader && status=0 || status=$?
	[ $status -eq 1 ]
	is 'SELECT * FROM t ORDER BY id' '1|n3|
5||x'
	jq -r .reason bad.jsonl | grep -q 'duplicate key'
}

@test "a connection that is lost within a group takes the group back, to try later" {
	for i in 1 2 3 4; do printf 'id,name\n%d,n\n' $i >f$i.csv && event f$i.csv; done >events
	hit_at '= 3' '' BEFORE
	exits 75 sfx-load -v -E --flush 1h -t t $target <events
	grep -q 'connection' said
	! grep -q 'loaded' said
	[ ! -s out ]
	is "SELECT count(*), (SELECT count(*) FROM pg_class WHERE relname='_sfx_load') FROM t" '0|0'
	exits 0 sfx-load -E --flush 1h -t t $target <events
	[ "$(wc -l <out)" -eq 4 ]
	is "SELECT count(*) FROM t" 4
	# Before anything waits, it is as without groups.
	query 'TRUNCATE t, _sfx_load; ALTER SEQUENCE hits RESTART 3'
	exits 0 sfx-load -E --flush 1h -t t $target <events
	grep -q 'f1.csv: .*: trying again' said
	is "SELECT count(*) FROM t" 4
}

# parts N: files p1.csv …, one of which is of many rows; p3.csv has a row that a table of integers refuses.
parts() {
	local i
	for ((i = 1; i <= $1; i++)); do
		awk -v p="$i" 'BEGIN { print "id,name,part"; n = p == 5 ? 40000 : 500; for (i = 1; i <= n; i++) print p * 100000 + i ",name " i "," p }' >"p$i.csv"
	done
	printf '7,seven,p\n' >>p3.csv
	cp p4.csv again.csv
}

@test "-j: files that are loaded at once bring what they bring one by one" {
	parts 9
	query 'CREATE SCHEMA one; CREATE SCHEMA many; CREATE TABLE one.t(id integer PRIMARY KEY, name text, part integer);
		CREATE TABLE many.t (LIKE one.t INCLUDING ALL)' >/dev/null
	for jobs in 1 4; do
		schema=$([ $jobs -eq 1 ] && echo one || echo many)
		PGOPTIONS="-csearch_path=$schema" exits 1 sfx-load -v -j $jobs -t t --rejects rejects.$jobs --stats=stats.$jobs $target p*.csv again.csv missing.csv
		grep -q 'missing.csv: ' said
		grep -c 'already loaded' said
		# A file that fails is none of the others' business.
		printf 'id,other\n1,2\n' >bad.csv
		printf 'id,name,part\n%d,x,1\n' 11 >q1.csv
		printf 'id,name,part\n%d,x,1\n' 12 >q2.csv
		PGOPTIONS="-csearch_path=$schema" exits 1 sfx-load -j $jobs -t t $target p1.csv q1.csv bad.csv q2.csv
		grep -q 'bad.csv: .*other' said
	done
	is 'SELECT count(*) FROM one.t' 44002
	is '(TABLE one.t EXCEPT TABLE many.t) UNION (TABLE many.t EXCEPT TABLE one.t)' ''
	entry='target, source_key, sha256, mode, rows_in, inserted, duplicate, rejected, state, again'
	is "SELECT count(*) FROM (SELECT $entry FROM one._sfx_load INTERSECT SELECT $entry FROM many._sfx_load) AS same" 11
	is 'SELECT count(*), count(DISTINCT load_id) FROM many._sfx_load' '11|11'
	diff <(jq -S '{loaded,already_loaded,failed,records_in,records_inserted,records_rejected}' stats.1) \
		<(jq -S '{loaded,already_loaded,failed,records_in,records_inserted,records_rejected}' stats.4)
	[ "$(jq -r .raw rejects.4)" = "$(jq -r .raw rejects.1)" ]
	exits 2 sfx-load -E -j 2 $target </dev/null
}

@test "-j: tables that are there for nobody yet are made once" {
	parts 6
	mkdir a b && cp p1.csv a/t.csv && cp p2.csv b/t.csv
	exits 0 sfx-load -j 4 $target p5.csv p6.csv a/t.csv b/t.csv
	is 'SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM p5), (SELECT count(*) FROM p6)' '1000|40000|500'
	# Of other programs, too.
	for i in 1 2 4; do sfx-load $target -t shared p$i.csv 2>said.$i & pids[i]=$!; done
	for i in 1 2 4; do wait "${pids[i]}" || { cat said.$i && return 1; }; done
	is 'SELECT count(*) FROM shared' 1500
}

@test "-j: killed at any time, run again, and stopped" {
	parts 9
	rm p3.csv again.csv
	query 'CREATE TABLE t(id integer PRIMARY KEY, name text, part integer)' >/dev/null
	for i in 1 2 3 4 5 6; do
		sfx-load -j 3 -t t $target p*.csv 2>said &
		sleep "0.0$((i * 3))"
		kill -9 $! 2>/dev/null || true
		wait $! || true
	done
	exits 0 sfx-load -j 3 -t t $target p*.csv
	is 'SELECT count(*), count(DISTINCT part) FROM t' '43500|8'
	is 'SELECT count(*), sum(inserted) FROM _sfx_load' '8|43500'
	for i in 1 2 3; do printf 'id,name,part\n%d,x,1\n' $i >r$i.csv; done
	call
	say 'BEGIN; LOCK TABLE t IN SHARE MODE;'
	locks 1 "relation='t'::regclass AND mode='ShareLock' AND granted"
	sfx-load -j 3 -t t $target p1.csv r1.csv r2.csv r3.csv 2>said 5>&- &
	loader=$!
	locks 3 "relation='t'::regclass AND NOT granted"
	kill -TERM $loader
	wait $loader && status=0 || status=$?
	[ "$status" -eq 143 ]
	hang_up
	is 'SELECT count(*) FROM t WHERE id<9' 0
}

@test "-j: an input that the server gives up in a deadlock is begun again, the others go on" {
	query 'CREATE TABLE t(id integer PRIMARY KEY, name text)' >/dev/null
	for i in 1 2 3 4; do printf 'id,name\n%d,n\n' $i >f$i.csv; done
	# The first file is loaded before the others are at once.
	exits 0 sfx-load -t t $target f1.csv
	call
	say "BEGIN; INSERT INTO t VALUES (3, 'held');"
	locks 1 "relation='t'::regclass AND mode='RowExclusiveLock'"
	PGOPTIONS='-c deadlock_timeout=1s' sfx-load -j 2 -t t $target f1.csv f2.csv f3.csv f4.csv 2>said 5>&- &
	loader=$!
	# One waits for the row of the other session, which then asks for the table that it uses, and gives way.
	locks 1 "locktype='transactionid' AND NOT granted"
	say 'LOCK TABLE t; ROLLBACK;'
	hang_up
	wait $loader
	grep -q 'f3.csv: .*deadlock detected.*: trying again' said
	is 'SELECT string_agg(id::text, $$,$$ ORDER BY id), count(name) FROM t' '1,2,3,4|4'
	is 'SELECT count(*), sum(inserted) FROM _sfx_load' '4|4'
	# One that loses again and again ends the run, to be tried later.
	query "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
			RAISE EXCEPTION USING ERRCODE = ''deadlock_detected'', MESSAGE = ''deadlock detected''; END';
		CREATE TRIGGER lose BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.id = 6) EXECUTE FUNCTION lose()" >/dev/null
	for i in 5 6 7; do printf 'id,name\n%d,n\n' $i >f$i.csv; done
	exits 75 sfx-load -j 2 -t t $target f1.csv f5.csv f6.csv f7.csv
	[ "$(grep -c 'f6.csv: .*deadlock detected.*: trying again' said)" -eq 3 ]
	grep -q '^sfx-load: .*deadlock detected$' said
	is 'SELECT count(*) FROM t WHERE id = 6' 0
	query 'DROP TRIGGER lose ON t' >/dev/null
	exits 0 sfx-load -j 2 -t t $target f*.csv
	is 'SELECT count(*), max(id) FROM t' '7|7'
}

@test "a script of SQL brings what a load brings, once" {
	printf 'id,name,price,made,at,zip\n1,it'"'"'s \\,1.50,2026-01-05,2026-01-05T10:00:00Z,00501\n2,"two\nlines",2.25,2026-01-06,2026-01-06T11:00:00Z,94110\n3,,,,,\n' >typed.csv
	sfx-load - -t typed typed.csv >script
	psql -X -q -v ON_ERROR_STOP=1 -f script
	sfx-load -q $target -t direct typed.csv
	is 'SELECT * FROM typed EXCEPT SELECT * FROM direct' ''
	is 'SELECT count(*) FROM typed' 3
	status=0
	psql -X -q -v ON_ERROR_STOP=1 -f script >said 2>&1 || status=$?
	[ $status -eq 3 ]
	is 'SELECT count(*) FROM typed' 3
	sfx-load - -t keyed --key id --mode upsert typed.csv | psql -X -q -v ON_ERROR_STOP=1
	printf 'id,name,price,made,at,zip\n3,c,0.10,2026-01-07,2026-01-07T11:00:00Z,1\n3,d,0.10,2026-01-07,2026-01-07T11:00:00Z,1\n' |
		sfx-load - -t keyed --key id --mode upsert - | psql -X -q -v ON_ERROR_STOP=1
	is 'SELECT id, name FROM keyed WHERE id = 3' '3|d'
}

# script OPTION…: what sfx-load - makes of it, run by psql.
script() { sfx-load - "$@" | psql -X -q -v ON_ERROR_STOP=1; }

@test "a load works behind a script that made the ledger, and so does the one after it" {
	script -t orders orders.csv
	for id in 3 4 5; do printf 'id,name\n%s,c\n' $id | sfx-load -q $target -t orders -; done
	is 'SELECT count(*) FROM orders; SELECT count(*), count(DISTINCT load_id) FROM _sfx_load' '5
4|4'
}

@test "scripts and direct loads know of each other's loads" {
	exits 0 sfx-load $target -t orders orders.csv
	exits 3 script -t orders orders.csv
	is 'SELECT count(*) FROM orders' 2
	printf 'id,name\n3,c\n' >more.csv
	script -t orders --lineage --before 'ALTER TABLE orders ADD _source text, ADD _line bigint, ADD _loaded_at timestamptz, ADD _load_id bigint' more.csv
	exits 0 sfx-load -v $target -t orders more.csv
	grep -q 'already loaded' said
	is "SELECT count(*), string_agg(DISTINCT target, ',') FROM orders, _sfx_load" '6|orders'
	# Each takes back, replaces and counts what the other one did.
	exits 0 sfx-load --undo "$(query 'SELECT max(load_id) FROM _sfx_load')" $target
	is 'SELECT count(*) FROM orders' 2
	script -t orders --lineage more.csv
	is 'SELECT count(*) FROM orders' 3
	exits 3 script -t orders --lineage more.csv
	exits 0 sfx-load --mode truncate -t orders $target orders.csv
	is 'SELECT count(*) FROM orders' 2
	script -t orders --lineage more.csv
	is 'SELECT count(*) FROM orders' 3
	script -t orders --mode truncate more.csv
	is 'SELECT count(*) FROM orders' 1
	exits 0 sfx-load -v $target -t orders orders.csv
	is 'SELECT count(*) FROM orders' 3
	sfx-load - -t orders --force more.csv >made
	exits 0 sfx-load -v $target -t orders --mode truncate orders.csv
	exits 3 psql -X -q -v ON_ERROR_STOP=1 -f made
	is 'SELECT count(*) FROM orders' 2
}

@test "a table of another schema is known by both names, and so are loads of older builds" {
	query 'CREATE SCHEMA branch' >/dev/null
	exits 0 sfx-load $target -t branch.orders --lineage orders.csv
	exits 0 sfx-load $target -t orders orders.csv
	is "SELECT string_agg(target, ' ' ORDER BY load_id) FROM _sfx_load" '"branch"."orders" orders'
	exits 0 sfx-load -v $target -t branch.orders orders.csv
	grep -q 'already loaded' said
	query "UPDATE _sfx_load SET target='\"public\".\"orders\"' WHERE target='orders'" >/dev/null
	exits 0 sfx-load -v $target -t orders orders.csv
	grep -q 'already loaded' said
	exits 0 sfx-load --undo 1 $target
	is 'SELECT (SELECT count(*) FROM branch.orders), (SELECT count(*) FROM orders)' '0|2'
}

@test "a ledger of an older build gets the columns that it lacks" {
	exits 0 sfx-load $target orders.csv
	for c in state next_row next_refused next_offset reject_len tail; do query "ALTER TABLE _sfx_load DROP COLUMN $c"; done
	exits 0 sfx-load -v $target orders.csv
	grep -q 'already loaded' said
	printf 'id,name\n3,c\n' >more.csv
	exits 0 sfx-load -t orders --commit-every 1 $target more.csv
	is "SELECT string_agg(state, ',') FROM _sfx_load" done,done
}
