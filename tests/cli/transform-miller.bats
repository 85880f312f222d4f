#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform against Miller, where it is installed: the same records by both, for the verbs that
# both have, on data without what Miller is known to change (see the notes at each test).

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	command -v mlr >/dev/null || skip "mlr (Miller) is not installed"
	awk 'BEGIN { srand(3); print "id,city,n,m,word"
		for (i = 1; i <= 5000; i++) printf "%d,c%d,%d,%d,%s%d\n", i, rand() * 40,
			rand() * 2000 - 1000, rand() * 90 + 1, substr("abcdefgh", rand() * 8 + 1, 1), rand() * 9
	}' >data.csv
}

# Runs both and compares; $1: our program, the rest: Miller's verb.
same() {
	local program=$1
	shift
	sfx-transform "$program" data.csv >ours
	mlr --csv "$@" data.csv >theirs
	diff theirs ours | head -20
	cmp theirs ours
}

@test "where and filter" {
	same 'where n > 0 and m <= 45' filter '$n > 0 && $m <= 45'
	same 'where city = "c7" or word ~ "^a"' filter '$city == "c7" || $word =~ "^a"'
	# Of positive numbers: Miller's -550 % 2 is 2.
	same 'where not (m % 7 = 0)' filter '!($m % 7 == 0)'
}

@test "derive and put" {
	same 'x = n * m, y = x - 7' put '$x = $n * $m; $y = $x - 7'
	same 'w = upper(word), l = length(city)' put '$w = toupper($word); $l = strlen($city)'
	same 'word = replace(word, "a", "xx")' put '$word = gsub($word, "a", "xx")'
	# Of positive numbers: Miller's ceil(-0.5) is -0.
	same 'f = floor(m / 8), c = ceil(m / 8), a = abs(n)' \
		put '$f = floor($m / 8); $c = ceil($m / 8); $a = abs($n)'
	same 'k = if(n > 0, "up", "down")' put '$k = $n > 0 ? "up" : "down"'
}

@test "columns" {
	same 'select word, id' cut -o -f word,id
	same 'drop n, m' cut -x -f n,m
	same 'rename town = city' rename city,town
}

@test "columns by pattern, moved and renamed by rules" {
	same 'select /^[nm]/, word' cut -o -r -f '^[nm],^word'
	same 'drop /o/' cut -x -r -f o
	same 'reorder word, m' reorder -f word,m
	same 'reorder n, id last' reorder -e -f n,id
	same 'rename /^(.)o/ "<$1>"' rename -r '^(.)o,<\1>'
	same 'rename /[aeiou]/ "_"' rename -g -r '[aeiou],_'
	same 'rename prefix "x_" of city..m' rename -r '^(city|n|m)$,x_\1'
}

@test "columns split, merged and numbered" {
	same 'merge word, city into z by "-" | select id, n, z' \
		put '$z = $word . "-" . $city' then cut -o -f id,n,z
	same 'w = concat(word, ";", city, ";", m) | split w by ";" into w_1, w_2, w_3' \
		put '$w = $word . ";" . $city . ";" . $m' then nest --explode --values --across-fields -f w --nested-fs ';'
	same 'number k' cat -N k
}

@test "cells that become records" {
	# Of several parts: Miller writes a new header where the number of columns changes.
	same 'w = concat(word, ";", city) | explode w by ";"' \
		put '$w = $word . ";" . $city' then nest --explode --values --across-records -f w --nested-fs ';'
}

@test "blank cells filled" {
	awk -F, -v OFS=, 'NR > 1 { if (NR % 3) $3 = ""; if (NR % 7 < 3) $2 = "" } { print }' data.csv >holes.csv
	mv holes.csv data.csv
	same 'fill n, city down' fill-down -f n,city
	same 'fill city up' tac then fill-down -f city then tac
	same 'fill * with 0' fill-empty -v 0
}

@test "sort, numeric and by bytes, stable" {
	same 'sort num(n)' sort -nf n
	same 'sort -num(n), city' sort -nr n -f city
	same 'sort city, -num(m)' sort -f city -nr m
}

@test "sort, natural and without case" {
	same 'sort natural(city)' sort -t city
	same 'sort -natural(word)' sort -tr word
	# With a second key: of words that differ in case, Miller does not keep the order.
	same 'word = if(n > 0, upper(word), word) | sort casefold(word), num(id)' \
		put '$word = $n > 0 ? toupper($word) : $word' then sort -c word -nf id
}

@test "records by their number" {
	same 'tail 17' tail -n 17
	same 'head 3 by city' head -n 3 -g city
	# Miller hands the records on key by key.
	same 'tail 2 by city, word | sort num(id)' tail -n 2 -g city,word then sort -nf id
	same 'top 4 -num(n) by city | sort city, -num(n) | select city, n' \
		top -n 4 -f n -g city -a then sort -f city -nr n then cut -o -f city,n
	same 'nth 7' decimate -n 7
	same 'nth 7 from 1' decimate -n 7 -b
	same 'reverse' tac
	same 'shuffle | sort num(id)' shuffle then sort -nf id
	same 'sample 30 | group : k = count()' sample -k 30 then count -o k
	same 'sample 2 by city | group city: k = count() | sort city' \
		sample -k 2 -g city then count -g city -o k then sort -f city
}

