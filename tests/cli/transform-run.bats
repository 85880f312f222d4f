#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How sfx-transform runs: outputs split by columns, side outputs, bad records and their way back,
# inputs that grow.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 'id,country,day' '1,DE,2026-01-01' '2,FR,2026-01-01' '3,DE,2026-01-02' \
		'4,DE,2026-01-01' >orders.csv
}

# Fails when temporary files are left beneath the folder.
nothing_left() {
	[ -z "$(find "$1" -name '.sfx-*')" ]
}

# --- outputs by column ----------------------------------------------------------------------------

@test "a name with columns is an output for each of their values" {
	sfx-transform -o 'out/{country}/{day}.csv' --stats=stats '' orders.csv
	[ "$(cd out && find . -type f | sort | tr '\n' ' ')" = \
		"./DE/2026-01-01.csv ./DE/2026-01-02.csv ./FR/2026-01-01.csv " ]
	[ "$(cat out/DE/2026-01-01.csv)" = "$(printf '%s\n' id,country,day 1,DE,2026-01-01 4,DE,2026-01-01)" ]
	[ "$(cat out/FR/2026-01-01.csv)" = "$(printf '%s\n' id,country,day 2,FR,2026-01-01)" ]
	[ "$(jq .out_bytes stats)" -eq "$(cat out/*/*.csv | wc -c)" ]
	nothing_left .
}

@test "--split-by names outputs beneath a folder, in the output's format" {
	sfx-transform -o out --split-by country,day '' orders.csv
	cmp out/FR/2026-01-01.csv <(printf '%s\n' id,country,day 2,FR,2026-01-01)
	sfx-transform -o out -t jsonl --split-by '`country`' 'select id, country' orders.csv
	[ "$(cat out/FR.jsonl)" = '{"id":"2","country":"FR"}' ]
	run sfx-transform --split-by country '' orders.csv
	[ "$status" -eq 2 ]
	run sfx-transform -o out --split-by country,,day '' orders.csv
	[ "$status" -eq 2 ]
}

@test "a computed column names outputs, too" {
	sfx-transform -o 'out/{even}.csv' 'even = if(id in (2, 4), "even", "odd") | drop day' orders.csv
	[ "$(tail -n +2 out/even.csv | tr '\n' ' ')" = "2,FR,even 4,DE,even " ]
}

@test "values become names that do not meet and do not lead elsewhere" {
	printf '%s\n' '{"k":"a/b"}' '{"k":"a_b"}' '{"k":".."}' '{"k":"../../x"}' '{"k":""}' '{"k":null}' \
		'{}' '{"k":"_"}' '{"k":"%"}' '{"k":"a\u0000\n"}' "{\"k\":\"$(printf 'ä%.0s' {1..200})\"}" \
		"{\"k\":\"$(printf 'ä%.0s' {1..201})\"}" >in.jsonl
	sfx-transform -o 'deep/out/{k}.jsonl' '' in.jsonl
	[ "$(ls deep)" = out ]
	[ "$(ls -A . | tr '\n' ' ')" = "deep in.jsonl orders.csv " ]
	cd deep/out
	for name in a%2Fb a_b %2E. '%2E.%2F..%2Fx' _ %5F %25 a%00%0A; do
		[ -f "$name.jsonl" ]
	done
	[ "$(wc -l <_.jsonl)" -eq 3 ]
	[ "$(ls | grep -c '^\(ä\)*~[0-9a-f]\{16\}.jsonl$')" -eq 2 ]
	[ "$(ls -A | wc -l)" -eq 10 ]
}

@test "links beneath the root are not followed" {
	mkdir out elsewhere
	ln -s ../elsewhere out/DE
	run sfx-transform -o 'out/{country}/{day}.csv' '' orders.csv
	[ "$status" -ne 0 ]
	[ -z "$(ls -A elsewhere)" ]
	[ ! -e out/FR/2026-01-01.csv ]
	nothing_left .
}

