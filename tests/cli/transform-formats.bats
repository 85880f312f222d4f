#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform between formats: options, detection, encodings, databases, terminals.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
}

t() { sfx-transform "$@"; }

@test "logs are known by their first line" {
	printf '<34>1 2024-01-02T03:04:05Z h app 7 - - a, b\n' >a.log
	[ "$(t 'select facility, app_name, message' a.log | tail -1)" = 'auth,app,"a, b"' ]
	printf 'h - - [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.1" 404 12 "-" "M, x"\n' >b.log
	[ "$(t -t lines 'where status = 404 | select path, agent' b.log)" = "$(printf '/x\tM, x')" ]
	printf 'level=warn msg="a b"\nlevel=info msg=c\n' >c.log
	[ "$(t 'where level = "warn"' c.log)" = 'level=warn msg="a b"' ]
	[ "$(t -i lines 'where line ~ "info"' c.log)" = 'level=info msg=c' ]
}

@test "the delimiter is found out, said, and kept" {
	printf 'a;b\n1;2,5\n' >a.csv
	t '' a.csv | cmp - a.csv
	run t -v '' a.csv
	[[ "$output" == *'a.csv: delimiter ;, quote "'* ]]
	[ "$(t -d , '' a.csv 2>&1 >/dev/null | head -1)" = 'sfx-transform: a.csv: line 2, offset 4: record has 2 fields, header has 1' ]
	printf 'b;a\n3;4\n' >b.csv
	[ "$(t '' a.csv b.csv | tail -1)" = '4;3' ]
	[ "$(t 'sort -a' a.csv | head -1)" = 'a;b' ]
	t -t tsv '' a.csv | grep -q '	'
	[ "$(printf 'a;b\r\n1;x\r\n' | t 'group b: n = count()' | od -An -c | tr -d ' \n')" = 'b;n\r\nx;1\r\n' ]
}

@test "options of the dialect go in and out" {
	printf 'made today\n#c\nx|y\n1|NA\n"a\\"b"|2\n' >a.csv
	run t -d '|' --escape '\' --comment '#' --skip-lines 1 --null NA 'z = y ?? 0' a.csv
	[ "${lines[0]}" = 'x|y|z' ]
	[ "${lines[1]}" = '1|NA|0' ]
	[ "${lines[2]}" = '"a\"b"|2|2' ]
	run t --escape xy '' a.csv
	[ "$status" -eq 2 ]
}

@test "ragged records are filled when that is asked" {
	printf 'a,b\n1\n1,2,3\n' >a.csv
	run t '' a.csv
	[ "$status" -eq 65 ]
	[ "$(t --ragged fill '' a.csv)" = "$(printf 'a,b,3\n1,,\n1,2,3')" ]
	[ "$(t --ragged fill -t jsonl '' a.csv | tail -1)" = '{"a":"1","b":"2","3":"3"}' ]
}

@test "UTF-16 by its mark, other encodings by name" {
	printf 'a;b\n1;\351\n' >latin.csv
	iconv -f latin1 -t UTF-16 latin.csv >utf16.csv
	[ "$(t -t jsonl '' utf16.csv)" = '{"a":"1","b":"é"}' ]
	[ "$(t --encoding latin1 -t jsonl '' - <latin.csv)" = '{"a":"1","b":"é"}' ]
	t '' latin.csv | cmp - latin.csv
	run t --encoding utf-8 '' latin.csv
	[ "$status" -eq 65 ]
	[ "${lines[0]}" = 'sfx-transform: latin.csv: byte 6: this is not utf-8' ] ||
		[ "${lines[1]}" = 'sfx-transform: latin.csv: byte 6: this is not utf-8' ]
	run t --encoding nonsense '' latin.csv
	[ "$status" -eq 2 ]
}

@test "a record that is not UTF-8 is refused where JSON is written, and counted" {
	printf 'a,b\n1,\351\n2,x\n' >latin.csv
	run t -t jsonl '' latin.csv
	[ "$status" -eq 65 ]
	[[ "$output" == *"latin.csv: line 2, offset 4: column b: not UTF-8, as JSON must be"* ]]
	run -1 --separate-stderr t --rejects bad.jsonl -t json '' latin.csv
	[ "$output" = "$(printf '[\n{"a":"2","b":"x"}\n]')" ]
	[[ "$stderr" == *"2 records in, 1 out, 1 rejected, 0 skipped"* ]]
	[ "$(t -i jsonl -t lines 'select raw_base64' bad.jsonl)" = MSzp ]
}

