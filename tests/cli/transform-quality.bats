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

@test "a schema types the columns, and its rejects say rule, column, value and reason" {
	cat >schema.json <<-'JSON'
		{"properties": {"id": {"type": "integer", "x-unique": true}, "qty": {"type": "number", "minimum": 0},
		  "unit": {"enum": ["kg", "l"]}}, "required": ["id"]}
	JSON
	printf '%s\n' 'id,qty,unit' '1,10,kg' '2,9,l' '3,-1,l' '4,x,l' '5,1,m' '1,1,kg' ',1,kg' >in.csv
	run --separate-stderr sfx-transform --schema schema.json --rejects bad.jsonl --stats=stats.json 'sort qty' in.csv
	[ "$status" -eq 1 ]
	[ "$output" = "$(printf '%s\n' id,qty,unit 2,9,l 1,10,kg)" ]
	[ "$(jq -r '[.rule, .column, .value, .reason] | join("/")' bad.jsonl)" = "$(printf '%s\n' \
		'minimum/qty/-1/is below 0' 'type/qty/x/is not a number' 'enum/unit/m/is not one of kg, l' \
		'unique/id/1/has come before' 'required/id//is required')" ]
	[ "$(jq -c '.rules[] | select(.name == "qty: minimum")' stats.json)" = '{"name":"qty: minimum","action":"reject","checked":7,"failed":1,"fixed":0}' ]
}

@test "a header that differs from the schema is told, or refused where it must not" {
	printf '{"properties": {"id": true, "qty": true, "gone": true}, "required": ["id"]}' >schema.json
	printf 'qty,id,new\n1,2,3\n' >in.csv
	run --separate-stderr sfx-transform --schema schema.json '' in.csv
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"in.csv: column gone of schema.json is missing"* ]]
	[[ "$stderr" == *"in.csv: column new is not in schema.json"* ]]
	[[ "$stderr" == *"in.csv: the columns stand in another order than in schema.json"* ]]
	printf 'qty\n1\n' >short.csv
	run --separate-stderr sfx-transform --on-error=skip --schema schema.json '' short.csv
	[ "$status" -eq 65 ]
	[[ "$stderr" == *"short.csv: column id is missing, which schema.json requires"* ]]
}

@test "a foreign key is looked up in its file, beside the schema" {
	mkdir rules
	printf 'code,name\nDE,Germany\nFR,France\n' | gzip >rules/countries.csv.gz
	printf '{"properties": {"c": {"x-foreignKey": {"file": "countries.csv.gz", "column": "code"}}}}' >rules/s.json
	printf 'c\nDE\nXX\n\nFR\n' >in.csv
	run --separate-stderr sfx-transform --on-error=skip --schema rules/s.json '' in.csv
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf 'c\nDE\n\nFR')" ]
	[[ "$stderr" == *"rule c: foreignKey (skip): 4 records checked, 1 failed"* ]]
	rm rules/countries.csv.gz
	run sfx-transform --schema rules/s.json '' in.csv
	[ "$status" -eq 74 ]
	[[ "$output" == *"rules/countries.csv.gz"* ]]
	printf 'a\n1\n' >rules/countries.csv.gz
	run sfx-transform --schema rules/s.json '' in.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"rules/s.json: foreign key: countries.csv.gz: there is no column code"* ]]
}

@test "an inferred schema holds for its input, and for what a program makes of it" {
	sfx-transform --infer-schema '' stock.csv >schema.json
	jq -e '.properties.qty.type == "integer"' schema.json
	sfx-transform --schema schema.json '' stock.csv | cmp - stock.csv
	sfx-transform --infer-schema -o made.json 'where qty > 0 | group unit: n = count()' stock.csv
	[ "$(jq -c .properties.n made.json)" = '{"type":"integer","minimum":1,"maximum":1}' ]
	run sfx-transform --infer-schema -t csv '' stock.csv
	[ "$status" -eq 2 ]
}

@test "a schema that cannot be read is told by name" {
	printf '{"properties": {"qty": {"multipleOf": 2}}}' >schema.json
	run sfx-transform --schema schema.json '' stock.csv
	[ "$status" -eq 2 ]
	[[ "$output" == "sfx-transform: schema.json: qty: keyword multipleOf is not supported"* ]]
	run sfx-transform --schema nosuch.json '' stock.csv
	[ "$status" -eq 74 ]
}

