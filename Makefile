# SPDX-License-Identifier: Apache-2.0
.PHONY: setup build demo check test fuzz bench protos format

# What building and running need, from Debian's packages.
setup:
	@tools/setup

build: setup
	swift build

# The main job of a node plugin on a real disk, over the sockets and linked.
demo: setup
	swift build --configuration release --product csi-proxy
	swift build --configuration release --product main-job
	@tools/demo

# The tests of a few minutes: formatting, the wire contract, and what needs no disks and no root.
check:
	@tools/setup --test
	@tools/test --check

# All tests; as root, on real disks. What .ci/run calls.
test:
	@tools/setup --test
	@tools/test

# Looks for input that breaks the path parser, the policy reader, a method or the gRPC engine, for SECONDS each.
SECONDS ?= 120
fuzz: setup
	@Fuzzing/run $(SECONDS)

# What is measured and fails no test. All but the first take root.
bench: setup
	swift run --package-path Benchmarks --configuration release path-benchmark
	@tools/setup --test
	swift build --configuration release --product csi-proxy
	Benchmarks/hung-volume
	Benchmarks/rpc/run
	Benchmarks/rpc/endurance 200000 20000 3
	Benchmarks/operations/run

# Generates api/Generated from the .proto files.
protos:
	@tools/setup --test
	@tools/protos

format:
	swift format --in-place --recursive Package.swift Sources service Examples Tests Fuzzing Benchmarks
