# Everything here runs on a machine with Go and npm; make setup installs the rest where it can.

# Tests run with kgo's own tag "synctests": it makes the client's mutexes of channels, on which testing/synctest can see
# a goroutine wait. With sync.Mutex underneath, virtual time stands still while a goroutine waits at a lock of the
# client. The tag changes nothing else, and the race detector follows channels as it does mutexes. Programs are built
# without it. "soak" marks the tests of make soak, "e2e" those that need a real broker; lint reads all of them.
TEST_TAGS := synctests
ALL_TAGS  := synctests,soak,e2e

# How long make fuzz spends on each target.
FUZZTIME ?= 20s

# How many seeds make sim runs.
SEEDS ?= 200

# Where a go.mod is: the pipeline's, and those of what only checks what is deployed.
MODULES := $(patsubst %/go.mod,%,$(shell find . -name go.mod | sort))

# More flags for the tests of make e2e-containers: make e2e-containers E2E='-run Zombie'.
E2E ?=

# More flags for make demo and make up: make demo ARGS='--commands 1000 --seed 7'.
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up compose-up compose-down test test-deploy lint fuzz sim e2e e2e-broker e2e-containers e2e-boards e2e-compose soak bench bench-aggregator bench-asof bench-latency bench-move bench-rebuild bench-restore bench-transfers bench-verify build setup tidy clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Fetch what is missing, run everything embedded, play a bank's month and a shop's day, print the reports, exit
	CGO_ENABLED=0 go run ./cmd/recount demo $(ARGS)

up: ## Run all roles on embedded services until Ctrl-C
	CGO_ENABLED=0 go run ./cmd/recount up $(ARGS)

# make up needs no container: it is the same pipeline in one process.
compose-up: ## Run docker/compose.yaml: each role in a container, Kafka, ClickHouse, a registry, console :8090, Prometheus :9090, Grafana :3000
	docker/new-secrets
	docker build --file docker/Dockerfile --tag $${RECOUNT_IMAGE:-recount:latest} .
	docker compose --file docker/compose.yaml up --detach

compose-down: ## Stop it and remove its containers; ARGS=--volumes removes what it has kept as well
	docker compose --file docker/compose.yaml down $(ARGS)

test: setup lint ## Check everything that needs no container, with the race detector
	CGO_ENABLED=1 go test -race -shuffle=on -timeout 40m -tags $(TEST_TAGS) ./...
	@$(MAKE) --no-print-directory test-deploy

# Modules of their own: what checks Prometheus' rules and Kubernetes' manifests is no dependency of the pipeline's.
# remove_all_sd builds Prometheus without the discovery of services, which is most of it.
test-deploy: ## The part of make test that checks rules, boards and manifests with Prometheus' and Kubernetes' own code
	cd docker/prometheus && go vet -tags remove_all_sd . && go test -count=1 -tags remove_all_sd .
	cd docker/kubernetes && go vet . && go test -count=1 .

lint: ## Check format, every go.mod, the compiler's and staticcheck's findings, sealed types and the house rules
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "run gofmt -w on: $$unformatted" >&2; exit 1; }
	@set -e; for module in $(MODULES); do echo "go -C $$module mod tidy -diff"; go -C $$module mod tidy -diff; done
	go vet -tags $(ALL_TAGS) ./...
	go tool staticcheck -tags $(ALL_TAGS) ./...
	go tool go-check-sumtype -default-signifies-exhaustive=false ./...
	go test -count=1 ./internal/lint

