#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load --nested: arrays as rows of child tables, in SQLite and in PostgreSQL.

load load.bash
load postgres.bash

setup() {
	command -v sqlite3 >/dev/null || skip "the sqlite3 shell is missing"
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	targets=sqlite:x.db
	[ -n "${NO_POSTGRES:-}" ] || targets="$targets postgresql:///tester"
	cat >orders.jsonl <<-'END'
		{"id":1,"user":{"name":"Ann","tags":["a","b"]},"items":[{"sku":"x","price":1.50,"dim":{"w":2},"parts":[{"n":1},{"n":2}]},{"sku":"y","price":2.25}]}
		{"id":2,"user":{"name":"Bob"},"items":[]}
		{"id":3,"user":{"name":"Cy","tags":[null,"c"]},"items":[{"sku":"00501","price":3.00,"parts":[{"n":3}]}]}
	END
}

# fresh TARGET: nothing is there.
fresh() {
	target=$1
	rm -f x.db*
	[ "$target" = sqlite:x.db ] || query 'DROP SCHEMA public CASCADE; CREATE SCHEMA public' >/dev/null
}

query() {
	if [ "$target" = sqlite:x.db ]; then
		sqlite3 x.db "$1"
	else
		psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1" 2>&1
	fi
}

# is SQL WANTED: fails with a difference.
is() {
	got=$(query "$1")
	[ "$got" = "$2" ] || { printf '%s: %s:\n%s\ninstead of\n%s\n' "$target" "$1" "$got" "$2" && return 1; }
}

# columns TABLE: their names.
columns() {
	if [ "$target" = sqlite:x.db ]; then
		query "SELECT group_concat(name) FROM pragma_table_info('$1')"
	else
		query "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
			WHERE attrelid='\"$1\"'::regclass AND attnum>0"
	fi
}

tables() {
	if [ "$target" = sqlite:x.db ]; then
		query "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name NOT LIKE '\_%' ESCAPE '\'"
	else
		query "SELECT count(*) FROM pg_class WHERE relkind='r' AND relnamespace='public'::regnamespace
			AND relname NOT LIKE '\_%'"
	fi
}

many_orders() {
	awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++)
		printf "{\"id\":%d,\"items\":[{\"sku\":\"s%d\",\"qty\":%d},{\"sku\":\"t\",\"qty\":%d}]}\n", i, i, i % 7, i % 5 }'
}

@test "elements of arrays are rows, with the parent's key and their position" {
	for target in $targets; do
		fresh $target
		exits 0 sfx-load -v --nested tables --key id $target orders.jsonl
		grep -q '3 records in, 3 loaded into orders, 10 rows in 3 child tables' said
		[ "$(tables)" = 4 ]
		[ "$(columns orders)" = id,user.name ]
		[ "$(columns orders__items)" = _parent_id,_index,sku,price,dim.w ]
		is 'SELECT * FROM "orders__user.tags" ORDER BY 1, 2' "1|0|a
1|1|b
3|0|
3|1|c"
		is "SELECT _parent_id, _index, sku, price*100 = round(price*100), \"dim.w\" FROM orders__items ORDER BY 1, 2" \
			"$([ $target = sqlite:x.db ] && t=1 || t=t; printf '1|0|x|%s|2\n1|1|y|%s|\n3|0|00501|%s|' $t $t $t)"
		is 'SELECT * FROM orders__items__parts ORDER BY 1, 2, 3' "1|0|0|1
1|0|1|2
3|0|0|3"
		is "SELECT rows_in, inserted FROM _sfx_load" "3|3"
	done
}

@test "without a key, rows have ids that are the same in every run" {
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables $target orders.jsonl
		is "SELECT count(*) FROM orders JOIN orders__items ON _parent_row_id=_row_id WHERE id=1" 2
		query "SELECT _row_id FROM orders ORDER BY id" >>ids
	done
	[ "$(sort -u ids | wc -l)" = 3 ]
	printf '{"_row_id":1,"a":[1]}\n' >own.jsonl
	exits 65 sfx-load --nested tables sqlite:own.db own.jsonl
	grep -q 'the input has a column _row_id itself' said
}

