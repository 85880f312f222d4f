#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform and the quality of data: rules, their counts, schema files.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 'id,qty,unit' '1,2,kg' '2,-5,' '3,,kg' '4,7,l' >stock.csv
}

@test "a rule that warns passes all records and says how many broke it" {
	run --separate-stderr sfx-transform 'expect positive: qty > 0 warn' stock.csv
	[ "$status" -eq 0 ]
	[ "$output" = "$(cat stock.csv)" ]
	[[ "$stderr" == *"rule positive (warn): 4 records checked, 2 failed, 0 fixed"* ]]
}

@test "a rule's rejects carry its name, the others go on" {
	run --separate-stderr sfx-transform --rejects bad.jsonl 'expect positive: qty > 0 reject' stock.csv
	[ "$status" -eq 1 ]
	[ "$output" = "$(printf '%s\n' id,qty,unit 1,2,kg 4,7,l)" ]
	[ "$(jq -r '[.rule, .line, .raw] | join("/")' bad.jsonl)" = "$(printf '%s\n' positive/3/2,-5, positive/4/3,,kg)" ]
}

@test "a rule without a word does as --on-error says" {
	run --separate-stderr sfx-transform 'expect positive: qty > 0' stock.csv
	[ "$status" -eq 65 ]
	[[ "$stderr" == *'stock.csv: line 3, offset 19: column qty: "-5" breaks the rule positive: qty > 0' ]]
	run --separate-stderr sfx-transform --on-error=skip 'expect positive: qty > 0' stock.csv
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"4 records in, 2 out, 0 rejected, 2 skipped"* ]]
}

@test "--stats has the counts of rules, over all files of events too" {
	sfx-transform --stats=stats.json 'expect unit: unit != null fix unit = "kg" | expect positive: qty > 0 warn' \
		stock.csv >out.csv
	[ "$(sed -n 3p out.csv)" = 2,-5,kg ]
	[ "$(jq -c .rules stats.json)" = '[{"name":"unit","action":"fix","checked":4,"failed":1,"fixed":1},{"name":"positive","action":"warn","checked":4,"failed":2,"fixed":0}]' ]
	cp stock.csv more.csv
	sfx-watch --once . -g '*.csv' | sfx-transform -E --stats=stats.json -o 'out/{base}' 'expect positive: qty > 0 warn' >events
	[ "$(jq -c '.rules[0].checked' stats.json)" -eq 12 ]
}

@test "rejects without a file for them are refused" {
	run sfx-transform 'expect positive: qty > 0 reject' stock.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"--rejects"* ]]
}
