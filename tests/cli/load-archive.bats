#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load into archives: which member has which record, once; the old archive or the new one.

load load.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	command -v unzip >/dev/null && command -v zip >/dev/null || skip "zip or unzip is missing"
	printf 'country,id,v\nDE,1,a\nFR,2,b\nDE,4,"q,q"\n' >a.csv
	printf 'country,id,v\nDE,11,a\nIT,2,\n' >b.csv
}

# The readers are others' programs. GNU tar knows lz4 by no name.
tar_of() {
	local archive=$1
	shift
	case $archive in
	*.lz4) lz4 -qdc "$archive" | tar -f - "$@" ;;
	*) tar -f "$archive" "$@" ;;
	esac
}

names() {
	if [ "${1%.zip}" != "$1" ]; then unzip -Z1 "$1"; else tar_of "$1" -t --quoting-style=literal; fi
}

# get ARCHIVE MEMBER
get() {
	if [ "${1%.zip}" != "$1" ]; then unzip -p "$1" "$2"; else tar_of "$1" -xO "$2"; fi
}

# unpack ARCHIVE FOLDER: into a new folder.
unpack() {
	rm -rf "$2" && mkdir -p "$2"
	if [ "${1%.zip}" != "$1" ]; then unzip -qq "$1" -d "$2"; else tar_of "$1" -x -C "$2"; fi
}

# rows ARCHIVE: how many records its members have.
rows() {
	unpack "$1" counted
	find counted -name '*.csv' -exec cat {} + | grep -vc id,
}

# is ARCHIVE MEMBER LINE…: the member has these lines.
is() {
	local archive=$1 member=$2
	shift 2
	printf '%s\n' "$@" >want
	get "$archive" "$member" | diff want -
}

# members ARCHIVE: the names of all but the ledger, in order; nothing else stands in the folder.
members() {
	[ -z "$(find . -name '*.sfx_load' -o -name '.sfx-*')" ] || return 1
	names "$1" | grep -vx _sfx_load/_sfx_load.jsonl | tr '\n' ' '
}

# ledger ARCHIVE: its lines.
ledger() {
	get "$1" _sfx_load/_sfx_load.jsonl
}

many_rows() {
	awk -v n="$1" -v from="${2:-0}" 'BEGIN { print "id,part,name"
		for (i = from + 1; i <= from + n; i++) printf "%d,p%d,name %d\n", i, i % 7, i }'
}

@test "each kind of archive has the members that columns name, and grows" {
	for end in tar tar.gz tgz tar.zst tar.xz tar.bz2 tar.lz4 zip; do
		[ "$end" != tar.lz4 ] || command -v lz4 >/dev/null || continue
		kind=tar
		[ "$end" != zip ] || kind=zip
		exits 0 sfx-load "$kind:o/day.$end/x/{country}.csv" a.csv
		is "o/day.$end" x/DE.csv country,id,v DE,1,a 'DE,4,"q,q"'
		exits 0 sfx-load "$kind:o/day.$end/x/{country}.csv" b.csv
		is "o/day.$end" x/DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
		is "o/day.$end" x/IT.csv country,id,v IT,2,
		[ "$(members "o/day.$end")" = "x/DE.csv x/FR.csv x/IT.csv " ]
		[ "$(ledger "o/day.$end" | wc -l)" -eq 2 ]
	done
	unzip -tqq o/day.zip
	# The ledger holds no data.
	exits 0 sfx-load sqlite:back.db -t back o/day.tar.zst
	[ "$(sqlite3 back.db 'SELECT count(*) FROM back')" -eq 5 ]
	[ "$(sfx-transform '' o/day.tar.zst | wc -l)" -eq 6 ]
}

@test "a member for each table when there is no template" {
	exits 0 sfx-load tar:day.tar.zst a.csv b.csv
	[ "$(members day.tar.zst)" = "a.csv b.csv " ]
	get day.tar.zst b.csv | cmp - b.csv
	exits 0 sfx-load 'zip:z.zip/{table}.jsonl' -t 'a/{{b}}' a.csv
	[ "$(members z.zip)" = "a%2F{b}.jsonl " ]
	[ "$(unzip -p z.zip | tail -n 1)" = '{"country":"DE","id":"4","v":"q,q"}' ]
}