@test "few open files give the same outputs as many" {
	awk 'BEGIN { print "k,v"; for (i = 0; i < 300000; i++) print (i * 7919) % 300 ",text text text " i }' >in.csv
	sfx-transform -o 'many/{k}.csv' --max-open 1000 '' in.csv
	(ulimit -n 20 && sfx-transform -o 'few/{k}.csv' --max-open 2 '' in.csv)
	diff -r many few
	[ "$(ls -A few | wc -l)" -eq 300 ]
	[ "$(tail -qn +2 few/*.csv | sort | md5sum)" = "$(tail -n +2 in.csv | sort | md5sum)" ]
	grep '^17,' in.csv | cmp - <(tail -n +2 few/17.csv)
}

@test "too many outputs are refused, and none of them appears" {
	seq 20 | sed '1i k' >in.csv
	run sfx-transform -o 'out/{k}.csv' --max-outputs 19 '' in.csv
	[ "$status" -eq 65 ]
	[[ "$output" == *"more than 19 outputs; --max-outputs allows more"* ]]
	[ -z "$(find . -path './out/*' -type f)" ]
	sfx-transform -o 'out/{k}.csv' --max-outputs 20 '' in.csv
	[ "$(ls out | wc -l)" -eq 20 ]
}

@test "outputs of a failed run do not appear" {
	printf 'k,v\na,1\nb,x\n' >in.csv
	mkdir out && echo before >out/a.csv
	run sfx-transform -o 'out/{k}.csv' 'w = v + 1' in.csv
	[ "$status" -eq 65 ]
	[ "$(cat out/a.csv)" = before ]
	[ "$(ls -A out)" = a.csv ]
}

@test "columns in names are checked, braces can be written" {
	run sfx-transform -o '{contry}.csv' '' orders.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"there is no column contry; did you mean country?"* ]]
	run sfx-transform -o '{country.csv' '' orders.csv
	[ "$status" -eq 2 ]
	sfx-transform -o 'a{{b}}.csv' '' orders.csv
	cmp 'a{b}.csv' orders.csv
	printf '{"a}b/c":"x"}\n' | sfx-transform -o 'odd-{`a}b/c`}.jsonl' ''
	[ -f odd-x.jsonl ]
}

@test "inputs with other columns give outputs with the columns of all" {
	printf '{"k":"a","x":1}\n{"k":"b","y":2}\n{"k":"a","y":3}\n' >in.jsonl
	sfx-transform -o 'out/{k}.csv' '' in.jsonl orders.csv 2>/dev/null
	[ "$(head -2 out/a.csv | tail -1 | cut -d, -f1,2)" = a,1 ]
	[ "$(wc -l <out/a.csv)" -eq 3 ]
}

@test "with events each file is split, and each output told" {
	event="{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"t\",\"type\":\"dev.sfx.file.created\",\"subject\":\"orders.csv\",\"data\":{\"path\":\"orders.csv\"}}"
	printf '%s\n' "$event" >events
	run --separate-stderr sfx-transform -E -o 'out/{stem}/{country}.{ext}' -t csv '' <events
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(tail -n +2 out/orders/DE.csv | wc -l)" -eq 3 ]
	[ "$(printf '%s\n' "${lines[@]}" | jq -r '.data.records' | sort | tr '\n' ' ')" = "1 3 " ]
}

# --- bad records ----------------------------------------------------------------------------------

# Checks that the figures in stats add up.
adds_up() {
	jq -e '.records_in + .records_made ==
		.records_out + .records_rejected + .records_skipped + .records_filtered' "$1"
}

