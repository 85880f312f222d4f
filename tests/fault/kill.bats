#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Killed before any call that changes a file, a program leaves its outputs absent or whole, and doing
# the work again makes them complete.

load fault_helper

setup() {
	find_faults
	make_material
}

# The program says of a worker's death.
worker_was_killed() {
	[ "$status" -ne 0 ] && grep -q 'decoder was killed' stderr
}

check() {
	[ "$status" -eq 137 ] || worker_was_killed || return
	outputs_are_whole || return
	(fault='' && "$scenario" >stdout 2>stderr) && outputs_are_complete
}

@test 'sfx-resize killed anywhere leaves outputs absent or whole' {
	at_each_place kill resize_file check
}

@test 'sfx-resize -E killed anywhere leaves outputs absent or whole' {
	at_each_place kill resize_event check
}

@test 'sfx-load killed anywhere leaves the table absent or complete' {
	require_sqlite3
	at_each_place kill load_file check
}

@test 'sfx-load -E killed anywhere leaves the table absent or complete' {
	require_sqlite3
	at_each_place kill load_event check
}

@test 'sfx-transform -E killed anywhere leaves outputs absent or whole' {
	at_each_place kill transform_event check
}

@test 'sfx-transform killed anywhere leaves split outputs absent or whole' {
	at_each_place kill transform_split check
}

# What was published before the kill and what the next run publishes is each record once.
check_state() {
	[ "$status" -eq 137 ] || return
	: >rows
	[ ! -e out/new.csv ] || tail -n +2 out/new.csv >>rows
	(fault='' && transform_state) || return
	tail -n +2 out/new.csv >>rows
	tail -n +2 ../material/orders.csv | cmp - rows
}

@test 'sfx-transform --state killed anywhere neither loses nor repeats a record' {
	at_each_place kill transform_state check_state
}

# Whatever the kill left, the next run has the totals of all records.
check_carry() {
	[ "$status" -eq 137 ] || return
	(fault='' && transform_carry) || return
	(fault='' && faulty sfx-transform 'group qty: n = count(), median(id)' ../material/orders.csv) |
		cmp - out/new.csv
}

@test 'sfx-transform --state with a group, killed anywhere, counts each record once' {
	at_each_place kill transform_carry check_carry
}
