# Everything works from a fresh clone: what is missing is installed or unpacked by the first target that needs it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

# The Swift runtime goes into the executable, so that it runs on machines without Swift.
RELEASE := -c release --static-swift-stdlib

.PHONY: build run test lint fuzz bench soak soak-two soak-chain dependencies peers

dependencies:
	@scripts/install.sh

peers:
	@scripts/peers.sh prometheus-node-exporter

## build: the executable, in .build/release/clymene
build: dependencies
	@if [[ ! -x .build/release/clymene ]]; then \
	  echo "The first release build compiles all libraries: about 10 minutes on two cores, later ones take one or two."; fi
	@swift build $(RELEASE) --product clymene

## run: an agent that scrapes itself and a node_exporter into ./data
run: peers build
	@scripts/run.sh

## test: all tests, in debug
test: dependencies peers
	@scripts/peers.sh prometheus victoria-metrics
	@scripts/chromium.sh
	@scripts/test.sh

## lint: the format of all Swift files
lint:
	@swift format lint --strict -r Package.swift Sources Tests $$(ls -d fuzz/*.swift fuzz/Sources 2>/dev/null)

## fuzz: each parser for SECONDS (default 60), under AddressSanitizer
fuzz: dependencies
	@fuzz/run.sh $(or $(SECONDS_EACH),60)

## bench: density and speed of block, parser and log
bench: dependencies
	@scripts/bench.sh

## soak: ten minutes of one scrape a second with a kill -9 every ten seconds, and the proof that nothing is missing or twice
soak: peers build
	@scripts/soak-kill.sh

## soak-two: ten minutes into VictoriaMetrics and Prometheus at once, with kills and outages, and the proof that both have every sample
soak-two: peers build
	@scripts/soak-two.sh

## soak-chain: minutes of agents and gateways behind and beside each other, with kills and failing links, and the proof that every row arrives once
soak-chain: peers build
	@scripts/soak-chain.sh
