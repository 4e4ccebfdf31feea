# The front door: what one does with this project, each with one command. CMakePresets.json has the
# details, and works without this file.

# Where `make run` keeps the dialogs: redis://host, sqlite:///file.db, memory:// …
STORE ?= sqlite:///build/run.db
# The dialogs it replays; by default those that tools/fetch-conversations gets.
IMPORT ?=
# The preset of `make test` and `make lint`: dev, release, ci.
TEST_PRESET ?= dev
# Seconds for each fuzz target, and for each fault of `make test-faults`.
FUZZ_SECONDS ?= 60
FAULT_SECONDS ?= 20
# How long `make soak` lasts.
SOAK_SECONDS ?= 900
# How many contexts `make bench-listing` makes.
CONTEXTS ?= 1000000
# The random choices of the fault tests; the same seed makes the same.
SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
# As ctest's and the benchmarks' own; for example TEST_ARGS='-R integration', BENCH_ARGS=--quick.
TEST_ARGS ?=
BENCH_ARGS ?=
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# Tests at a time: one more, as many wait for a server, a clock or a failover.
TEST_JOBS ?= $(shell expr $(JOBS) + 1)

CONVERSATIONS := build/data/conversations.jsonl.gz
RUN = build/release/cli/dialogstore --store "$(STORE)" replay "$(or $(IMPORT),$(CONVERSATIONS))"
BUILD = cmake --build --parallel $(JOBS) --preset
FETCH_OTHER_SERVERS = tools/fetch-other-servers || echo 'make: goes on without those servers' >&2
TEST = ctest --parallel $(TEST_JOBS) $(TEST_ARGS) --preset

.DEFAULT_GOAL := help
.PHONY: help check-format run python test test-asan test-tsan test-faults soak fuzz bench bench-listing bench-check bench-report lint format install clean

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo 'Variables (make test TEST_ARGS="-R unit"):'
	@sed -n 's/^\([A-Z_]*\) ?= *\(.*\)/  \1 = \2/p' $(MAKEFILE_LIST)

run: build/release/build.ninja $(if $(IMPORT),,$(CONVERSATIONS)) ## Replay dialogs into STORE
	$(BUILD) release --target dialogstore_cli
	$(RUN)

python: build/.installed-python ## Build the wheel of the Python package into build/python/wheel
	python3 -m pip wheel --no-deps --wheel-dir build/python/wheel .

test: build/$(TEST_PRESET)/build.ninja build/.installed-python ## Run every test
	$(BUILD) $(TEST_PRESET)
	$(FETCH_OTHER_SERVERS)
	$(TEST) $(TEST_PRESET)

test-asan: build/asan-ubsan/build.ninja ## The same with address and undefined behaviour sanitizers
	$(BUILD) asan-ubsan
	$(FETCH_OTHER_SERVERS)
	$(TEST) asan-ubsan

test-tsan: build/tsan/build.ninja ## The same with the thread sanitizer
	$(BUILD) tsan
	$(FETCH_OTHER_SERVERS)
	$(TEST) tsan

test-faults: build/release/build.ninja ## The fault tests alone, FAULT_SECONDS for each fault, and what they saw
	$(BUILD) release --target test_fault
	$(FETCH_OTHER_SERVERS)
	rm -rf build/faults
	DIALOGSTORE_FAULT_SECONDS=$(FAULT_SECONDS) DIALOGSTORE_SEED=$(SEED) \
	  DIALOGSTORE_FAULT_REPORT='$(CURDIR)/build/faults' $(TEST) release --label-regex fault; \
	  failed=$$?; tools/report-faults build/faults; exit $$failed

soak: build/release/build.ninja ## Full speed for SOAK_SECONDS on a cluster that fails over each minute
	$(BUILD) release --target soak
	build/release/tests/soak --seconds $(SOAK_SECONDS) --seed $(SEED)

fuzz: build/fuzz/build.ninja ## Run every fuzz target for FUZZ_SECONDS
	$(BUILD) fuzz
	tools/run-fuzzers build/fuzz/fuzz $(FUZZ_SECONDS)

bench: build/release/build.ninja build/.installed-bench ## Run the benchmark: every contender in one run
	$(BUILD) release --target turns format_bench
	bench/install-peers || echo 'make bench: goes on without the Python contenders' >&2
	bench/run $(BENCH_ARGS)

bench-listing: build/release/build.ninja ## What len, scan, check and clear cost with CONTEXTS contexts
	$(BUILD) release --target listing
	build/release/bench/listing --contexts $(CONTEXTS)

bench-check: ## Print each target with what the last run measured (BENCH_ARGS=--strict)
	bench/check $(BENCH_ARGS)

bench-report: ## Put the last run into docs/benchmarks.md and draw its plots
	bench/report $(BENCH_ARGS)

check-format: build/.installed-lint ## Check floors and format alone
	tools/check-floors
	tools/lint --check-format

lint: build/$(TEST_PRESET)/build.ninja build/.installed-lint ## Check floors, format and code
	tools/check-floors
	tools/lint build/$(TEST_PRESET)

format: build/.installed-lint ## Rewrite the sources as .clang-format says
	tools/lint --format

install: build/release/build.ninja ## Install library, headers and program under DESTDIR/PREFIX
	$(BUILD) release --target dialogstore dialogstore_cli
	DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

clean: ## Remove everything that was built
	rm -rf build

build/%/build.ninja: build/.installed-build
	cmake --preset $*

build/fuzz/build.ninja: build/.installed-fuzz

$(CONVERSATIONS): build/.installed-data
	tools/fetch-conversations

build/.installed-%: tools/install-dependencies
	tools/install-dependencies $*
	@mkdir -p build && touch $@

.PRECIOUS: build/.installed-% build/%/build.ninja
