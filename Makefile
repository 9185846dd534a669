# The entry. Each target installs what it needs (tools/install-packages) and may be run first on a fresh Debian 12.

PROGRAM = build/tocsin
ASAN = build-asan
TSAN = build-tsan
FUZZ = build-fuzz
JOBS ?= $(shell nproc)
# The text that names tests to run, as in `make test T=engine_timer`.
T ?=
LISTEN ?= 127.0.0.1:8473
DATA ?= ./tocsin-data

# A meson build folder is made once, by the compilers of the third word; ninja notices changed meson files by itself.
setup = [ -f $(1)/build.ninja ] || $(3) meson setup $(1) $(2) >/dev/null

.PHONY: help build run test faults check analyze e2e bench crash simulate plant fuzz tsan valgrind msan cover deb format clean

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make build    builds build/tocsin
build:
	@tools/install-packages build
	@$(call setup,build,-Dbuildtype=debugoptimized)
	@ninja -C build -j $(JOBS) tocsin

## make run      builds, starts the server on loopback, sends it three alerts, shows the runs (ONCE=1: then ends)
run: build
	@tools/install-packages test
	@PROGRAM=$(PROGRAM) LISTEN=$(LISTEN) DATA=$(DATA) ONCE=$(ONCE) tools/run-demo

## make test     builds and runs every test under ASan and UBSan (T=TEXT: those whose name has TEXT)
test: build
	@tools/install-packages test
	@$(call setup,$(ASAN),-Dbuildtype=debugoptimized -Db_sanitize=address$(comma)undefined -Db_lundef=false)
	@ninja -C $(ASAN) -j $(JOBS) tocsin tests
	@tools/run-tests --filter '$(T)' --suite unit,e2e,crash --build $(ASAN)

## make faults   the unit tests of seven floors again, each call that they make refused once in turn (T=TEXT: as for test)
faults:
	@tools/install-packages test
	@$(call setup,$(ASAN),-Dbuildtype=debugoptimized -Db_sanitize=address$(comma)undefined -Db_lundef=false)
	@ninja -C $(ASAN) -j $(JOBS) fault_tests
	@tools/run-tests --filter '$(T)' --suite faults --timeout 1800 --build $(ASAN)

## make check    format, floors, banned calls, static analysis; do the planted faults fit
check:
	@tools/install-packages check
	@tools/check

## make analyze  static analysis by paths: gcc -fanalyzer, clang --analyze (some minutes)
analyze:
	@tools/install-packages analyze
	@tools/analyze

## make e2e      the end-to-end tests alone
e2e: build
	@tools/install-packages test
	@$(call setup,$(ASAN),-Dbuildtype=debugoptimized -Db_sanitize=address$(comma)undefined -Db_lundef=false)
	@ninja -C $(ASAN) -j $(JOBS) tocsin tests
	@tools/run-tests --filter 'e2e' --build $(ASAN)

## make bench    measures the server beside the machine's own ceilings (FULL=1: as the goals say; ONLY=PART,...: bench/README.md)
bench: build
	@tools/install-packages bench
	@ninja -C build -j $(JOBS) bench/load bench/stub bench/bench_json bench/bench_expr bench/bench_lint bench/bench_store bench/bench_ingest bench/bench_client
	@[ -n '$(ONLY)' ] || build/bench/bench_json '' 0.3
	@[ -n '$(ONLY)' ] || build/bench/bench_expr 0.3
	@[ -n '$(ONLY)' ] || build/bench/bench_lint 500 0.5
	@[ -n '$(ONLY)' ] || build/bench/bench_store '' 2
	@[ -n '$(ONLY)' ] || build/bench/bench_ingest build 2 $(if $(FULL),1000000)
	@tools/bench $(if $(FULL),--full) --only '$(ONLY)'

## make crash    kills the server at random instants under load, at each record of the journal, cuts its power, fails its calls
CYCLES ?= 1000
STATES ?= 10000
PLACES ?= 20
crash: build
	@tools/install-packages test
	@ninja -C build -j $(JOBS) tocsin bench/stub tests/crash/libpreload_kill.so tests/crash/libpreload_record.so \
		tests/crash/libpreload_fail.so tests/crash/libpreload_fail_alloc.so tests/crash/libpreload_spawn.so
	@TOCSIN_BIN=build/tocsin tests/crash/test_crash_every_record.py
	@TOCSIN_BIN=build/tocsin tests/crash/test_crash_random.py --cycles $(CYCLES) $(if $(SEED),--seed $(SEED))
	@TOCSIN_BIN=build/tocsin TOCSIN_FAIL_PLACES=$(PLACES) tests/crash/test_crash_fail.py
	@TOCSIN_BIN=build/tocsin tests/crash/test_crash_power.py --states $(STATES) --sessions all --start-every 4 --settle-every 10 \
		$(if $(SEED),--seed $(SEED))

