#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load into folders of files: which record stands where, once, whole or not at all.

load load.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	printf 'country,id,v\nDE,1,a\nFR,2,b\nDE,4,"q,q"\n' >a.csv
	printf 'country,id,v\nDE,11,a\nIT,2,\n' >b.csv
}

# is FILE LINE…: the file has these lines.
is() {
	local file=$1
	shift
	printf '%s\n' "$@" | diff - "$file"
}

# files FOLDER: names of the published files, and nothing that is hidden or staged but the ledger.
files() {
	(cd "$1" && find . -type f ! -name _sfx_load.jsonl | LC_ALL=C sort | tr '\n' ' ')
}

many_rows() {
	awk -v n="$1" -v from="${2:-0}" 'BEGIN { print "id,part,name"
		for (i = from + 1; i <= from + n; i++) printf "%d,p%d,name %d\n", i, i % 7, i }'
}

@test "records stand in the files that their columns name, behind what is there" {
	exits 0 sfx-load 'dir:lake/{country}/x.csv' a.csv
	is lake/DE/x.csv country,id,v DE,1,a 'DE,4,"q,q"'
	is lake/FR/x.csv country,id,v FR,2,b
	exits 0 sfx-load 'dir:lake/{country}/x.csv' b.csv
	is lake/DE/x.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
	[ "$(files lake)" = "./DE/x.csv ./FR/x.csv ./IT/x.csv " ]
}

@test "{table} is the table's name, {{ a brace" {
	exits 0 sfx-load 'dir:{table}/{{{country}}}.tsv' -t 'a/{{b}}' a.csv
	is 'a%2F{b}/{DE}.tsv' $'country\tid\tv' $'DE\t1\ta' $'DE\t4\tq,q'
	exits 0 sfx-load 'dir:all/{table}.jsonl' a.csv b.csv
	is all/b.jsonl '{"country":"DE","id":"11","v":"a"}' '{"country":"IT","id":"2","v":""}'
}

@test "compressed files grow piece by piece" {
	exits 0 sfx-load 'dir:g/{country}.csv.gz' a.csv
	exits 0 sfx-load 'dir:g/{country}.csv.gz' b.csv
	gzip -dc g/DE.csv.gz >plain
	is plain country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
	many_rows 50000 >m.csv
	exits 0 sfx-load 'dir:z/{table}.csv.zst' m.csv
	sfx-transform -o back.csv '' z/m.csv.zst
	cmp back.csv m.csv
	[ "$(wc -c <z/m.csv.zst)" -lt "$(($(wc -c <m.csv) / 2))" ]
}

@test "the same content is loaded once, into each target" {
	exits 0 sfx-load 'dir:lake/{country}.csv' a.csv
	gzip -k a.csv
	exits 0 sfx-load -v 'dir:lake/{country}.csv' -t other a.csv.gz
	grep -q 'already loaded' said
	is lake/DE.csv country,id,v DE,1,a 'DE,4,"q,q"'
	exits 0 sfx-load -v 'dir:lake/all.csv' a.csv
	grep -q '3 loaded' said
	exits 0 sfx-load --force 'dir:lake/all.csv' a.csv
	[ "$(wc -l <lake/all.csv)" -eq 7 ]
	exits 0 sfx-load 'dir:lake/{country}.csv' --load-id monday a.csv
	exits 0 sfx-load 'dir:lake/{country}.csv' --load-id monday b.csv
	grep -vq DE,11 lake/DE.csv
	[ "$(wc -l <lake/DE.csv)" -eq 5 ]
	[ "$(wc -l <lake/_sfx_load/_sfx_load.jsonl)" -eq 4 ]
}

@test "replace removes what earlier loads made, and nothing else" {
	exits 0 sfx-load 'dir:lake/{country}.csv' a.csv
	echo mine >lake/notes.txt
	exits 0 sfx-load --mode=replace 'dir:lake/{country}.csv' b.csv
	[ "$(files lake)" = "./DE.csv ./IT.csv ./notes.txt " ]
	is lake/DE.csv country,id,v DE,11,a
	exits 0 sfx-load -v --mode=replace 'dir:lake/{country}.csv' b.csv
	grep -q 'already loaded' said
	exits 0 sfx-load -v 'dir:lake/{country}.csv' a.csv
	grep -q '3 loaded' said
	exits 0 sfx-load --mode=replace 'dir:lake/{country}.csv' b.csv a.csv
	is lake/DE.csv country,id,v DE,11,a DE,1,a 'DE,4,"q,q"'
}