@test "arrays of arrays, of mixed values, and columns that are not always arrays" {
	printf '%s\n' '{"id":1,"m":[[1,2],[3]],"x":"plain"}' '{"id":2,"m":[5,{"a":{"b":true},"c\"d":{}}],"x":[1.5,"two"]}' >t.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id $target t.jsonl
		is "SELECT * FROM t ORDER BY id" "1|plain
2|"
		[ "$(columns t__m)" = '_parent_id,_index,value,a.b,c"d' ]
		is "SELECT _parent_id, _index, value, \"c\"\"d\" FROM t__m ORDER BY 1, 2" "1|0||
1|1||
2|0|5|
2|1||{}"
		is "SELECT * FROM t__m__value ORDER BY 1, 2, 3" "1|0|0|1
1|0|1|2
1|1|0|3"
		is "SELECT * FROM t__x ORDER BY 2" "2|0|1.5
2|1|two"
	done
}

@test "types of a child's columns are learnt from the whole input" {
	{ many_orders 3000; printf '{"id":3001,"items":[{"sku":7,"qty":"1.0"}]}\n'; } >t.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id $target t.jsonl
		is "SELECT count(*), count(DISTINCT _parent_id) FROM t__items" "6001|3001"
		is "SELECT sku, qty FROM t__items WHERE _parent_id=3001" "7|1.0"
	done
}

@test "what is loaded already is not loaded again, and another file goes beside it" {
	printf '{"id":4,"user":{"name":"Di"},"items":[{"sku":"z","price":9.00}]}\n' >more.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl orders.jsonl
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl more.jsonl
		is "SELECT count(*) FROM orders" 4
		is "SELECT count(*) FROM orders__items" 4
		is "SELECT count(*) FROM _sfx_load" 2
	done
}

@test "what replaces rows takes their child rows away" {
	printf '{"id":9,"user":{"name":"Di","tags":["n"]}}\n' >new.jsonl
	for target in $targets; do
		for mode in replace truncate; do
			fresh $target
			# A table of its own, whose name begins as the child tables' do.
			exits 0 sfx-load --nested tables --key id -t orders__old $target orders.jsonl
			exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl
			exits 0 sfx-load --nested tables --key id -t orders --mode $mode $target new.jsonl
			is 'SELECT * FROM "orders__user.tags"' "9|0|n"
			[ $mode = replace ] || is "SELECT count(*) FROM orders__items" 0
			[ $mode = truncate ] || [ "$(tables)" = 6 ]
			is "SELECT count(*) FROM orders__old__items" 3
		done
	done
}

# by_key MODE…: loads orders.jsonl, then what changes them.
by_key() {
	cat >change.jsonl <<-'END'
		{"id":1,"user":{"name":"Ann","tags":["gone"]},"items":[{"sku":"lost","price":9.00}]}
		{"id":3,"user":{"name":"Cy"},"items":[{"sku":"00501","price":3.00},{"sku":"n","price":4.00}]}
		{"id":1,"user":{"name":"Ann","tags":["a","b"]},"items":[{"sku":"y","price":2.25}]}
		{"id":4,"user":{"name":"Di","tags":["new"]}}
	END
	exits 0 sfx-load --lineage --nested tables --key id -t orders $target orders.jsonl
	exits 0 sfx-load -v --lineage --nested tables --key id -t orders "$@" $target change.jsonl
}

@test "upsert: a record's child rows replace those of its key, and the same ones are not written" {
	for target in $targets; do
		for mode in upsert sync; do
			fresh $target
			by_key --mode $mode
			is "SELECT in_, inserted, updated, unchanged, duplicate FROM (SELECT rows_in AS in_, inserted, updated,
				unchanged, duplicate FROM _sfx_load WHERE load_id=2) AS l" "4|1|0|2|1"
			is "SELECT _parent_id, _index, sku, _load_id FROM orders__items ORDER BY 1, 2" "1|0|y|2
3|0|00501|1
3|1|n|2"
			is 'SELECT _parent_id, _index, value, _load_id FROM "orders__user.tags" ORDER BY 1, 2' "1|0|a|1
1|1|b|1
4|0|new|2"
			# None of the records has any.
			is "SELECT count(*) FROM orders__items__parts" 0
			[ "$(tables)" = 4 ]
		done
	done
}