@test "the same content is loaded once, and the archive stays as it is" {
	exits 0 sfx-load 'tar:d.tar.zst/{country}.csv' a.csv
	cp -p d.tar.zst before
	gzip -k a.csv
	exits 0 sfx-load -v 'tar:d.tar.zst/{country}.csv' -t other a.csv.gz
	grep -q 'already loaded' said
	[ "$(stat -c %i-%Y d.tar.zst)" != "$(stat -c %i-%Y before)" ] && cmp d.tar.zst before
	exits 0 sfx-load -v 'tar:d.tar.zst/{country}.csv' a.csv b.csv a.csv
	[ "$(grep -c 'already loaded' said)" -eq 2 ]
	is d.tar.zst DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
	exits 0 sfx-load --force 'tar:d.tar.zst/{country}.csv' a.csv
	[ "$(get d.tar.zst DE.csv | wc -l)" -eq 6 ]
	# What is unpacked is a folder that knows its loads.
	unpack d.tar.zst lake
	exits 0 sfx-load -v 'dir:lake/{country}.csv' b.csv
	grep -q 'already loaded' said
}

@test "compressed members grow piece by piece, Parquet does not grow" {
	exits 0 sfx-load 'tar:g.tar/{country}.csv.gz' a.csv
	exits 0 sfx-load 'tar:g.tar/{country}.csv.gz' b.csv
	get g.tar DE.csv.gz | gzip -dc >plain
	printf '%s\n' country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a | cmp - plain
	exits 0 sfx-load 'zip:p.zip/{table}.parquet' -t t a.csv
	[ "$(get p.zip t.parquet | head -c 4)" = PAR1 ]
	exits 65 sfx-load 'zip:p.zip/{table}.parquet' -t t b.csv
	grep -q 'p.zip/t.parquet.*do not grow' said
	exits 0 sfx-load 'zip:p.zip/{table}-{load}.parquet' -t t b.csv
	[ "$(members p.zip)" = "t.parquet t-2.parquet " ]
}

# listing ARCHIVE: what a tar says of all members that are no loads'.
listing() {
	tar_of "$1" -tv | grep -v 'csv$\|_sfx_load'
}

@test "a zip stores what is compressed already" {
	exits 0 sfx-load 'zip:x.zip/{country}.csv.gz' a.csv
	exits 0 sfx-load 'zip:x.zip/{country}.csv' b.csv
	unzip -v x.zip >listed
	[ "$(awk '/\.csv\.gz$/ { print $2 }' listed | sort -u)" = Stored ]
	[ "$(awk '/\.csv$/ { print $2 }' listed | sort -u)" = Defl:N ]
	unzip -tqq x.zip
	[ "$(unzip -p x.zip FR.csv.gz | gzip -d | tail -n 1)" = FR,2,b ]
}

@test "what a run has loaded is said when the archive has it" {
	exits 0 sfx-load -v tar:x.tar a.csv b.csv
	[ "$(grep -c 'loaded into' said)" -eq 2 ]
	mkfifo pipe
	printf 'country,id,v\nDE,5,e\n' >c.csv
	sfx-load -v tar:x.tar c.csv pipe 2>said &
	loader=$!
	exec 7>pipe
	until grep -rqs c.csv --include='*.jsonl' .x.tar.sfx_load; do sleep 0.01; done
	touch x.tar
	cat a.csv >&7
	exec 7>&-
	wait $loader && status=0 || status=$?
	[ "$status" -eq 75 ]
	! grep -q 'loaded into' said
}

