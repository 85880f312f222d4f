#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-run --lambda: the Runtime API, the Extensions API and telemetry, as a runtime sees them.

bats_require_minimum_version 1.5.0

setup() {
	command -v jq >/dev/null || skip "jq is missing"
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
}

# bootstrap: a runtime that does what stands on standard input, with the API at hand.
bootstrap() {
	{
		printf '#!/bin/bash\n. "%s/tests/cli/lambda.bash"\n' "$SFX_SRC"
		cat
	} >bootstrap
	chmod +x bootstrap
}

lambda() {
	sfx-run --lambda -j1 -r0 --dead dead "$@" -- ./bootstrap 2>log
}

# As lambda, with events that fail.
failing() {
	local code=0
	lambda "$@" >out || code=$?
	[ "$code" -eq 1 ]
}

reasons() {
	jq -r '.requestPayload.data + ": " + .responseContext.reason' dead
}

@test "a runtime gets its invocations and answers them, its output is a log" {
	bootstrap <<-'END'
		env >environment
		while next; do
			echo "$answer" >>given
			echo "seen $(jq -r .data <<<"$event")"
			respond "{\"did\": $event}"
			echo "$answer" >>taken
		done
	END
	seq 3 | TZ=UTC lambda --name echo -m 256M >out
	[ "$(jq -r .did.data out | paste -sd ' ')" = '1 2 3' ]
	[ "$(grep -c '^seen' log)" -eq 3 ]
	[ "$(grep -c '^HTTP/1.1 202 Accepted$' taken)" -eq 3 ]
	[ "$(grep -c '^{"status":"OK"}$' taken)" -eq 3 ]
	grep -qE '^Lambda-Runtime-Aws-Request-Id: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' given
	grep -qE '^Lambda-Runtime-Trace-Id: Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1$' given
	grep -q '^Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:.*:function:echo$' given
	[ "$(sed -n 's/^Lambda-Runtime-Deadline-Ms: //p' given | head -n 1)" -gt "$(date +%s)000" ]
	grep -qE '^AWS_LAMBDA_RUNTIME_API=127.0.0.1:[0-9]+$' environment
	grep -q '^AWS_LAMBDA_FUNCTION_NAME=echo$' environment
	grep -q '^AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256$' environment
	grep -q "^LAMBDA_TASK_ROOT=$PWD\$" environment
	[ "$(ls /proc/*/exe 2>/dev/null | wc -l)" -gt 0 ]
}

