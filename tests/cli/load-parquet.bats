#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-load into Parquet files, read back by programs that are not ours: hyparquet where node and
# npm are (installed once into the cache), and DuckDB where it is on PATH.

load load.bash

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
}

need_reader() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/sfx-test/hyparquet
	command -v node >/dev/null && command -v npm >/dev/null || skip 'node or npm is missing'
	if [ ! -d "$cache/node_modules/hyparquet-compressors" ]; then
		mkdir -p "$cache"
		npm install --silent --prefix "$cache" hyparquet@1 hyparquet-compressors@1 >/dev/null 2>&1 ||
			skip 'hyparquet cannot be installed'
	fi
	ln -sfn "$cache/node_modules" node_modules
	# Integers of 64 bits do not fit JSON's numbers: they are written as texts.
	cat >read.mjs <<-'END'
		import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
		import { compressors } from 'hyparquet-compressors'
		const file = await asyncBufferFromFile(process.argv[2])
		const text = (key, v) => typeof v === 'bigint' ? v.toString() : v
		if (process.argv[3] === 'columns') {
			const meta = await parquetMetadataAsync(file)
			for (const group of meta.row_groups)
				for (const { meta_data: c } of group.columns) {
					const s = c.statistics
					console.log(JSON.stringify([c.path_in_schema[0], c.type, c.codec, c.encodings.at(-1),
						s.null_count, s.min_value, s.max_value], text))
				}
		} else {
			for (const row of await parquetReadObjects({ file, compressors }))
				console.log(JSON.stringify(row, text))
		}
	END
}

# reads FILE LINE…: its rows as JSON.
reads() {
	local file=$1
	shift
	node read.mjs "$file" >got
	printf '%s\n' "$@" | diff - got
}

@test "types, nulls and decimals come back" {
	need_reader
	cat >t.csv <<-'END'
		id,price,real,day,at,tz,name,note
		1,1.50,1.5,2024-02-29,2026-01-05T10:00:00.5,2026-01-05T10:00:00Z,é,
		-20,10.00,2.25,1969-12-31,1960-01-05T10:00:01.0,1960-01-05T10:00:01Z,b,"x,y"
		,-0.05,,2000-01-01,2026-01-05T10:00:02.0,2026-01-05T10:00:02Z,b,""
	END
	exits 0 sfx-load parquet:o/t.parquet t.csv
	reads o/t.parquet \
		'{"id":"1","price":1.5,"real":1.5,"day":"2024-02-29T00:00:00.000Z","at":"2026-01-05T10:00:00.500Z","tz":"2026-01-05T10:00:00.000Z","name":"é","note":null}' \
		'{"id":"-20","price":10,"real":2.25,"day":"1969-12-31T00:00:00.000Z","at":"1960-01-05T10:00:01.000Z","tz":"1960-01-05T10:00:01.000Z","name":"b","note":"x,y"}' \
		'{"id":null,"price":-0.05,"real":null,"day":"2000-01-01T00:00:00.000Z","at":"2026-01-05T10:00:02.000Z","tz":"2026-01-05T10:00:02.000Z","name":"b","note":""}'
	printf '{"a":true,"b":{"x":1}}\n{"a":false,"b":[1]}\n{"a":null}\n' >u.jsonl
	exits 0 sfx-load parquet:o/u.parquet u.jsonl
	reads o/u.parquet '{"a":true,"b":{"x":1}}' '{"a":false,"b":[1]}' '{"a":null,"b":null}'
	printf 'd\n123456789012345678.25\n-1.5\n0\n' >d.csv
	exits 0 sfx-load parquet:o/d.parquet --types 'd=decimal(38,2)' d.csv
	[ "$(node read.mjs o/d.parquet | sed -n 2,3p)" = $'{"d":-1.5}\n{"d":0}' ]
	printf 't\n2026-01-05T10:00:00.123456789Z\n' >n.csv
	exits 0 sfx-load parquet:o/n.parquet n.csv
	[ "$(node read.mjs o/n.parquet columns | cut -d, -f 2)" = '"INT64"' ]
}

@test "statistics and encodings say what is there" {
	need_reader
	awk 'BEGIN { print "n,part,unique,some"
		for (i = 1; i <= 5000; i++) printf "%d,p%d,u%d,%s\n", i, i % 3, i, i % 5 ? i : "" }' >t.csv
	exits 0 sfx-load parquet:o/t.parquet --not-null n t.csv
	node read.mjs o/t.parquet columns >got
	diff - got <<-'END'
		["n","INT64","ZSTD","RLE","0","1","5000"]
		["part","BYTE_ARRAY","ZSTD","RLE_DICTIONARY","0","p0","p2"]
		["unique","BYTE_ARRAY","ZSTD","RLE","0","u1","u999"]
		["some","INT64","ZSTD","RLE","1000","1","4999"]
	END
	node read.mjs o/t.parquet | sed 's/null/""/' >back.jsonl
	sfx-transform -o t.jsonl '' t.csv
	diff back.jsonl t.jsonl
}