@test "inputs whose columns are not in their first line are united" {
	printf '#same\na,b\n1,2\n' >a.csv
	printf '#same\na,c\n3,4\n' >b.csv
	[ "$(t --comment '#' '' a.csv b.csv)" = "$(printf 'a,b,c\n1,2,\n3,,4')" ]
	[ "$(t --skip-lines 1 '' a.csv b.csv)" = "$(printf 'a,b,c\n1,2,\n3,,4')" ]
	sqlite3 a.db "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2)"
	sqlite3 b.db "CREATE TABLE t(a, c); INSERT INTO t VALUES(3, 4)"
	[ "$(t '' a.db b.db)" = "$(printf 'a,b,c\n1,2,\n3,,4')" ]
	[ "$(t '' a.db b.csv --skip-lines 1 | tail -1)" = 3,,4 ]
}

@test "tables of text" {
	printf 'name  qty\nab c    1\nd     200\n' >a.fixed
	[ "$(t -t csv '' a.fixed)" = "$(printf 'name,qty\nab c,1\nd,200')" ]
	t '' a.fixed | cmp - a.fixed
	[ "$(printf 'ab 12\n' | t -i fixed --fields a:3,b:2 -t jsonl '')" = '{"a":"ab","b":"12"}' ]
	printf '| a | b |\n| --- | --- |\n| 1 | x\\|y |\n' >a.md
	t '' a.md | cmp - a.md
	[ "$(t -t csv '' a.md | tail -1)" = '1,x|y' ]
}

@test "a database is read from a file, and not changed" {
	sqlite3 a.db "CREATE TABLE t(a INTEGER, b TEXT, c REAL);
		INSERT INTO t VALUES(9007199254740993, 'x,y', 1.5), (2, NULL, 0.1)"
	cp a.db before
	[ "$(t '' a.db)" = "$(printf 'a,b,c\n9007199254740993,"x,y",1.5\n2,,0.1')" ]
	mv a.db a.data
	[ "$(t -t jsonl 'where a = 2' a.data)" = '{"a":2,"b":null,"c":0.1}' ]
	[ "$(t -t jsonl --query 'SELECT count(*) AS n FROM t' '' a.data)" = '{"n":2}' ]
	[ "$(t 'select a' - <a.data | tail -1)" = 2 ]
	run t --query 'DELETE FROM t' '' a.data
	[ "$status" -eq 2 ]
	run t --table u '' a.data
	[ "$status" -eq 2 ]
	run t '' - < <(cat a.data)
	[ "$status" -eq 69 ]
	sqlite3 a.data 'CREATE TABLE u(x)'
	run t '' a.data
	[ "$status" -eq 2 ]
	[[ "$output" == *"a.data: --table says which of them: t, u"* ]]
	head -c 3000 before >cut.db
	run t '' cut.db
	[ "$status" -eq 65 ]
	cp before a.data
	[ "$(t --table t 'head 0' a.data)" = a,b,c ]
	cmp before a.data
}

@test "a terminal shows a table, a pipe gets bytes" {
	command -v script >/dev/null || skip "script(1) is not installed"
	printf 'id,name\n1,x\n' >a.csv
	script -qec "sfx-transform '' a.csv" /dev/null | grep -q '│  1 │ x'
	script -qec "sfx-transform -t csv '' a.csv" /dev/null | grep -q '1,x'
	script -qec "sfx-transform -t jsonl '' a.csv" /dev/null | grep -q '"id":"1"'
	t '' a.csv | cmp - a.csv
}

@test "libraries of some formats are not opened for others" {
	command -v ldd >/dev/null || skip "ldd is not installed"
	[ -e "$SFX_BUILD/.libs/sfx-transform" ] && bin=$SFX_BUILD/.libs/sfx-transform || bin=$SFX_BUILD/sfx-transform
	run ldd "$bin"
	[[ "$output" != *sqlite* && "$output" != *utf8proc* ]]
}
