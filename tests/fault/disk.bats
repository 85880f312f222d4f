#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A full disk is an error: 74, one line, no partial output.

load fault_helper

setup() {
	make_material
}

teardown() {
	if [ -e "$BATS_TEST_TMPDIR/mounted" ]; then
		cd / && umount "$BATS_TEST_TMPDIR/small"
	fi
}

# on_full_device SCENARIO: standard output is a device that takes nothing.
on_full_device() {
	mkdir -p got/out
	cd got
	status=0
	"$1" >/dev/full 2>stderr || status=$?
	[ "$status" -eq 74 ]
	says_one_line
}

# on_full_disk SCENARIO: out/ is a file system of one page.
on_full_disk() {
	make_reference "$1"
	mkdir -p small
	mount -t tmpfs -o size=4k sfx-test small 2>/dev/null || skip 'only root can mount a small file system'
	touch mounted
	mkdir -p got
	ln -s ../small got/out
	cd got
	status=0
	"$1" >stdout 2>stderr || status=$?
	[ "$status" -eq 74 ]
	says_one_line
	outputs_are_whole
}

@test 'sfx-watch: standard output is full' {
	on_full_device watch_once
}

@test 'sfx-resize: standard output is full' {
	on_full_device resize_event
}

@test 'sfx-resize: the disk is full' {
	on_full_disk resize_large
}

@test 'sfx-load -E: standard output is full' {
	on_full_device load_event
}

@test 'sfx-transform: standard output is full' {
	on_full_device transform_file
}

@test 'sfx-transform -E: the disk is full' {
	on_full_disk transform_large
}

@test 'sfx-load: the disk is full' {
	require_sqlite3
	on_full_disk load_file
}

@test 'sfx-load into Parquet: the disk is full' {
	on_full_disk load_parquet
}

@test 'rejects that meet a full disk end with a whole line' {
	mkdir small
	mount -t tmpfs -o size=8k sfx-test small 2>/dev/null || skip 'only root can mount a small file system'
	touch mounted
	awk 'BEGIN { print "a"; for (i = 0; i < 1000; i++) print "x" i }' >bad.csv
	status=0
	"$SFX_BUILD/sfx-transform" --rejects small/r.jsonl 'where a > 1' bad.csv >stdout 2>stderr || status=$?
	[ "$status" -eq 74 ]
	[ "$(tail -c 1 small/r.jsonl)" = "" ]
	[ "$(wc -l <small/r.jsonl)" -eq "$(grep -c '^{.*}$' small/r.jsonl)" ]
}