@test "ignore and newer: only records that are written have child rows" {
	for target in $targets; do
		fresh $target
		printf '%s\n' '{"id":4,"user":{"tags":["first"]}}' '{"id":4,"user":{"tags":["second","x"]}}' >twice.jsonl
		by_key --mode ignore
		exits 0 sfx-load --lineage --nested tables --key id -t orders --mode ignore $target twice.jsonl
		is 'SELECT _parent_id, value, _load_id FROM "orders__user.tags" WHERE _parent_id<>3 ORDER BY 1, _index' "1|a|1
1|b|1
4|new|2"
		is "SELECT count(*), min(_load_id), max(_load_id) FROM orders__items" "3|1|1"
		exits 0 sfx-load --undo 2 $target
		is 'SELECT count(*) FROM "orders__user.tags" WHERE _parent_id=4' 0
		is 'SELECT count(*) FROM "orders__user.tags"' 4
		exits 0 sfx-load --lineage --nested tables --key id -t orders --mode ignore --force $target twice.jsonl
		is 'SELECT value FROM "orders__user.tags" WHERE _parent_id=4' first

		fresh $target
		printf '%s\n' '{"id":1,"v":2,"a":[1,2]}' '{"id":2,"v":2,"a":[3]}' '{"id":3,"a":[4]}' >v.jsonl
		printf '%s\n' '{"id":1,"v":3,"a":[5]}' '{"id":1,"v":1,"a":[6]}' '{"id":2,"v":2,"a":[7]}' '{"id":3,"a":[8]}' \
			'{"id":5,"v":1,"a":[9]}' >w.jsonl
		exits 0 sfx-load --nested tables --key id -t t $target v.jsonl
		exits 0 sfx-load --nested tables --key id -t t --mode newer --version-column v $target w.jsonl
		is "SELECT _parent_id, value FROM t__a ORDER BY 1, 2" "1|5
2|3
3|8
5|9"
	done
}

@test "delete: the child rows of the keys go, at all depths" {
	for target in $targets; do
		fresh $target
		printf '%s\n' '{"id":3}' '{"id":3}' '{"id":9,"items":[{"sku":"never"}]}' >gone.jsonl
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl
		exits 0 sfx-load --nested tables --key id -t orders --mode delete $target gone.jsonl
		is "SELECT deleted, duplicate, unchanged, removed FROM (SELECT rows_in - inserted - updated - unchanged -
			duplicate AS deleted, duplicate, unchanged, removed FROM _sfx_load WHERE load_id=2) AS l" "1|1|1|1"
		is "SELECT count(*) FROM orders" 2
		is "SELECT count(*), min(_parent_id), max(_parent_id) FROM orders__items" "2|1|1"
		is "SELECT count(*) FROM orders__items__parts" 2
		is 'SELECT count(*) FROM "orders__user.tags"' 2
	done
}

@test "sync: rows without a record are marked and keep their child rows" {
	for target in $targets; do
		fresh $target
		by_key --mode sync
		is "SELECT id FROM orders WHERE _deleted_at IS NOT NULL" 2
		printf '{"id":1,"user":{"name":"Ann"}}\n' >one.jsonl
		exits 0 sfx-load --lineage --nested tables --key id -t orders --mode sync $target one.jsonl
		is "SELECT id FROM orders WHERE _deleted_at IS NULL" 1
		is 'SELECT _parent_id, count(*) FROM "orders__user.tags" GROUP BY 1' "4|1"
		is "SELECT _parent_id, count(*) FROM orders__items GROUP BY 1" "3|2"
	done
}

