# make demo   the main job: a room of phones sits an exam over bad networks
# make test   everything that must hold
# Each does its own set-up on a fresh machine. Release and debug builds have scratch folders of their own.

SHELL := /bin/bash
DEBUG := .build
RELEASE := .build-release
OUT := out

.PHONY: demo test lint format proto release debug setup bench clean

demo: release
	$(RELEASE)/release/exam-lab demo --binaries $(RELEASE)/release --output-folder $(OUT)/demo $(DEMO_FLAGS)

test: debug
	swift test --scratch-path $(DEBUG) --skip-build
	$(DEBUG)/debug/exam-lab demo --binaries $(DEBUG)/debug --candidates 4 --exam-seconds 16 \
	  --output-folder $(OUT)/test-demo

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

setup:
	@.ci/setup

clean:
	rm -rf $(DEBUG) $(RELEASE) $(OUT)
