# Two commands do everything: `make run` and `make test`. `make help` lists the others.

SHELL := /bin/bash
PYTHON ?= python3
PROFILE ?= ci
BOTO3 := boto3==1.44.5
BOTO3_QUERY := boto3>=1.34,<1.35

.PHONY: help run build test check test-deps lint fmt crash fuzz peers console screenshots

help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the release binary
	cargo build --release --locked -p cli

run: build ## Build and start the server on real input: the host it runs on
	./target/release/sightline serve $(ARGS)

test: test-deps ## Install what the tests need and pass them all
	cargo fmt --all --check
	cargo build --locked --profile $(PROFILE) -p cli
	cargo nextest run --locked --workspace --no-fail-fast --cargo-profile $(PROFILE)
	cargo test --locked --workspace --doc --profile $(PROFILE)

check: ## Quick: format, lints, unit tests; needs only Rust and a C compiler
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --exclude conformance -- -D warnings
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --locked --workspace --exclude conformance -E 'not test(oracle_)'; \
	else \
	  cargo test --locked --workspace --exclude conformance -- --skip oracle_; \
	fi

fmt: ## Format the code
	cargo fmt --all

crash: ## The long crash test: 25,000 seeds, 100,000 misfortunes
	SIGHTLINE_CRASH_SEEDS=25000 cargo test --locked --release -p metric-store --test it crash

fuzz: ## Hostile bytes, guided by coverage: TARGET=promql SECONDS=600, or all targets
	scripts/fuzz '$(TARGET)' $(SECONDS)

console: ## Build the console's pages into crates/console/assets, checked
	cd crates/console/web && npm ci --no-audit --no-fund && npm run --silent types && npm run --silent unit && npm run --silent build

screenshots: test-deps ## Pictures of the console's pages, dark and light, into docs/screenshots
	@fc-list 2>/dev/null | grep -q Inter || apt-get install -y -qq fonts-inter >/dev/null 2>&1 || echo "without the font Inter"
	cargo build --locked --profile $(PROFILE) -p cli
	node crates/console/web/e2e/screenshots.mjs target/$(PROFILE)/sightline docs/screenshots

peers: ## Measure against the peers (about an hour): see bench/README.md
	bench/peers/run

test-deps: .venv/ready .venv-query/ready .venv-telling/ready ## Install what the tests need
	@./scripts/test-deps

.venv/ready: Makefile
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check '$(BOTO3)'
	touch $@

.venv-query/ready: Makefile
	$(PYTHON) -m venv .venv-query
	.venv-query/bin/pip install --quiet --disable-pip-version-check '$(BOTO3_QUERY)'
	touch $@

.venv-telling/ready: Makefile
	$(PYTHON) -m venv .venv-telling
	.venv-telling/bin/pip install --quiet --disable-pip-version-check boto3 'moto[server]>=5.2' 'aiosmtpd>=1.4.6' cryptography requests
	# It pins versions that nothing else can live with, and needs none of them.
	.venv-telling/bin/pip install --quiet --disable-pip-version-check --no-deps sns-message-validator==0.0.1
	touch $@