@test "what others have packed stays: links, folders, times, modes and owners" {
	mkdir -p tree/sub && printf 'x\n' >tree/sub/run && chmod 750 tree/sub/run
	ln -s sub/run tree/link && ln tree/sub/run tree/twin
	printf 'country,id,v\nDE,0,z\n' >tree/DE.csv
	touch -d 2020-01-02T03:04:05Z tree/sub/run tree/DE.csv
	for format in gnu pax ustar; do
		tar -C tree --format=$format --owner=u:7 --group=g:8 -cf t.tar ./sub ./link ./twin ./DE.csv
		gzip -kf t.tar
		for archive in t.tar t.tar.gz; do
			listing $archive >before
			[ "$(wc -l <before)" -eq 4 ]
			exits 0 sfx-load "tar:$archive/{country}.csv" b.csv
			listing $archive | diff before -
			is $archive ./DE.csv country,id,v DE,0,z DE,11,a
			[ "$(names $archive | tail -n 1)" = IT.csv ]
			unpack $archive u && [ "$(cat u/link u/twin)" = $'x\nx' ]
		done
	done
	(cd tree && zip -qyr ../t.zip sub link DE.csv)
	unpack t.zip before
	exits 0 sfx-load 'zip:t.zip/{country}.csv' b.csv
	unpack t.zip after
	is t.zip DE.csv country,id,v DE,0,z DE,11,a
	rm before/DE.csv after/*.csv
	diff -r --no-dereference -x _sfx_load before after
	[ "$(stat -c '%a %Y' after/sub/run)" = "750 $(stat -c %Y tree/sub/run)" ] && [ -L after/link ]
}

@test "a member goes where the archive has room for it" {
	mkdir -p sub/run.csv && touch one sub/run.csv/x && ln -s one link && tar -cf t.tar one link sub
	exits 65 sfx-load 'tar:t.tar/one/{country}.csv' a.csv
	grep -q 't.tar/one: is no folder' said
	exits 65 sfx-load 'tar:t.tar/link/{country}.csv' a.csv
	exits 65 sfx-load 'tar:t.tar/sub/run.csv' a.csv
	grep -q 't.tar/sub/run.csv: is no file' said
	cp b.csv DE.csv && tar -cf t.tar DE.csv && tar -rf t.tar DE.csv
	exits 65 sfx-load 'tar:t.tar/{country}.csv' a.csv
	grep -q 'in the archive twice' said
	exits 0 sfx-load --mode=replace 'tar:t.tar/{country}.csv' a.csv
	[ "$(members t.tar)" = "DE.csv FR.csv " ]
}

@test "names are UTF-8 in any locale, and members are the same bytes at any time" {
	printf 'c,id\nZürich,1\n東京,2\n' >u.csv
	for end in tar zip; do
		LC_ALL=C exits 0 sfx-load "$end:u.$end/{c}.csv" u.csv
		[ "$(LC_ALL=C.UTF-8 names "u.$end" | tail -n +2 | tr '\n' ' ')" = "Zürich.csv 東京.csv " ]
		LC_ALL=C exits 0 sfx-load "$end:u.$end/{c}.csv" --force u.csv
		[ "$(LC_ALL=C.UTF-8 names "u.$end" | tail -n +2 | tr '\n' ' ')" = "Zürich.csv 東京.csv " ]
	done
	LC_ALL=C.UTF-8 exits 0 sfx-load "tar:v.tar/{c}.csv" u.csv
	TZ=Asia/Tokyo exits 0 sfx-load "tar:w.tar/{c}.csv" u.csv
	for archive in v w; do
		TZ=UTC tar --numeric-owner -tvf "$archive.tar" >"$archive.list"
		tar -xOf "$archive.tar" --exclude '_sfx_load*' >"$archive.all"
	done
	diff v.list w.list && cmp v.all w.all
	[ "$(grep -c '^-rw-r--r-- 0/0 .* 1970-01-01 00:00 ' v.list)" -eq 3 ]
}

@test "replace removes what earlier loads made, and nothing else" {
	printf 'mine\n' >notes.txt && tar -cf r.tar notes.txt
	exits 0 sfx-load 'tar:r.tar/{country}.csv' a.csv
	exits 0 sfx-load --mode=replace 'tar:r.tar/{country}.csv' b.csv
	[ "$(members r.tar)" = "notes.txt DE.csv IT.csv " ]
	is r.tar DE.csv country,id,v DE,11,a
	exits 0 sfx-load -v --mode=replace 'tar:r.tar/{country}.csv' b.csv
	grep -q 'already loaded' said
	exits 0 sfx-load --mode=replace 'tar:r.tar/{country}.csv' a.csv b.csv
	is r.tar DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
	is r.tar FR.csv country,id,v FR,2,b
	[ "$(members r.tar)" = "notes.txt DE.csv IT.csv FR.csv " ]
}

@test "names that lead elsewhere are refused, in targets, records and archives" {
	for bad in 'tar:a.tar/../x.csv' 'tar:a.tar/./x.csv' 'tar:a.tar/x//y.csv' 'tar:{country}.tar/x.csv' tar:a.zip \
		zip:a.tar tar:a.csv tar: 'tar:a.tar/x.xml'; do
		exits 2 sfx-load "$bad" a.csv
	done
	printf 'a,b\n../../etc,x\n/abs,y\n..,v\n' >t.csv
	exits 0 sfx-load 'tar:in.tar/{a}/{b}.csv' t.csv
	[ "$(members in.tar)" = "%2E.%2F..%2Fetc/x.csv %2E./v.csv %2Fabs/y.csv " ]
	printf 'a\n_sfx_load\n' >t.csv
	exits 65 sfx-load 'tar:in.tar/{a}/{a}.jsonl' t.csv
	grep -q 'ledger' said
	touch evil && tar -cPf out.tar "../${PWD##*/}/evil"
	exits 65 sfx-load 'tar:out.tar/{country}.csv' a.csv
	grep -q 'leads out' said
	printf 'no archive\n' >no.tar
	exits 65 sfx-load 'tar:no.tar/{country}.csv' a.csv
	grep -q 'no.tar: is no archive' said
	mkdir -p f.tar
	exits 2 sfx-load 'tar:f.tar' a.csv
	exits 0 sfx-load 'tar:f.tar/g.tar/x.csv' a.csv
	[ -s f.tar/g.tar ] && [ -z "$(find . -name '*.sfx_load')" ]
	cp in.tar cut.tar && truncate -s -1024 cut.tar && cp cut.tar before
	exits 65 sfx-load 'tar:cut.tar/{country}.csv' a.csv
	cmp cut.tar before
}

