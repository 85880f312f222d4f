#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-watch: no file missed, none told twice, none told too early.

load watch.bash

@test "what was there before is told, once, with its size and a stable id" {
	mkdir -p in/deep/er
	echo one >in/a.txt
	echo three >in/deep/er/b.txt
	"$watch" --once in >out
	[ "$(types)" = "scanned in/a.txt
scanned in/deep/er/b.txt" ]
	[ "$(jq -r 'select(.data.path == "in/a.txt").data.size' out)" = 4 ]
	jq -r .id out | sort >first
	"$watch" --once in/ >out
	jq -r .id out | sort | cmp - first
	echo more >>in/a.txt
	"$watch" --once in >out
	[ "$(jq -r .id out | sort | comm -13 first - | wc -l)" -eq 1 ]
}

@test "a file is told when it is closed, not before" {
	start in
	exec 4>in/slow
	echo first >&4
	echo other >in/other
	until_true has_lines 1
	[ "$(paths)" = in/other ]
	echo second >&4
	exec 4>&-
	until_true has_lines 2
	stop
	assert_each_once 2
	[ "$(types)" = "closed in/other
closed in/slow" ]
	[ "$(jq 'select(.data.path == "in/slow").data.size' out)" = 13 ]
}

@test "a file that is being written is not told by a scan, but when it is closed" {
	exec 4>in/slow
	echo first >&4
	echo done >in/done
	"$watch" --once in >out
	[ "$(paths)" = in/done ]
	start in
	until_true has_lines 1
	[ "$(paths)" = in/done ]
	exec 4>&-
	until_true has_lines 2
	stop
	[ "$(types)" = "closed in/slow
scanned in/done" ]
}

@test "files that are moved in and linked are told, under those names" {
	echo a >a
	echo b >b
	start in
	mv a in/a
	ln b in/b
	until_true has_lines 2
	stop
	[ "$(types)" = "linked in/b
moved in/a" ]
}

@test "a file that gets another name at once is told once" {
	mkdir elsewhere
	start in
	for i in $(seq 30); do
		echo "$i" >"in/$i"
		until_true grep -q "\"in/$i\"" out
		ln "in/$i" elsewhere
	done
	echo last >in/last
	until_true grep -q in/last out
	stop
	assert_each_once 31
}

@test "a name that looks temporary is told of only when it stays" {
	start in
	for name in a.part .b.csv.x1Y2z3 c.tmp d~; do
		echo "$name" >"in/$name"
	done
	sleep 0.2 # others would be told by now
	mv in/a.part in/a
	mv in/.b.csv.x1Y2z3 in/b.csv
	mv in/c.tmp in/c
	until_true has_lines 3
	until_true has_lines 4
	stop
	assert_each_once 4
	[ "$(paths | paste -sd ' ')" = 'in/a in/b.csv in/c in/d~' ]
}

@test "a file that is saved by renaming is told under its last name with its last content" {
	echo old >in/a
	start in
	until_true has_lines 1
	echo newer >new
	mv new in/a
	until_true has_lines 2
	stop
	[ "$(tail -n 1 out | jq -r '.type, .data.path, .data.size' | xargs)" = "dev.sfx.file.moved in/a 6" ]
}

@test "the last of many versions is told" {
	start in
	for i in $(seq 200); do printf "%$((i))s" x >in/a; done
	until_true sh -c 'tail -n 1 out | jq -e ".data.size == 200" >/dev/null'
	stop
	[ "$(jq -r .id out | sort -u | wc -l)" -eq "$(wc -l <out)" ]
}

@test "folders that are made and filled at once are told completely" {
	start in
	for i in $(seq 30); do
		mkdir -p "in/a$i/b/c"
		for j in $(seq 40); do echo "$j" >"in/a$i/b/c/$j"; done
	done
	until_true has_lines 1200
	stop
	assert_each_once 1200
}

@test "a tree that is moved in is told completely" {
	mkdir -p tree/x/y tree/z
	for j in $(seq 50); do echo "$j" >"tree/x/y/$j"; echo "$j" >"tree/z/$j"; done
	start in
	mv tree in/
	until_true has_lines 100
	echo late >in/tree/x/late
	until_true has_lines 101
	stop
	assert_each_once 101
	[ "$(types | grep -c '^moved ')" -eq 100 ]
}

@test "after a folder is renamed its files are told under the new name" {
	mkdir in/old
	echo a >in/old/a
	start in
	until_true has_lines 1
	mv in/old in/new
	until_true has_lines 2
	echo b >in/new/b
	until_true has_lines 3
	stop
	[ "$(types)" = "closed in/new/b
moved in/new/a
scanned in/old/a" ]
}

@test "a deletion that waited to be looked at is not one of the file that came since" {
	start --events closed,deleted in
	kill -STOP "$pid"
	echo 1 >in/a
	rm in/a
	echo 22 >in/a
	kill -CONT "$pid"
	until_true has_lines 1
	sleep 0.1
	rm in/a
	until_true has_lines 2
	stop
	[ "$(jq -r .type out | xargs)" = 'dev.sfx.file.closed dev.sfx.file.deleted' ]
}

@test "after a folder is renamed, or moved to another that is watched, so are the files in its folders" {
	mkdir -p in/old/sub/deep second
	echo a >in/old/sub/deep/a
	start in second
	until_true has_lines 1
	mv in/old in/new
	until_true has_lines 2
	mv in/new second/new
	until_true has_lines 3
	echo b >second/new/sub/deep/b
	until_true has_lines 4
	stop
	[ "$(types)" = "closed second/new/sub/deep/b
moved in/new/sub/deep/a
moved second/new/sub/deep/a
scanned in/old/sub/deep/a" ]
}

# any_of FILE…: one of them.
any_of() { [ $# -gt 0 ] && echo "${@:1 + RANDOM % $#:1}"; }

# write_odd N FILE: of 2N + 1 bytes, of which the last comes by itself: an even size is not complete.
write_odd() {
	{
		printf "%$((2 * $1))s" x
		printf y
	} >"$2"
}

# What was told of each file last is what is there.
last_are_told() {
	jq -rs 'reduce .[] as $e ({}; .[$e.data.path] = if ($e.type | endswith("deleted")) then null else $e.data.size end)
		| to_entries[] | select(.value) | "\(.key) \(.value)"' out | sort >last
	[ "$(comm -13 last there)" = "" ]
}

# Does something to the trees in and away: files of size $1, or a folder.
do_something() {
	local at to
	at=$(any_of $(find in away -type d))
	to=$(any_of $(find in away -type d))/$((RANDOM % 8))
	case $((RANDOM % 9)) in
	0 | 1 | 2) write_odd "$1" "$at/f$((RANDOM % 20))" ;;
	3) write_odd "$1" "$at/new.tmp" && mv -T "$at/new.tmp" "$at/f$((RANDOM % 20))" ;;
	4 | 5) mkdir "$at/$((RANDOM % 8))" ;;
	6) [ "$at" = in ] || [ "$at" = away ] || mv -T "$at" "$to" ;;
	7) mv -T "$(any_of $(find in away -type f))" "${to%/*}/f$((RANDOM % 20))" ;;
	8) [ $((RANDOM % 3)) -gt 0 ] || [ "$at" = in ] || [ "$at" = away ] || rm -r "$at" ;;
	esac
}

@test "whatever is done to a tree, the last version of each file is told, and no version twice" {
	mkdir away
	start --events closed,moved,linked,deleted,scanned in
	RANDOM=${SEED:-42}
	for i in {1..400}; do
		# Much happens before it is looked at.
		case $((RANDOM % 16)) in
		0 | 1) kill -STOP "$pid" ;;
		2) kill -CONT "$pid" ;;
		esac
		do_something "$i" 2>/dev/null || true
	done
	kill -CONT "$pid"
	find in -type f -printf '%p %s\n' | sort >there
	[ -s there ]
	until_true last_are_told
	stop
	last_are_told
	# Complete ones only, and each version once.
	[ "$(jq -r 'select(.data.size != null and .data.size % 2 == 0) | "\(.data.path) \(.data.size)"' out)" = "" ]
	[ "$(jq -r .id out | sort | uniq -d)" = "" ]
}

