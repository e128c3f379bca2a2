# Run "make" for the list of targets. Everything needs Go; test wants a C compiler
# too, for the race detector.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

FUZZTIME ?= 30s
TESTFLAGS ?=
BENCHFLAGS ?=
CHAOSFLAGS ?=

packages = $$(scripts/modules.sh | sed 's|$$|/...|')

.PHONY: help demo test short fuzz lint fmt tidy cover bench interop chaos overload ci

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run the README's server and client
	@cd examples && go run ./quickstart

test: ## check and race-test every module, the bar for a change (TESTFLAGS go to go test)
	@scripts/test.sh $(TESTFLAGS)

short: ## test every module quickly, without the race detector
	@go test -short $(TESTFLAGS) $(packages)

fuzz: ## run every fuzz target for FUZZTIME (30s)
	@scripts/fuzz.sh $(FUZZTIME)

lint: ## run golangci-lint over every module; the first time builds it, which takes minutes
	@scripts/lint.sh

fmt: ## format every file
	@"$$(scripts/tool.sh gofumpt)" -l -w .

tidy: ## tidy every go.mod
	@GOWORK=off scripts/each-module.sh go mod tidy
	@cd internal/tools && GOWORK=off go mod tidy

cover: ## test every module and print how much of it the tests reach
	@go test -short -coverprofile=cover.out $(packages) | awk '$$1 == "ok" || /FAIL/'
	@go tool cover -func=cover.out | tail -n 1

bench: ## compare with other frameworks, some minutes (BENCHFLAGS=-quick: half a minute)
	@cd benchmark && go run . run $(BENCHFLAGS)

interop: ## prove compatibility with real rpcx and print the matrix
	@cd interop && go test -count=1 -v ./... | awk '/^(=== |[ \t]*--- PASS)/ { next } { print }'

chaos: ## kill, stop, freeze servers under load and count the calls, minutes (CHAOSFLAGS=-full: more)
	@cd interop && go run ./chaos $(CHAOSFLAGS)

overload: ## offer a server ten times what it can take, half a minute
	@cd interop && go run ./chaos overload $(CHAOSFLAGS)

ci: ## what CI runs
	@.ci/run