@test "a member with other columns gets no records, and what is for tables only is refused" {
	exits 0 sfx-load 'tar:o.tar/{country}.csv' a.csv
	printf 'country,w\nDE,1\n' >c.csv
	cp o.tar before
	exits 65 sfx-load 'tar:o.tar/{country}.csv' c.csv
	grep -q 'o.tar/DE.csv: has other columns' said
	cmp o.tar before
	# The others of the run are loaded.
	exits 1 sfx-load 'tar:o.tar/{country}.csv' c.csv b.csv
	is o.tar IT.csv country,id,v IT,2,
	for option in --key=id --commit-every=10 --undo=1 '--mode=upsert --key=id' --evolve=add --rejects-table; do
		# shellcheck disable=SC2086
		exits 2 sfx-load tar:p.tar $option $([ "$option" = --undo=1 ] || echo a.csv)
	done
	exits 0 sfx-load --sinks
	grep -q '^tar:FILE' out && grep -q '^zip:FILE' out
	[ ! -e p.tar ]
}

@test "a dry run makes nothing, and knows what is loaded" {
	exits 0 sfx-load -n 'tar:o/n.tar.gz/{country}.csv' a.csv
	grep -q '3 to load' out
	[ ! -e o ]
	exits 0 sfx-load tar:n.tar.gz a.csv
	cp n.tar.gz before
	exits 0 sfx-load -n 'tar:n.tar.gz/{table}.csv' a.csv b.csv
	grep -q 'already loaded' out said && grep -q '2 to load' out
	cmp n.tar.gz before && [ "$(ls -A | grep -c sfx_load)" -eq 0 ]
}