@test "a folder that is moved out is not watched any more" {
	mkdir -p in/d/e
	start in
	mv in/d away
	echo no >away/e/no
	echo yes >in/yes
	until_true has_lines 1
	echo no >away/e/no2
	stop
	[ "$(paths)" = in/yes ]
}

@test "deletions are told when asked for, of files that were told" {
	echo a >in/a
	echo b >in/b
	start --events scanned,deleted,moved in
	until_true has_lines 2
	mv in/a in/c
	rm in/b
	until_true has_lines 5
	stop
	[ "$(types)" = "deleted in/a
deleted in/b
moved in/c
scanned in/a
scanned in/b" ]
	[ "$(jq -c 'select(.type == "dev.sfx.file.deleted" and .data.path == "in/b").data' out)" = '{"path":"in/b"}' ]
}

@test "types are those of the content, not of the name" {
	printf '\211PNG\r\n\032\n\0\0\0\rIHDR' >in/picture.txt
	printf 'id,name\n1,Ann\n2,Bob\n3,Cy\n' >in/list.png
	printf 'id,name\n1,Ann\n' >in/list.csv
	"$watch" --once --type 'image/*' in >out
	[ "$(jq -r '.data.path + " " + .data.type' out)" = "in/picture.txt image/png" ]
	"$watch" --once --type text/csv --type application/json in >out
	[ "$(paths)" = "in/list.csv
in/list.png" ]
	[ "$(jq -r .data.type out | sort -u)" = text/csv ]
}

@test "names may be any bytes" {
	echo 1 >"in/$(printf 'line\nend')"
	echo 2 >"in/$(printf 'latin\377')"
	"$watch" --once -0 in | sort -z | od -c >got
	printf 'in/latin\377\0in/line\nend\0' | od -c | cmp - got
	"$watch" --once in >out
	[ "$(wc -l <out)" -eq 2 ]
	[ "$(jq -r 'select(.data.size == 2).data.path_base64 // empty' out | base64 -d | od -c)" = \
		"$(printf 'in/latin\377' | od -c)" ]
}

@test "paths may be filtered, and folders left out" {
	mkdir -p in/keep in/skip/deep
	touch in/a.csv in/b.txt in/keep/c.csv in/skip/deep/d.csv
	"$watch" --once --glob '*.csv' --ignore skip in >out
	[ "$(paths)" = "in/a.csv
in/keep/c.csv" ]
	"$watch" --once --glob 'keep/*' --glob '*.txt' in >out
	[ "$(paths)" = "in/b.txt
in/keep/c.csv" ]
	"$watch" --once --no-recursive in >out
	[ "$(paths)" = "in/a.csv
in/b.txt" ]
	[ "$("$watch" --once --paths --max-events 1 --glob '*.txt' in)" = in/b.txt ]
}

@test "our own unfinished outputs are not told" {
	touch in/.sfx-0123456789abcdef.tmp in/.hidden
	"$watch" --once in >out
	[ "$(paths)" = in/.hidden ]
}

@test "links are not followed, pipes not touched" {
	mkdir outside
	echo x >outside/x
	echo y >in/y
	ln -s ../outside in/folder
	ln -s y in/file
	ln -s . in/loop
	mkfifo in/pipe
	timeout 20 "$watch" --once in >out
	[ "$(paths)" = in/y ]
	ln -s in link
	"$watch" --once link >out
	[ "$(paths)" = link/y ]
}

@test "when the kernel's queue runs over nothing is lost and nothing told twice" {
	queue=$(cat /proc/sys/fs/inotify/max_queued_events)
	[ "$queue" -le 20000 ] || skip "the queue holds $queue events"
	mkdir in/before in/after
	touch in/before/{1..50}
	start --stats=stats in
	until_true has_lines 50
	kill -STOP "$pid"
	(cd in/after && seq "$queue" | xargs touch)
	rm -r in/before
	mkdir -p in/new/er
	touch in/new/er/last
	kill -CONT "$pid"
	until_true has_lines $((queue + 51))
	stop
	assert_each_once $((queue + 51))
	grep -q 'ran over' err
	[ "$(jq .overflows stats)" -ge 1 ]
	[ "$(jq .folders stats)" -eq 4 ]
}

@test "when it is stopped, what is queued is told before the end" {
	start in
	kill -STOP "$pid"
	mkdir in/d
	for i in $(seq 100); do echo "$i" >"in/d/$i"; done
	kill -TERM "$pid"
	kill -CONT "$pid"
	wait "$pid"
	pid=
	assert_each_once 100
}

@test "it ends when its reader goes away, though nothing happens" {
	echo x >in/x
	run timeout 20 bash -c "'$watch' in | head -n 1 >out; echo \${PIPESTATUS[0]}"
	[ "$status" -eq 0 ]
	[ "$output" = 141 ]
	has_lines 1
}

@test "a full disk is an error" {
	echo x >in/x
	run sh -c "'$watch' --once in >/dev/full"
	[ "$status" -eq 74 ]
	[[ "$output" == *"No space left on device"* ]]
}

@test "a root that is deleted is watched again when it comes back" {
	start in
	rmdir in
	until_true grep -q 'in: is gone' err
	mkdir in
	until_true grep -q 'in: is watched again' err
	echo x >in/x
	until_true has_lines 1
	rm -r in
	mkdir -p in/d
	echo y >in/d/y
	until_true has_lines 2
	stop
	[ "$(types)" = "closed in/d/y
closed in/x" ]
}

@test "a root that is renamed and made anew is watched, what it was is not" {
	mkdir second
	start in second
	mv in away
	until_true grep -q 'in: is gone' err
	echo no >away/no
	echo x >second/x
	until_true has_lines 1
	mkdir new
	echo y >new/y
	mv new in
	until_true has_lines 2
	echo z >in/z
	until_true has_lines 3
	mv in gone
	mv away in
	until_true has_lines 4
	stop
	[ "$(paths)" = "in/no
in/y
in/z
second/x" ]
}

@test "a root below a folder that is renamed is waited for" {
	mkdir -p above/in
	start above/in
	mv above elsewhere
	until_true grep -q 'in: is gone' err
	mkdir -p above/in
	echo x >above/in/x
	until_true has_lines 1
	[ "$(paths)" = above/in/x ]
}

@test "settling holds back what has just changed" {
	echo new >in/new
	echo old >in/old
	touch -d yesterday in/old
	start --settle 1h in
	until_true has_lines 1
	stop
	[ "$(paths)" = in/old ]
	timeout 20 "$watch" --once --settle 1h in >out
	[ "$(paths)" = in/old ]
	"$watch" --once --settle auto -r in >out
	[ "$(paths)" = "in/new
in/old" ]
	run "$watch" --once --settle soon in
	[ "$status" -eq 2 ]
	[[ "$output" == *"--settle: 'soon' is neither auto nor a time"* ]]
	run "$watch" --once -r --no-recursive in
	[ "$status" -eq 2 ]
}

@test "a folder that may not be read is said and counted" {
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "root may read everything"
	mkdir in/secret
	touch in/a
	chmod 000 in/secret
	chmod 755 . in
	as_other=
	[ "$(id -u)" -ne 0 ] || as_other="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$as_other "$watch" --help >/dev/null || skip "another user may not run the program"
	$as_other test -r in/a || skip "another user may not reach the folder"
	run $as_other "$watch" --once --paths in
	chmod 755 in/secret
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"in/secret: Permission denied"* ]]
	[[ "$output" == *"in/a"* ]]
}

@test "beyond the system's limit on watches folders are polled, which is said" {
	mkdir -p in/{a,b,c,d/e}
	touch in/{a,b,c,d/e}/there
	cat >limited <<-TEXT
		echo 3 >/proc/sys/user/max_inotify_watches || exit 99
		exec "$watch" -v --poll-interval 100ms --events closed,moved,deleted,scanned --stats=stats in
	TEXT
	unshare --user --map-root-user sh -c 'echo 3 >/proc/sys/user/max_inotify_watches' 2>err ||
		skip "user namespaces are not allowed"
	unshare --user --map-root-user sh limited >out 2>err 3>&- 4>&- &
	pid=$!
	until_true grep -q 'are watched' err
	grep -q 'limit of watched folders.*are polled.*max_user_watches' err
	[ "$(grep -c 'limit of' err)" -eq 1 ]
	for name in a b c d/e; do echo x >"in/$name/new"; done
	mkdir -p in/d/e/f/g
	echo x >in/d/e/f/g/new
	until_true has_lines 9
	rm in/{a,b,c}/there
	rm -r in/d
	until_true has_lines 15
	stop
	[ "$(types | grep -c '^closed.*new$')" -eq 5 ]
	[ "$(types | grep -c '^deleted')" -eq 6 ]
	[ "$(jq -r .id out | sort | uniq -d)" = "" ]
	[ "$(jq .polled stats)" -eq 1 ]
	# The same when there is no more than the number of watches.
	sed -i 's/echo 3 .*watches/echo 0 >\/proc\/sys\/user\/max_inotify_instances/; s/--stats=stats//' limited
	unshare --user --map-root-user sh limited >out 2>err 3>&- 4>&- &
	pid=$!
	until_true grep -q 'are watched' err
	grep -q 'from in on folders are polled.*max_user_instances' err
	echo x >in/a/last
	until_true grep -q in/a/last out
}

@test "misuse and what is no folder are said" {
	run "$watch"
	[ "$status" -eq 2 ]
	run "$watch" --events closed,eaten in
	[ "$status" -eq 2 ]
	[[ "$output" == *"'eaten' is none of"* ]]
	run "$watch" missing
	[ "$status" -eq 74 ]
	[ "$output" = "sfx-watch: missing: No such file or directory" ]
	touch file
	run "$watch" file
	[ "$status" -eq 74 ]
	[ "$output" = "sfx-watch: file: Not a directory" ]
	run timeout 20 "$watch" in ./in
	[ "$status" -eq 2 ]
	[[ "$output" == *"./in"*"watched already"* ]]
}

@test "a root in a root is told once, under its own name" {
	mkdir in/sub
	touch in/a in/sub/b
	"$watch" --once in in/./sub >out
	[ "$(paths)" = "in/./sub/b
in/a" ]
	start in in/./sub
	touch in/sub/c
	until_true has_lines 3
	stop
	[ "$(paths)" = "in/./sub/b
in/./sub/c
in/a" ]
}

@test "every event is a CloudEvent" {
	echo a >in/a
	start --events closed,moved,linked,deleted,scanned in
	echo b >"in/$(printf 'b\303\244\377\n"\\')"
	until_true has_lines 2
	ln in/a in/c
	until_true has_lines 3
	mv in/c in/d
	until_true has_lines 5
	rm in/d
	until_true has_lines 6
	stop
	jq -e '
		.specversion == "1.0"
		and (.id | test("^[0-9a-f]{32}$"))
		and .source == "sfx-watch"
		and (.type | test("^dev[.]sfx[.]file[.](closed|moved|linked|deleted|scanned)$"))
		and (.subject | type == "string" and length > 0)
		and (.time | test("^[0-9-]{10}T[0-9:]{8}([.][0-9]+)?Z$"))
		and .datacontenttype == "application/json"
		and (.sequence | test("^[0-9]{20}$"))
		and (.data | type == "object")
		and ([keys[] | test("^[a-z0-9]{1,20}$")] | all)' out
	[ "$(jq -r .sequence out | sort -c && jq -r .sequence out | uniq -d | wc -l)" -eq 0 ]
	[ "$(jq -r '.source + .id' out | sort | uniq -d)" = "" ]
}

@test "files may be chosen by size" {
	: >in/none
	printf %3s x >in/three
	printf %9s x >in/nine
	[ "$("$watch" --once --paths --min-size 1 in | sort | xargs)" = "in/nine in/three" ]
	[ "$("$watch" --once --paths --min-size 1 --max-size 3 in)" = in/three ]
	start --min-size 5 --events deleted,scanned,closed in
	rm in/three in/nine
	until_true has_lines 2
	stop
	[ "$(types)" = "deleted in/nine
scanned in/nine" ]
}

@test "ignore files leave out what git would" {
	command -v git >/dev/null || skip "git is missing"
	mkdir -p in/{a,b,build,deep/er/build,x/y/z} in/'{q}'
	touch in/{a,b,build,deep,deep/er,deep/er/build,x,x/y,x/y/z}/{one.log,two.txt,three,'#four','!five','six ',se*en,'ei{g}ht'}
	rm -r in/b
	cp -r in/a in/b
	touch in/{top.log,build.txt} in/'{q}'/x in/keep.log
	GIT_CEILING_DIRECTORIES=$PWD git -C in init -q
	compare() {
		git -C in ls-files --others -z --exclude-per-directory=.sfxignore | grep -zv sfxignore | sort -z | tr '\0' '\n' >expected
		"$watch" --once -0 --ignore .git --ignore-file .sfxignore in | sed -z 's,^in/,,' | sort -z | tr '\0' '\n' >told
		diff expected told
	}
	printf '%s\n' '# no pattern' '' '*.log' '!keep.log' 'build/' '/x/*/z' '\#four' '\!five' 'six\ ' >in/.sfxignore
	printf '%s\n' '!one.log' 'y/**/two.txt' '/y/three' >in/x/.sfxignore
	compare
	[ "$(wc -l <told)" -gt 20 ]
	local patterns=('*' '!*' '*/' '!*/' '**' 'a' '/a' 'a/' '/a/*' '**/build' 'build/**' 'x/**/z' 'x/**' '**/y/' 'x**z' '*.t?t' 't[vw]o*' '[!t]*' '[^a-t]*' '{q}' 'ei{g}ht'
		'se\*en' 'deep/er' 'er/build' '!deep' '!deep/er/**' '/*.log' '!/top.log' 'three   ' 'o*e.log' '/' '//' '!' 'th?ee' 'deep/**/t*' '***' 'x/y/z/' '!x/y/z/three' '\three' '[' 'a]')
	RANDOM=4711
	for _ in {1..60}; do
		for at in . x deep/er; do
			for ((i = RANDOM % 4; i >= 0; i--)); do echo "${patterns[RANDOM % ${#patterns[@]}]}"; done >"in/$at/.sfxignore"
		done
		compare || { head in/.sfxignore in/*/.sfxignore in/*/*/.sfxignore; return 1; }
	done
}

@test "an ignore file that changes counts at once" {
	mkdir -p in/a/skip
	echo '*.tmp' >in/.rules
	touch in/a/1.tmp in/a/skip/2 in/a/3
	start --ignore-file .rules in
	until_true has_lines 2
	[ "$(paths)" = "in/a/3
in/a/skip/2" ]
	echo skip/ >in/a/.rules
	until_true eval 'touch in/a/skip/no; sleep 0.1; lines=$(wc -l <out); touch in/a/skip/no; sleep 0.2; [ "$(wc -l <out)" -eq "$lines" ]'
	lines=$(wc -l <out)
	: >in/.rules
	until_true has_lines $((lines + 1))
	rm in/a/.rules
	until_true has_lines $((lines + 2))
	stop
	[ "$(paths | tail -n +2 | uniq)" = "in/a/3
in/a/skip/2
in/a/skip/no" ]
	paths | grep -qx in/a/1.tmp
	! paths | grep -q rules
}

@test "files may be chosen by age, those that are too young wait" {
	touch -d '1 hour ago' in/hour
	touch -d '1 day ago' in/day
	touch in/now
	[ "$("$watch" --once --paths --min-age 1m in | sort | xargs)" = "in/day in/hour" ]
	[ "$("$watch" --once --paths --max-age 2h in | sort | xargs)" = "in/hour in/now" ]
	touch -d '1 day ago' in/now
	start --min-age 1s in
	until_true has_lines 3
	echo x >in/new
	before=$(date +%s%N)
	until_true has_lines 4
	[ $(($(date +%s%N) - before)) -gt 500000000 ]
	stop
}

@test "with --dedup content what is only touched or written again as it was is not told" {
	echo a >in/a
	start --dedup content --state state --stats=stats -e closed,scanned,deleted,moved in
	until_true has_lines 1
	sleep 0.02
	touch in/a
	echo a >in/a
	echo a >same
	mv same in/a
	echo b >in/a
	until_true has_lines 2
	echo a >in/a
	until_true has_lines 3
	stop
	[ "$(jq -r .data.size out | xargs)" = "2 2 2" ]
	[ "$(jq .duplicates stats)" -ge 1 ]
	touch in/a
	sleep 0.05
	[ -z "$(remember --dedup content)" ]
	[ "$(remember | wc -l)" -eq 0 ]
	rm in/a
	[ "$(remember --dedup content)" = "deleted in/a" ]
	echo a >in/a
	sleep 0.05
	[ "$(remember --dedup content)" = "scanned in/a" ]
}

# in_queue SQL: what a query of the queue gives, without its header.
in_queue() { "$SFX_BUILD/sfx-transform" --query "$1" '' q.queue | tail -n +2; }

queue_has() { [ "$(in_queue 'SELECT count(*) AS n FROM event' 2>/dev/null)" -ge "$1" ]; }

@test "a queue gets each event at once, in lanes by path, and knows it in the next run" {
	echo 1 >in/1
	start --to sqlite:q.queue in
	echo 2 >in/2
	until_true queue_has 2
	echo two >in/2
	until_true queue_has 3
	stop
	[ ! -s out ]
	[ "$(in_queue "SELECT count(*) AS n FROM task WHERE lane = 'in/2'")" = 2 ]
	# Order is promised within a path: a file as young as in/1 is looked at again before it is told.
	in_queue "SELECT line FROM event" | grep in/1 | grep -q scanned
	echo 3 >in/3
	"$watch" --once --durable --to sqlite:q.queue --stats=stats in
	[ "$(jq -c '[.put, .known]' stats)" = '[1,2]' ]
}

@test "a queue is told what was seen and lost" {
	queue=$(cat /proc/sys/fs/inotify/max_queued_events)
	[ "$queue" -le 20000 ] || skip "the queue holds $queue events"
	touch in/there
	start --to sqlite:q.queue in
	until_true queue_has 1
	kill -STOP "$pid"
	(cd in && seq "$queue" | xargs touch)
	kill -CONT "$pid"
	until_true queue_has $((queue + 1))
	stop
	"$SFX_BUILD/sfx-queue" stats --json sqlite:q.queue >stats
	# The queue of inotify is this watch's alone; fanotify's takes in what others do on the file system
	# meanwhile, so that less of the files finds room in it, and it may run over again.
	room='.overflows == 1 and .seen_kernel > 1000'
	[ "${WATCH_BACKEND:-inotify}" = inotify ] || room='.overflows >= 1'
	jq -e --argjson n "$queue" '.put_total == $n + 1 and .reconciled > 0 and .seen_scan > $n and .seen_again > 0
		and '"$room" stats || { cat stats; false; }
}

@test "--print gives out what is in the queue, under leases that the end of the pipe answers" {
	for i in 1 2 3; do printf 'id,qty\n%s,1\n' "$i" >"in/$i.csv"; done
	export PATH=$SFX_BUILD:$PATH
	timeout 20 "$watch" --once --to sqlite:q.queue --print in | sfx-load -E -q --ack sqlite:q.queue sqlite:shop.db -t orders >loads
	[ "$(wc -l <loads)" -eq 3 ]
	[ "$(sfx-queue stats --json sqlite:q.queue | jq -c '[.done, .leased, .ready]')" = '[3,0,0]' ]
	# A reader that dies answers nothing: the next run gives out again, and only that.
	printf 'id,qty\n4,1\n' >in/4.csv
	"$watch" --to sqlite:q.queue --print in | head -n 1 >got
	[ "$(jq -r .data.path got)" = in/4.csv ]
	[ "$(sfx-queue stats --json sqlite:q.queue | jq -c '[.done, .leased, .ready]')" = '[3,0,1]' ]
	# One that stalls holds nothing back from the queue, and the watch can be stopped.
	mkfifo pipe
	"$watch" --to sqlite:q.queue --print in >pipe 2>err 3>&- 4>&- &
	pid=$!
	exec 5<pipe
	for i in {5..20}; do printf 'id,qty\n%s,1\n' "$i" >"in/$i.csv"; done
	until_true queue_has 20
	head -n 1 <&5 | jq -e .sfxattempt
	stop
	exec 5<&-
	[ "$(sfx-queue stats --json sqlite:q.queue | jq -c '[.done, .leased, .ready]')" = '[3,0,17]' ]
	timeout 20 "$watch" --once --to sqlite:q.queue --print in | sfx-load -E -q --ack sqlite:q.queue sqlite:shop.db -t orders >loads
	[ "$(wc -l <loads)" -eq 17 ]
	[ "$(sqlite3 shop.db 'select count(*), count(distinct id) from orders')" = '20|20' ]
	run "$watch" --once --print in
	[ "$status" -eq 2 ]
}

@test "kill -9 of a watch that prints from its queue, or of who reads it: nothing is lost, nothing done twice" {
	export PATH=$SFX_BUILD:$PATH
	for round in {1..8}; do
		mkfifo "pipe.$round"
		sfx-load -E -q --ack sqlite:q.queue sqlite:shop.db -t orders <"pipe.$round" >/dev/null 2>&1 3>&- 4>&- &
		loader=$!
		"$watch" --to sqlite:q.queue --print in >"pipe.$round" 2>/dev/null 3>&- 4>&- &
		pid=$!
		for i in {1..5}; do
			printf 'id,qty\n%s,1\n' "$round$i" >"in/$round$i.csv"
			sleep "0.0$((RANDOM % 5))"
		done
		if [ $((round % 2)) -eq 0 ]; then kill -9 "$pid"; else kill -9 "$loader"; fi
		sleep 0.05
		kill -9 "$pid" "$loader" || true
		wait "$pid" || true
		wait "$loader" || true
	done 2>/dev/null
	pid=
	timeout 30 "$watch" --once --to sqlite:q.queue --print in | sfx-load -E -q --ack sqlite:q.queue sqlite:shop.db -t orders >/dev/null
	[ "$(sfx-queue stats --json sqlite:q.queue | jq .done)" -eq 40 ]
	[ "$(sqlite3 shop.db 'select count(*), count(distinct id) from orders')" = '40|40' ]
}

@test "killed at any moment and started again, it hands over every file once" {
	for i in $(seq 15); do
		"$watch" --to sqlite:q.queue in >/dev/null 2>>err 3>&- 4>&- &
		pid=$!
		mkdir -p "in/$i/deep"
		for j in $(seq 20); do echo "$i $j" >"in/$i/deep/$j"; done
		sleep "0.0$((RANDOM % 10))"
		kill -KILL "$pid"
		wait "$pid" || true
	done
	"$watch" --once --to sqlite:q.queue in
	cat err
	[ "$(in_queue 'SELECT count(*) AS n FROM event')" = 300 ]
	[ "$(in_queue 'SELECT count(DISTINCT id) AS n FROM event')" = 300 ]
	[ "$(in_queue 'SELECT count(DISTINCT lane) AS n FROM task')" = 300 ]
}

@test "a queue that is none, or that paths should go to, is misuse" {
	run "$watch" --once --to kafka:x in
	[ "$status" -eq 2 ]
	[[ "$output" == *"--to: "* ]]
	run "$watch" --once --to sqlite:q.queue --paths in
	[ "$status" -eq 2 ]
	run "$watch" --once --durable in
	[ "$status" -eq 2 ]
}

@test "--state tells what is new, changed or gone since the last time, and the exit says whether" {
	mkdir in/d
	echo a >in/a; echo b >in/d/b; echo c >in/d/c
	sleep 0.05
	[ "$(remember)" = "scanned in/a
scanned in/d/b
scanned in/d/c" ]
	[ -z "$(remember)" ]
	remember || true
	[ "$status" -eq 3 ]
	echo more >>in/a; rm in/d/b; mv in/d/c in/c; echo e >in/e
	sleep 0.05
	[ "$(remember)" = "deleted in/d/b
deleted in/d/c
scanned in/a
scanned in/c
scanned in/e" ]
	# From elsewhere it is the same folder.
	[ -z "$(cd in && "$watch" --once --state ../state . || [ $? -eq 3 ])" ]
	# What a filter hides is not gone.
	[ -z "$(remember --glob '*.txt')" ]
	[ -z "$(remember)" ]
}

@test "--state that was torn tells the last event again, what is no state is refused" {
	echo a >in/a; echo b >in/b
	sleep 0.05
	remember >/dev/null
	truncate -s -3 state
	[ "$(remember | wc -l)" -eq 1 ]
	[ -z "$(remember)" ]
	echo 'some text of somebody' >other
	run "$watch" --once --state other in
	[ "$status" -eq 2 ]
	[[ "$output" == *"other: is no state of sfx-watch"* ]]
	[ "$(cat other)" = 'some text of somebody' ]
	start --state state in
	run "$watch" --once --state state in
	[ "$status" -eq 75 ]
	[[ "$output" == *"another watch uses it"* ]]
	stop
}

@test "--state forgets the past when most of it is" {
	seq -f in/%g 600 | xargs touch
	for _ in 1 2 3 4; do
		seq -f in/%g 600 | xargs touch
		sleep 0.05
		[ "$(remember | wc -l)" -eq 600 ]
	done
	[ -z "$(remember)" ]
	[ "$(stat -c %s state)" -lt $((600 * 2 * 64)) ]
	rm in/*
	[ "$(remember | grep -c deleted)" -eq 600 ]
}

@test "what comes and goes untold leaves nothing in --state" {
	start --state state in
	echo a >in/a
	until_true has_lines 1
	nbytes=$(stat -c %s state)
	exec 4>in/open
	for i in {1..50}; do ln in/open in/t$i; done
	rm in/t* in/open
	exec 4>&-
	stop
	assert_each_once 1
	[ "$(stat -c %s state)" -eq "$nbytes" ]
}

@test "killed at any time, a watch with --state and --to misses nothing and tells nothing twice" {
	mkdir -p in/d
	for ((i = 0; i < 20; i++)); do
		"$watch" --state state --to sqlite:work.queue in 3>&- 4>&- &
		pid=$!
		for ((j = 0; j < 10; j++)); do echo $i >in/d/$i.$j; done
		sleep "0.0$((RANDOM % 10))"
		kill -9 $pid
		wait $pid || true
	done 2>/dev/null
	sleep 0.05
	"$watch" --once --state state --to sqlite:work.queue in || [ $? -eq 3 ]
	pid=
	"$SFX_BUILD/sfx-queue" list sqlite:work.queue --json >told
	[ "$(wc -l <told)" -eq 200 ]
	[ "$(jq -r .event.data.path told | sort -u | wc -l)" -eq 200 ]
}

@test "--format makes lines of any form" {
	printf 'GIF89a' >'in/a b.gif'
	"$watch" --once --format '{n} {stem}.{ext} {data.size} {data.type} {event.type} {print $1}' in >out
	[ "$(cat out)" = '1 a b.gif 6 image/gif dev.sfx.file.scanned {print $1}' ]
	"$watch" --once --format '{base}' -0 in | tr '\0' '|' >out
	[ "$(cat out)" = 'a b.gif|' ]
	run "$watch" --once --format '{stm}' in
	[ "$status" -eq 2 ]
	[[ "$output" == *"--format"*stem* ]]
	run "$watch" --once --format x --to sqlite:q in
	[ "$status" -eq 2 ]
}

@test "times are told among the files, the same ones by every watch" {
	"$watch" --every 1s -n 2 >out
	[ "$(jq -r '[.type, .subject, .data.schedule] | join(" ")' out | sort -u)" = 'dev.sfx.timer 1s 1s' ]
	[ "$(jq -r .data.due out | sort -u | wc -l)" -eq 2 ]
	jq -r .data.due out | grep -qE '^[0-9-]+T[0-9]+:[0-9]+:[0-9]+Z$'
	echo x >in/a
	"$watch" --every 1s -n 3 --format '{event.type} {}' in >out
	[ "$(sort -u out)" = 'dev.sfx.file.scanned in/a
dev.sfx.timer 1s' ]
	# Two watches hand each moment over once.
	"$watch" --every 1s -n 2 --to sqlite:work.queue & other=$!
	"$watch" --every 1s -n 2 --to sqlite:work.queue
	wait $other
	[ "$("$SFX_BUILD/sfx-queue" list sqlite:work.queue --json | jq -r .event.data.due | sort | uniq -d | wc -l)" -eq 0 ]
	for words in '--every 1ms' '--once --every 5m' '--cron nonsense' ''; do
		# shellcheck disable=SC2086 # words
		run "$watch" $words
		[ "$status" -eq 2 ]
	done
	run "$watch" --cron '* 25 * * *'
	[[ "$output" == *'--cron: "25" is no hour of a crontab'* ]]
}

# The library of the specification's authors, kept for later runs.
find_cloudevents() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/sfx-test/cloudevents
	command -v node >/dev/null && command -v npm >/dev/null || skip "node or npm is missing"
	mkdir -p "$cache"
	(
		flock 9
		[ -e "$cache/is-there" ] && exit
		cd "$cache"
		echo '{"dependencies":{"cloudevents":"10.0.0"}}' >package.json
		timeout 300 npm install --no-audit --no-fund >npm.log 2>&1 && : >is-there
	) 9>"$cache/lock"
	[ -e "$cache/is-there" ] || skip "npm cannot install cloudevents here: see $cache/npm.log"
	modules=$cache/node_modules
}

@test "events are CloudEvents to the library of the specification's authors" {
	find_cloudevents
	printf 'GIF89a' >in/there
	start -e closed,moved,linked,deleted,scanned --every 1s in
	echo x >in/closed
	until_true grep -q file.closed out
	mv in/closed in/moved
	until_true grep -q file.moved out
	ln in/moved in/linked
	until_true grep -q file.linked out
	rm in/linked
	until_true grep -q file.deleted out
	until_true grep -q dev.sfx.timer out
	stop
	NODE_PATH=$modules node -e '
		const { HTTP } = require("cloudevents");
		for (const line of require("fs").readFileSync("out", "utf8").split("\n").filter(Boolean)) {
			const event = HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json" }, body: line });
			event.validate();
			const given = JSON.parse(line);
			if (event.id !== given.id || event.sequence !== given.sequence || event.data.path !== given.data.path)
				throw new Error(line);
			console.log(event.type);
		}' >types
	[ "$(sort -u types | paste -sd ' ')" = 'dev.sfx.file.closed dev.sfx.file.deleted dev.sfx.file.linked dev.sfx.file.moved dev.sfx.file.scanned dev.sfx.timer' ]
}
