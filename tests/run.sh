#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the library and runs all of its tests: sh tests/run.sh [MESON OPTION...]
#
# BUILD names the build directory (default: build). What is missing is
# installed with apt when that is possible, and named when it is not. The last
# lines are the runner's own, then 'N passed, N failed'.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}

have() {
	command -v "$1" >/dev/null 2>&1
}

missing() {
	have meson || echo meson
	have ninja || echo ninja-build
	compile --version >/dev/null || compiler
	have pkg-config || echo pkg-config
	have python3 || echo python3
	printf '#include <ck_epoch.h>\n' | probe || echo libck-dev
	printf '#include <uthash.h>\n' | probe || echo uthash-dev
	printf '#include <xxhash.h>\n' | probe || echo libxxhash-dev
	printf '#include <jansson.h>\n' | probe || echo libjansson-dev
	printf '%s\n' '#include <stdarg.h>' '#include <stddef.h>' \
		'#include <setjmp.h>' '#include <stdint.h>' \
		'#include <cmocka.h>' | probe || echo libcmocka-dev
}

# Without these the bridge is not built, or its tests are skipped.
wanted() {
	pkg-config --exists fuse3 || echo libfuse3-dev
	have fusermount3 || echo fuse3
}

# CC may be several words, as "ccache gcc" and "gcc -m32" are.
compile() {
	# shellcheck disable=SC2086
	${CC:-cc} "$@" 2>/dev/null
}

compiler() {
	for word in ${CC:-gcc}; do
		case $word in
		-*) ;;
		*) echo "$word" ;;
		esac
	done
}

probe() {
	compile -xc -fsyntax-only -
}

can_install() {
	[ "$(id -u)" = 0 ] && have apt-get
}

install() {
	{
		apt-get update
		DEBIAN_FRONTEND=noninteractive apt-get install -y \
			--no-install-recommends "$@"
	} >&2
}

packages=$(missing)
if [ -n "$packages" ]; then
	if can_install; then
		# The C library's headers come with a compiler that had none.
		# shellcheck disable=SC2086
		install $packages libc6-dev || exit 1
		packages=$(missing)
	fi
	if [ -n "$packages" ]; then
		echo "tests/run.sh: please install:" $packages >&2
		exit 1
	fi
fi

packages=$(wanted)
if [ -n "$packages" ] && can_install; then
	# shellcheck disable=SC2086
	install $packages || echo "tests/run.sh: going on without:" $packages >&2
fi

if [ -f "$build/build.ninja" ]; then
	[ $# -eq 0 ] || meson configure "$build" "$@" || exit 1
else
	meson setup "$build" "$@" || exit 1
fi
meson compile -C "$build" || exit 1

log=$build/meson-logs/testlog.json
rm -f "$log"
meson test -C "$build" --no-rebuild --print-errorlogs \
	--timeout-multiplier "${TIMEOUT_MULTIPLIER:-1}"
status=$?

# A suite of no tests, or one whose log is missing, is a failure too.
counts=$(python3 - "$log" <<'EOF'
import json, sys
good = bad = 0
try:
    for line in open(sys.argv[1]):
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            good += 1
        elif result != "SKIP":
            bad += 1
except OSError:
    pass
print(good, bad)
EOF
)
passed=${counts% *}
failed=${counts#* }
echo "$passed passed, $failed failed"
[ "$status" -eq 0 ] && [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
