#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Whichever call meets the full or the dying disk: 74, one line, no partial output. Some calls may
# fail without harm (SQLite syncs the folder, but does not insist): then all of the work is done.

load fault_helper

setup() {
	make_material
	find_faults
}

check() {
	case $status in
	0) outputs_are_complete ;;
	74) says_one_line && outputs_are_whole ;;
	*) return 1 ;;
	esac
}

# at_each_write SCENARIO: whichever call meets the full or the dying disk.
at_each_write() {
	at_each_place ENOSPC "$1" check && at_each_place EIO "$1" check
}

@test 'sfx-resize: any write fails' {
	at_each_write resize_file
}

@test 'sfx-resize -E: any write fails' {
	at_each_write resize_event
}

@test 'sfx-load: any write fails' {
	require_sqlite3
	at_each_write load_file
}

@test 'sfx-load -E: any write fails' {
	require_sqlite3
	at_each_write load_event
}

# As check; and the next load, which nothing fails, makes it good.
check_again() {
	check || return
	fault='' "$scenario" >/dev/null 2>stderr || return
	outputs_are_whole && [ "$(ls out)" = "$(ls ../want/out)" ]
}

@test 'sfx-load into a folder: any write fails' {
	at_each_place ENOSPC load_dir check_again && at_each_place EIO load_dir check_again
}

@test 'sfx-load into Parquet: any write fails' {
	at_each_place ENOSPC load_parquet check_again && at_each_place EIO load_parquet check_again
}

@test 'sfx-transform -E: any write fails' {
	at_each_write transform_event
}

@test 'sfx-transform, split outputs: any write fails' {
	at_each_write transform_split
}

@test 'sfx-transform --state: any write fails' {
	at_each_write transform_state
}

@test 'sfx-transform --state with a group: any write fails' {
	at_each_write transform_carry
}