@test "head and distinct" {
	same 'head 17' head -n 17
	same 'distinct city' head -n 1 -g city
	same 'select city, word | distinct' cut -o -f city,word then head -n 1 -g city,word
}

@test "group and stats1" {
	same 'group city: n_count = count(), n_sum = sum(n), n_min = min(n), n_max = max(n)' \
		stats1 -a count,sum,min,max -f n -g city
	# To six digits: Miller's division is binary.
	same 'group city, word: m_count = count(m), m_mean = mean(m) | m_mean = round(m_mean, 6)' \
		stats1 -a count,mean -f m -g city,word then put '$m_mean = fmtnum($m_mean, "%.6f")'
}

@test "aggregates" {
	# Miller's quantiles with -i are interpolated like ours; its arithmetic is binary.
	same 'group city: n_count = count(n), n_sum = sum(n), n_min = min(n), n_max = max(n),
		n_distinct_count = count_distinct(n)' \
		stats1 -a count,sum,min,max,distinct_count -f n -g city
	same 'group city: n_p10 = quantile(n, 0.1), n_median = median(n), n_p99 = quantile(n, 0.99)
		| n_p10 = round(n_p10, 6), n_median = round(n_median, 6), n_p99 = round(n_p99, 6)' \
		stats1 -i -a p10,median,p99 -f n -g city then put '
			$n_p10 = fmtnum($n_p10, "%.6f"); $n_median = fmtnum($n_median, "%.6f");
			$n_p99 = fmtnum($n_p99, "%.6f")'
	same 'group city: n_var = var(n), n_stddev = stddev(n) | n_var = round(n_var, 4), n_stddev = round(n_stddev, 6)' \
		stats1 -a var,stddev -f n -g city then put '
			$n_var = fmtnum($n_var, "%.4f"); $n_stddev = fmtnum($n_stddev, "%.6f")'
	same 'group city: n_mode = mode(m)' stats1 -a mode -f m -g city then rename m_mode,n_mode
}

@test "counting and uniting equal records" {
	same 'group city, word: count()' count-distinct -f city,word
	same 'frequency city | drop share | sort -n, city' \
		count-distinct -f city -o n then sort -nr n -f city
	same 'select city, word | distinct' cut -o -f city,word then uniq -a
	same 'dedup city keep last | sort city' tac then head -n 1 -g city then sort -f city
	same 'dedup city keep max num(n) | select city, n' top -n 1 -f n -g city -a then cut -o -f city,n
	same 'group city: word = string_agg(word, ";")' cut -o -f city,word then nest --ivar ';' -f word
}

@test "formats" {
	sfx-transform -t jsonl 'head 50 | select city, word' data.csv >ours
	mlr --icsv --ojsonl head -n 50 then cut -o -f city,word data.csv >theirs
	diff <(jq -c . theirs) <(jq -c . ours)
}

@test "join" {
	awk 'BEGIN { srand(5); print "city,rank,zone"
		for (i = 0; i < 30; i++) printf "c%d,%d,z%d\n", rand() * 60, i, rand() * 4 }' >cities.csv
	# Miller puts the file's columns in front.
	local kind unpaired
	for kind in inner left; do
		unpaired=$([ $kind = left ] && echo --ur || true)
		sfx-transform -t jsonl "join $kind cities.csv on city" data.csv |
			jq -cS 'del(.[] | nulls)' >ours
		mlr --icsv --ojsonl -S join $unpaired -j city -f cities.csv data.csv | jq -cS . >theirs
		diff <(sort theirs) <(sort ours) | head
		cmp <(sort theirs) <(sort ours)
	done
	same 'join anti cities.csv on city' join --np --ur -j city -f cities.csv
	same 'join semi cities.csv on city' join -j city -f cities.csv then cut -o -f id,city,n,m,word then head -n 1 -g id
}

@test "reshape" {
	same 'select id, n, m | pivot longer n, m names to k values to v' \
		cut -o -f id,n,m then reshape -i n,m -o k,v
	same 'select id, n, m | pivot longer n, m names to k values to v | pivot wider k v' \
		cut -o -f id,n,m
	mlr --icsv --ocsv cut -o -f id,n,m then reshape -i n,m -o k,v data.csv >long
	sfx-transform 'pivot wider k v' long >ours
	mlr --csv reshape -s k,v long | cmp - ours
}

@test "step" {
	same 'over: n_shift_lag = lag(n), n_shift_lead = lead(n)' step -a shift_lag,shift_lead -f n
	same 'over city: n_rsum = cumsum(n), n_counter = cumcount()' step -a rsum,counter -f n -g city
	# Miller's first delta is 0.
	same 'over city: n_delta = delta(n) | n_delta = n_delta ?? 0' step -a delta -f n -g city
	same 'over: e = ewma(n, 0.1) | e = round(num(e), 3) | select e' \
		step -a ewma -d 0.1 -f n then put '$e = fmtnum(${n_ewma_0.1}, "%.3f")' then cut -f e
}

@test "union and unsparsify" {
	sfx-transform 'head 100 | select id, city' data.csv >a.csv
	sfx-transform 'tail 100 | select word, id' data.csv >b.csv
	sfx-transform 'union b.csv' a.csv >ours
	mlr --csv unsparsify a.csv b.csv | cmp - ours
}
