# Every target is one readable recipe; `make` lists them.

ADDRESS ?= 127.0.0.1:7070
DATA ?= ./data
NEXTEST ?= --workspace --all-features
CHAOS ?= 20
# Each time other worlds are simulated; SIM_FROM=… repeats those of an earlier time.
SIM_SEEDS ?= $(shell expr $(CHAOS) '*' 100)
SIM_FROM ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')

.PHONY: help run dev test chaos check fmt node sdk clients bench-queue bench-schedules bench-events bench-scripts tools-test tools-check tools-bench cargo cc servers esbuild compat-packages compat-lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: cargo cc node ## Build, and start a server with the examples on 127.0.0.1:7070, data in ./data
	cargo build --locked --profile fast --bin tidegate
	./target/fast/tidegate serve --examples --listen $(ADDRESS) --data $(DATA)

dev: cargo cc node ## Build, and run the examples' folder with hot reload
	cargo build --locked --profile fast --bin tidegate
	./target/fast/tidegate dev scripts/examples

test: tools-test ## Run every test; installs what is missing
	cargo nextest run --locked --no-fail-fast $(NEXTEST)

chaos: tools-test ## Break servers under load, simulated and real, for a long time; CHAOS=40 goes on twice as long
	CHAOS=$(CHAOS) SIM_SEEDS=$(SIM_SEEDS) SIM_FROM=$(SIM_FROM) cargo nextest run --locked --no-fail-fast --no-capture --workspace --all-features -E 'binary(faults) + binary(simulation) + test(chaos::) + test(kills_lose_nothing) + test(keyed::) + test(outage::)'

check: tools-check node ## Formatting, lints, licences and advisories, house rules
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	cargo deny --locked check bans licenses sources
	cargo test --locked --test tidy

fmt: cargo ## Format the code
	cargo fmt --all

node: scripts/node/dist/NOTICE ## Build the modules of the scripts' runtime that are made from npm packages

scripts/node/dist/NOTICE: scripts/node/package-lock.json scripts/node/build.mjs
	@for tool in node npm; do command -v $$tool >/dev/null || { \
	  echo "$$tool is missing: Node 20 or newer builds the runtime's modules (https://nodejs.org)" >&2; exit 1; }; done
	npm ci --prefix scripts/node --no-audit --no-fund --ignore-scripts
	node scripts/node/build.mjs

sdk: sdk/dist/index.js ## Build the JavaScript client in sdk/dist

sdk/dist/index.js: sdk/package-lock.json sdk/tsconfig.json sdk/build.mjs $(wildcard sdk/src/*.ts)
	@for tool in node npm; do command -v $$tool >/dev/null || { \
	  echo "$$tool is missing: Node 20 or newer builds the client (https://nodejs.org)" >&2; exit 1; }; done
	npm ci --prefix sdk --no-audit --no-fund --ignore-scripts
	npm run --prefix sdk --silent build

bench-queue: tools-bench ## Measure the queue on Redis against BullMQ and plain commands; QUICK=1 for a small run
	npm ci --prefix benches/peers/bullmq --no-audit --no-fund
	QUICK=$(QUICK) cargo run --locked --release -p store --example queue_bench

bench-schedules: cargo cc servers ## Measure how late ticks are when 10,000 schedules fire at once; QUICK=1 for a small run
	QUICK=$(QUICK) cargo run --locked --release -p workers --example schedule_bench

bench-events: cargo cc ## Measure 1,000 filters against 1,000,000 events; QUICK=1 for a small run
	QUICK=$(QUICK) cargo run --locked --release -p workers --example event_bench

bench-scripts: cargo cc node ## Measure runs against the bare engine, isolated-vm and worker threads; QUICK=1 for a small run
	npm ci --prefix benches/peers/node --no-audit --no-fund
	cargo build --locked --release -p scripts --example floor
	QUICK=$(QUICK) cargo run --locked --release -p workers --example runner_bench

tools-test: cargo cc servers node esbuild compat-packages sdk clients
	@command -v cargo-nextest >/dev/null || cargo install cargo-nextest --locked

tools-check: cargo cc
	@command -v cargo-deny >/dev/null || cargo install cargo-deny --locked

tools-bench: cargo cc node
	@for tool in redis-server redis-benchmark node npm; do \
	  command -v $$tool >/dev/null || { echo "$$tool is missing" >&2; exit 1; }; done

cargo:
	@command -v cargo >/dev/null || { echo "Rust is missing: https://rustup.rs installs it (1.95 or newer is needed)" >&2; exit 1; }

# SQLite and QuickJS are C.
cc:
	@command -v cc >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	  then apt-get update -q && apt-get install -y -q --no-install-recommends gcc libc6-dev; \
	  else echo "a C compiler is missing: on Debian or Ubuntu, sudo apt-get install gcc libc6-dev" >&2; exit 1; fi; }

# The bundler of npm packages that tests use; the program itself fetches its own. npm checks it against the lock file.
esbuild: target/tools/esbuild

target/tools/esbuild: tests/esbuild/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: https://nodejs.org (20 or newer)" >&2; exit 1; }
	npm ci --prefix tests/esbuild --ignore-scripts --no-audit --no-fund
	mkdir -p target/tools
	cp tests/esbuild/node_modules/@esbuild/*/bin/esbuild $@

# The npm packages that tests install, served by a registry of the tests' own. `make compat-lock` follows a changed
# tests/compat/*/package.json.
compat-packages: target/compat/fetched

target/compat/fetched: tests/compat/lock.json
	@command -v npm >/dev/null || { echo "npm is missing: https://nodejs.org (20 or newer)" >&2; exit 1; }
	node tests/compat/packages.mjs fetch
	@touch $@

compat-lock:
	node tests/compat/packages.mjs lock

# What tests start on free ports: Redis, and the library that fakes its clock. A package's own service is not used.
servers:
	@command -v redis-server >/dev/null && command -v faketime >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	  then apt-get update -q && apt-get install -y -q --no-install-recommends redis-server faketime; \
	  else echo "Redis 7 or libfaketime is missing: on Debian or Ubuntu, sudo apt-get install redis-server faketime" >&2; exit 1; fi; }

# What the tests call a server with: a browser, and the languages of docs/CLIENTS.md. CHROMIUM names a browser of your own.
clients:
	@(for tool in "$${CHROMIUM:-chromium}" go python3 curl; do command -v "$$tool" >/dev/null || exit 1; done) || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	  then apt-get update -q && apt-get install -y -q --no-install-recommends chromium golang-go python3 curl; \
	  else echo "Chromium, Go, Python 3 or curl is missing: on Debian or Ubuntu, sudo apt-get install chromium golang-go python3 curl" >&2; exit 1; fi; }
