# make demo   the main job: a room of phones sits an exam over bad networks
# make test   everything that must hold
# Each does its own set-up on a fresh machine. Release and debug builds have scratch folders of their own.

SHELL := /bin/bash
DEBUG := .build
RELEASE := .build-release
OUT := out

.PHONY: demo test lint format proto release debug setup bench kill partition planted soak clean

demo: release
	$(RELEASE)/release/exam-lab demo --binaries $(RELEASE)/release --output-folder $(OUT)/demo $(DEMO_FLAGS)

# Papers and recorded links that nobody here wrote; tests skip, and say so, without them.
SHARED := $(or $(EXAMSYNC_SHARED_DATA),../shared/data)

# Far more than a slow machine needs: what takes longer hangs.
TIMED := .ci/timed 1500

test: debug
	$(TIMED) swift test --scratch-path $(DEBUG) --skip-build --skip ExamLabTests
	$(TIMED) swift test --scratch-path $(DEBUG) --skip-build --filter ExamLabTests
	$(TIMED) $(DEBUG)/debug/exam-lab demo --binaries $(DEBUG)/debug --candidates 4 --exam-seconds 16 \
	  --output-folder $(OUT)/test-demo
	@if [ -f $(SHARED)/papers/frenchmedmcqa/dev.json ]; then rm -rf $(OUT)/french && \
	  $(DEBUG)/debug/exam-lab convert frenchmedmcqa $(SHARED)/papers/frenchmedmcqa/dev.json $(OUT)/french && \
	  $(TIMED) $(DEBUG)/debug/exam-lab demo --binaries $(DEBUG)/debug --sample $(OUT)/french --candidates 3 \
	    --exam-seconds 30 --recorded-only --output-folder $(OUT)/test-french; \
	else echo "SKIPPED: $(SHARED) is not there, so nobody sat FrenchMedMCQA over recorded links"; fi

lint:
	swift format lint --strict --recursive Package.swift $$(git ls-files 'Sources/*.swift' 'Tests/*.swift' | grep -v /Generated/)

format:
	swift format format --in-place Package.swift $$(git ls-files 'Sources/*.swift' 'Tests/*.swift' | grep -v /Generated/)

# Needs protoc (Debian: protobuf-compiler); the plugin is built from swift-protobuf, which is slow the first time.
proto: setup
	swift build --scratch-path $(RELEASE) -c release --product protoc-gen-swift
	protoc --plugin=$(RELEASE)/release/protoc-gen-swift --proto_path=Protocol \
	  --swift_out=Sources/SyncWire/Generated --swift_opt=Visibility=Package Protocol/examsync.proto

release: setup
	swift build --scratch-path $(RELEASE) -c release

debug: setup
	swift build --scratch-path $(DEBUG)
	swift build --scratch-path $(DEBUG) --build-tests

bench: release
	$(RELEASE)/release/exam-lab bench --binaries $(RELEASE)/release --output-folder $(OUT)/bench $(BENCH_FLAGS)

# Real processes, killed at the system calls that change files or sockets; see `exam-lab kill --help`.
kill: release
	$(RELEASE)/release/exam-lab kill --binaries $(RELEASE)/release --output-folder $(OUT)/kill $(KILL_FLAGS)

# Networks that part and heal, in many short runs.
partition: release
	$(RELEASE)/release/exam-lab partition --binaries $(RELEASE)/release --output-folder $(OUT)/partition $(PARTITION_FLAGS)

# A build of its own with deliberate bugs: every one of them must be caught.
planted: setup
	swift build --scratch-path .build-planted -c release --traits PlantedBugs --product exam-lab
	.build-planted/release/exam-lab planted --output-folder $(OUT)/planted $(PLANTED_FLAGS)

# The last commit that changed what the laboratory runs, and whether something of it is not committed.
CODE := Package.swift Sources
CODE_COMMIT = $$(git log -1 --format=%h -- $(CODE) 2>/dev/null | grep . || echo unknown)$$( \
  git diff --quiet HEAD -- $(CODE) 2>/dev/null || echo -dirty)

# Runs for hours; goes on where it was stopped.
soak: release
	$(RELEASE)/release/exam-lab soak --binaries $(RELEASE)/release --output-folder $(OUT)/soak \
	  --commit "$(CODE_COMMIT)" $(SOAK_FLAGS)

setup:
	@.ci/setup

clean:
	rm -rf $(DEBUG) $(RELEASE) .build-planted $(OUT)
