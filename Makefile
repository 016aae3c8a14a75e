.DEFAULT_GOAL := help
.PHONY: help setup data run export render serve test test-fast hostile clients-test browser browser-test check docs format lock cluster search cluster-test torch-test sweep image image-serve image-test sbom audit version bench clean

# The first Python on the path that TensorFlow supports and that can create a virtual environment.
PYTHONS := python3 python3.13 python3.12 python3.11 python
SUITS := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for p in $(PYTHONS); do "$$p" -c "$(SUITS)" >/dev/null 2>&1 && echo "$$p" && break; done)
# cpu or gpu: selects the lock file, here and in the image
DEVICE ?= cpu
$(if $(filter cpu gpu,$(DEVICE)),,$(error DEVICE is '$(DEVICE)', but must be cpu or gpu))
LOCK := requirements$(if $(filter gpu,$(DEVICE)),-gpu).txt
VENV := .venv$(if $(filter gpu,$(DEVICE)),-gpu)
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
INSTALL := $(BIN)/python $(PIP)
# The tests of a file run in one process, because they share trained runs. ARGS="-n 0": all in this process.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
IMAGE ?= fashion-job$(if $(filter gpu,$(DEVICE)),:gpu)
SERVE_IMAGE ?= fashion-job-serve
ARGS ?=

# The labels of the image; CI sets SOURCE to the address of the repository.
REVISION := $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' job/__init__.py)
SOURCE ?=
# yes: the image includes the packages for --export onnx
EXPORT ?=
# yes: the image includes Ray for sweeps on a cluster
CLUSTER ?=
# yes: the image includes Optuna for searches
SEARCH ?=
BUILD_ARGS = $(foreach name,BASE DEVICE EXPORT CLUSTER SEARCH REVISION VERSION SOURCE,$(if $($(name)),--build-arg '$(name)=$($(name))'))

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r t h; do printf '%-14s%s\n' "$$t" "$$h"; done

setup: $(VENV)/job.stamp ## Create .venv with the command fashion-job and its packages (DEVICE=gpu: .venv-gpu)

data: $(VENV)/job.stamp ## Download Fashion-MNIST into data/, unless it is installed
	@$(BIN)/python -m job.data.download

run: data ## Train, evaluate and write report/index.html (options: make run ARGS="--epochs 10")
	$(BIN)/python -m job $(ARGS)

export: $(VENV)/export.stamp ## Install the packages for --export onnx into .venv

cluster: $(VENV)/cluster.stamp ## Install Ray into .venv, for sweeps on a cluster (sweep --cluster)

search: $(VENV)/search.stamp ## Install Optuna into .venv, for searches (sweep --config with the key search)

sweep: data ## Train several configurations and seeds, and compare them (ARGS="--recipe baseline --seeds 0-4")
	$(BIN)/python -m job sweep $(ARGS)

serve: setup ## Serve the report and the model in report/ on http://127.0.0.1:8000/ (ARGS="--port 9000")
	$(BIN)/python -m job serve $(ARGS)

render: setup ## Rebuild report/index.html from the results in report/, without training
	$(BIN)/python -m job render $(ARGS)

test: $(VENV)/tests.stamp data ## Run all tests except browser-test and image-test, including full trainings (a few minutes)
	$(BIN)/python -m pytest $(PARALLEL) -m "not image and not browser and not clients and not cluster and not torch and not hostile" $(ARGS)

test-fast: $(VENV)/tests.stamp data ## Run the tests that do not train (within a minute)
	$(BIN)/python -m pytest $(PARALLEL) -m "not training and not slow and not image and not browser and not clients and not cluster and not torch and not hostile" $(ARGS)

hostile: $(VENV)/tests.stamp data ## Run the job in hostile surroundings and print a table of the cases (up to 12 minutes)
	$(BIN)/python -m pytest -p no:randomly -q tests/hostile $(ARGS)

clients-test: .venv-clients/clients.stamp $(VENV)/tests.stamp ## Test the server with clients of its protocols, schemathesis and 50,000 requests (2 to 4 minutes)
	CLIENTS_PYTHON=.venv-clients/bin/python $(BIN)/python -m pytest -m clients $(ARGS)

cluster-test: $(VENV)/cluster.stamp $(VENV)/tests.stamp ## Test sweeps on a Ray cluster of three nodes on this machine (some minutes)
	$(BIN)/python -m pytest -m cluster $(ARGS)

torch-test: .venv-bench/bench.stamp $(VENV)/tests.stamp ## Report the predictions of a PyTorch model, with the PyTorch of the benchmark
	TORCH_PACKAGES="$$(.venv-bench/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" $(BIN)/python -m pytest -m torch $(ARGS)

browser-test: browser $(VENV)/tests.stamp tests/node_modules/.package-lock.json ## Test the report in Chromium and validate its HTML and CSS
	$(BIN)/python -m pytest $(PARALLEL) -m browser $(ARGS)

check: $(VENV)/tests.stamp ## Check format, lint, types, import rules, Dockerfile and CI files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck .ci/run docs/cluster/*.sh
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci docs/ci/gitlab-ci.yml
	$(BIN)/zizmor --offline --quiet .github action.yml
	$(BIN)/kubernetes-validate --quiet --strict docs/ci/kubernetes-job.yaml docs/serve/kubernetes.yaml docs/cluster/indexed-job.yaml

docs: $(VENV)/job.stamp ## Regenerate docs/options.md from the options
	@$(BIN)/python -m tests.docs.options_page > docs/options.md.part || { rm -f docs/options.md.part; exit 1; }
	@mv docs/options.md.part docs/options.md