## make simulate days in one process from a seed, with deaths, cut power and lying tools (SEEDS=10, HOURS=1000, FROM=1)
SEEDS ?= 10
HOURS ?= 1000
FROM ?= 1
simulate: build
	@tools/install-packages test
	@ninja -C build -j $(JOBS) tests/simulation/simulate
	@build/tests/simulation/simulate --seeds $(SEEDS) --hours $(HOURS) --from $(FROM)

## make plant    plants small faults in a copy and shows that the tests find each (ONLY=TEXT: some of them)
plant:
	@tools/install-packages test
	@tools/plant --only '$(ONLY)'

## make tsan     the unit and scenario tests under ThreadSanitizer (T=TEXT: as for test)
tsan:
	@tools/install-packages test
	@$(call setup,$(TSAN),-Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false)
	@ninja -C $(TSAN) -j $(JOBS) tests
	@tools/run-tests --filter '$(T)' --suite unit --build $(TSAN)

## make valgrind the unit and scenario tests under valgrind's memcheck, without a sanitizer (T=TEXT: as for test)
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
	--errors-for-leak-kinds=definite,indirect,possible --suppressions=tools/valgrind.supp
valgrind:
	@tools/install-packages valgrind
	@$(call setup,build,-Dbuildtype=debugoptimized)
	@ninja -C build -j $(JOBS) tests
	@tools/run-tests --filter '$(T)' --suite unit --build build --timeout 3600 --skip tools/valgrind-skipped.txt \
		--wrap '$(VALGRIND)'

## make msan     tests and kept inputs of what uses no library that MemorySanitizer can't see into
MSAN_UNIT = $(addprefix base_,arena buf clock err id json latency log pack rand str text timetext value yaml zone)
MSAN_FUZZ = $(addprefix fuzz_,cron expr_check expr_eval expr_parse http json pack playbook smtp text type yaml zone)
msan:
	@tools/install-packages fuzz
	@$(call setup,build-msan,-Dbuildtype=debugoptimized -Db_sanitize=memory -Db_lundef=false,CC=clang CXX=clang++)
	@ninja -C build-msan -j $(JOBS) $(addprefix tests/unit/test_,$(MSAN_UNIT)) $(addprefix fuzz/,$(MSAN_FUZZ))
	@tools/run-tests --build build-msan --only '$(MSAN_UNIT) $(MSAN_FUZZ)'

## make fuzz     F=NAME [SECONDS=60]: fuzzes one parser; without F all, in turn
SECONDS ?= 60
fuzz:
	@tools/install-packages fuzz
	@$(call setup,$(FUZZ),-Dfuzz=true,CC=clang CXX=clang++)
	@ninja -C $(FUZZ) -j $(JOBS)
	@tools/run-fuzz $(FUZZ)/fuzz $(SECONDS) $(F)

## make cover    what the tests run of lines and branches, beside the goals (SUITE=unit,faults,e2e, T=TEXT; LIST='expr/*': what not)
# Not by way of ccache: the counters' files are named after the folder that something was compiled in.
SUITE ?= unit,faults,e2e
LIST ?=
cover:
	@tools/install-packages cover
	@$(call setup,build-cover,-Dbuildtype=debug -Db_coverage=true,CC=gcc CXX=g++)
	@ninja -C build-cover -j $(JOBS) tocsin tests fault_tests
	@find build-cover -name '*.gcda' -delete
	@status=0; tools/run-tests --filter '$(T)' --suite '$(SUITE)' --build build-cover || status=1; \
		tools/cover build-cover $(if $(LIST),--list '$(LIST)') && exit $$status

## make deb      builds build-deb/tocsin_VERSION_ARCHITECTURE.deb: the program, its settings, its systemd unit, the docs
deb:
	@tools/install-packages deb
	@tools/deb

## make format   formats the C sources as .clang-format says
format:
	@tools/install-packages check
	@git ls-files '*.c' '*.h' | xargs clang-format -i

## make clean    removes the build folders
clean:
	rm -rf build build-asan build-tsan build-msan build-fuzz build-cover build-plant build-deb

comma := ,