@test "errors of a function are those of its event" {
	bootstrap <<-'END'
		while next; do
			case $(jq -r .data <<<"$event") in
			fail) api POST "/2018-06-01/runtime/invocation/$id/error" '{"errorType":"Boom","errorMessage":"it broke","stackTrace":[]}' ;;
			type) api POST "/2018-06-01/runtime/invocation/$id/error" 'no JSON' 'Lambda-Runtime-Function-Error-Type: Function.Odd' ;;
			data) api POST "/2018-06-01/runtime/invocation/$id/error" '{"exit":65,"errorMessage":"bad data"}' ;;
			mode) respond x 'Lambda-Runtime-Function-Response-Mode: quick' ; echo "$status" >>statuses ;;
			large) respond "$(head -c 6291557 /dev/zero | tr '\0' x)"; echo "$status" >>statuses ;;
			exit) exit 3 ;;
			*) respond '"fine"' ;;
			esac
		done
	END
	printf 'fail\ntype\ndata\nmode\nlarge\na\nexit\nb\n' | failing
	[ "$(cat out)" = '"fine"
"fine"' ]
	[ "$(reasons)" = 'fail: Boom: it broke
type: Function.Odd
data: bad data
mode: Runtime.InvalidResponseModeHeader
large: Function.ResponseSizeTooLarge
exit: Runtime.ExitError: the runtime exited without an answer: exit status 3' ]
	[ "$(jq -r 'select(.requestPayload.data == "data").responseContext.exitCode' dead)" = 65 ]
	[ "$(paste -sd ' ' statuses)" = '400 413' ]
}

@test "what makes no sense is refused as the emulator does it" {
	bootstrap <<-'END'
		note() { echo "$1 $status $(jq -r '.errorType // empty' <<<"${answer##*$'\n\n'}" 2>/dev/null)" >>said; }
		next
		api GET /2018-06-01/runtime/invocation/next ''; note next
		api POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000000/response x; note id
		api POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000000/error x; note id
		api POST /2018-06-01/runtime/init/error '{}'; note init
		api DELETE /2018-06-01/runtime/invocation/next ''; note method
		api GET /nowhere ''; note path
		api GET /2018-06-01/ping ''; echo "ping $status ${answer##*$'\n\n'}" >>said
		for raw in 'nonsense\r\n\r\n' 'GET / HTTP/1.1\nHost: x\r\n\r\n' 'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx' \
			'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx' 'POST / HTTP/1.1\r\nA : b\r\n\r\n'; do
			exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
			printf "$raw" >&3
			head -n 1 <&3 >>said
			exec 3>&-
		done
		respond '"once"'
		respond '"twice"'; note twice
		next
	END
	echo x | lambda >out
	[ "$(cat out)" = '"once"' ]
	[ "$(tr -d '\r' <said)" = 'next 403 InvalidStateTransition
id 400 InvalidRequestID
id 400 InvalidRequestID
init 403 InvalidStateTransition
method 405 MethodNotAllowed
path 404 NotFound
ping 200 pong
HTTP/1.1 400 Bad Request
HTTP/1.1 400 Bad Request
HTTP/1.1 400 Bad Request
HTTP/1.1 400 Bad Request
HTTP/1.1 400 Bad Request
twice 400 InvalidRequestID' ]
}

@test "answers may be streamed, and fail behind what was streamed" {
	bootstrap <<-'END'
		stream() {
			exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
			printf "POST /2018-06-01/runtime/invocation/$id/response HTTP/1.1\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\nConnection: close\r\n\r\n" >&3
			for part; do printf "$part" >&3; sleep 0.02; done
			cat <&3 >/dev/null
			exec 3>&-
		}
		while next; do
			case $(jq -r .data <<<"$event") in
			good) stream '4\r\nabcd\r' '\n2;x=y\r\nef' '\r\n0\r\n\r\n' ;;
			bad) stream '2\r\nab\r\n' '0\r\nLambda-Runtime-Function-Error-Type: Late\r\nLambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJMYXRlIiwiZXJyb3JNZXNzYWdlIjoidG9vIGxhdGUifQ==\r\n\r\n' ;;
			cut)
				exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
				printf "POST /2018-06-01/runtime/invocation/$id/response HTTP/1.1\r\nContent-Length: 100\r\n\r\npart" >&3
				exec 3>&-
				;;
			esac
		done
	END
	printf 'good\nbad\ncut\ngood\n' | failing
	[ "$(cat out)" = 'abcdef
abcdef' ]
	[ "$(reasons)" = 'bad: Late: too late
cut: Runtime.TruncatedResponse' ]
}

@test "an init that fails fails an event" {
	bootstrap <<<'exit 4'
	echo x | failing
	[ "$(reasons)" = 'x: Runtime.ExitError: the runtime exited before it asked for an invocation: exit status 4' ]
	rm dead
	bootstrap <<-'END'
		api POST /2018-06-01/runtime/init/error '{"errorType":"Runtime.HandlerNotFound","errorMessage":"no such handler"}'
		sleep 100
	END
	echo y | failing --grace 100ms
	[ "$(reasons)" = 'y: Runtime.InitError: Runtime.HandlerNotFound: no such handler' ]
	rm dead
	bootstrap <<<'sleep 100'
	echo z | failing -t 200ms --grace 100ms
	[ "$(jq -r .responseContext.error dead)" = init ]
}

@test "who breaks off its wait for an event does not take it along" {
	bootstrap <<-'END'
		echo "$PPID" >runner
		# wait_then COMMAND: asks for an event, breaks off.
		wait_then() {
			exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}"
			printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n' >&3
			"$@"
			exec 3>&-
		}
		serve() { next && respond "$event"; }

		wait_then sleep 0.1                # nothing has come yet
		touch first; serve
		wait_then kill -STOP "$PPID"       # it comes while the runner does not see that nobody waits
		touch second; serve
		wait_then read -rn 1 -u 3          # it has come, and is not read
		serve
		next
	END
	until_there() { for ((i = 0; i < 500; i++)); do [ ! -e "$1" ] || break; sleep 0.01; done; }
	{
		until_there first
		echo 1
		until_there second
		echo 2
		kill -CONT "$(cat runner)"
		echo 3
	} | sfx-run --lambda -j 1..1 -r0 -t 5 --dead dead -- ./bootstrap >out 2>log
	[ "$(jq -r .data out | paste -sd ' ')" = '1 2 3' ]
	[ ! -s dead ]
}

@test "time that is over ends the runtime, the next event gets another" {
	bootstrap <<-'END'
		echo $$ >>pids
		while next; do
			[ "$(jq -r .data <<<"$event")" = slow ] && sleep 100
			respond '"ok"'
		done
	END
	printf 'slow\nb\n' | failing -t 2s --grace 100ms
	[ "$(cat out)" = '"ok"' ]
	[ "$(reasons)" = 'slow: Task timed out after 2.00 seconds' ]
	[ "$(wc -l <pids)" -eq 2 ]
}

@test "batches come as an array, of which parts may fail" {
	bootstrap <<-'END'
		while next; do
			jq -c 'map(.data)' <<<"$event" >>batches
			respond "$(jq -c '{batchItemFailures: [.[] | select(.data == "2") | {itemIdentifier: .id}]}' <<<"$event")"
		done
	END
	seq 3 | failing --batch 3 --window 10s --partial
	[ "$(cat batches)" = '["1","2","3"]' ]
	[ "$(jq -r .requestPayload.data dead)" = 2 ]
}

@test "instances follow the backlog, each with an API of its own" {
	bootstrap <<-'END'
		echo "$AWS_LAMBDA_RUNTIME_API" >>apis
		while next; do
			sleep 0.05
			respond "$event"
		done
	END
	seq 30 | sfx-run --lambda -j 3 -- ./bootstrap | jq -r .data | sort -n >out
	[ "$(paste -sd ' ' out)" = "$(seq 30 | paste -sd ' ')" ]
	[ "$(sort -u apis | wc -l)" -eq "$(wc -l <apis)" ]
	[ "$(wc -l <apis)" -le 3 ]
}

@test "extensions hear of invocations and of the end, and hold the next one back" {
	bootstrap <<-'END'
		extension() {
			api POST /2020-01-01/extension/register '{"events":["INVOKE","SHUTDOWN"]}' 'Lambda-Extension-Name: watcher'
			echo "registered $status $(jq -r .functionName <<<"${answer##*$'\n\n'}")" >>told
			own=$(field Lambda-Extension-Identifier)
			: >registered
			while :; do
				api GET /2020-01-01/extension/event/next '' "Lambda-Extension-Identifier: $own"
				body=${answer##*$'\n\n'}
				jq -r '[.eventType, .shutdownReason // .tracing.type] | join(" ")' <<<"$body" >>told
				[ "$(jq -r .eventType <<<"$body")" = INVOKE ] || continue
				sleep 0.1
				echo "$(jq -r .requestId <<<"$body") is over" >>told
			done
		}
		extension &
		until [ -e registered ]; do sleep 0.01; done
		while next; do
			echo "given $id" >>told
			respond "$event"
			api POST /2020-01-01/extension/register '{"events":[]}' 'Lambda-Extension-Name: late'
			echo "late $status" >>told
		done
	END
	seq 2 | lambda --name f >out
	[ "$(jq -r .data out | paste -sd ' ')" = '1 2' ]
	[ "$(head -n 1 told)" = 'registered 200 f' ]
	[ "$(grep -c '^INVOKE X-Amzn-Trace-Id$' told)" -eq 2 ]
	[ "$(tail -n 1 told)" = 'SHUTDOWN spindown' ]
	[ "$(grep -c 'late 403' told)" -eq 2 ]
	# The second one was given when the extension had done with the first.
	first=$(sed -n 's/^given //p' told | head -n 1)
	[ "$(grep -n "^$first is over" told | cut -d : -f 1)" -lt "$(grep -n '^given' told | tail -n 1 | cut -d : -f 1)" ]
}

@test "telemetry goes to who subscribed to it" {
	bootstrap <<-'END'
		api POST /2020-01-01/extension/register '{"events":[]}' 'Lambda-Extension-Name: sink'
		own=$(field Lambda-Extension-Identifier)
		perl -MIO::Socket::INET -e '
			$s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
			open($f, ">", "port.new"); print $f $s->sockport; close $f; rename "port.new", "port";
			while ($c = $s->accept) {
				local $/ = "\r\n\r\n"; $head = <$c>; ($n) = $head =~ /Content-Length: (\d+)/;
				read $c, $body, $n; open($f, ">>", "telemetry"); print $f "$body\n"; close $f;
				print $c "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; close $c;
			}' &
		until [ -e port ]; do sleep 0.01; done
		subscribe() { api PUT /2022-07-01/telemetry "$1" "Lambda-Extension-Identifier: ${2-$own}"; echo "$status" >>statuses; }
		subscribe '{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://example.org:80/"}}'
		subscribe '{"types":["nothing"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:80/"}}'
		subscribe '{}' 00000000-0000-4000-8000-000000000000
		subscribe "{\"schemaVersion\":\"2022-12-13\",\"types\":[\"platform\",\"function\"],\"buffering\":{\"timeoutMs\":25,\"maxItems\":1000},\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"http://sandbox.localdomain:$(cat port)/here\"}}"
		api GET /2020-01-01/extension/event/next '' "Lambda-Extension-Identifier: $own" &
		while next; do
			echo "a line"
			respond "$event"
			until grep -q '"platform.report"' telemetry 2>/dev/null && grep -q '"a line"' telemetry; do sleep 0.02; done
		done
	END
	echo x | lambda >out
	[ "$(paste -sd ' ' statuses)" = '400 400 403 200' ]
	jq -r '.[].type' telemetry | sort -u >types
	[ "$(paste -sd ' ' types)" = 'function platform.initRuntimeDone platform.report platform.runtimeDone platform.start' ]
	[ "$(jq -r '.[] | select(.type == "platform.report").record.status' telemetry)" = success ]
	[ "$(jq -r '.[] | select(.type == "function").record' telemetry)" = 'a line' ]
}

@test "what does not go together is misuse" {
	run -2 sfx-run --lambda --worker -- true <<<x
	run -2 sfx-run --lambda --sandbox -- true <<<x
}

# The client of AWS itself, which builds a library of its own for minutes: kept for later runs.
find_ric() {
	local program cache=${XDG_CACHE_HOME:-$HOME/.cache}/sfx-test/aws-lambda-ric node
	for program in node npm cmake g++ make autoconf libtoolize; do
		command -v "$program" >/dev/null || skip "$program is missing"
	done
	node=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
	[ -e "$node/include/node/node.h" ] || skip "the headers of node are missing"
	mkdir -p "$cache"
	(
		flock 9
		[ -e "$cache/is-there" ] && exit
		cd "$cache"
		# What runs scripts has to be named, since npm 11.
		printf '{"dependencies":{"aws-lambda-ric":"3.3.0"},"allowScripts":{"aws-lambda-ric":true}}\n' >package.json
		npm_config_nodedir=$node timeout 600 npm install --no-audit --no-fund >npm.log 2>&1 && : >is-there
	) 9>"$cache/lock"
	[ -e "$cache/is-there" ] || skip "npm cannot install aws-lambda-ric here: see $cache/npm.log"
	ric=$cache/node_modules/.bin/aws-lambda-ric
}

@test "the client of AWS serves handlers of node, unchanged" {
	find_ric
	cat >index.js <<-'END'
		exports.handler = async (event, context) => {
			if (event.data === 'bad') throw new TypeError('no good');
			return { data: event.data, name: context.functionName, left: context.getRemainingTimeInMillis() > 0 };
		};
		exports.stream = awslambda.streamifyResponse(async (event, stream) => {
			stream.write('one ');
			if (event.data === 'bad') throw new Error('too late');
			stream.write('two');
			stream.end();
		});
	END
	serve() { sfx-run -q --lambda -j1 -r0 --name f --dead dead "$@"; }
	printf 'a\nbad\nb\n' | { serve -- "$ric" index.handler >out || [ $? -eq 1 ]; }
	[ "$(cat out)" = '{"data":"a","name":"f","left":true}
{"data":"b","name":"f","left":true}' ]
	[ "$(reasons)" = 'bad: TypeError: no good' ]
	rm dead
	printf 'a\nbad\n' | { serve -- "$ric" index.stream >out || [ $? -eq 1 ]; }
	[ "$(cat out)" = 'one two' ]
	[[ "$(reasons)" == 'bad: '*'too late' ]]
	rm dead
	echo a | { serve -- "$ric" index.nothing || [ $? -eq 1 ]; }
	[[ "$(reasons)" == 'a: Runtime.InitError: Runtime.HandlerNotFound: '* ]]
}
