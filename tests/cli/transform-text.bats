#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform on what stands inside texts: regular expressions, parse, JSON, redact and hash.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
}

@test "a log becomes a table" {
	cat >access.log <<'END'
10.0.0.1 - ann [05/Nov/2026:10:00:00 +0100] "GET /a?q=caf%C3%A9 HTTP/1.1" 200 512 "-" "curl/8"
192.0.2.7 - - [05/Nov/2026:10:00:01 +0100] "POST /b HTTP/1.1" 404 - "https://example.com/" "x \"y\""
END
	run sfx-transform -i lines -t csv 'parse line combined
		| parse request as "{method} {url} {}" | parse url url: path, q = query.q
		| select host, user, method, path, q, status, bytes' access.log
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = '10.0.0.1,ann,GET,/a,café,200,512' ]
	[ "${lines[2]}" = '192.0.2.7,,POST,/b,,404,' ]
}

@test "a line that does not match is told with its place, or goes to the rejects" {
	printf 'a\nk=v\nnone\n' >in.csv
	run sfx-transform 'parse a as "{k}={v}"' in.csv
	[ "$status" -eq 65 ] || [ "$status" -eq 1 ]
	[[ "$output" == *'in.csv: line 3'*'column a: "none" does not match the template'* ]]
	run sfx-transform --rejects bad.jsonl 'parse a as "{k}={v}"' in.csv
	[ "$status" -eq 1 ]
	[ "$(jq -r .value bad.jsonl)" = none ]
	[ "$(sfx-transform 'parse? a as "{k}={v}"' in.csv | tail -1)" = none,, ]
}

@test "objects become columns and objects again" {
	printf '{"id":1,"user":{"name":"Ann","tags":["a"]}}\n{"id":2,"user":{"name":"Bo"}}\n' >in.jsonl
	sfx-transform 'flatten' in.jsonl >flat.jsonl
	[ "$(head -1 flat.jsonl)" = '{"id":1,"user.name":"Ann","user.tags":["a"]}' ]
	sfx-transform 'nest' flat.jsonl | cmp - in.jsonl
	[ "$(sfx-transform -t csv 'flatten | select id, user.name' in.jsonl | tail -1)" = 2,Bo ]
}

@test "the salt of a hash comes from an argument and keeps out of the program" {
	printf 'mail\na@b.c\na@b.c\n' >in.csv
	sfx-transform --arg key=secret 'hash mail salt :key' in.csv >out.csv
	[ "$(sed -n 2p out.csv)" = "$(sed -n 3p out.csv)" ]
	[ "$(sed -n 2p out.csv)" = 0ce3629b4ac1ef1367b15f9d7659135a1c8663659b98cfd72c175d86612f7879 ]
	[ "$(sfx-transform --arg re='^(.)@' 'a = regex_extract(mail, :re) | select a' in.csv | tail -1)" = a ]
	[ "$(sfx-transform --arg t='{u}@{h}' 'parse mail as :t | select u' in.csv | tail -1)" = a ]
	[ "$(sfx-transform --arg p=k 'a = json_get(json_object("k", mail), :p) | select a' in.csv | tail -1)" = a@b.c ]
}

@test "a hostile pattern ends its record, not the run" {
	awk 'BEGIN { print "a"; for (i = 0; i < 100; i++) { s = ""; for (j = 0; j < 40; j++) s = s "a"
		print s "!" } print "aaa" }' >in.csv
	run timeout 20 sfx-transform --on-error=skip 'where a ~ "^(a+)+$"' in.csv
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = aaa ]
	[[ "$output" == *"100 skipped"* ]]
}

@test "a mistake in a pattern is pointed at" {
	run sfx-transform 'where a ~ "x[y"' /dev/null
	[ "$status" -eq 2 ]
	[[ "$output" == *"regular expression: missing terminating ]"* ]]
	[[ "$output" == *"               ^"* ]]
}

@test "programs without patterns and letters open no library for them" {
	printf 'a\nx\n' >in.csv
	LD_DEBUG=files sfx-transform 'where a ~ "x.*" | a = upper(a)' in.csv 2>trace
	grep -q pcre2 trace # the trace shows what is opened
	LD_DEBUG=files sfx-transform 'where a ~ "^x" | a = upper(a)' in.csv 2>trace
	! grep -E 'pcre2|utf8proc|nettle|xxhash' trace
}

@test "collate sorts as a language does" {
	command -v localedef >/dev/null || skip "localedef is not installed"
	mkdir locales
	localedef -i sv_SE -f UTF-8 "$PWD/locales/sv_SE.UTF-8" || skip "the Swedish locale is not there"
	printf 'n\nÖl\närta\nåka\nZoo\nal\n' >in.csv
	run sfx-transform 'sort n' in.csv
	[ "${lines[*]}" = 'n Zoo al Öl ärta åka' ]
	# The C library loses some bytes when it is told where locales are.
	run env LOCPATH="$PWD/locales" ASAN_OPTIONS=detect_leaks=0 sfx-transform 'sort collate(n, "sv_SE.UTF-8")' in.csv
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = 'n al Zoo åka ärta Öl' ]
	run sfx-transform 'sort collate(n, "xx_XX")' in.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *'there is no locale xx_XX here'* ]]
}
