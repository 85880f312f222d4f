#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Whichever allocation fails, a program says so in a line, exits with 70, and leaves no half output;
# or it did not need that memory and does all of its work.

load fault_helper

setup() {
	find_faults
	make_material
}

check() {
	case $status in
	0) outputs_are_complete ;;
	70) says_one_line && outputs_are_whole ;;
	*) return 1 ;;
	esac
}

@test 'sfx-watch survives every failed allocation' {
	at_each_place alloc watch_once check
}

@test 'sfx-resize survives every failed allocation' {
	at_each_place alloc resize_file check
}

@test 'sfx-resize -E survives every failed allocation' {
	at_each_place alloc resize_event check
}

@test 'sfx-load survives every failed allocation' {
	require_sqlite3
	at_each_place alloc load_file check
}

@test 'sfx-load -E survives every failed allocation' {
	require_sqlite3
	at_each_place alloc load_event check
}

@test 'sfx-transform survives every failed allocation' {
	at_each_place alloc transform_file check
}

@test 'sfx-transform -E survives every failed allocation' {
	at_each_place alloc transform_event check
}