@test "records in and made are records out, rejected, skipped and filtered" {
	printf 'id,price\n1,5\n2,abc\n3,7,8\n4,9\n\n5,\n6,1\n7,0\n' >dirty.csv
	for on_error in skip null; do
		for program in '' 'n = price * 2' 'where price > 4 | n = 1 / price' 'sort num(price) | head 1' \
			'group price: n = count(), sum(price)' 'distinct | select id' 'head 1' 'where price > 100'; do
			run -0 --separate-stderr sfx-transform --on-error=skip --stats=stats "$program" dirty.csv
			adds_up stats
			[ "$(jq .records_out stats)" -eq $(("${#lines[@]}" - 1)) ]
			run --separate-stderr sfx-transform --on-error=null --rejects bad.jsonl --stats=stats "$program" dirty.csv
			adds_up stats
		done
	done
	run --separate-stderr sfx-transform --on-error=skip 'where num(price) > 5' dirty.csv
	[[ "$stderr" == *"7 records in, 1 out, 0 rejected, 2 skipped, 4 filtered" ]]
	run --separate-stderr sfx-transform 'where id > 5' <(sed 3,4d dirty.csv)
	[ -z "$stderr" ]
}

@test "--on-error=null goes on with null, and what breaks the format still counts" {
	printf 'id,price\n1,5\n2,abc\n3,7\n' >dirty.csv
	run --separate-stderr sfx-transform --on-error=null --stats=stats 'n = price * 2' dirty.csv
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf 'id,price,n\n1,5,10\n2,abc,\n3,7,14')" ]
	[[ "$stderr" == *"1 cells made null"* ]]
	[ "$(jq .cells_nulled stats)" -eq 1 ]
	echo 4,5,6 >>dirty.csv
	run sfx-transform --on-error=null '' dirty.csv
	[ "$status" -eq 65 ]
	run --separate-stderr sfx-transform --on-error=null --rejects bad.jsonl 'n = price * 2' dirty.csv
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 4 ]
	[ "$(jq -r .raw bad.jsonl)" = 4,5,6 ]
}

@test "--max-errors ends the run with the error that is too much, which is kept" {
	printf 'id,price\n1,5\n2,abc\n3,7,8\n4,x\n5,9\n' >dirty.csv
	run --separate-stderr sfx-transform --rejects bad.jsonl --max-errors 3 'n = price * 2' dirty.csv
	[ "$status" -eq 1 ]
	rm bad.jsonl
	run --separate-stderr sfx-transform --rejects bad.jsonl --max-errors 2 -o out.csv 'n = price * 2' dirty.csv
	[ "$status" -eq 65 ]
	[[ "$stderr" == *'more than 2 errors: dirty.csv: line 5, offset 25: column price: "x" is not a number'* ]]
	[ "$(wc -l <bad.jsonl)" -eq 3 ]
	[ ! -e out.csv ]
	run sfx-transform --on-error=skip --max-errors 0 'n = price * 2' dirty.csv
	[ "$status" -eq 65 ]
	printf 'a,b\n1\n2\n3\n' >ragged.csv
	run --separate-stderr sfx-transform --rejects bad2.jsonl --max-errors 1 '' ragged.csv
	[ "$status" -eq 65 ]
	[[ "$stderr" == *"more than 1 errors: ragged.csv: line 3, offset 6: record has 1 field, header has 2"* ]]
	[ "$(wc -l <bad2.jsonl)" -eq 2 ]
	for word in x 5x -1 101% % 5%%; do
		run sfx-transform --max-errors="$word" '' orders.csv
		[ "$status" -eq 2 ]
	done
}

@test "--max-errors in percent is of the whole input" {
	(echo id,price; echo 0,bad; seq -f '%g,1' 99) >dirty.csv
	run --separate-stderr sfx-transform --on-error=skip --max-errors 1% -o out.csv 'n = price * 2' dirty.csv
	[ "$status" -eq 0 ]
	rm out.csv
	run --separate-stderr sfx-transform --on-error=skip --max-errors 0.9% -o out.csv 'n = price * 2' dirty.csv
	[ "$status" -eq 65 ]
	[[ "$stderr" == *"1 errors in 100 records, more than 0.9%"* ]]
	[ ! -e out.csv ]
}

# --- rejects and back -----------------------------------------------------------------------------

