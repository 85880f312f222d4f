#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform's types at the command line: arguments, the zone, casts that spill and come back.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 'id,ts,price' '1,2026-07-01 12:00:00,10' '2,2026-01-01 12:00:00,9' >in.csv
}

@test "--arg gives values that are never program text" {
	run sfx-transform --arg min=9 --arg 'note=a | head 0 #' 'where price > :min | note = :note | select id, note' in.csv
	[ "${lines[1]}" = '1,a | head 0 #' ]
	[ "${#lines[@]}" = 2 ]
	run sfx-transform --arg empty= 'y = :empty | select y' in.csv
	[ "${lines[1]}" = '""' ]
}

@test "--arg without a value and unknown names are misuse" {
	run -2 sfx-transform --arg min 'where price > :min' in.csv
	[[ $output = *'--arg takes NAME=VALUE, not min'* ]]
	run -2 sfx-transform --arg min=5 'where price > :mini' in.csv
	[[ $output = *'did you mean min?'* ]]
}

@test "times without an offset are those of --tz, not of the environment" {
	[ -e /usr/share/zoneinfo/Europe/Berlin ] || skip 'no time zone database'
	TZ=Asia/Tokyo run sfx-transform 'y = epoch(ts) | select y' in.csv
	[ "${lines[1]}" = 1782907200 ]
	TZ=Asia/Tokyo run sfx-transform --tz Europe/Berlin 'y = epoch(ts) | select y' in.csv
	[ "${lines[1]}" = 1782900000 ]
	[ "${lines[2]}" = 1767265200 ]
	run -2 sfx-transform --tz Europe/Berlinn '' in.csv
	[[ $output = *'there is no time zone Europe/Berlinn'* ]]
}

@test "a bad time names its record" {
	printf 'ts\n2026-01-05\n2026-02-30\n' >bad.csv
	run -65 sfx-transform 'cast ts time' bad.csv
	[[ $output = *'line 3'*'column ts: "2026-02-30" is not an ISO 8601 time'* ]]
	run sfx-transform --rejects r.jsonl 'cast ts time' bad.csv
	grep -q '"value":"2026-02-30"' r.jsonl
}

@test "times and floats keep their values when a sort spills" {
	[ -e /usr/share/zoneinfo/Europe/Berlin ] || skip 'no time zone database'
	awk 'BEGIN { srand(3); print "n,ts,f"
		for (i = 0; i < 60000; i++) { d = int(rand() * 300)
			printf "%d,2026-%02d-%02d 02:30:00,%.17g\n", i, d / 28 + 1, d % 28 + 1, rand() } }' >big.csv
	program='cast ts time, f float | sort -f | e = epoch(ts), g = f * 3 | sort num(n) | select n, ts, e, g'
	sfx-transform --tz Europe/Berlin "$program" big.csv >memory.csv
	sfx-transform --tz Europe/Berlin --memory 1M "$program" big.csv | cmp - memory.csv
	sfx-transform --tz Europe/Berlin 'cast ts time, f float | e = epoch(ts), g = f * 3 | select n, ts, e, g' big.csv |
		cmp - memory.csv
}

@test "explain tells the types" {
	run sfx-transform --explain 'cast ts time, price float' in.csv
	[[ $output = *'ts (time)'* ]]
	[[ $output = *'price (float)'* ]]
}
