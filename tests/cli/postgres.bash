# SPDX-License-Identifier: MIT
# A private PostgreSQL server for a file of tests: from the packaged binaries, on a unix socket in the
# file's temporary folder, without fsync. For `load postgres.bash` in a .bats file.

postgres_bin() {
	local found
	found=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1)
	[ -n "$found" ] || found=$(command -v postgres)
	[ -z "$found" ] || dirname "$found"
}

# The server refuses to run as root.
as_server() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
	else
		"$@"
	fi
}

# Starts the server; PGHOST and the others name it. Fails when there is none to start.
postgres_start() {
	local bin
	bin=$(postgres_bin)
	[ -n "$bin" ] || return 1
	# A socket's path is short.
	PGHOST=$(mktemp -d /tmp/sfx-pg-XXXXXX)
	[ "$(id -u)" -ne 0 ] || chown postgres: "$PGHOST"
	export PGHOST PGUSER=tester PGDATABASE=tester PGTZ=UTC
	cd "$PGHOST" || return 1 # a folder that the server's user may enter
	as_server "$bin/initdb" -D "$PGHOST/data" -U tester -E UTF8 --locale=C -A trust --no-sync >"$PGHOST/log" 2>&1 &&
		as_server "$bin/pg_ctl" -D "$PGHOST/data" -l "$PGHOST/data/log" -w -t 60 \
			-o "-k $PGHOST -c listen_addresses= -c fsync=off -c full_page_writes=off" start \
			>>"$PGHOST/log" 2>&1 3>&- 4>&- &&
		psql -X -q -d postgres -c 'CREATE DATABASE tester' >>"$PGHOST/log" 2>&1 || {
		cat "$PGHOST/log" "$PGHOST/data/log" >&2
		return 1
	}
}

postgres_stop() {
	local bin
	bin=$(postgres_bin)
	[ -n "$bin" ] && [ -n "${PGHOST:-}" ] || return 0
	as_server "$bin/pg_ctl" -D "$PGHOST/data" -m immediate stop >/dev/null 2>&1
	rm -rf "$PGHOST"
}

# One server for the file: tests find in NO_POSTGRES why there is none.
setup_file() {
	"$SFX_BUILD/sfx-load" --sinks | grep -q '^postgresql' || export NO_POSTGRES="built without libpq"
	command -v psql >/dev/null || export NO_POSTGRES="PostgreSQL is missing"
	[ -n "${NO_POSTGRES:-}" ] || postgres_start
}

teardown_file() {
	postgres_stop
}