@test "no value leads out of the folder or into the ledger's" {
	printf 'a,b\n../../etc,x\n/abs,y\n.,z\n,w\n..,v\n' >t.csv
	exits 0 sfx-load 'dir:in/{a}/{b}.csv' t.csv
	[ "$(files in)" = "./%2E.%2F..%2Fetc/x.csv ./%2E./v.csv ./%2E/z.csv ./%2Fabs/y.csv ./_/w.csv " ]
	printf 'a,b\n_sfx_load,_sfx_load\n' >t.csv
	exits 65 sfx-load 'dir:in/{a}/{b}.jsonl' t.csv
	grep -q 'ledger' said
	mkdir -p away linked && ln -s ../away linked/DE
	exits 65 sfx-load 'dir:linked/{country}/x.csv' a.csv
	[ -z "$(ls away)" ]
	rm linked/DE && mkdir -p linked/DE/x.csv
	exits 65 sfx-load --mode=replace 'dir:linked/{country}/x.csv' a.csv
	rm -r linked/DE && touch linked/DE
	exits 74 sfx-load 'dir:linked/{country}/x.csv' a.csv
	rm linked/DE
	exits 0 sfx-load 'dir:linked/{country}/x.csv' a.csv
}

@test "a file with other columns gets no records, and its load leaves nothing" {
	mkdir lake && echo id,country >lake/DE.csv
	exits 65 sfx-load 'dir:lake/{country}.csv' a.csv
	grep -q 'other columns' said
	[ "$(files lake)" = "./DE.csv " ]
	exits 65 sfx-load 'dir:lake/{nosuch}.csv' a.csv
	grep -q nosuch said
}

@test "bad records go to the rejects, and what is left is loaded" {
	printf 'id,n\n1,x\n2,3\n' >t.csv
	exits 65 sfx-load 'dir:o/t.csv' --types n=integer t.csv
	[ -z "$(files o)" ]
	exits 1 sfx-load 'dir:o/t.csv' --types n=integer --rejects bad.jsonl t.csv
	is o/t.csv id,n 2,3
	grep -q '"column":"n"' bad.jsonl
	printf '{"a":1}\n{"b":"\xff"}\n' >u.jsonl
	exits 0 sfx-load 'dir:o/u.jsonl' --on-error=skip u.jsonl
	is o/u.jsonl '{"a":1}'
}

@test "what is for tables only is refused" {
	exits 2 sfx-load 'dir:o/t.csv' --mode=upsert --key=id a.csv
	exits 2 sfx-load 'dir:o/t.csv' --key=id a.csv
	exits 2 sfx-load 'dir:o/t.csv' --commit-every=10 a.csv
	exits 2 sfx-load 'dir:o/t.csv' --undo=1
	exits 2 sfx-load 'dir:o/t.xml' a.csv
	exits 0 sfx-load --sinks
	grep -q '^dir:TEMPLATE' out
	[ ! -e o ]
}

@test "a dry run makes nothing" {
	exits 0 sfx-load -n 'dir:o/{country}.csv' a.csv
	grep -q '3 to load' out
	[ ! -e o ]
}

@test "killed at any time and run again: the same files as of one run" {
	many_rows 60000 >m1.csv
	many_rows 60000 60000 >m2.csv
	exits 0 sfx-load 'dir:whole/{part}.csv' m1.csv m2.csv
	for i in $(seq 40); do
		sfx-load 'dir:crash/{part}.csv' m1.csv m2.csv 2>/dev/null &
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		[ $((i % 5)) -ne 0 ] || { exits 0 sfx-load 'dir:crash/{part}.csv' m1.csv m2.csv &&
			diff -r -x _sfx_load whole crash && rm -r crash; }
	done
	exits 0 sfx-load 'dir:crash/{part}.csv' m1.csv m2.csv
	diff -r -x _sfx_load whole crash
	[ "$(ls crash/_sfx_load)" = _sfx_load.jsonl ]
}

@test "a load that was killed behind its commit is finished by the next one" {
	command -v strace >/dev/null || skip "strace is missing"
	exits 0 sfx-load 'dir:whole/{country}.csv' a.csv b.csv
	for n in 1 2 3 4 5 6; do
		rm -rf cut
		exits 0 sfx-load 'dir:cut/{country}.csv' a.csv
		strace -qq -e trace=renameat -e inject=renameat:signal=KILL:when="$n" \
			sfx-load 'dir:cut/{country}.csv' b.csv 2>/dev/null || true
		exits 0 sfx-load 'dir:cut/{country}.csv' b.csv
		diff -r -x _sfx_load whole cut
		[ "$(ls cut/_sfx_load)" = _sfx_load.jsonl ]
	done
}

@test "a full disk leaves what was there" {
	mkdir small && mount -t tmpfs -o size=1m tmpfs small 2>/dev/null || skip "may not mount"
	touch mounted
	exits 0 sfx-load 'dir:small/o/{country}.csv' a.csv
	many_rows 100000 >m.csv
	exits 74 sfx-load 'dir:small/o/{part}.csv' m.csv
	[ "$(files small/o)" = "./DE.csv ./FR.csv " ]
	exits 0 sfx-load 'dir:small/o/{country}.csv' b.csv
	is small/o/DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
}

@test "two processes wait for each other" {
	many_rows 30000 >m1.csv
	many_rows 30000 30000 >m2.csv
	sfx-load 'dir:two/{part}.csv' m1.csv &
	exits 0 sfx-load 'dir:two/{part}.csv' m2.csv
	wait
	[ "$(cat two/*.csv | grep -vc id)" -eq 60000 ]
	[ "$(wc -l <two/_sfx_load/_sfx_load.jsonl)" -eq 2 ]
}
