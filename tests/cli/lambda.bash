# SPDX-License-Identifier: MIT
# The Runtime API for tests, in bash.
# api METHOD PATH BODY [HEADER…]: status, header fields and body of the answer go to $answer.
api() {
	local method=$1 path=$2 body=$3 field LC_ALL=C
	shift 3
	exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\/}" || return
	{
		printf '%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n' "$method" "$path" "${#body}"
		for field; do printf '%s\r\n' "$field"; done
		printf '\r\n%s' "$body"
	} >&3
	answer=$(tr -d '\r' <&3)
	exec 3>&-
	status=${answer#* } status=${status%% *}
}
# field NAME: of the answer
field() { sed -n "1,/^\$/s/^$1: //p" <<<"$answer"; }
next() {
	api GET /2018-06-01/runtime/invocation/next ''
	id=$(field Lambda-Runtime-Aws-Request-Id) event=${answer##*$'\n\n'}
}
respond() { api POST "/2018-06-01/runtime/invocation/$id/response" "$@"; }
