#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform's verbs over rows and columns, where files, memory and pipes matter.

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	awk 'BEGIN { srand(5); print "id,k,n,note"
		for (i = 1; i <= 60000; i++) printf "%d,k%d,%s,\"note %d; and %d\"\n", i, rand() * 50,
			rand() < 0.4 ? "" : int(rand() * 1000) / 10, rand() * 1000, i
	}' >in.csv
}

@test "tee writes all that passes, in the format of its name, also when a stage has enough" {
	run sfx-transform 'where k = "k7" | tee "k7.csv" | tee "k7.jsonl" | head 2 | select id' in.csv
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	cmp k7.csv <(awk -F, 'NR == 1 || $2 == "k7"' in.csv)
	cmp <(sfx-transform k7.jsonl) <(sfx-transform -t jsonl k7.csv)
}

@test "tee to a name of columns writes a file for each value" {
	sfx-transform 'top 1 -num(n) by k | tee "by/{k}.csv" | group : n = count()' in.csv >out
	[ "$(tail -n 1 out)" = 50 ]
	[ "$(ls by | wc -l)" -eq 50 ]
	[ "$(wc -l <by/k3.csv)" -eq 2 ]
}

@test "nothing of tee is left of a run that fails" {
	run sfx-transform 'tee "all.csv" | x = num(note)' in.csv
	[ "$status" -ne 0 ]
	[ ! -e all.csv ]
}

@test "orders that exceed the memory come out the same" {
	for program in reverse 'shuffle seed 4' 'fill n up' 'sort natural(note), n nulls first'; do
		sfx-transform "$program" in.csv >large
		sfx-transform --memory 1M "$program" in.csv >small
		cmp large small
	done
	cmp <(sfx-transform 'reverse | reverse' in.csv) in.csv
}

@test "records that a verb hands on go out at once" {
	mkfifo pipe
	sfx-transform 'number nr | fill n down | split note by ";" into a, b | nth 1' <pipe >out &
	exec 7>pipe
	head -n 3 in.csv >&7
	for _ in $(seq 100); do
		[ "$(wc -l <out)" -eq 3 ] && break
		sleep 0.05
	done
	[ "$(wc -l <out)" -eq 3 ]
	exec 7>&-
	wait
}

@test "by may stand in front of the keys of group and the like, and be a column" {
	printf 'by,x\n1,2\n1,3\n' >by.csv
	[ "$(sfx-transform 'group by x: count()' by.csv)" = "$(sfx-transform 'group x: count()' by.csv)" ]
	[ "$(sfx-transform 'distinct by x | frequency by by' by.csv | tail -1)" = 1,2,1.000000 ]
	[ "$(sfx-transform 'group by: s = sum(x)' by.csv)" = "$(printf 'by,s\n1,5')" ]
	[ "$(sfx-transform 'dedup by keep last' by.csv)" = "$(printf 'by,x\n1,3')" ]
	[ "$(sfx-transform 'dedup by by keep first' by.csv)" = "$(printf 'by,x\n1,2')" ]
}

@test "a sample is the same in every run" {
	sfx-transform 'sample 100' in.csv >a
	sfx-transform 'sample 100' in.csv >b
	sfx-transform 'sample 100 seed 2' in.csv >c
	cmp a b
	! cmp -s a c
	[ "$(wc -l <c)" -eq 101 ]
}

@test "flatten keeps the names of columns of inputs before" {
	printf 'bbbb,cccc\n1,2\n' >first.csv
	printf 'longer_name,x\n3,4\n' >second.csv
	[ "$(sfx-transform flatten first.csv second.csv)" = 'bbbb,cccc,longer_name,x
1,2,,
,,3,4' ]
	printf '{"a":1}\n{"a":2,"late":3}\n' >late.jsonl
	run sfx-transform flatten late.jsonl -t csv
	[ "$status" -eq 65 ]
	[[ $output == *'column late appears first in record 2'* ]]
}
