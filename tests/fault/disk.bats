#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A full or dying disk is an error: 74, one line, no partial output.

load fault_helper

setup() {
	make_material
}

teardown() {
	if [ -e "$BATS_TEST_TMPDIR/mounted" ]; then
		cd / && umount "$BATS_TEST_TMPDIR/small"
	fi
}

check() {
	[ "$status" -eq 74 ] && says_one_line && outputs_are_whole
}

# at_each_write SCENARIO: whichever call meets the full or the dying disk.
at_each_write() {
	require_preload
	at_each_place ENOSPC "$1" check && at_each_place EIO "$1" check
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
	[ -z "$(find ../small -type f)" ]
}

@test 'sfx-watch: standard output is full' {
	on_full_device watch_once
}

@test 'sfx-resize: standard output is full' {
	on_full_device resize_event
}

@test 'sfx-resize: any write fails' {
	at_each_write resize_file
}

@test 'sfx-resize -E: any write fails' {
	at_each_write resize_event
}

@test 'sfx-resize: the disk is full' {
	on_full_disk resize_large
}