format: $(VENV)/tests.stamp ## Format the code and apply the linter's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/tests.stamp ## Compile the dependencies in pyproject.toml into the eleven lock files
	$(COMPILE) pyproject.toml --extra train -o requirements.txt
	$(COMPILE) pyproject.toml --extra gpu -c requirements.txt -o requirements-gpu.txt
	$(COMPILE) pyproject.toml --extra export -c requirements.txt -o requirements-export.txt
	$(COMPILE) pyproject.toml --extra cluster -c requirements.txt -o requirements-cluster.txt
	$(COMPILE) pyproject.toml --extra search -c requirements.txt -c requirements-cluster.txt -o requirements-search.txt
	$(COMPILE) --group serve -c requirements.txt -o requirements-serve.txt
	$(COMPILE) --group build -c requirements.txt -o requirements-build.txt
	$(COMPILE) --group bench -c requirements.txt -o bench/requirements.txt
	$(COMPILE) --group bench-serve -o bench/requirements-serve.txt
	$(COMPILE) pyproject.toml --extra export --extra search --extra mlflow --extra parquet --group dev -c requirements.txt -c requirements-cluster.txt -o tests/requirements.txt
	$(COMPILE) --group clients -o tests/requirements-clients.txt

image: ## Build the Docker image fashion-job (DEVICE=gpu: fashion-job:gpu; EXPORT=yes: with ONNX export; CLUSTER=yes: with Ray; SEARCH=yes: with Optuna)
	docker build $(DOCKER_BUILD_FLAGS) $(BUILD_ARGS) -t $(IMAGE) .

image-serve: ## Build the Docker image fashion-job-serve, which only serves
	docker build $(DOCKER_BUILD_FLAGS) $(BUILD_ARGS) --target serve -t $(SERVE_IMAGE) .

image-test: $(VENV)/tests.stamp data image image-serve ## Build the images, test them under every restriction, print size and times
	IMAGE='$(IMAGE)' SERVE_IMAGE='$(SERVE_IMAGE)' $(BIN)/python -m pytest -m image $(ARGS)

sbom: $(VENV)/tests.stamp ## Write the image's software bill of materials (SPDX) to sbom.spdx.json
	SYFT_CHECK_FOR_APP_UPDATE=false $(BIN)/syft scan docker:$(IMAGE) --source-name fashion-job --source-version $(VERSION) -o spdx-json=sbom.spdx.json

# To ignore an advisory that does not affect the job, add --ignore-vuln here and a comment with the reason.
audit: $(VENV)/tests.stamp ## Check the locked packages for known vulnerabilities
	$(BIN)/pip-audit --strict --disable-pip --require-hashes $(foreach lock,$(wildcard requirements*.txt tests/requirements*.txt bench/requirements*.txt),-r $(lock))

bench: .venv-bench/bench.stamp .venv-bench-serve/bench.stamp data ## Compare the speed with other libraries (about an hour; ARGS="--only fit": 7 minutes)
	PEERS_PYTHON=.venv-bench/bin/python SERVERS_PYTHON=.venv-bench-serve/bin/python $(BIN)/python -m bench $(ARGS)

version: ## Print the version
	@echo $(VERSION)

clean: ## Remove the virtual environments, data/ and the caches, but not the report
	rm -rf .venv .venv-gpu .venv-bench .venv-bench-serve .venv-clients tests/node_modules data sbom.spdx.json .mypy_cache .ruff_cache .pytest_cache
	find job tests bench -name __pycache__ -prune -exec rm -rf {} +

browser:
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null && command -v java >/dev/null && command -v npm >/dev/null || \
	{ echo "make: browser-test needs Chromium or Chrome, Java and npm; install them (Debian: apt-get install chromium default-jre-headless npm)" >&2; exit 1; }

# Without install scripts: that of the validator would download Java.
tests/node_modules/.package-lock.json: tests/package-lock.json
	npm ci --prefix tests --silent --ignore-scripts
	@touch $@

.venv-clients/clients.stamp: tests/requirements-clients.txt
	@test -x .venv-clients/bin/python || "$(PYTHON)" -m venv .venv-clients
	.venv-clients/bin/python $(PIP) -r $<
	@touch $@

.venv-bench/bench.stamp: bench/requirements.txt $(VENV)/job.stamp
	@test -x .venv-bench/bin/python || "$(PYTHON)" -m venv .venv-bench
	.venv-bench/bin/python $(PIP) -r $<
	@touch $@

.venv-bench-serve/bench.stamp: bench/requirements-serve.txt
	@test -x .venv-bench-serve/bin/python || "$(PYTHON)" -m venv .venv-bench-serve
	.venv-bench-serve/bin/python $(PIP) -r $<
	@touch $@

$(VENV)/job.stamp: $(LOCK) requirements-build.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11, 3.12 or 3.13 with venv found; install one (Debian: apt-get install python3-venv) or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(INSTALL) -r $(LOCK) -r requirements-build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/export.stamp: requirements-export.txt $(VENV)/job.stamp
	$(INSTALL) -r $<
	@touch $@

$(VENV)/cluster.stamp: requirements-cluster.txt $(VENV)/job.stamp
	$(INSTALL) -r $<
	@touch $@

$(VENV)/search.stamp: requirements-search.txt $(VENV)/job.stamp
	$(INSTALL) -r $<
	@touch $@

$(VENV)/tests.stamp: tests/requirements.txt $(VENV)/job.stamp
	$(INSTALL) -r tests/requirements.txt
	@touch $@