@test "rejects through a program that is right give exactly the missing records" {
	awk 'BEGIN { print "id,price,\"the name\""; for (i = 1; i <= 3000; i++)
		print i "," (i % 7 == 0 ? "$" i : i) ",\"n, " i "\"" }' >in.csv
	run --separate-stderr sfx-transform --rejects bad.jsonl -o good.csv 'price = price * 2' in.csv
	[ "$status" -eq 1 ]
	[ "$(wc -l <bad.jsonl)" -eq 428 ]
	sfx-transform --replay -o more.csv 'price = decimal(price, strip "$") * 2' bad.jsonl
	sfx-transform -o all.csv 'price = decimal(price, strip "$") * 2' in.csv
	[ "$(head -1 more.csv)" = "$(head -1 all.csv)" ]
	(head -1 good.csv && tail -qn +2 good.csv more.csv | sort -n) >joined.csv
	cmp joined.csv all.csv
}

@test "records of every kind come back as they were" {
	printf 'id;price;"na;me"\n1;5;x\n2;abc;y\n3;7;8;9\n4;x;"z ""q"" \303\251"\n5;"1"2;z\n6;y;open "\n7;z;"never closed\n' >a.csv
	printf 'id\tprice\n30\tx\n31\ta\\tb\n' >d.tsv
	printf '{"id":"10","price":3}\n{"id":"11","price":"bad","x":[1, 2]}\n{broken\n' >b.jsonl
	printf '[{"id":"20",\n "price":"bad"},\n {"id":21,"price":4}]' >c.json
	tar cf t.tar b.jsonl
	run -1 sfx-transform -d ';' -t jsonl --rejects bad.jsonl 'n = price * 2' a.csv b.jsonl c.json t.tar
	run -1 sfx-transform -t jsonl --rejects bad.jsonl 'n = price * 2' d.tsv
	[ "$(wc -l <bad.jsonl)" -eq 13 ]
	run -1 --separate-stderr sfx-transform --replay -t jsonl --rejects again.jsonl '' bad.jsonl
	[ "$(jq -c '[.id, .price, ."na;me"]' <<<"$output" | head -3 | tail -1)" = '["6","y","open \""]' ]
	[ "$(jq -r .id <<<"$output" | tr '\n' ' ')" = "2 4 6 11 20 11 30 31 " ]
	jq -cs 'map(select(.rule == null)) | map([.input, .member, .line, .offset, .raw])' bad.jsonl >refused
	jq -cs 'map([.input, .member, .line, .offset, .raw])' again.jsonl | cmp - refused
	# What is refused again can be read again.
	sed 's/3;7;8;9/3;7;8/' again.jsonl >fixed.jsonl
	run -1 --separate-stderr sfx-transform --replay -t jsonl --rejects third.jsonl 'n = price * 2' fixed.jsonl
	[ "$output" = '{"id":"3","price":"7","na;me":"8","n":14}' ]
	[ "$(wc -l <third.jsonl)" -eq 4 ]
}

@test "bytes that are not text, and records without a header, come back" {
	printf 'a,\xff\n1,\xfe x\n2,y,z\n' >in.csv
	run -1 sfx-transform --rejects bad.jsonl 'b = num(a) / 0' in.csv
	[ "$(jq -r .header_base64 bad.jsonl | head -1 | base64 -d)" = "$(printf 'a,\xff')" ]
	run -1 --separate-stderr sfx-transform --replay --rejects bad2.jsonl '' bad.jsonl
	[ "$output" = "$(printf 'a,\xff\n1,\xfe x')" ]
	printf '1,2\n3\n4,5\n' | sfx-transform --no-header --rejects bad3.jsonl '' || true
	sed -i 's/"raw":"3"/"raw":"3,0"/' bad3.jsonl
	[ "$(sfx-transform --replay --no-header '' bad3.jsonl)" = 3,0 ]
}

