# Everything here needs Go, git and make. Tools are pinned in .tools/go.mod and
# built into .bin/ on first use; scratch space is .cache/. Both are git-ignored.
# `make` alone prints the list of targets.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .bin
CACHE := .cache

# Knobs: make run RUN_FLAGS='--listen 127.0.0.1:7701', make build VERSION=v1.2.3,
# make image IMAGE=taskvisord:v1.2.3, make bench BENCH=Publish COUNT=6, make fuzz
# FUZZTIME=5m FUZZ=Cursor, make sim SEEDS=1000000, make storm EVENTS=100000000 …
# The first three are none for the environment, where such names mean something else.
VERSION :=
BUILD := ./cmd/...
IMAGE := taskvisord
DOCKER ?= docker
BENCH ?= .
BENCHTIME ?= 1s
BENCH_TIMEOUT ?= 1h
BENCH_FLAGS ?=
COUNT ?= 1
BASE ?= HEAD
FUZZ ?= .
FUZZTIME ?= 30s
FUZZMINIMIZETIME ?= 5s
SEEDS ?= 20000
EVENTS ?= 10000000
CHANGES ?= 100000
MINUTES ?= 30
CHAOS_SEED ?= 0
RUN_FLAGS ?=

# A hung test is named in minutes, with its goroutines, not after Go's default ten.
TEST_TIMEOUT := -timeout 2m
CHECK_TIMEOUT := -timeout 4m

MANIFESTS := cmd/taskvisord/kubernetes

BENCH_PACKAGES := ./supervisor/... ./server/...

# Without cgo the binary is static: it runs in an image that has nothing else.
# grpcnotrace drops x/net/trace and with it reflection over every method name:
# 3 MB less. Without VERSION the daemon has the tag or commit that git tells.
RELEASE_ENV := CGO_ENABLED=0
RELEASE_FLAGS := -trimpath -tags grpcnotrace -ldflags '-s -w$(if $(VERSION), -X main.version=$(VERSION))'

##@ Use

help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

# Not `go run`: that reports failure after Ctrl-C however well the daemon drained,
# and leaves it behind on SIGTERM.
run: ## start the daemon on 127.0.0.1:7700 with three example tasks (RUN_FLAGS=… adds flags)
	go build -o $(BIN)/taskvisord ./cmd/taskvisord
	$(BIN)/taskvisord --tasks cmd/taskvisord/example/tasks.yaml --exec-allow sh,date,sleep $(RUN_FLAGS)

build: ## build the binaries into .bin/: static, small and reproducible
	$(RELEASE_ENV) go build $(RELEASE_FLAGS) -o $(BIN)/ $(BUILD)

install: ## install the same binaries where `go install` puts them
	$(RELEASE_ENV) go install $(RELEASE_FLAGS) ./cmd/...

image: ## build the container image IMAGE=taskvisord of the daemon (VERSION=…, DOCKER=podman)
	$(DOCKER) build -f cmd/taskvisord/Dockerfile --build-arg VERSION='$(VERSION)' -t '$(IMAGE)' .

##@ Change

test: ## fast inner loop: all tests, no race detector
	go test $(TEST_TIMEOUT) ./...

watch: $(BIN)/gotestsum ## rerun the tests of a package whenever one of its files is saved
	$(BIN)/gotestsum --watch --format testname

fmt: $(BIN)/golangci-lint $(BIN)/buf ## format Go and proto files in place
	$(BIN)/golangci-lint fmt
	$(BIN)/buf format -w

generate: $(BIN)/buf ## rebuild gen/ and server/descriptor.binpb from proto/
	@sh .tools/generate.sh $(BIN)/buf .

lint: lint-proto lint-go ## lint proto and Go files

cover: ## test coverage by package, and an HTML page in .cache/
	@mkdir -p $(CACHE)
	go test $(CHECK_TIMEOUT) -coverpkg=./client/...,./cmd/...,./server/...,./supervisor/... -coverprofile=$(CACHE)/cover.txt ./...
	@go tool cover -html=$(CACHE)/cover.txt -o $(CACHE)/cover.html
	@go tool cover -func=$(CACHE)/cover.txt | tail -n 1

