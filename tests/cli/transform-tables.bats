#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform with tables beside the input: join, union, over, pivot.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' customer,amount 7,10.00 9,2.50 007,1 >orders.csv
	printf '%s\n' customer,discount,segment 7,0.1,gold 8,0.2,silver >lookup.csv
}

@test "a join reads its file as inputs are read" {
	run sfx-transform 'join left lookup.csv on customer | discount = discount ?? 0 | rename seg = segment' orders.csv
	[ "$output" = "$(printf '%s\n' customer,amount,discount,seg 7,10.00,0.1,gold 9,2.50,0, 007,1,0,)" ]
	gzip -k lookup.csv
	[ "$(sfx-transform 'join lookup.csv.gz on customer' orders.csv)" = \
		"$(printf '%s\n' customer,amount,discount,segment 7,10.00,0.1,gold)" ]
	sfx-transform -t jsonl '' lookup.csv -o lookup.jsonl
	[ "$(sfx-transform 'join ./lookup.jsonl on customer' orders.csv)" = \
		"$(printf '%s\n' customer,amount,discount,segment 7,10.00,0.1,gold)" ]
	mkdir in && cp lookup.csv in && tar -C in -czf "both tables.tgz" lookup.csv
	[ "$(sfx-transform 'join "both tables.tgz" on customer' orders.csv)" = \
		"$(printf '%s\n' customer,amount,discount,segment 7,10.00,0.1,gold)" ]
	[ "$(sfx-transform 'join - on customer | select segment' orders.csv <lookup.csv)" = "$(printf 'segment\ngold')" ]
}

@test "a file that cannot be joined is told" {
	run sfx-transform 'join nosuch.csv on customer' orders.csv
	[ "$status" -eq 74 ]
	[[ "$output" == *"nosuch.csv: No such file"* ]]
	run sfx-transform 'join - on customer' - <orders.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"both want the standard input"* ]]
	run sfx-transform 'join lookup.csv' orders.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"both sides have customer"* ]]
}

@test "a join streams: head ends it before the input does" {
	(cat orders.csv; yes 7,1) | sfx-transform 'join lookup.csv on customer | head 2' >out
	[ "$(tail -1 out)" = 7,1,0.1,gold ]
}

@test "stages behind a join or pivot that makes nothing of the records have columns all the same" {
	printf 'k,v\nq,1\nq,2\n' >other.csv
	printf 'a\nx\n' >one.csv
	[ "$(sfx-transform 'sort a | join other.csv on a = k | sort v' one.csv)" = a,v ]
	echo '{"a":1}' | sfx-transform -i jsonl 'sort a | pivot longer b | sort name' >none
	[ ! -s none ]
}

@test "a join beyond its memory gives the same bytes" {
	seq 60000 | awk 'BEGIN { srand(2); print "k,v" } { printf "key %d,\"v %d\"\n", rand() * 40000, $1 }' >big.csv
	seq 20000 | awk 'BEGIN { srand(3); print "n,k" } { printf "%d,key %d\n", $1, rand() * 50000 }' >in.csv
	local kind
	for kind in inner full anti; do
		sfx-transform "join $kind big.csv on k" in.csv >whole
		sfx-transform --memory=1M "join $kind big.csv on k" in.csv | cmp - whole
	done
	# As-of: most rows are of one key, so that not even these fit.
	seq 60000 | awk 'BEGIN { srand(4); print "w,key,quote" }
		{ printf "%d,%d,text %d\n", rand() * 9000, rand() < 0.7 ? 1 : rand() * 900, $1 }' >quotes.csv
	seq 20000 | awk 'BEGIN { srand(5); print "t,key" }
		{ printf "%s,%d\n", $1 % 97 ? int(rand() * 9000) : "", rand() < 0.7 ? 1 : rand() * 999 }' >trades.csv
	for kind in backward forward nearest 'within 2' 'within 1 nearest'; do
		sfx-transform "join asof quotes.csv on key by num(t) = num(w) $kind" trades.csv >whole
		sfx-transform --memory=1M "join asof quotes.csv on key by num(t) = num(w) $kind" trades.csv | cmp - whole
		sfx-transform "join asof quotes.csv by num(t) = num(w) $kind" trades.csv >whole
		sfx-transform --memory=1M "join asof quotes.csv by num(t) = num(w) $kind" trades.csv | cmp - whole
	done
	sfx-transform --memory=1M 'join full big.csv on k | sort -n, v | head 100' in.csv >some
	sfx-transform 'join full big.csv on k | sort -n, v | head 100' in.csv | cmp - some
}