@test "what is no record of an input is refused by --replay" {
	printf '%s\n' '{"program":"x","input":"a.csv","code":"input","reason":"is empty"}' 'no json' '' \
		'{"line":3,"offset":9,"format":"nosuch","raw":"1"}' '{"line":3,"offset":1,"format":"csv","header":"a","raw":"1"}' >bad.jsonl
	run sfx-transform --replay '' bad.jsonl
	[ "$status" -eq 65 ]
	[[ "$output" == *"bad.jsonl: line 1, offset 0: is a reject of no record of an input"* ]]
	run -0 --separate-stderr sfx-transform --replay -t csv --on-error=skip '' bad.jsonl
	[ "$output" = "$(printf 'a\n1')" ]
	[[ "$stderr" == *"4 records in, 1 out, 0 rejected, 3 skipped"* ]]
	run sfx-transform --replay -i csv '' bad.jsonl
	[ "$status" -eq 2 ]
}

# --- where records came from ----------------------------------------------------------------------

@test "--provenance columns say where a record came from, through sort, join and group" {
	printf 'id,a\r\n1,x\r\n2,"y\nz"\r\n3,x\r\n' >a.csv
	printf 'id,a\n9,x\n' >b.csv
	tar cf t.tar b.csv
	run sfx-transform --provenance 'select id, _file, _line, _offset' a.csv t.tar
	[ "${lines[3]%$'\r'}" = 3,a.csv,5,20 ]
	[ "${lines[4]%$'\r'}" = 9,t.tar/b.csv,2,5 ]
	while IFS=, read -r id file line offset; do
		[ "$(tail -c +$((offset + 1)) "$file" | head -c 1)" = "$id" ]
		[ "$(sed -n "${line}p" "$file" | head -c 1)" = "$id" ]
	done < <(sfx-transform --provenance 'where id < 9 | select id, _file, _line, _offset | where true' a.csv | tail -n +2 | tr -d '\r')
	[ "$(sfx-transform --provenance -t jsonl 'sort -num(_line) | head 1' a.csv)" = \
		'{"id":"3","a":"x","_file":"a.csv","_line":5,"_offset":20}' ]
	[ "$(sfx-transform --provenance -t jsonl 'group a: last = max(num(_line)), file = first(_file) | head 1' a.csv)" = \
		'{"a":"x","last":5,"file":"a.csv"}' ]
	[ "$(sfx-transform --provenance -t jsonl 'join b.csv on a | select id, _line | head 1' a.csv)" = '{"id":"1","_line":2}' ]
	[ "$(printf '{"b":1}\n{"b":2}\n' | sfx-transform --provenance 'where _line = 2')" = '{"b":2,"_file":"-","_line":2,"_offset":8}' ]
}

@test "a column of that name stays, and without the option there is none" {
	printf '_line,a\n7,x\n' >in.csv
	[ "$(sfx-transform --provenance -t jsonl '' in.csv)" = '{"_line":"7","a":"x","_file":"in.csv","_offset":8}' ]
	run sfx-transform 'where _file = "x"' in.csv
	[ "$status" -eq 2 ]
}

@test "provenance is the same for any batch" {
	seq 5000 | sed '1i id' >in.csv
	sfx-transform --provenance '' in.csv >one
	while read -r line; do echo "$line"; done <in.csv | sfx-transform --provenance '_file = "in.csv"' | cmp - one
}

# --- inputs that grow -----------------------------------------------------------------------------

# Waits until FILE has the line, ten seconds at most.
wait_for_line() {
	local i
	for ((i = 0; i < 200; i++)); do
		grep -qxF -- "$2" "$1" && return
		sleep 0.05
	done
	echo "$1 lacks $2:" && cat "$1"
	return 1
}

# follow PROGRAM FILE: in the background, into the file followed.
follow() {
	sfx-transform --follow --provenance "$@" >followed 2>said 3>&- &
	pid=$!
}

# Ends it and checks that it ended well.
stop() {
	kill "-$1" "$pid"
	wait "$pid"
	[ ! -s said ]
}

