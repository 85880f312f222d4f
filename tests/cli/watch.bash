# SPDX-License-Identifier: MIT
# What tests of sfx-watch need: a watch in the background, and what it has told.

setup() {
	command -v jq >/dev/null || skip "jq is missing"
	cd "$BATS_TEST_TMPDIR"
	mkdir in
	watch=$SFX_BUILD/sfx-watch
	pid=
}

teardown() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
}

# Tries for up to 20 s, or as long as the watch lives, then lets the test fail where it stands.
until_true() {
	for _ in $(seq 400); do
		"$@" && return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	"$@" && return 0
	echo "in vain: $*"
	return 1
}

# start ARGUMENT…: watches in the background, and returns when all folders are watched. By the backend that
# WATCH_BACKEND names: watch-backends.bats runs these tests with each.
start() {
	"$watch" -v --backend "${WATCH_BACKEND:-inotify}" --poll-interval 100ms "$@" >out 2>err 3>&- 4>&- &
	pid=$!
	until_true grep -q 'are watched' err
}

has_lines() { [ "$(wc -l <out)" -ge "$1" ]; }

# Ends the watch, which tells of what is queued first.
stop() {
	kill -TERM "$pid"
	wait "$pid"
	pid=
}

paths() { jq -r .data.path out | sort; }
types() { jq -r '.type + " " + .data.path' out | sed 's/^dev.sfx.file.//' | sort; }

# Exactly these many events, each of another file.
assert_each_once() {
	echo "$(wc -l <out) events, $(paths | uniq | wc -l) files, $(jq -r .id out | sort -u | wc -l) ids"
	[ "$(wc -l <out)" -eq "$1" ]
	[ "$(paths | uniq | wc -l)" -eq "$1" ]
	[ "$(jq -r .id out | sort -u | wc -l)" -eq "$1" ]
}

# remember [OPTION…]: what is new, changed or gone since the last time, a path a line.
remember() {
	"$watch" --once --state state -e closed,moved,linked,scanned,deleted "$@" in >told && status=0 || status=$?
	jq -r '(.type | sub("dev.sfx.file."; "")) + " " + .data.path' told | sort
}
