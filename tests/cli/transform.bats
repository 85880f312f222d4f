#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform on real files: results, bad records, outputs, memory, pipes, events.

bats_require_minimum_version 1.5.0

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 'id,country,price,qty,name' '1,DE,75.24,12,"Smith, J"' '2,FR,10.00,3,Anna' \
		'3,DE,,3,"O ""B"""' '007,"US",1e2,2,x' >orders.csv
	printf '%s\n' 'id,price' '1,5' '2,abc' '3,7' >dirty.csv
}

# Prints 4 columns of n records without any order in them.
numbers() {
	awk -v n="$1" 'BEGIN { srand(5); print "id,n,city,text"
		for (i = 0; i < n; i++) printf "%d,%d.%02d,city %d,\"some, text %d\"\n",
			i, rand() * 2000 - 1000, i % 100, rand() * 50, rand() * 1e6 }'
}

@test "an empty program is a copy, byte for byte" {
	printf 'a,"b"\r\n007,"1.50"\r\n1e5," x"\r\n' >crlf.csv
	sfx-transform '' crlf.csv | cmp - crlf.csv
	sfx-transform '' orders.csv | cmp - orders.csv
	sfx-transform '' <orders.csv | cmp - orders.csv
	sfx-transform '' - <orders.csv | cmp - orders.csv
}

@test "a filter is a copy of rows" {
	run sfx-transform 'where country = "DE"' orders.csv
	[ "$output" = "$(grep -e id -e DE orders.csv)" ]
}

@test "money is exact" {
	run sfx-transform 'total = price * qty | select id, total' orders.csv
	[ "${lines[1]}" = 1,902.88 ]
	awk 'BEGIN { print "p"; for (i = 0; i < 1000000; i++) print "0.10" }' |
		sfx-transform 'group: s = sum(p)' >sum
	[ "$(tail -1 sum)" = 100000.00 ]
}

@test "formats are told by name and content, and forced" {
	printf '{"a":1}\n{"a":2}\n' >data.txt
	[ "$(sfx-transform 'where a > 1' data.txt)" = '{"a":2}' ]
	[ "$(sfx-transform -t csv 'where a > 1' data.txt)" = "$(printf 'a\n2')" ]
	[ "$(sfx-transform -i csv 'head 0' data.txt)" = '{"a":1}' ]
	[ "$(printf 'a;b\n1;2\n' | sfx-transform -d ';' 'c = a + b')" = "$(printf 'a;b;c\n1;2;3')" ]
	[ "$(printf '1,2\n' | sfx-transform --no-header 'c = `1` + `2`')" = 1,2,3 ]
	sfx-transform '' orders.csv -o out.jsonl
	[ "$(head -1 out.jsonl)" = '{"id":"1","country":"DE","price":"75.24","qty":"12","name":"Smith, J"}' ]
	run sfx-transform -t xlsx '' orders.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"there is no format xlsx: csv, tsv, jsonl, json"* ]]
}

@test "compressed inputs and archives are read like plain ones" {
	gzip -k orders.csv
	sfx-transform '' orders.csv.gz | cmp - orders.csv
	mkdir in && cp orders.csv in/a.csv && printf 'id,extra\n9,y\n' >in/b.csv
	tar -C in -czf both.tar.gz a.csv b.csv
	run sfx-transform 'where id = 1 or id = 9' both.tar.gz
	[ "${lines[0]}" = id,country,price,qty,name,extra ]
	[ "${lines[1]}" = '1,DE,75.24,12,"Smith, J",' ]
	[ "${lines[2]}" = 9,,,,,y ]
}

