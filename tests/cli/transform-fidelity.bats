#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Values keep their text, and dirty structure is told: what other tools damage or pass over.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	# Zeros in front and behind, a code that looks like a number, integers beyond 2^53 and 2^64,
	# dates, booleans, what looks like numbers of other notations.
	cat >cells.csv <<'CELLS'
id,zip,amt,code,big,name,ts,flag,n
1,00501,1.50,1e5,9007199254740993,"Smith, J",2024-03-31T02:30:00+02:00,true,0x1F
2,07063,-0.0,12E3,18446744073709551616,"O ""B""",2024-01-05,TRUE,007
3,10001,100,7,1,NaN,,no,1_000
CELLS
	# The same in quotes that nobody needs, with CRLF.
	sed 's/^1,00501/"1","00501"/; s/$/\r/' cells.csv >quoted.csv
}

t() { sfx-transform "$@"; }

@test "a copy is the same bytes" {
	t '' cells.csv | cmp - cells.csv
	t '' quoted.csv | cmp - quoted.csv
	t 'where id != "x"' quoted.csv | cmp - quoted.csv
	t 'x = id | drop x' quoted.csv | cmp - quoted.csv
	t 'distinct' quoted.csv | cmp - quoted.csv
	t 'sort num(id)' quoted.csv | cmp - quoted.csv
	t 'sort -num(id) | sort num(id)' quoted.csv | cmp - quoted.csv
	t --memory 1M 'sort num(id)' quoted.csv | cmp - quoted.csv
}

@test "cells are text in JSON, to the digit" {
	t -t jsonl '' cells.csv >cells.jsonl
	[ "$(sed -n 1p cells.jsonl)" = '{"id":"1","zip":"00501","amt":"1.50","code":"1e5","big":"9007199254740993","name":"Smith, J","ts":"2024-03-31T02:30:00+02:00","flag":"true","n":"0x1F"}' ]
	[ "$(sed -n 2p cells.jsonl)" = '{"id":"2","zip":"07063","amt":"-0.0","code":"12E3","big":"18446744073709551616","name":"O \"B\"","ts":"2024-01-05","flag":"TRUE","n":"007"}' ]
	[ "$(sed -n 3p cells.jsonl)" = '{"id":"3","zip":"10001","amt":"100","code":"7","big":"1","name":"NaN","ts":"","flag":"no","n":"1_000"}' ]
}

@test "every format and back: all cells kept" {
	for format in tsv jsonl json logfmt markdown; do
		t -t "$format" '' cells.csv >cells.out
		t -i "$format" -t csv '' cells.out >back.csv
		echo "$format"
		cmp back.csv cells.csv
	done
	t -t fixed 'drop name' cells.csv >cells.out
	[ "$(t -i fixed -t jsonl 'select zip, amt, code, big, ts, flag, n' cells.out)" = \
		"$(t -t jsonl 'select zip, amt, code, big, ts, flag, n' cells.csv)" ]
}

@test "verbs that move cells keep them" {
	[ "$(t 'sort -num(id) | select n, big, zip' cells.csv)" = "$(printf 'n,big,zip\n1_000,1,10001\n007,18446744073709551616,07063\n0x1F,9007199254740993,00501')" ]
	[ "$(t 'group flag: z = first(zip), b = max(big) | sort flag' cells.csv | head -2 | tail -1)" = TRUE,07063,18446744073709551616 ]
	[ "$(t 'where num(id) = 1 | big = big + 1 | select big, amt' cells.csv | tail -1)" = 9007199254740994,1.50 ]
}

@test "numbers of JSON keep their digits" {
	printf '%s\n' '{"a":1.50,"b":9007199254740993,"c":1e5,"d":-0.0,"e":1E+400,"f":{"x":[1.0, 2]}}' >a.jsonl
	t '' a.jsonl | cmp - a.jsonl
	t 'z = 1 | drop z' a.jsonl | cmp - a.jsonl
	[ "$(t -t csv '' a.jsonl | tail -1)" = '1.50,9007199254740993,1e5,-0.0,1E+400,"{""x"":[1.0, 2]}"' ]
}