@test "--follow reads on as a file grows, and ends cleanly with what is complete" {
	printf 'id,a\n1,x\n' >log.csv
	follow 'select id, _line | where id < 100' log.csv
	wait_for_line followed 1,2
	printf '2,y\n3,' >>log.csv
	wait_for_line followed 2,3
	printf 'z\n4,"open\n' >>log.csv
	wait_for_line followed 3,4
	printf 'closed"\n5,not comp' >>log.csv
	wait_for_line followed 4,5
	stop TERM
	[ "$(cat followed)" = "$(printf 'id,_line\n1,2\n2,3\n3,4\n4,5')" ]
}

@test "--follow goes on with the file that takes the name, and with one that was cut" {
	printf '{"id":1}\n' >log.jsonl
	follow 'select id, _line' log.jsonl
	wait_for_line followed '{"id":1,"_line":1}'
	mv log.jsonl log.1
	echo '{"id":2}' >>log.1
	wait_for_line followed '{"id":2,"_line":2}'
	echo '{"id":3}' >log.new && mv log.new log.jsonl
	wait_for_line followed '{"id":3,"_line":1}'
	echo '{"id":4}' >>log.jsonl
	wait_for_line followed '{"id":4,"_line":2}'
	: >log.jsonl
	sleep 0.5
	echo '{"id":5}' >>log.jsonl
	wait_for_line followed '{"id":5,"_line":1}'
	stop TERM
	[ "$(wc -l <followed)" -eq 5 ]
}

@test "--follow ends an endless pipe, and what blocks speaks then" {
	mkfifo pipe
	sfx-transform --follow 'group k: n = count()' - <pipe >followed 2>said 3>&- &
	pid=$!
	exec 8>pipe
	printf 'k\na\nb\na\n' >&8
	sleep 0.3
	stop TERM
	exec 8>&-
	[ "$(cat followed)" = "$(printf 'k,n\na,2\nb,1')" ]
}

@test "--follow reads the other inputs first, and an output file appears at the end" {
	printf 'id\n1\n' >old.csv
	printf 'id\n2\n' >log.csv
	sfx-transform --follow -o out.csv '' old.csv log.csv 3>&- &
	pid=$!
	sleep 0.3
	[ ! -e out.csv ]
	echo 3 >>log.csv
	sleep 0.3
	kill $pid && wait $pid
	[ "$(tr '\n' ' ' <out.csv)" = "id 1 2 3 " ]
}

@test "--state goes on where the last run ended, whatever the file is called" {
	local format
	for format in csv tsv jsonl logfmt; do
		rm -f state all
		printf 'id,a\n1,x\n2,y\n' | sfx-transform -o "log.$format" ''
		printf 'id,a\n3,z\n4,"q r"\n' | sfx-transform -t $format '' >more
		[ $format = jsonl ] || [ $format = logfmt ] || sed -i 1d more
		sfx-transform --state state --provenance -t jsonl '' "log.$format" >>all
		sfx-transform --state state --provenance -t jsonl '' "log.$format" >>all
		head -c -3 more >>"log.$format"
		sfx-transform --state state --provenance -t jsonl '' "log.$format" >>all
		tail -c 3 more >>"log.$format"
		mv "log.$format" "rotated.$format"
		sfx-transform --state state --provenance -t jsonl '' "rotated.$format" >>all
		sed -i "s/rotated/log/" all
		mv "rotated.$format" "log.$format"
		sfx-transform --provenance -t jsonl '' "log.$format" | cmp - all
	done
}

@test "--state knows a file that is another one or was cut, and counts what was refused" {
	printf 'id\n1\n2\n' >log.csv
	sfx-transform --state state '' log.csv >/dev/null
	printf 'id\n7\n8\n9\n' >log.csv
	[ "$(sfx-transform --state state '' log.csv | tr '\n' ' ')" = "id 7 8 9 " ]
	printf 'id\n7\n' >log.csv
	[ "$(sfx-transform --state state '' log.csv | tr '\n' ' ')" = "id 7 " ]
	printf 'bad,line\n' >>log.csv
	run -1 sfx-transform --state state --rejects bad.jsonl '' log.csv
	run -0 sfx-transform --state state --rejects bad.jsonl '' log.csv
	[ "$(wc -l <bad.jsonl)" -eq 1 ]
	printf '8\n' >>log.csv
	[ "$(sfx-transform --state state '' log.csv | tr '\n' ' ')" = "id 8 " ]
}