@test "inputs with different headers get the columns of all" {
	printf 'a,b\n1,2\n' >x.csv
	printf 'b,c\n3,4\n' >y.csv
	printf 'a,b\n5,6\n' >z.csv
	[ "$(sfx-transform '' x.csv y.csv)" = "$(printf 'a,b,c\n1,2,\n,3,4')" ]
	[ "$(sfx-transform '' x.csv z.csv)" = "$(printf 'a,b\n1,2\n5,6')" ]
	[ "$(sfx-transform -t jsonl '' x.csv y.csv)" = "$(printf '{"a":"1","b":"2"}\n{"b":"3","c":"4"}')" ]
	[ "$(sfx-transform 'select b' x.csv y.csv)" = "$(printf 'b\n2\n3')" ]
	[ "$(sfx-transform 'select -b' x.csv y.csv z.csv)" = "$(printf 'a,c\n1,\n,4\n5,')" ]
	[ "$(sfx-transform 'sort -b' x.csv y.csv)" = "$(printf 'a,b,c\n,3,4\n1,2,')" ]
}

@test "an empty input is no error and gives no record" {
	: >empty.csv
	run sfx-transform 'where price > 5 | select id' empty.csv
	[ "$status" -eq 0 ]
	printf 'id,price\n' >header.csv
	[ "$(sfx-transform 'where price > 5 | n = price * 2' header.csv)" = id,price,n ]
	[ "$(sfx-transform 'group: n = count()' header.csv)" = "$(printf 'n\n0')" ]
}

@test "a bad record ends the run, with its place and reason" {
	run sfx-transform 'n = price * 2' dirty.csv
	[ "$status" -eq 65 ]
	[ "${lines[0]}" = id,price,n ]
	[ "${lines[1]}" = 1,5,10 ]
	[ "${lines[2]}" = 'sfx-transform: dirty.csv: line 3, offset 13: column price: "abc" is not a number' ]
	[ "${#lines[@]}" -le 4 ]
}

@test "a header with too many columns is said to be that" {
	seq -s , 100000 >wide.csv
	run sfx-transform '' wide.csv
	[ "$status" -eq 65 ]
	[ "$output" = 'sfx-transform: wide.csv: line 1, offset 0: 100000 fields, more than 16384 columns' ]
}

@test "a file output of a failed run does not appear, what stood there stays" {
	echo before >out.csv
	run sfx-transform -o out.csv 'n = price * 2' dirty.csv
	[ "$status" -eq 65 ]
	[ "$(cat out.csv)" = before ]
	[ "$(ls -A | grep -c sfx-)" -eq 0 ]
	sfx-transform -o out.csv 'n = price? * 2' dirty.csv
	[ "$(sed -n 3p out.csv)" = 2,abc, ]
}

@test "rejects keep bad records, and nothing is lost" {
	printf 'id,price\n1,5\n2,abc\n3,7,8\n4,9\n' >worse.csv
	run --separate-stderr sfx-transform --rejects bad.jsonl --stats=stats 'n = price * 2' worse.csv
	[ "$status" -eq 1 ]
	[ "$output" = "$(printf 'id,price,n\n1,5,10\n4,9,18')" ]
	[[ "$stderr" == *"4 records in, 2 out, 2 rejected, 0 skipped"* ]]
	[ "$(wc -l <bad.jsonl)" -eq 2 ]
	jq -es 'sort_by(.line) | .[0] | .line == 3 and .column == "price" and .value == "abc" and
		.raw == "2,abc" and .reason == "is not a number" and
		.rule == "n = price * 2" and .offset == 13 and .input == "worse.csv"' bad.jsonl
	jq -es 'sort_by(.line) | .[1] | .line == 4 and .raw == "3,7,8"' bad.jsonl
	jq -e '.records_in == 4 and .records_out == 2 and .records_rejected == 2' stats
}

@test "skipped records are counted" {
	run --separate-stderr sfx-transform --on-error=skip 'n = price * 2' dirty.csv
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[[ "$stderr" == *"3 records in, 2 out, 0 rejected, 1 skipped"* ]]
}

@test "an error in the program points at the place" {
	run sfx-transform 'where pric > 5' orders.csv
	[ "$status" -eq 2 ]
	[ "${lines[0]}" = 'sfx-transform: there is no column pric: did you mean price?' ]
	[ "${lines[1]}" = '  where pric > 5' ]
	[ "${lines[2]}" = '        ^' ]
	echo 'head many' >prog
	run sfx-transform -f prog orders.csv
	[ "$status" -eq 2 ]
	[ "${lines[0]}" = 'sfx-transform: prog: a whole number is expected here' ]
}

