# make demo, make test: each sets up what it needs in .venv, on a machine with only Python >= 3.11, make and git.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

help:
	@echo "make demo      set up, train a liquid network on handwritten digits, compare it with LSTM, GRU and others"
	@echo "make test      set up, run the tests; 7 to 12 minutes on two cores"
	@echo "make test-long the tests that take long to compile, the other notebook, parity as users compile; 10 minutes"
	@echo "make test-all  both, and the slow tests"
	@echo "make test-numeric, make test-quick    parts of them: with other instructions, or on another Python"
	@echo "make test-exports    exports to ONNX and IREE, in .venv-exports: they want another orbax"
	@echo "make docs      set up, build the site into docs/_build/html; 2 minutes"
	@echo "make test-docs build it, and look at it in Chromium; make screenshots takes those of README.md again"
	@echo "make dist      build sdist and wheel into dist/, install each in a fresh environment and try it; 3 minutes"
	@echo "make check     set up, ruff and pyright"
	@echo "make bench     set up with torch, keras and ncps, measure side by side (half an hour)"
	@echo "make faults    kill it, damage its files, fill its disk; count what it survives, into the README (20 minutes)"
	@echo "make clean     remove .venv, dist and caches; runs/ stays"

demo: $(VENV)/demo
	@$(BIN)/liquidjax train digits

# Compiled programs are kept in .pytest_cache/xla, by processor and flags: the first run compiles, later ones read.
# Without XLA_FLAGS tests and examples compile fast into slower code (tests/quick_xla.py); with it empty, as users do.
PYTEST := $(BIN)/python -m pytest -q -n auto --dist worksteal
PARITY := tests/interop/test_golden_ncps.py
NOTEBOOKS := notebooks/quickstart.ipynb notebooks/anatomy.ipynb notebooks/rates_and_lost_frames.ipynb

test: $(VENV)/test
	@$(PYTEST) --durations=10 tests
	@$(PYTEST) --nbmake --nbmake-timeout=240 $(NOTEBOOKS) liquidjax
	@echo "All tests passed: the package, its parity with ncps, its examples and three notebooks. The only results are"
	@echo "the lines above. Run make demo to see a network learn."

# Those that take long to compile: tests/long.txt. And parity once more, with the programs that users have.
test-long: $(VENV)/test
	@$(PYTEST) --durations=10 -m "long and not slow" tests --ignore $(PARITY)
	@XLA_FLAGS= $(PYTEST) --nbmake --nbmake-timeout=300 -m "not slow" notebooks/adjoint_vs_bptt.ipynb $(PARITY)
	@echo "The tests that take long to compile passed, and parity with ncps as users compile."

test-all: test test-long
	@$(PYTEST) -m "slow and not trains" tests
	@XLA_FLAGS= $(PYTEST) -m trains tests
	@echo "All tests passed, the slow ones included."

# Every algorithm that computes.
NUMERIC := analysis cells/test_cells.py cells/test_hasani.py integrators \
	sequences/test_gradients.py sequences/test_integrate.py sequences/test_methods.py sequences/test_newton.py
QUICK := cells interop/test_velora.py layers models/test_ncp.py sequences/test_times.py training/test_fit.py \
	training/test_model.py training/test_plain.py tasks/readers wirings experiments/test_config.py test_files.py test_house.py

# With all instructions of this processor, the fused multiply-add among them, which the quick flags leave out: what is
# only right by the rounding of one machine fails here or there.
test-numeric: $(VENV)/test
	@XLA_FLAGS=--xla_backend_optimization_level=0 $(PYTEST) $(NUMERIC:%=tests/%)
	@echo "The numeric tests passed with all instructions of this processor."

# For another Python: make test-quick PYTHON=python3.13 VENV=.venv-3.13
test-quick: $(VENV)/test
	@$(PYTEST) $(QUICK:%=tests/%)
	@echo "The quick tests passed on $$($(BIN)/python --version)."

# An environment of its own: jax2onnx does not go together with the orbax of checkpoints. The same make, with that one.
test-exports:
	@$(MAKE) --no-print-directory VENV=.venv-exports run-test-exports

run-test-exports: $(VENV)/test-exports
	@$(BIN)/python -m pytest -q --durations=5 tests/export/onnx tests/export/test_iree.py
	@echo "The tests of the exports to ONNX and IREE passed."

# What is released: the sdist, and the wheel out of it. The tests install both outside of the checkout.
dist: $(VENV)/dist
	@rm -rf dist
	@$(BIN)/python -m build --outdir dist > $(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	@$(BIN)/python -m pytest -q --durations=3 -m "dist or not dist" tests/distribution
	@echo "dist/ holds what a release is: $$(ls dist | tr '\n' ' ')"

check: $(VENV)/check
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright --pythonpath $(BIN)/python
	@echo "ruff and pyright found nothing."

# Warnings are errors, and so is a reference that leads nowhere. What is out of date in it is written again.
docs: $(VENV)/docs
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m sphinx -q -W --keep-going -n -b html docs docs/_build/html
	@echo "The site is in docs/_build/html: $(BIN)/python -m http.server -d docs/_build/html 8000"

test-docs: docs $(VENV)/test
	@$(BIN)/python -m pytest -q -m "browser or not browser" tests/docs/test_site.py tests/docs/test_browser.py \
		tests/docs/test_moving_figure_browser.py docs/making
	@echo "The site has every public name, no broken link, and no page that a browser complains of."

screenshots: docs
	@$(BIN)/python docs/making/screenshots.py

BENCHMARKS := ltc_training_step ltc_long_sequence cfc_training_step streaming_step tanh_floor first_call import_time \
	growth sensing_ahead gpu

bench: $(VENV)/bench
	@for script in $(BENCHMARKS); do echo; echo "benchmarks/$$script.py"; \
		$(BIN)/python benchmarks/$$script.py || exit; done
	@$(BIN)/python benchmarks/tables.py

# Faults on purpose, see tests/faults; the counts go into README.md.
faults: $(VENV)/test
	@$(BIN)/python benchmarks/survival.py
	@$(BIN)/python benchmarks/tables.py

clean:
	rm -rf .venv .venv-newest .venv-exports dist docs/_build docs/api docs/examples docs/house docs/results \
		.pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra of pyproject.toml: installed again when pyproject.toml changes.
$(VENV)/%: pyproject.toml | $(VENV)/bin/python
	@echo "Installing liquidjax[$*] into $(VENV); about a minute the first time."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f'liquidjax needs Python >= 3.11, \
	$(PYTHON) is {v[0]}.{v[1]}; name another one: make PYTHON=python3.12 ...')"
	@$(PYTHON) -m venv $(VENV)

.PHONY: help demo test test-long test-all test-numeric test-quick test-exports run-test-exports docs test-docs screenshots \
	dist check bench faults clean
.SECONDARY:
