#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Files in parts: whatever their bytes are, threads give what one thread gives.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
}

# What comes out of the file $1, with programs of all kinds, is the same for any number of threads.
check() {
	local j program
	[ "$(stat -c %s "$1")" -gt 1500000 ]
	for program in '' 'b = a * 2' 'where a > 100 | x = upper(b) | drop a' 'group a % 7: n = count(), l = last(b)' 'sort b'; do
		for j in 1 2 5; do
			rm -f bad$j
			sfx-transform -j $j -t jsonl --rejects bad$j "$program" "$1" >out$j 2>err$j || echo $? >>err$j
			sfx-transform -j $j "$program" "$1" >failed$j 2>>err$j || echo $? >>err$j
			touch bad$j
			for f in out bad err failed; do
				cmp ${f}1 $f$j || {
					echo "$1, $program, $j threads: $f"
					return 1
				}
			done
		done
	done
}

@test "lines within quotes that look like records begin no part that counts" {
	# Most of the file is quoted; each line of it has the header's number of fields.
	awk 'BEGIN { print "a,b,c"
		for (i = 1; i <= 3000; i++) {
			printf "%d,\"", i
			for (k = 0; k < 20 + i % 50; k++)
				printf "%d,inner %d,x\n", k, k
			printf "end\",%d\n", i
		} }' >in.csv
	check in.csv
	run sfx-transform -j 4 'group: n = count(), s = sum(a)' in.csv
	[ "${lines[1]}" = 3000,4501500 ]
	[ "$(sfx-transform -j 4 '' in.csv | md5sum)" = "$(md5sum <in.csv)" ]
}

@test "stray quotes, ragged records, blank lines and a quote that never closes" {
	awk 'BEGIN { print "a,b,c"
		for (i = 1; i <= 60000; i++) {
			if (i % 50 == 0) print i ",st\"ray,x"
			else if (i % 71 == 0) print i ",\"two\nlines, \"\"quoted\"\"\",x"
			else if (i % 97 == 0) print i ",ragged"
			else if (i % 111 == 0) print ""
			else if (i % 501 == 0) print i ",\"bad\" end,x"
			else print i ",plain text of some length,x"
		} }' >in.csv
	check in.csv
	sed '41000s/plain/"plain/' in.csv >open.csv
	check open.csv
	sed 's/$/\r/' in.csv >crlf.csv
	check crlf.csv
	tr '\n' '\r' <in.csv >cr.csv
	check cr.csv
	head -c -1 in.csv >ends.csv
	check ends.csv
}

@test "records that are longer than a part" {
	awk 'BEGIN { print "a,b"
		for (i = 1; i <= 9000; i++) {
			printf "%d,", i
			if (i % 3000 == 0)
				for (k = 0; k < 60000; k++)
					printf "long %d ", k
			for (k = 0; k < 30; k++)
				printf "%dxyz", k
			print ""
		} }' >in.csv
	check in.csv
	sfx-transform -t tsv '' in.csv >in.tsv
	check in.tsv
}

@test "members of JSON that come late or in another order" {
	awk 'BEGIN {
		for (i = 1; i <= 60000; i++) {
			if (i % 20000 == 0) printf "{\"a\":%d,\"late%d\":[1,{\"x\":\"\\n\"}],\"b\":\"new\"}\n", i, i
			else if (i % 13 == 0) printf "{\"b\":\"first\",\"a\":%d}\n", i
			else if (i % 997 == 0) print "{\"a\":1"
			else if (i % 1001 == 0) print ""
			else printf "{\"a\":%d,\"b\":\"some text, \\u00e9\",\"c\":null}\n", i
		} }' >in.jsonl
	check in.jsonl
}

@test "what is read of a file in parts is counted" {
	seq 400000 >in.csv
	for j in 1 3; do
		sfx-transform -j $j --stats=stats$j --no-header -q 'where num(`1`) > 5' in.csv >/dev/null
	done
	grep -q "[^0-9]$(stat -c %s in.csv)[^0-9]" stats1
	grep -q "[^0-9]$(stat -c %s in.csv)[^0-9]" stats3
}

@test "an input that begins within its file" {
	seq 400000 >in.csv
	for j in 1 3; do
		(
			read -r _
			sfx-transform -j $j --from csv --no-header 'where num(`1`) % 1000 = 1'
		) <in.csv >out$j
	done
	cmp out1 out3
	[ "$(head -n 1 out3)" = 1001 ]
}