@test "a program may come from a file; then all operands are inputs" {
	printf '# two stages\nwhere qty = 3\nselect id\n' >prog
	[ "$(sfx-transform -f prog orders.csv orders.csv)" = "$(printf 'id\n2\n3\n2\n3')" ]
}

@test "what cannot be asked for together is refused" {
	for args in '' '--on-error=reject x' '-E x' '-E -o y x orders.csv' '-d ab x' \
		'--on-error=skip --rejects r x' '-o x.csv.gz x orders.csv'; do
		# shellcheck disable=SC2086
		run sfx-transform $args </dev/null
		echo "$args: $output"
		[ "$status" -eq 2 ]
	done
}

@test "missing files, folders, full disks and closed pipes are told" {
	run sfx-transform '' nosuch.csv
	[ "$status" -eq 74 ]
	[ "$output" = "sfx-transform: nosuch.csv: No such file or directory" ]
	run sfx-transform '' .
	[ "$status" -ne 0 ]
	[[ "$output" == "sfx-transform: .: "* ]]
	[ ! -e /dev/full ] || {
		run bash -c "sfx-transform '' orders.csv >/dev/full"
		[ "$status" -eq 74 ]
		[ "$output" = "sfx-transform: standard output: cannot write: No space left on device" ]
	}
	numbers 50000 >many.csv
	bash -c "sfx-transform '' many.csv; echo \$? >status" | head -1 >first
	[ "$(cat first)" = id,n,city,text ]
	[ "$(cat status)" -eq 141 ]
}

@test "head stops reading" {
	run timeout 20 bash -c "yes 1,2 | sfx-transform --no-header 'head 3'"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "a record leaves when the input pauses" {
	mkfifo in out
	sfx-transform 'c = a + b' <in >out 3>&- &
	exec 8>in 9<out
	printf 'a,b\n1,2\n' >&8
	read -r -t 20 header <&9
	read -r -t 20 first <&9
	printf '3,4\n' >&8
	read -r -t 20 second <&9
	exec 8>&- 9<&-
	wait
	[ "$header" = a,b,c ]
	[ "$first" = 1,2,3 ]
	[ "$second" = 3,4,7 ]
}

@test "a sort of four times its memory gives the same bytes, and leaves nothing behind" {
	numbers 120000 >many.csv # 5 MB
	mkdir tmp
	for program in 'sort num(n)' 'sort -city, num(n) | head 1000' 'n2 = num(n) | sort -n2 | where n2 > 0'; do
		sfx-transform "$program" many.csv >large.csv
		sfx-transform --memory 1M --tmp tmp "$program" many.csv >small.csv
		cmp large.csv small.csv
	done
	[ -z "$(ls -A tmp)" ]
	sfx-transform 'sort num(n) | select n' many.csv | tail -n +2 >ours
	cut -d, -f2 many.csv | tail -n +2 | LC_ALL=C sort -s -n >theirs
	cmp ours theirs
	run sfx-transform --memory 1M --tmp nosuch 'sort n' many.csv
	[ "$status" -eq 74 ]
	[[ "$output" == *nosuch* ]]
}

@test "the memory limit is kept" {
	numbers 400000 >many.csv
	sfx-transform --memory 4M --stats=stats 'sort num(n)' many.csv >/dev/null
	# 4 MiB for the rows, the rest is the program, its buffers and its libraries.
	jq -e '.max_rss_bytes < 24 * 1048576' stats || grep -q 'fsanitize' "$SFX_BUILD/config.log"
}

@test "events: each file becomes an output, complete, with an event that tells of it" {
	gzip -k orders.csv
	printf '{"specversion":"1.0","id":"e1","source":"t","type":"dev.sfx.file.closed","data":{"path":"%s"}}\n' \
		orders.csv.gz dirty.csv >events
	run --separate-stderr sfx-transform -E -o 'clean/{stem}.jsonl' --rejects bad.jsonl \
		'total = price * 2' <events
	[ "$status" -eq 1 ]
	[ "$(wc -l <clean/orders.jsonl)" -eq 4 ]
	[ "$(wc -l <clean/dirty.jsonl)" -eq 2 ]
	[ "${#lines[@]}" -eq 2 ]
	jq -e '.data.path == "clean/orders.jsonl" and .data.records == 4 and .sfxcause == "e1" and
		.type == "dev.sfx.output.created"' <<<"${lines[0]}"
	jq -e '.line == 3 and .event == "e1"' bad.jsonl
}

@test "events: an output that would replace its input is refused" {
	cp orders.csv before.csv
	printf '{"specversion":"1.0","id":"e1","source":"t","type":"t","data":{"path":"orders.csv"}}\n' >events
	run bash -c "sfx-transform -E -o '{path}' 'head 1' <events"
	[ "$status" -eq 1 ]
	[ "$output" = "sfx-transform: orders.csv: output orders.csv is the input" ]
	cmp before.csv orders.csv
}

@test "events: a file that fails leaves no output and does not stop the others" {
	printf '{"specversion":"1.0","id":"e%s","source":"t","type":"dev.sfx.file.closed","data":{"path":"%s"}}\n' \
		1 nosuch.csv 2 dirty.csv 3 orders.csv >events
	run --separate-stderr sfx-transform -E -o 'clean/{base}' --rejects bad.jsonl --on-error=fail \
		'where nocolumn > 2' <events
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ -z "$(ls -A clean 2>/dev/null)" ]
	[ "$(wc -l <bad.jsonl)" -eq 3 ]
}