fuzz: ## fuzz each target for FUZZTIME (FUZZ=regexp selects); each input that is found is made smaller for FUZZMINIMIZETIME
	@FUZZ='$(FUZZ)' FUZZTIME='$(FUZZTIME)' FUZZMINIMIZETIME='$(FUZZMINIMIZETIME)' sh .tools/fuzz.sh

sim: ## simulate the engine with SEEDS fresh random seeds, and compare it with its model
	go test -timeout 1h -count=1 -run 'TestSimulation$$' -v ./supervisor -sim.seeds $(SEEDS)

storm: ## let EVENTS pass watchers that leave, stall and resume, and one that never reads: none may be missed without a word
	go test -timeout 2h -count=1 -run 'TestStorm$$|TestAWatcherThatNeverReads' -v ./server -storm.events $(EVENTS) -stalled.events $(EVENTS)

storm-client: ## follow and wait for CHANGES while servers are killed, cut off and outrun
	go test -timeout 1h -count=1 -run 'TestFollowInAStorm$$|TestWaitRacedAgainstTheEnd$$' -v ./client -storm.changes $(CHANGES) -wait.races 10000

chaos: $(BIN)/grpcurl $(BIN)/grpc-health-probe ## trouble of all kinds for the real daemon, for MINUTES, under 64 callers that judge it
	TASKVISOR_E2E_BIN='$(CURDIR)/$(BIN)' go test -timeout 0 -tags e2e -count=1 -run 'TestChaos$$' -v ./cmd/taskvisord/e2e \
		-chaos.duration $(MINUTES)m -chaos.seed $(CHAOS_SEED)

##@ Measure

bench: ## run the benchmarks (BENCH=regexp BENCHTIME=1s COUNT=1)
	go test -timeout $(BENCH_TIMEOUT) -run '^$$' -bench '$(BENCH)' -benchmem -benchtime '$(BENCHTIME)' -count $(COUNT) $(BENCH_FLAGS) $(BENCH_PACKAGES)

benchcmp: $(BIN)/benchstat ## compare the tree with the commit BASE=HEAD (COUNT=6 when not given)
	@BENCH='$(BENCH)' BENCHTIME='$(BENCHTIME)' COUNT='$(if $(filter file,$(origin COUNT)),6,$(COUNT))' \
		sh .tools/benchcmp.sh $(BIN)/benchstat '$(BASE)' $(BENCH_PACKAGES)

##@ Verify

# Cheap and likely to fail comes first. Each step is a target, so the one that
# failed can be repeated alone.
CHECK_STEPS := tools format lint-proto breaking generated tidy vet lint-go manifests sim race bench-smoke e2e

check: ## everything CI runs; stops at the first failure and names it
	@begin=$$(date +%s); \
	for step in $(CHECK_STEPS); do \
		printf '\n=== %s\n' "$$step"; from=$$(date +%s); \
		$(MAKE) "$$step" || { \
			printf '\ncheck: FAILED in step "%s". Repeat it alone: make %s\n' "$$step" "$$step" >&2; exit 1; }; \
		printf -- '--- %s: %ss\n' "$$step" "$$(($$(date +%s) - from))"; \
	done; \
	printf '\ncheck: all %s steps passed in %ss\n' $(words $(CHECK_STEPS)) "$$(($$(date +%s) - begin))"

e2e: $(BIN)/grpcurl $(BIN)/grpc-health-probe ## drive the real daemon with grpcurl and grpc-health-probe
	TASKVISOR_E2E_BIN='$(CURDIR)/$(BIN)' go test $(CHECK_TIMEOUT) -tags e2e -count=1 ./cmd/...

