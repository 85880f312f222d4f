# SPDX-License-Identifier: MIT
# What the fault tests share: the material, the scenarios, and the loop that lets a fault strike at
# every place where it can.
#
# A scenario is a function that does one program's work in the current folder, in front of material
# in ../material; what it publishes is in out/. Programs run through `faulty`, so that the fault
# strikes them and nothing else.

# The module that is loaded into programs (LD_PRELOAD).
find_faults() {
	faults=$SFX_BUILD/tests/fault/faults.so
	[ -r "$faults" ]
}

require_sqlite3() {
	command -v sqlite3 >/dev/null || skip 'sqlite3, which looks into databases, is not installed'
}

make_material() {
	mkdir -p "$BATS_TEST_TMPDIR/material/in/sub"
	cd "$BATS_TEST_TMPDIR/material" || return
	awk 'BEGIN { print "id,name,qty"; for (i = 1; i <= 200; i++)
		printf "%05d,\"name, %d\",%d\n", i, i, i % 5 }' >orders.csv
	gzip -n <orders.csv >packed.csv.gz
	"$SFX_BUILD/tests/data/mkphoto" 64x48 photo.jpg
	"$SFX_BUILD/tests/data/mkphoto" 64x48 chart.png
	cp orders.csv in/sub/a.csv
	cp photo.jpg in/b.jpg
	cd ..
}

# event FILE: an event line that names it.
event() {
	printf '{"specversion":"1.0","id":"e-%s","source":"/in","type":"dev.sfx.file.closed","data":{"path":"%s"}}\n' \
		"${1##*/}" "$1"
}

# faulty PROGRAM ARG…: runs it with the fault that at_each_place has set, or without one.
faulty() {
	local program=$1
	shift
	if [ -n "${fault-}" ]; then
		LD_PRELOAD=$faults SFX_FAULT=$fault SFX_FAULT_AT=$place SFX_FAULT_HIT=$BATS_TEST_TMPDIR/hit \
			"$SFX_BUILD/$program" "$@"
	else
		env --default-signal=PIPE "$SFX_BUILD/$program" "$@"
	fi
}

# --- scenarios -----------------------------------------------------------------------------------

watch_once() {
	faulty sfx-watch --once ../material/in
}

# Without the sandbox, in which a fault could not say that it struck.
resize_file() {
	faulty sfx-resize --sandbox=off -s 32x32 -o 'out/new/{stem}-{width}.{ext}' ../material/photo.jpg
}

# An output of more than a page.
resize_large() {
	faulty sfx-resize --sandbox=off --enlarge -s 640x480 -o 'out/{stem}.png' ../material/photo.jpg
}

resize_event() {
	event ../material/chart.png | faulty sfx-resize --sandbox=off -E -s 32x32 -s 16x16 -o 'out/{stem}-{width}.png'
}

transform_event() {
	event ../material/orders.csv | faulty sfx-transform -E -o 'out/{stem}.jsonl' --rejects out/rejects.jsonl \
		'where qty > 1 | sort -num(qty), name'
}

# An output of more than a page.
transform_large() {
	event ../material/orders.csv | faulty sfx-transform -E -o 'out/{stem}.jsonl' ''
}

# Outputs of which one is open at a time, and one that a stage puts aside.
transform_split() {
	faulty sfx-transform --max-open 1 -o 'out/{qty}.csv' 'tee "out/all.jsonl"' ../material/orders.csv
}

# A growing file, from where the state says.
transform_state() {
	faulty sfx-transform --state state -o out/new.csv '' ../material/orders.csv
}

# What a stage carries from run to run.
transform_carry() {
	faulty sfx-transform --state state -o out/new.csv 'group qty: n = count(), median(id)' ../material/orders.csv
}

transform_file() {
	faulty sfx-transform 'group qty: n = count()' ../material/packed.csv.gz
}

load_file() {
	faulty sfx-load sqlite:out/shop.db -t orders ../material/orders.csv
}

# Folders of files; Parquet, and text that is compressed.
load_parquet() {
	faulty sfx-load 'dir:out/o.parquet' ../material/orders.csv
}

load_dir() {
	faulty sfx-load 'dir:out/{qty}.csv.gz' ../material/orders.csv
}

load_event() {
	event ../material/packed.csv.gz | faulty sfx-load -E sqlite:out/shop.db -t orders
}

# --- the loop ------------------------------------------------------------------------------------

# make_reference SCENARIO: what it leaves when nothing goes wrong: in want/, its standard output in want/stdout.
make_reference() {
	rm -rf want
	mkdir -p want/out
	(cd want && fault='' && "$1" >stdout 2>stderr)
}

# at_each_place FAULT SCENARIO CHECK: runs SCENARIO in the empty folder got/ once for each place that
# FAULT can strike (all of the first hundred, then ever fewer), and CHECK after each, in that folder,
# with $status and $place set. Fails when the fault never struck.
at_each_place() {
	local scenario=$2 check=$3 nplaces=0
	fault=$1
	make_reference "$scenario"
	for ((place = 1; ; place += place < 100 ? 1 : place / 10)); do
		rm -rf got hit
		mkdir -p got/out
		status=0
		(cd got && "$scenario" >stdout 2>stderr) || status=$?
		[ -e hit ] || break
		nplaces=$((nplaces + 1))
		(cd got && "$check") || {
			echo "$scenario, $fault at place $place: status $status" >&2
			head got/stderr >&2
			ls -lA got got/out >&2
			return 1
		}
	done
	[ $nplaces -gt 0 ]
}

# database_is_whole FILE WANTED: sound, and its table not begun, empty or complete.
database_is_whole() {
	[ "$(sqlite3 "$1" 'PRAGMA integrity_check')" = ok ] || return
	sqlite3 "$1" 'SELECT * FROM orders' >rows 2>rows.error || grep -q 'no such table' rows.error || return
	[ ! -s rows ] || sqlite3 "$2" 'SELECT * FROM orders' | cmp - rows
}

# Each file in out/ is the reference's; nothing temporary is left but what a kill may leave.
outputs_are_whole() {
	local file
	while read -r file; do
		case $file in
		*/.sfx-*.tmp | *-journal | *-wal | *-shm) [ "$status" -gt 128 ] || return ;;
		*/_sfx_load/*) ;; # the folder's own: when things were loaded
		*.db) database_is_whole "$file" "../want/$file" || return ;;
		*) cmp "$file" "../want/$file" || return ;;
		esac
	done < <(find out/ -type f)
}

# The reference's outputs are all there, and as many lines on standard output.
outputs_are_complete() {
	local file
	outputs_are_whole || return
	while read -r file; do
		[ -s "$file" ] || [ ! -s "../want/$file" ] || return
	done < <(cd ../want && find out -type f)
	[ ! -e out/shop.db ] || [ -s rows ] || return
	[ "$(wc -l <stdout)" -eq "$(wc -l <../want/stdout)" ]
}

says_one_line() {
	[ "$(wc -l <stderr)" -eq 1 ]
}
