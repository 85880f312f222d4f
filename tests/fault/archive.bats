#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Whatever strikes while an archive gets records, it is the old one or the new one, and the next load
# makes it good.

load fault_helper

setup() {
	find_faults
	make_material
	(cd "$BATS_TEST_TMPDIR/material" && printf 'not,ours\n' >mine.csv && head -n 40 orders.csv >first.csv &&
		tar -cf old.tar mine.csv && "$SFX_BUILD/sfx-load" 'tar:old.tar/{qty}.csv' -t orders first.csv)
}

load_archive() {
	cp ../material/old.tar out/day.tar
	faulty sfx-load 'tar:out/day.tar/{qty}.csv' ../material/orders.csv
}

# rows_of ARCHIVE: all but the ledger, which has times.
rows_of() {
	tar -xOf "$1" --exclude '_sfx_load*'
}

is_new() {
	cmp <(rows_of out/day.tar) <(rows_of ../want/out/day.tar)
}

check() {
	if [ "$status" -eq 0 ]; then
		is_new || return
	else
		cmp -s out/day.tar ../material/old.tar || is_new || return
		[ "$status" -eq 137 ] || says_one_line || return
	fi
	"$SFX_BUILD/sfx-load" 'tar:out/day.tar/{qty}.csv' ../material/orders.csv || return
	is_new && [ "$(tar -xOf out/day.tar _sfx_load/_sfx_load.jsonl | wc -l)" -eq 2 ] &&
		[ -z "$(find out -name '*.sfx_load')" ]
}

@test 'an archive that gets records: the program is killed anywhere' {
	at_each_place kill load_archive check
}

@test 'an archive that gets records: any write fails' {
	at_each_place ENOSPC load_archive check && at_each_place EIO load_archive check
}

@test 'an archive that gets records: any allocation fails' {
	at_each_place alloc load_archive check
}