# A module of its own, for the sake of its dependencies. The daemon that it starts is built from this one.
manifests: $(BIN)/golangci-lint ## judge the manifests of Kubernetes, as they are written and as they are rendered
	go -C $(MANIFESTS) vet .
	cd $(MANIFESTS) && '$(CURDIR)/$(BIN)/golangci-lint' run --config '$(CURDIR)/.golangci.yml'
	go -C $(MANIFESTS) test $(TEST_TIMEOUT) -vet=off .

format: $(BIN)/golangci-lint $(BIN)/buf
	@$(BIN)/golangci-lint fmt --diff && $(BIN)/buf format -d --exit-code || \
		{ echo 'Repair: make fmt' >&2; exit 1; }

lint-proto: $(BIN)/buf
	$(BIN)/buf lint

lint-go: $(BIN)/golangci-lint
	$(BIN)/golangci-lint config verify
	$(BIN)/golangci-lint run

breaking: $(BIN)/buf
	@sh .tools/breaking.sh $(BIN)/buf

generated: $(BIN)/buf
	@sh .tools/generated.sh $(BIN)/buf

tidy:
	go mod tidy -diff
	go -C .tools mod tidy -diff
	go -C $(MANIFESTS) mod tidy -diff

vet:
	go vet -tags e2e ./...

# All Go tests: unit, layering, Examples, seeds of the fuzz targets. Vet is a step
# of its own. The race detector needs cgo, and cgo a C compiler; Go switches cgo
# off by itself when it finds none, unless the environment says otherwise.
race:
	@cc=$$(go env CC); \
	if [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$${cc%% *}" >/dev/null 2>&1; then \
		set -x; go test $(CHECK_TIMEOUT) -race -vet=off ./...; \
	else \
		echo '****************************************************************' >&2; \
		echo '** NO C COMPILER FOUND: the tests run WITHOUT the race detector.' >&2; \
		echo '** Install one and repeat: make race' >&2; \
		echo '****************************************************************' >&2; \
		set -x; CGO_ENABLED=0 go test $(CHECK_TIMEOUT) -vet=off ./...; \
	fi

# Once through every benchmark: they compile, run and do not fail.
bench-smoke:
	@$(MAKE) bench BENCH=. BENCHTIME=1x COUNT=1 BENCH_TIMEOUT=4m BENCH_FLAGS=-short

##@ Keep house

# gotestsum and benchstat are left out: no check needs them.
tools: $(addprefix $(BIN)/,buf golangci-lint grpcurl grpc-health-probe) ## build the pinned tools into .bin/

clean: ## remove .bin/ and .cache/
	rm -rf $(BIN) $(CACHE)

package_buf := github.com/bufbuild/buf/cmd/buf
package_golangci-lint := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
package_grpcurl := github.com/fullstorydev/grpcurl/cmd/grpcurl
package_grpc-health-probe := github.com/grpc-ecosystem/grpc-health-probe
package_gotestsum := gotest.tools/gotestsum
package_benchstat := golang.org/x/perf/cmd/benchstat

# `go tool` would do, but looks through the build graph on each call; a binary
# is there at once and the end-to-end tests can run it as a stranger would.
$(addprefix $(BIN)/,buf golangci-lint grpcurl grpc-health-probe gotestsum benchstat): $(BIN)/%: .tools/go.mod .tools/go.sum $(BIN)/.go-version
	go -C .tools build -ldflags '-s -w' -o ../$@ $(package_$*)
	@touch $@

# golangci-lint refuses code for a newer Go than the one it was built with, so a
# new Go rebuilds the tools. Rewritten only when the version changed.
$(BIN)/.go-version: FORCE
	@mkdir -p $(BIN)
	@go env GOVERSION | cmp -s - $@ || go env GOVERSION > $@

FORCE:

.PHONY: help run build install image test watch fmt generate lint cover fuzz sim storm storm-client chaos bench benchcmp \
	check e2e manifests format lint-proto lint-go breaking generated tidy vet race bench-smoke tools clean FORCE
