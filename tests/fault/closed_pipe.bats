#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A reader that goes away ends a program quietly, by SIGPIPE.

load fault_helper

setup() {
	make_material
}

# without_reader SCENARIO: standard output is a pipe that nobody reads any more.
without_reader() {
	mkdir -p got/out
	cd got
	exec {writer}> >(:)
	wait $!
	status=0
	"$1" >&"$writer" 2>stderr || status=$?
	exec {writer}>&-
	[ "$status" -eq 141 ]
	[ ! -s stderr ]
}

@test 'sfx-watch ends quietly without a reader' {
	without_reader watch_once
}

@test 'sfx-resize -E ends quietly without a reader' {
	without_reader resize_event
}

@test 'sfx-load -E ends quietly without a reader' {
	without_reader load_event
}

@test 'sfx-transform ends quietly without a reader' {
	without_reader transform_file
}

@test 'sfx-transform -E ends quietly without a reader' {
	without_reader transform_event
}
