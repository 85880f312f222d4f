#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform's group, distinct and sort on more than fits into --memory.

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
}

# 800,000 records of 400,000 keys: 40 MB.
many() {
	awk 'BEGIN { print "k,x,t"; for (i = 0; i < 800000; i++)
		printf "key number %d,%d.%02d,some text of record %d\n", i * 7919 % 400000, i % 1000,
			i % 100, i % 90000 }'
}

# within MEMORY_MIB PROGRAM: runs it in that memory, all in all, and compares with much memory.
within() {
	sfx-transform "$2" many.csv >much
	sfx-transform --memory "$1M" --stats=stats "$2" many.csv >little
	cmp much little
	# Resident: what is allowed, or the program with its libraries and least buffers.
	grep -q 'fsanitize' "$SFX_BUILD/config.log" ||
		jq -e ".max_rss_bytes < (if $1 < 12 then 12 else $1 end + 4) * 1048576" stats
}

@test "data of four times the memory comes out the same, and the memory is kept" {
	many >many.csv
	within 10 'sort num(x), k'
	within 10 'distinct k'
	within 10 'distinct'
	within 10 'group k: n = count(), s = sum(x), l = last(t)'
	within 10 'group k: m = median(x), d = count_distinct(t)'
	within 10 'group : m = median(x), d = count_distinct(k), p9 = quantile(x, 0.9)'
	within 10 'group k: n = count() | sort -n, k | head 100'
	within 10 'dedup k keep max num(x)'
	within 10 'dedup k keep last | sort t | head 9'
	within 10 'frequency k | tail 5'
	within 10 'frequency t | head 5'
	within 10 'tail 500000'
	within 10 'tail 2 by k'
	within 10 'top 300000 num(x), k'
	within 10 'top 1 -num(x) by k'
	within 10 'sample 300000'
	within 10 'sort x | sample 400000 | tail 1 by k'
	within 10 'over k: c = cumsum(x), l = lag(t)'
	within 20 'over k: s = sum(x), m = median(x), c = count_distinct(t)'
	within 20 'over k sort num(x): r = percent_rank(), l = lead(t), a = last(t)'
	[ -z "$(ls -A "${TMPDIR:-/tmp}"/.sfx-* 2>/dev/null)" ]
}

@test "distinct lets new records through at once" {
	mkfifo in
	sfx-transform -i csv 'distinct k' <in >out 3>&- &
	exec 7>in
	printf 'k,x\n1,a\n1,b\n2,c\n' >&7
	for _ in $(seq 100); do
		[ "$(wc -l <out)" -eq 3 ] && break
		sleep 0.05
	done
	[ "$(cat out)" = "$(printf 'k,x\n1,a\n2,c')" ]
	exec 7>&-
	wait
	# A stage that has enough ends the reading, through distinct, too.
	[ "$( (echo k; yes 1 | head -100000; yes 2) | sfx-transform -i csv 'distinct k | head 2' | tail -1)" = 2 ]
}

@test "stages that keep records read the columns that are asked for behind them" {
	printf 'a,b,c,d\n2,x,p,1\n1,x,"q",2\n2,y,r,3\n' >in.csv
	for program in 'head 1 by b' 'distinct b' 'sort num(a), b' 'tail 1 by b' 'top 2 num(a) by b'; do
		sfx-transform --explain "$program | select c" in.csv >plan
		grep -qE 'reads only the cells of (a, )?b, c$' plan
		diff <(sfx-transform "$program | select c" in.csv) \
			<(sfx-transform "$program | tee all.csv | select c" in.csv)
		# All of a record is asked for.
		sfx-transform --explain "$program" in.csv >plan
		! grep -q 'reads only' plan
	done
}

@test "the plan of a stage speaks of by, and of unique, where they stand" {
	printf 'a,b\n1,2\n' >in.csv
	sfx-transform --explain 'head 1 | expect e: a > 0' in.csv >plan
	! grep -E 'by:|memory for each|unique' plan
	sfx-transform --explain 'head 1 by a | expect e: unique a' in.csv >plan
	[ "$(grep -c 'memory for each key' plan)" -eq 2 ]
}