@test "keys of several columns, refused records and groups of files go with child rows by key" {
	for target in $targets; do
		fresh $target
		printf '%s\n' '{"a":1,"b c":"x","l":[1,2]}' '{"a":1,"b c":"y","l":[3]}' >k.jsonl
		printf '%s\n' '{"a":"no","b c":"y","l":[0]}' '{"b c":"y","l":[0]}' '{"a":1,"b c":"y","l":[4,5]}' >m.jsonl
		exits 0 sfx-load --nested tables --key a,'b c' --mode upsert -t t $target k.jsonl
		exits 0 sfx-load --nested tables --key a,'b c' --mode upsert -t t --on-error skip $target m.jsonl
		is 'SELECT "_parent_b c", value FROM t__l ORDER BY 1, _index' "x|1
x|2
y|4
y|5"
		fresh $target
		for i in 1 2 3; do
			printf '{"id":1,"l":[%d,7]}\n{"id":1%d,"m":[0]}\n' $i $i >g$i.jsonl
			printf '{"specversion":"1.0","id":"e-%s","source":"/in","type":"dev.sfx.file.closed","data":{"path":"g%s.jsonl"}}\n' $i $i
		done >events
		exits 0 sfx-load -E --flush 1s --nested tables --key id --mode upsert -t t $target <events
		is "SELECT value FROM t__l ORDER BY _index" "3
7"
		is "SELECT count(*) FROM t__m" 3
	done
}

@test "many upserts leave what one load of the last records leaves" {
	many_orders 20000 >base.jsonl
	awk 'BEGIN { srand(7); for (i = 0; i < 20000; i++) { id = 1 + int(rand() * 25000); n = int(rand() * 4)
		printf "{\"id\":%d,\"items\":[", id
		for (k = 0; k < n; k++) printf "%s{\"sku\":\"s%d\",\"qty\":%d}", k ? "," : "", id, int(rand() * 3)
		print "]}" } }' >change.jsonl
	# Of each key the last record.
	cat base.jsonl change.jsonl | tac | awk -F '[:,]' '!seen[$2]++' >last.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id -t t $target base.jsonl
		exits 0 sfx-load --nested tables --key id -t t --mode upsert $target change.jsonl
		query "SELECT * FROM t__items ORDER BY 1, 2" >twice
		query "SELECT id FROM t ORDER BY 1" >>twice
		fresh $target
		exits 0 sfx-load --nested tables --key id -t t $target last.jsonl
		query "SELECT * FROM t__items ORDER BY 1, 2" >once
		query "SELECT id FROM t ORDER BY 1" >>once
		[ "$(wc -l <once)" -gt 50000 ]
		cmp twice once
	done
}

@test "a load is taken back with its child rows" {
	printf '{"id":4,"user":{"name":"Di"},"items":[{"sku":"z","price":9.00}]}\n' >more.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --lineage --nested tables --key id -t orders $target orders.jsonl more.jsonl
		is "SELECT count(*) FROM orders__items__parts WHERE _line=3" 1
		exits 0 sfx-load --undo 1 $target
		grep -q '3 of its 3 rows' said
		is "SELECT id FROM orders" 4
		is "SELECT _parent_id FROM orders__items" 4
		is "SELECT count(*) FROM orders__items__parts" 0
		exits 0 sfx-load --lineage --nested tables --key id -t orders $target orders.jsonl
		is "SELECT count(*) FROM orders__items" 4
	done
}

@test "a record that the parent's table refuses has no child rows" {
	cat >bad.jsonl <<-'END'
		{"id":7,"user":{"name":"Ed"},"items":[{"sku":"k","price":1.00}]}
		{"id":"no","user":{"name":"Fy"},"items":[{"sku":"l","price":1.00,"parts":[{"n":1}]}]}
		not JSON
		{"id":8,"user":{"name":"Gi"},"items":[{"sku":"m","price":1.00}]}
	END
	for target in $targets; do
		fresh $target
		rm -f bad.out
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl
		exits 65 sfx-load --nested tables --key id -t orders $target bad.jsonl
		is "SELECT count(*) FROM orders__items" 3
		exits 1 sfx-load -v --nested tables --key id -t orders --rejects bad.out $target bad.jsonl
		grep -q '4 records in, 2 loaded into orders, 2 rejected, 2 rows in 2 child tables' said
		[ "$(wc -l <bad.out)" = 2 ]
		is "SELECT sku FROM orders__items WHERE _parent_id>3 ORDER BY 1" "k
m"
		is "SELECT count(*) FROM orders__items__parts" 3
	done
}