fuzz: ## Fuzz each target for FUZZTIME
	@set -e; targets=$$(grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' .) || { echo "no fuzz target was found" >&2; exit 1; }; \
	for target in $$(echo "$$targets" | sed -E 's,/[^/]*:func ,:,'); do \
		echo "$$target for $(FUZZTIME)"; \
		go test -tags $(TEST_TAGS) -run '^$$' -fuzz "^$${target#*:}$$" -fuzztime $(FUZZTIME) "$${target%:*}"; \
	done

sim: ## Run the write side under seeded faults, in virtual time: SEEDS=n for more, SEED=n for one and its whole trace
	go test -C internal/sim -tags $(TEST_TAGS) -run '^TestSim' -count=1 -timeout 3h -args $(if $(SEED),-seed $(SEED),-seeds $(SEEDS))

e2e: e2e-broker e2e-containers e2e-boards e2e-compose ## Try everything on real Kafka while everything fails (needs Java and Docker, or root on Debian)

e2e-broker: setup ## The part of make e2e that needs Java 17 and Maven, and no container: a broker from its jars
	@.ci/setup java
	@set -e; files=$$(grep -rlE '^//go:build e2e$$' --include='*_test.go' bench cmd internal) || { echo "no test on a broker without a container was found" >&2; exit 1; }; \
	names=$$(sed -nE 's,^func (Test[A-Za-z0-9_]+).*,\1,p' $$files | paste -sd '|'); \
	CGO_ENABLED=0 go test -tags $(TEST_TAGS),e2e -run "^($$names)$$" -p 1 -count=1 -timeout 20m $$(dirname $$files | sort -u | sed 's,^,./,')

e2e-containers: setup ## The part of make e2e that kills, freezes and cuts what runs in containers: make e2e-containers E2E='-run Zombie'
	CGO_ENABLED=0 .ci/with-containers go test -tags $(TEST_TAGS),e2e -count=1 -timeout 30m -v $(E2E) ./e2e/...

e2e-boards: setup ## The part of make e2e that asks a real Prometheus what the boards ask, while a pipeline runs
	cd docker/prometheus && go test -count=1 -tags remove_all_sd,e2e -run Pipeline .

e2e-compose: setup ## The part of make e2e that runs docker/compose.yaml with images built here, and does what docs/first-hour.md says
	.ci/with-containers docker/local/try

soak: ## Run the long fault runs: the tests called TestSoak..., under the build tag soak (needs what make e2e needs)
	@set -e; packages=$$(grep -rlE '^func TestSoak' --include='*_test.go' . | xargs -r -n 1 dirname | sort -u); \
	test -n "$$packages" || { echo "no soak test was found" >&2; exit 1; }; \
	.ci/with-containers go test -tags $(ALL_TAGS) -run '^TestSoak' -count=1 -timeout 3h -v $$packages

bench: bench-aggregator bench-asof bench-latency bench-move bench-rebuild bench-restore bench-transfers bench-verify ## Run all benchmarks

bench-aggregator: ## Measure commands a second beside Kafka Streams and a bare loop (needs Java 17 and Maven)
	go run ./bench/aggregator $(ARGS)

bench-asof: ## Measure as-of questions over 10 M rows of history beside the plainest SQL on the same data
	go run ./bench/asof $(ARGS)

bench-latency: ## Measure the time from a command to its committed event, and to the views, at 5,000 a second (needs Java 17 and Maven)
	go run ./bench/latency $(ARGS)

bench-rebuild: ## Measure rebuilding views from the log, and what their users notice of it (needs Java 17 and Maven)
	go run ./bench/rebuild $(ARGS)

bench-restore: ## Measure how long a worker takes to know its partitions again, beside Kafka Streams (needs Java 17 and Maven)
	go run ./bench/restore $(ARGS)

bench-move: ## Measure for how long a partition stands still when it is moved under load (needs Java 17 and Maven)
	go run ./bench/move $(ARGS)

bench-transfers: ## Measure transfers a second, and from request to completion at 500 a second, saga included (needs Java 17 and Maven)
	go run ./bench/transfers $(ARGS)

bench-verify: ## Measure walking the chains on one core beside hashing the same bytes and nothing else
	go test -run '^$$' -bench '^BenchmarkVerify$$' -cpu 1 -count 3 ./internal/proof

build: ## Compile the programs into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

setup: ## Install what the tests need and this machine lacks
	@.ci/setup

tidy: ## Format the code and mend every go.mod
	gofmt -w .
	@set -e; for module in $(MODULES); do echo "go -C $$module mod tidy"; go -C $$module mod tidy; done

clean: ## Remove what make built
	rm -rf bin