@test "--state moves only when the run went well, and refuses what it cannot go on with" {
	printf 'id\n1\nx\n' >log.csv
	run sfx-transform --state state -o out.csv 'n = id + 1' log.csv
	[ "$status" -eq 65 ]
	[ ! -e state ]
	sfx-transform --state state -o out.csv 'n = id? + 1' log.csv || sfx-transform --state state -o out.csv '' log.csv
	[ "$(wc -l <out.csv)" -eq 3 ]
	for program in 'sort id' 'tail 1' 'dedup id keep last' 'distinct id | head 1' 'head 1 | group id: count()'; do
		run sfx-transform --state state "$program" log.csv
		[ "$status" -eq 2 ]
	done
	gzip -k log.csv
	for input in log.csv.gz - ; do
		run sfx-transform --state state '' $input < <(cat log.csv)
		[ "$status" -eq 2 ]
	done
	echo '{}' >state
	run sfx-transform --state state '' log.csv
	[ "$status" -eq 65 ]
}

@test "--state with distinct lets through what no run has seen" {
	printf 'id,a\n1,x\n2,y\n1,z\n' >log.csv
	[ "$(sfx-transform --state state 'distinct id' log.csv | tr '\n' ' ')" = "id,a 1,x 2,y " ]
	printf '2,q\n3,x\n3,y\n' >>log.csv
	[ "$(sfx-transform --state state 'distinct id | b = 1' log.csv | tr '\n' ' ')" = "id,a,b 3,x,1 " ]
	printf 'a,id\nw,1\nw,4\n' >other.csv
	[ "$(sfx-transform --state state 'distinct id' log.csv other.csv | tr '\n' ' ')" = "id,a 4,w " ]
}

@test "--state with nothing new still writes the header, also of two bytes" {
	printf 'k\n1\n' >log.csv
	for program in '' 'distinct k' 'where k > 1'; do
		rm -f state
		sfx-transform --state state "$program" log.csv >/dev/null
		[ "$(sfx-transform --state state "$program" log.csv)" = k ]
	done
}

@test "--state with group gives the totals of all runs, whatever stands behind it" {
	local program='group a: n = count(), m = median(v), d = count_distinct(v), last(v)' rows i
	printf 'a,v\n' >log.csv
	for i in 1 2 3 4; do
		rows="x,$i\ny,2\nz$i,\ny,7\n"
		printf "$rows" >>log.csv
		sfx-transform --state state -o out.csv "$program | sort -n, a" log.csv
		sfx-transform "$program | sort -n, a" log.csv | cmp - out.csv
		sfx-transform --state order "$program" log.csv >out.csv
		sfx-transform "$program" log.csv | cmp - out.csv
	done
	sfx-transform --state state "$program" log.csv | cmp - out.csv
	sfx-transform --state ranks 'frequency a' log.csv >/dev/null
	echo z1,1 >>log.csv
	sfx-transform 'frequency a' log.csv | cmp - <(sfx-transform --state ranks 'frequency a' log.csv)
}

@test "--state keeps groups and keys that exceed --memory" {
	seq 60000 | sed 's/.*/a key of some length &/; 1i k' >all.csv
	head -n 40001 all.csv >log.csv
	for program in 'group k: n = count(), max(text(k))' 'distinct k'; do
		rm -f state
		sfx-transform --memory 1M --state state "$program" log.csv >one
		sed 1d all.csv >>log.csv
		sfx-transform --memory 1M --state state "$program" log.csv >two
		case $program in
		group*) sfx-transform "$program" log.csv | cmp - two ;;
		*) (cat one; sed 1d two) | sort | cmp - <(sort all.csv) ;;
		esac
		head -n 40001 all.csv >log.csv
	done
}