@test "ragged records: refused with their place, nothing lost" {
	printf 'a,b,c\n1,2,3\n4,5\n6,7,8,9\n7,8,9\n' >ragged.csv
	run --separate-stderr t '' ragged.csv
	[ "$status" -eq 65 ]
	[ "$output" = "$(printf 'a,b,c\n1,2,3')" ]
	[[ "$stderr" == *"ragged.csv: line 3, offset 12: record has 2 fields, header has 3"* ]]
	run -1 --separate-stderr t --rejects bad.jsonl '' ragged.csv
	[ "$output" = "$(printf 'a,b,c\n1,2,3\n7,8,9')" ]
	[ "$(t -i jsonl -t lines 'select raw' bad.jsonl)" = "$(printf '4,5\n6,7,8,9')" ]
}

@test "byte order mark and Latin-1 pass byte for byte" {
	printf '\357\273\277id,name\n1,\351t\351\n' >latin.csv
	t '' latin.csv >out.csv
	printf 'id,name\n1,\351t\351\n' | cmp - out.csv
	[ "$(t --encoding windows-1252 -t jsonl 'select name' <<<$'name\n\x80' )" = '{"name":"€"}' ]
}

@test "names that are there twice are told apart, and written as they stood" {
	printf 'id,id,,x\n1,2,3,4\n' >dup.csv
	[ "$(t -t jsonl '' dup.csv)" = '{"id":"1","id_2":"2","3":"3","x":"4"}' ]
	[ "$(t 'where id_2 = 2 | select id_2, `3`' dup.csv | tail -1)" = 2,3 ]
}

@test "quotes out of place: data where they can be, else refused with the line that opened them" {
	printf 'a,b\n1,x "y" z\n' >stray.csv
	t '' stray.csv | cmp - stray.csv
	[ "$(t -t jsonl 'select b' stray.csv)" = '{"b":"x \"y\" z"}' ]
	printf 'a,b\n1,"a"b\n2,y\n' >behind.csv
	run t '' behind.csv
	[ "$status" -eq 65 ]
	[[ "$output" == *"line 2, offset 9: column 2 (b): text after a closing quote"* ]]
	[ "$(t --on-error skip '' behind.csv 2>/dev/null)" = "$(printf 'a,b\n2,y')" ]
	printf 'a,b\n1,x\n2,"never\n3,closed\n' >open.csv
	run t '' open.csv
	[ "$status" -eq 65 ]
	[[ "$output" == *"the quote opened on line 3 is never closed"* ]]
}

@test "a column that looks like integers for 30,000 records holds what comes then" {
	awk 'BEGIN { print "n"; for (i = 0; i < 30000; i++) print i; print "12.75"; print "00042" }' >n.csv
	t '' n.csv | cmp - n.csv
	[ "$(t -t jsonl '' n.csv | tail -2)" = "$(printf '{"n":"12.75"}\n{"n":"00042"}')" ]
	[ "$(t 'group: s = sum(n)' n.csv | tail -1)" = 449985054.75 ]
}

@test "a file of one column is one" {
	printf 'c0\nv0\na;b\n' >one.csv
	t '' one.csv | cmp - one.csv
	[ "$(t 'group: n = count()' one.csv | tail -1)" = 2 ]
}

@test "what is no number in a sum is told with line, column and value" {
	printf 'k,v\nx,5\nx,abc\nx,7\n' >sum.csv
	run t 'group k: s = sum(v)' sum.csv
	[ "$status" -eq 65 ]
	[[ "$output" == *"sum.csv: line 3"* && "$output" == *"abc"* ]]
	run -0 --separate-stderr t --on-error skip 'group k: s = sum(v), m = mean(v), n = count()' sum.csv
	[ "${lines[1]}" = x,12,6,2 ]
	[[ "$stderr" == *"3 records in"* && "$stderr" == *"1 skipped"* ]]
}