@test "runs, row groups and dictionaries of all widths read back" {
	need_reader
	awk 'BEGIN { print "run,few,many,late"
		for (i = 0; i < 260000; i++)
			printf "r%d,f%d,m%d,%s\n", i / 1000, i % 5, (i * 7919) % 40000, i < 2000 ? "same" : "x" i }' >t.csv
	exits 0 sfx-load parquet:o/t.parquet t.csv
	[ "$(node read.mjs o/t.parquet columns | wc -l)" -eq 12 ]
	node read.mjs o/t.parquet >back.jsonl
	sfx-transform -o t.jsonl '' t.csv
	cmp back.jsonl t.jsonl
	[ "$(wc -c <o/t.parquet)" -lt "$(($(wc -c <t.csv) / 3))" ]
}

@test "files are named by columns and loads, and do not grow" {
	need_reader
	printf 'c,v\na,1\nb,2\na,3\n' >t.csv
	printf 'c,v\na,4\n' >u.csv
	exits 0 sfx-load 'dir:o/{c}/{load}.parquet' t.csv u.csv
	reads o/a/1.parquet '{"c":"a","v":"1"}' '{"c":"a","v":"3"}'
	reads o/a/2.parquet '{"c":"a","v":"4"}'
	exits 0 sfx-load -v 'dir:o/{c}/{load}.parquet' t.csv
	grep -q 'already loaded' said
	exits 0 sfx-load parquet:p/x.parquet t.csv
	exits 65 sfx-load parquet:p/x.parquet u.csv
	grep -q 'do not grow' said
	exits 0 sfx-load --mode=replace parquet:p/x.parquet u.csv
	reads p/x.parquet '{"c":"a","v":"4"}'
	exits 2 sfx-load parquet:p/x.csv u.csv
}

@test "what a column cannot hold is a bad record" {
	need_reader
	printf '{"a":"x","n":1}\n{"a":"\xff","n":2}\n{"a":"y","n":"z"}\n' >t.jsonl
	exits 65 sfx-load parquet:o/t.parquet --types n=integer t.jsonl
	[ ! -e o/t.parquet ]
	exits 1 sfx-load -v parquet:o/t.parquet --types n=integer --rejects bad.jsonl t.jsonl
	grep -q '1 loaded into t, 2 rejected' said
	[ "$(wc -l <bad.jsonl)" -eq 2 ]
	reads o/t.parquet '{"a":"x","n":"1"}'
	exits 1 sfx-load -n parquet:o/other.parquet --types n=integer --rejects bad.jsonl t.jsonl
	grep -q '1 to load into t, 2 to reject' out
}

@test "an input without records makes a file without rows" {
	need_reader
	echo a,b >t.csv
	exits 0 sfx-load dir:o/u.csv t.csv
	[ "$(cat o/u.csv)" = a,b ]
	exits 0 sfx-load parquet:o/t.parquet t.csv
	[ -z "$(node read.mjs o/t.parquet)" ]
	head -c 4 o/t.parquet | grep -q PAR1
}

@test "killed at any time and run again: the same file" {
	awk 'BEGIN { print "id,part,name"; for (i = 1; i <= 100000; i++) printf "%d,p%d,name %d\n", i, i % 3, i }' >t.csv
	exits 0 sfx-load 'dir:whole/{part}.parquet' t.csv
	for _ in $(seq 15); do
		rm -rf cut
		sfx-load 'dir:cut/{part}.parquet' t.csv 2>/dev/null &
		sleep "0.$((RANDOM % 25 + 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		exits 0 sfx-load 'dir:cut/{part}.parquet' t.csv
		diff -r -x _sfx_load whole cut
	done
}

@test "DuckDB reads the types that were written" {
	command -v duckdb >/dev/null || skip 'DuckDB is not on PATH'
	printf 'id,price,day,tz,name\n1,1.50,2024-02-29,2026-01-05T10:00:00Z,x\n,0.25,1969-12-31,1960-01-05T10:00:00Z,\n' >t.csv
	exits 0 sfx-load parquet:o/t.parquet t.csv
	[ "$(duckdb -csv -noheader -c "SELECT string_agg(column_type, ' ') FROM (DESCRIBE FROM 'o/t.parquet')")" = \
		'"BIGINT DECIMAL(15,2) DATE TIMESTAMP WITH TIME ZONE VARCHAR"' ]
	[ "$(duckdb -csv -noheader -c "SELECT count(id), sum(price), min(day), count(name) FROM 'o/t.parquet'")" = '1,1.75,1969-12-31,1' ]
}