@test "expect unique finds keys that were there before" {
	printf 'id,land,n\n1,de,a\n1,fr,b\n2,de,c\n1,de,d\n,de,e\n,de,f\n' >in.csv
	run --separate-stderr sfx-transform --rejects bad.jsonl 'expect key: unique id reject' in.csv
	[ "$status" -eq 1 ]
	[ "$output" = $'id,land,n\n1,de,a\n2,de,c\n,de,e\n,de,f' ]
	[ "$(jq -r '.rule + " " + .column + " " + .value + " " + (.line | tostring)' bad.jsonl)" = $'key id 1 3\nkey id 1 5' ]
	run --separate-stderr sfx-transform 'expect key: unique id, land skip' in.csv
	[ "$output" = $'id,land,n\n1,de,a\n1,fr,b\n2,de,c\n,de,e\n,de,f' ]
	run --separate-stderr sfx-transform 'expect key: unique num(id) warn' in.csv
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 7 ]
	[[ "$stderr" == *'rule key (warn): 6 records checked, 2 failed'* ]]
	run sfx-transform 'expect key: unique id' in.csv
	[ "$status" -ne 0 ]
	[[ "$output" == *'line 3'*'breaks the rule key: unique id'* ]]
	run sfx-transform 'expect key: unique id fix id = 2' in.csv
	[ "$status" -eq 2 ]
}

# in_both SCHEMA… PROGRAM FILE…: the same records, rejects and counts with little memory.
in_both() {
	sfx-transform --rejects much.bad --stats=much.json "$@" >much 2>much.err || [[ $? =~ ^(1|65)$ ]]
	sfx-transform --memory 2M --rejects little.bad --stats=little.json "$@" >little 2>little.err || [[ $? =~ ^(1|65)$ ]]
	cmp much little
	[ ! -e much.bad ] || cmp much.bad little.bad
	cmp much.err little.err
	[ "$(jq -c '[.rules, .records_out, .records_in]' much.json)" = "$(jq -c '[.rules, .records_out, .records_in]' little.json)" ]
	grep -q fsanitize "$SFX_BUILD/config.log" || jq -e '.max_rss_bytes < 12 * 1048576' little.json
	rm -f much.bad little.bad
}

@test "keys beyond the memory are checked all the same, in the order of the records" {
	awk 'BEGIN { print "id,f,t"; for (i = 0; i < 150000; i++)
		printf "%s,k%d,\"text, %d\"\n", i == 120000 || i == 7 ? 5 : i % 70000 == 3 ? "" : i, i % 60000, i }' >a.csv
	awk 'BEGIN { print "f,u,id"; for (i = 0; i < 20000; i++) printf "k%d,\"q\",%d\n", i, i * 20 }' >b.csv
	awk 'BEGIN { print "f,x"; for (i = 0; i < 60000; i++) if (i != 33333) printf "k%d,1\n", i }' >other.csv
	printf '%s' '{"properties": {"id": {"type": ["integer", "null"], "x-unique": true},' \
		' "f": {"x-foreignKey": {"file": "other.csv", "column": "f"}}}}' >s.json
	in_both 'expect k: unique id reject' a.csv
	[ "$(wc -l <little)" -eq 149999 ]
	in_both 'expect k: unique id warn | x = id' a.csv b.csv
	in_both 'expect k: unique id, f skip | tail 70000' a.csv b.csv
	[ "$(sfx-transform --memory 2M 'expect k: unique id skip | head 70000' a.csv | wc -l)" -eq 70001 ]
	in_both 'expect k: unique num(t) skip | sort -num(id)' a.csv
	in_both 'expect k: unique id fail' a.csv
	in_both --on-error=reject 'expect k: unique num(f)' a.csv
	in_both --on-error=reject --schema s.json 'y = id + 1' a.csv b.csv
	grep -q '"name":"id: unique","action":"reject","checked":170000,"failed":7501' little.json
	grep -q '"name":"f: foreignKey","action":"reject","checked":170000,"failed":2' little.json
	in_both --on-error=reject --schema s.json '' a.csv b.csv
	in_both --on-error=reject --schema s.json 'expect e: unique f skip | expect g: unique num(id) warn' b.csv a.csv
	in_both --on-error=reject -t jsonl --schema s.json 'select id, t | tail 70000' a.csv
}