@test "a record with a value that a child table cannot hold is bad, and none of its rows is there" {
	printf '%s\n' '{"id":7,"user":{"name":"Ed"},"items":[{"sku":"k","price":1.00}]}' \
		'{"id":8,"user":{"name":"Ed","tags":["t"]},"items":[{"sku":"k","price":"dear"},{"sku":"k","parts":[{"n":1},{"n":"x"}]}]}' \
		'{"id":3,"user":{"name":"Cy"},"items":[{"sku":"k"},{"sku":"k","parts":[{"n":1},{"n":"x"}]}]}' \
		'{"id":"no","user":{"name":"Ed"},"items":[{"sku":"k","price":"cheap"}]}' >bad.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl
		exits 65 sfx-load --nested tables --key id -t orders --mode upsert $target bad.jsonl
		is "SELECT count(*) FROM _sfx_load" 1
		rm -f bad.out
		exits 1 sfx-load -n --nested tables --key id -t orders --mode upsert --rejects bad.out $target bad.jsonl
		grep -q '^-- bad.jsonl: 4 records in, 1 to load into orders, 3 to reject, 1 row in 3 child tables' out
		exits 1 sfx-load -v --nested tables --key id -t orders --mode upsert --rejects bad.out $target bad.jsonl
		grep -q '4 records in, 1 loaded into orders, 3 rejected, 1 row in 3 child tables' said
		[ "$(wc -l <bad.out)" = 3 ]
		grep '"line":2,' bad.out | grep -qF '"column":"items[0].price","value":"dear"'
		grep '"line":3,' bad.out | grep -qF '"column":"items[1].parts[1].n","value":"x"'
		grep '"line":4,' bad.out | grep -qF '"column":"id","value":"no"'
		is "SELECT id FROM orders ORDER BY 1" "1
2
3
7"
		is "SELECT _parent_id, sku FROM orders__items WHERE _parent_id>1 ORDER BY 1" "3|00501
7|k"
		is "SELECT count(*) FROM orders__items__parts" 3
		is 'SELECT count(*) FROM "orders__user.tags" WHERE _parent_id>3' 0
		is "SELECT rows_in, inserted, rejected FROM _sfx_load ORDER BY load_id DESC LIMIT 1" "4|1|3"
		# In mode append, too, over several batches.
		many_orders 10 >m.jsonl
		exits 0 sfx-load --nested tables --key id -t m $target m.jsonl
		many_orders 5000 | sed '1,10d;s/"qty":6}/"qty":"six"}/' >m.jsonl
		exits 0 sfx-load --nested tables --key id -t m --on-error skip $target m.jsonl
		nbad=$(grep -c six m.jsonl)
		is "SELECT count(*) FROM m" $((5000 - nbad))
		is "SELECT count(*), count(DISTINCT _parent_id) FROM m__items" "$((2 * (5000 - nbad)))|$((5000 - nbad))"
	done
}

@test "what a constraint of a child table refuses ends the load, and nothing of it is there" {
	printf '%s\n' '{"id":7,"user":{"name":"Ed"},"items":[{"sku":"k"}]}' \
		'{"id":8,"user":{"name":"Ed"},"items":[{"sku":"l"},{"sku":"y"}]}' >bad.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl
		query 'CREATE UNIQUE INDEX u ON orders__items(sku)'
		for on_error in fail skip; do
			exits 65 sfx-load --nested tables --key id -t orders --on-error $on_error $target bad.jsonl
			grep -qF 'bad.jsonl: line 2: items[1]' said
		done
		is "SELECT count(*) FROM orders" 3
		is "SELECT count(*) FROM orders__items" 3
		is "SELECT count(*) FROM _sfx_load" 1
	done
}

@test "a killed load leaves all of its tables or none, and comes out as in one go" {
	many_orders 60000 >t.jsonl
	for target in $targets; do
		fresh $target
		for i in 1 2 3 4 5; do
			sfx-load --nested tables $target t.jsonl 2>said &
			sleep "0.$((i * 2))"
			kill -9 $! 2>/dev/null || true
			wait $! || true
		done
		exits 0 sfx-load --nested tables $target t.jsonl
		is "SELECT count(*) FROM _sfx_load" 1
		is "SELECT count(*) FROM t" 60000
		query "SELECT id, _index, sku, qty FROM t JOIN t__items ON _row_id=_parent_row_id ORDER BY 1, 2" >killed
		fresh $target
		exits 0 sfx-load --nested tables $target t.jsonl
		query "SELECT id, _index, sku, qty FROM t JOIN t__items ON _row_id=_parent_row_id ORDER BY 1, 2" >once
		[ "$(wc -l <once)" = 120000 ]
		cmp killed once
	done
}