@test "--state refuses what another program kept, and what is damaged" {
	printf 'id,a\n1,x\n' >log.csv
	sfx-transform --state state 'group id: n = count()' log.csv
	for program in 'group id: n = count(a)' 'distinct' ''; do
		run -65 --separate-stderr sfx-transform --state state "$program" log.csv
		[[ $stderr == "sfx-transform: state: is the state of another program"* ]]
	done
	[[ "$(sfx-transform --state state 'group a: n = count()' log.csv 2>&1)" == *"program: group id: n = count()" ]]
	sfx-transform --state places '' log.csv
	run -65 sfx-transform --state places 'distinct' log.csv
	head -c -3 state >short
	run -65 --separate-stderr sfx-transform --state short 'group id: n = count()' log.csv
	[ "$stderr" = "sfx-transform: short: ends early" ]
	[ -z "$output" ]
}

@test "--state with --follow and a group is saved when the run ends" {
	printf 'id\n1\n' >log.csv
	sfx-transform --follow --state state -o out.csv 'group id: n = count()' log.csv 3>&- &
	pid=$!
	echo 2 >>log.csv
	sleep 0.5
	kill -TERM $pid
	wait $pid || true
	echo 1 >>log.csv
	[ "$(sfx-transform --state state 'group id: n = count()' log.csv | tr '\n' ' ')" = "id,n 1,2 2,1 " ]
}

@test "--state with --follow is saved while the run goes on" {
	printf 'id\n1\n' >log.csv
	sfx-transform --follow --state state '' log.csv >followed 3>&- &
	pid=$!
	wait_for_line followed 1
	for ((i = 0; i < 100; i++)); do [ -e state ] && break; sleep 0.05; done
	kill -9 $pid
	wait $pid || true
	echo 2 >>log.csv
	[ "$(sfx-transform --state state '' log.csv | tr '\n' ' ')" = "id 2 " ]
}

@test "files by value refuse what their format cannot hold as one output does" {
	printf 'k,v\na,1\nb,\xff\na,\xff\na,2\n' >in.csv
	run sfx-transform -o 'by/{k}.jsonl' '' in.csv
	[ "$status" -eq 65 ]
	[[ $output == *'in.csv: line '*'column v: not UTF-8'* ]]
	[ ! -e by ]
	run -0 sfx-transform --on-error=skip -o 'by/{k}.jsonl' '' in.csv
	[[ $output == *'4 records in, 2 out, 0 rejected, 2 skipped, 0 filtered'* ]]
	[ "$(ls by)" = a.jsonl ]
	[ "$(wc -l <by/a.jsonl)" -eq 2 ]
	run -1 sfx-transform --rejects bad.jsonl --split-by k -t jsonl -o folder '' in.csv
	[ "$(wc -l <bad.jsonl)" -eq 2 ]
	[ "$(ls folder)" = a.jsonl ]
	sfx-transform --on-error=skip -o 'none/{k}.jsonl' 'where k = "b"' in.csv
	[ ! -e none ]
}

@test "--explain shows programs with side outputs, and writes none" {
	printf 'k,t\na,2026-01-05T10:00:00Z\n' >in.csv
	sfx-transform --explain 'tee "all.csv" | window 1m on t late "late.csv": n = count()' in.csv >plan
	grep -q 'columns: window_start (time), window_end (time), n (number)' plan
	[ ! -e all.csv ]
	[ ! -e late.csv ]
}

@test "a program in a file may begin with a byte order mark" {
	printf 'a\n1\n2\n' >in.csv
	printf '\xef\xbb\xbfhead 1' >program
	[ "$(sfx-transform -f program in.csv)" = $'a\n1' ]
	printf '\xef\xbb\xbf' >program
	sfx-transform -f program in.csv | cmp - in.csv
}