@test "events are loaded one by one, or many with --flush" {
	for f in a b; do
		printf '{"specversion":"1.0","id":"%s","source":"x","type":"sfx.file","data":{"path":"%s"}}\n' "$f" "$PWD/$f.csv"
	done >events
	exits 0 sfx-load -E 'tar:e.tar/{country}.csv' <events
	is e.tar DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
	[ "$(wc -l <out)" -eq 2 ]
	exits 0 sfx-load -E --flush=10s 'tar:f.tar/{country}.csv' <events
	is f.tar DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
	exits 0 sfx-load -E 'tar:e.tar/{country}.csv' <events
	[ "$(ledger e.tar | wc -l)" -eq 2 ]
}

@test "killed at any time and run again: the old archive or the new one, the same as of one run" {
	many_rows 30000 >m1.csv
	many_rows 30000 30000 >m2.csv
	many_rows 3000 60000 >m3.csv
	for kind in tar:%s.tar.zst zip:%s.zip; do
		# shellcheck disable=SC2059
		whole=$(printf "$kind" whole) crash=$(printf "$kind" crash)
		exits 0 sfx-load "$whole/{part}.csv" m1.csv
		cp "${whole#*:}" "${crash#*:}"
		exits 0 sfx-load "$whole/{part}.csv" m2.csv m3.csv
		for i in $(seq 20); do
			[ $((i % 5)) -ne 1 ] || { rm -f "${crash#*:}" && exits 0 sfx-load "$crash/{part}.csv" m1.csv; }
			sfx-load "$crash/{part}.csv" m2.csv m3.csv 2>/dev/null &
			sleep "0.$(printf %03d $((RANDOM % 150 + 5)))"
			kill -9 $! 2>/dev/null || true
			wait $! 2>/dev/null || true
			n=$(ledger "${crash#*:}" | wc -l)
			[ "$n" -eq 1 ] || [ "$n" -eq 3 ]
			[ "$(rows "${crash#*:}")" -eq "$([ "$n" -eq 1 ] && echo 30000 || echo 63000)" ]
		done
		exits 0 sfx-load "$crash/{part}.csv" m2.csv m3.csv
		unpack "${whole#*:}" w && unpack "${crash#*:}" c
		diff -r -x _sfx_load w c
		[ -z "$(find . -name '*.sfx_load')" ]
	done
}

@test "a full disk leaves what was there" {
	mkdir small && mount -t tmpfs -o size=1m tmpfs small 2>/dev/null || skip "may not mount"
	touch mounted
	exits 0 sfx-load 'tar:small/d.tar.gz/{country}.csv' a.csv
	cp small/d.tar.gz before
	many_rows 100000 >m.csv
	exits 74 sfx-load 'tar:small/d.tar.gz/{part}.csv' m.csv
	cmp small/d.tar.gz before
	[ "$(ls -A small)" = d.tar.gz ]
	# Room for the members, not for the archive.
	many_rows 35000 >m.csv
	exits 74 sfx-load 'tar:small/e.tar/{part}.csv' m.csv
	[ "$(ls -A small)" = d.tar.gz ]
	exits 0 sfx-load 'tar:small/d.tar.gz/{country}.csv' b.csv
	is small/d.tar.gz DE.csv country,id,v DE,1,a 'DE,4,"q,q"' DE,11,a
}

@test "two processes wait for each other, and a change by others is not lost" {
	many_rows 30000 >m1.csv
	many_rows 30000 30000 >m2.csv
	for i in 1 2 3; do
		sfx-load "tar:two$i.tar/{part}.csv" m1.csv &
		exits 0 sfx-load "tar:two$i.tar/{part}.csv" m2.csv
		wait
		[ "$(rows "two$i.tar")" -eq 60000 ]
		[ "$(ledger "two$i.tar" | wc -l)" -eq 2 ]
	done
	exits 0 sfx-load tar:c.tar -t t a.csv
	mkfifo slow
	(
		until [ -e .c.tar.sfx_load/new ]; do sleep 0.02; done
		tar -cf n.tar a.csv && mv n.tar c.tar
		cat a.csv
	) >slow 3>&- &
	exits 75 sfx-load tar:c.tar -t u b.csv slow
	grep -q 'another program has changed it' said
	[ "$(members c.tar)" = "a.csv " ]
}