@test "a dry run shows the statements of all tables, and makes none" {
	for target in $targets; do
		fresh $target
		exits 0 sfx-load -n --nested tables --key id $target orders.jsonl
		[ "$(grep -c 'CREATE TABLE' out)" = 4 ]
		grep -q '^-- orders.jsonl: 3 records in, 3 to load into orders, 10 rows in 3 child tables' out
		[ "$target" = sqlite:x.db ] && [ ! -e x.db ] || [ "$(tables)" = 0 ]
	done
}

@test "files of events go into child tables, in groups too" {
	for target in $targets; do
		fresh $target
		for i in 1 2 3; do
			printf '{"id":%d,"items":[{"n":%d},{"n":0}]}\n' $i $i >e$i.jsonl
			printf '{"specversion":"1.0","id":"e-%s","source":"/in","type":"dev.sfx.file.closed","data":{"path":"e%s.jsonl"}}\n' $i $i
		done >events
		exits 0 sfx-load -E --flush 1s --nested tables --key id -t t $target <events
		[ "$(wc -l <out)" = 3 ]
		is "SELECT count(*), sum(n) FROM t__items" "6|6"
	done
}

@test "what child tables cannot hold is said, with its place" {
	bad() {
		printf '{"id":1}\n%s\n' "$2" >bad.jsonl
		exits 65 sfx-load --nested tables sqlite:x.db bad.jsonl
		grep -qF "bad.jsonl: $1" said || { cat said && return 1; }
	}
	bad 'line 2: an element of a has two of x' '{"id":2,"a":[{"x":1,"x":2}]}'
	bad 'line 2: an element of a has two of x.y' '{"id":2,"a":[{"x.y":1,"x":{"y":2}}]}'
	bad 'line 2: an element of a has a member _index itself' '{"id":2,"a":[{"_index":2}]}'
	bad 'column "value": a load fills 256 child tables at most, 8 deep' '{"id":2,"a":[[[[[[[[[1]]]]]]]]]}'
	[ ! -e x.db ]
}

@test "a column that a child table lacks is an error, or added" {
	printf '{"id":4,"items":[{"sku":"z","colour":"red"}]}\n' >more.jsonl
	for target in $targets; do
		fresh $target
		exits 0 sfx-load --nested tables --key id -t orders $target orders.jsonl
		exits 65 sfx-load --nested tables --key id -t orders $target more.jsonl
		grep -q 'more.jsonl: .*orders__items.*colour' said
		is "SELECT count(*) FROM orders" 3
		exits 0 sfx-load --nested tables --key id -t orders --evolve add $target more.jsonl
		is "SELECT colour FROM orders__items WHERE _parent_id=4" red
	done
}

@test "flatten makes columns of objects' members and leaves arrays as JSON" {
	exits 0 sfx-load --nested flatten --transform 'where id > 1 # those' sqlite:x.db orders.jsonl
	target=sqlite:x.db
	[ "$(columns orders)" = id,user.name,items,user.tags ]
	is "SELECT items FROM orders WHERE id=2" "[]"
}

@test "what child tables do not go with is said" {
	refused() {
		exits 2 sfx-load --nested tables "$@" orders.jsonl
		grep -q -- "$wanted" said || { cat said && return 1; }
	}
	wanted='script\|- has no child tables' refused -
	wanted='dir:.* has no child tables' refused 'dir:out/x.csv'
	wanted='does not go with --mode=scd2: a key has rows of several times' refused --mode scd2 --key id sqlite:x.db
	wanted='does not go with --commit-every' refused --commit-every 10 sqlite:x.db
	wanted='does not go with --evolve=quarantine' refused --evolve quarantine sqlite:x.db
	wanted='does not go with --jobs' refused --jobs 2 sqlite:x.db
	wanted='does not go with --force in mode append' refused --force sqlite:x.db
	wanted='does not go with both --transform and' refused --transform 'drop x' --on-error skip sqlite:x.db
	[ ! -e x.db ]
}