@test "a closing quote counts wherever it stands in a block" {
	for eol in '\n' '\r\n'; do
		for ((pad = 0; pad < 140; pad++)); do
			printf -v ps '%*s' "$pad" ''
			printf "a,b${eol}1,\"${ps// /p}\"${eol}2,\"\"\"q\"${eol}" >q.csv
			[ "$(t 'group: n = count()' q.csv | tail -1 | tr -d '\r')" = 2 ] || { echo "pad $pad" && false; }
			t '' q.csv | cmp - q.csv
		done
	done
}

@test "a bad record is never success" {
	printf '{"a":1}\n{"a":\n{"a":3}\n' >bad.jsonl
	run t '' bad.jsonl
	[ "$status" -eq 65 ]
	run -1 t --rejects r.jsonl '' bad.jsonl
	[ "$(wc -l <r.jsonl)" -eq 1 ]
}

@test "sorted records keep their bytes, and those of other columns their places" {
	printf 'a,b\n2,"x"\n1,y\n' >1.csv
	printf 'a,b,c\n0,z,"q ""r"\n3,k,l\n' >2.csv
	printf 'b,a\nm,1.5\n' >3.csv
	printf 'a,b\n9\n8,1\n' >ragged.csv
	run sfx-transform 'sort num(a)' 1.csv
	[ "$output" = $'a,b\n1,y\n2,"x"' ]
	run sfx-transform 'sort num(a)' 1.csv 2.csv 3.csv
	[ "$output" = $'a,b,c\n0,z,"q ""r"\n1,y,\n1.5,m,\n2,"x",\n3,k,l' ]
	run sfx-transform 'sort num(a)' 2.csv 1.csv
	[ "$output" = $'a,b,c\n0,z,"q ""r"\n1,y,\n2,"x",\n3,k,l' ]
	run sfx-transform --ragged=fill 'sort num(a)' ragged.csv 1.csv
	[ "$output" = $'a,b\n1,y\n2,"x"\n8,1\n9,' ]
	run sfx-transform -t tsv 'sort num(a)' 1.csv
	[ "$output" = $'a\tb\n1\ty\n2\tx' ]
}

@test "records that a sort hands on are whole where inputs are spelled in different ways" {
	printf 'a\tb\n' >none.tsv
	printf 'a,b\n2,"x;"\n1,y\n' >comma.csv
	run sfx-transform 'sort num(a)' none.tsv comma.csv
	[ "$output" = $'a\tb\n1\ty\n2\tx;' ]
	run sfx-transform 'sort num(a)' comma.csv none.tsv
	[ "$output" = $'a,b\n1,y\n2,"x;"' ]
}

@test "a sort that looks only at its keys hands on records as one that reads all cells" {
	awk 'BEGIN { print "n,text,more"
		for (i = 0; i < 20000; i++)
			printf i % 7 ? "%d,\"a, \"\"%d\"\"\n\",x\n" : "\"%d\",%d,\n", i * 7919 % 20011, i }' >many.csv
	sed 's/$/\r/' many.csv >lines.csv
	gzip -k many.csv
	for program in 'sort -num(n)' 'sort text' 'where num(n) > 90 | sort more, num(n)' 'm = num(n) | sort m' \
		'text = n | sort text' 'sort text | sort more'; do
		for input in many.csv lines.csv many.csv.gz; do
			sfx-transform "$program | head 99999" $input >cells
			for memory in 1M 64M; do
				sfx-transform --memory $memory "$program" $input | cmp - cells
			done
			gzip -cdf $input | sfx-transform "$program" | cmp - cells
		done
	done
	run -2 sfx-transform --rejects bad 'sort none' many.csv
	[[ "$output" == *"there is no column none"* ]]
}