@test "links in an archive are skipped, and that is said" {
	printf 'a\n1\n' >a.csv
	ln -s a.csv link.csv
	tar -cf both.tar a.csv link.csv
	run --separate-stderr sfx-transform '' both.tar
	[ "$status" -eq 0 ]
	[ "$output" = $'a\n1' ]
	[ "$stderr" = "sfx-transform: both.tar: 1 member skipped: not a regular file" ]
}

@test "what is clearly no records is not read as CSV, unless asked" {
	printf '\211PNG\r\n\032\n0000' >picture
	run --separate-stderr sfx-transform '' picture
	[ "$status" -eq 65 ]
	[ "$stderr" = "sfx-transform: picture: holds no records: it is image/png; --from reads it all the same" ]
	sfx-transform --from csv '' picture >/dev/null
}

@test "--explain binds the program to the first input and reads no record" {
	{ printf 'id,zip,price,ref\n'; yes 1,2,3,4 | head -n 5; printf 'bad\n'; } >in.csv
	run sfx-transform --explain 'where price > 2 and id = ref | total = price * 2 | sort -total, zip' in.csv
	[ "$status" -eq 0 ]
	[ "$output" = 'in.csv: csv to csv
   columns: id, zip, price, ref
1. where price > 2 and id = ref
   streaming
   price > …: by value
   id = ref: by bytes
   refuses a record for: price that is not a number
2. total = price * 2
   streaming
   refuses a record for: a result of more than 38 digits; price that is not a number
   columns: id, zip, price, ref, total (number)
3. sort -total, zip
   blocking; keys compare by bytes unless they are numbers or times; what exceeds --memory is sorted on disk
   key total: by value
   key zip: by bytes
memory of blocking stages: 256 MiB together, what exceeds it in '"${TMPDIR:-/tmp}" ]
	run sfx-transform --explain 'group zip: n = count()' in.csv
	[[ "$output" == *"reads only the cells of zip"* ]]
	run sfx-transform --explain 'where prize > 2' in.csv
	[ "$status" -eq 2 ]
	[[ "$output" == *"did you mean price"* ]]
	run sfx-transform --explain 'where x > 2 | select y' <&-
	[ "$status" -eq 0 ]
	[[ "$output" == *"2. select y"* ]]
}

@test "a long pipe that pauses gets its output at once with two threads, and ends as soon as head has enough" {
	mkfifo pipe
	(
		seq 400000
		echo -n 40
		sleep 0.3
		echo 0001
		exec sleep 20
	) >pipe &
	writer=$!
	sfx-transform -j 2 --from csv --no-header 'where num(`1`) > 399990' pipe >out &
	reader=$!
	for _ in $(seq 100); do
		[ "$(wc -l <out)" -eq 11 ] && break
		sleep 0.1
	done
	[ "$(tail -n 1 out)" = 400001 ]
	kill $reader $writer
	wait $reader || true
	run timeout 10 sfx-transform -j 2 --from csv --no-header 'head 390000 | tail 1' < <(
		seq 400000
		echo -n 40
		exec sleep 20
	)
	[ "$status" -eq 0 ]
	[ "$output" = 390000 ]
}

@test "any number of threads gives the same bytes as one, rejects and all" {
	awk 'BEGIN { print "a,b,c"
		for (i = 1; i <= 60000; i++)
			printf i % 977 == 0 ? "%d,bad,x%d,\"1\"\n" : i % 13 == 0 ? "%d,\"q, %d\",7\n" : "%d,n%d,12.50\n", i, i }' >in.csv
	[ "$(stat -c %s in.csv)" -gt 1048576 ]
	sfx-transform --on-error=skip -t jsonl '' in.csv >in.jsonl
	[ "$(stat -c %s in.jsonl)" -gt 1048576 ]
	for program in '' 'where a % 3 = 0' 'x = num(c) + a' 'head 50000 | where a > 49990' 'group c: n = count(), first(b)' 'sort -num(a)' 'y = b + 1'; do
		echo "$program"
		for j in 1 2 3 4 8; do
			rm -f bad$j pipebad$j
			sfx-transform -j $j --rejects bad$j "$program" in.csv >out$j || true
			sfx-transform -j $j -t csv "$program" in.jsonl >jsonl$j 2>err$j || true
			cat in.csv | sfx-transform -j $j --rejects pipebad$j "$program" >pipeout$j || true
			cat in.jsonl | sfx-transform -j $j --from jsonl -t csv "$program" >pipejsonl$j 2>pipeerr$j || true
			for f in out bad jsonl err pipeout pipebad pipejsonl pipeerr; do
				cmp ${f}1 $f$j
			done
		done
		cmp out1 pipeout1
		sed 's/"input":"in.csv"/"input":"-"/' bad1 | cmp - pipebad1
	done
	for program in 'c = c * 2, d = lower(b) | where c > 20 | drop b' 'x = c + a | group x: n = count()' \
		'cast c decimal | e = 100 / (a % 50) | redact b keep last 1 | select e, a, c' 'where c > 8 | head 30000 | x = a / 7'; do
		for mode in fail skip null reject 'reject --max-errors 70' 'skip --max-errors 1%'; do
			echo "$program, $mode"
			for j in 1 2 3 16; do
				rm -f bad$j
				for to in csv json; do
					sfx-transform -j $j -t $to --on-error $mode $([[ $mode != skip* ]] && echo --rejects bad$j) "$program" in.csv >$to$j 2>$to-err$j || echo $? >>$to-err$j
					touch bad$j
				done
				# What is read behind the records that head needs is counted and refused, or not.
				for f in csv json $([[ $program == *head* ]] || echo csv-err json-err bad); do
					cmp ${f}1 $f$j
				done
			done
		done
	done
	# What a batch has that a column is missing for is told as one thread would.
	(
		yes '{"a":1}' | head -n 200000
		echo '{"a":2,"late":3}'
	) >late.jsonl
	for j in 1 2 4; do
		run --separate-stderr sfx-transform -j $j -t csv 'where a > 0' late.jsonl
		[ "$status" -eq 65 ]
		printf '%s\n' "$output" "$stderr" >late$j
		cmp late1 late$j
	done
	sfx-transform -j 1 --on-error=skip '' in.csv >one.csv
	sfx-transform -j 8 --on-error=skip '' in.csv | cmp one.csv
	run sfx-transform -j 2 'head 5' in.csv
	[ "${#lines[@]}" -eq 6 ]
	run --separate-stderr sfx-transform -j 2 '' in.csv
	[ "$status" -eq 65 ]
	[[ "$stderr" == *"in.csv: line 978"* ]]
}
