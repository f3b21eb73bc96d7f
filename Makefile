# make demo, make test: each sets up what it needs in .venv, on a machine with only Python >= 3.11, make and git.
PYTHON ?= python3
BIN := .venv/bin

help:
	@echo "make demo      set up, train a liquid network on handwritten digits, compare it with LSTM, GRU and others"
	@echo "make test      set up, run the tests (10 minutes)"
	@echo "make test-all  the same with the slow tests"
	@echo "make check     set up, ruff and pyright"
	@echo "make bench     set up with torch, keras and ncps, measure side by side (half an hour)"
	@echo "make clean     remove .venv and caches; runs/ stays"

demo: .venv/demo
	@$(BIN)/liquidjax train configs/digits.yaml

# Without XLA_FLAGS the tests compile fast into slower code (tests/conftest.py); with it empty, as users compile.
test: .venv/test
	@$(BIN)/python -m pytest -q -n auto --dist worksteal tests --ignore tests/test_golden_ncps.py
	@XLA_FLAGS= $(BIN)/python -m pytest -q -n auto --dist worksteal tests/test_golden_ncps.py liquidjax
	@$(BIN)/python -m pytest -q --nbmake --nbmake-timeout=120 notebooks
	@echo "All tests passed: the package, its parity with ncps, its examples and notebooks. The only results are"
	@echo "the lines above. Run make demo to see a network learn."

test-all: .venv/test
	@XLA_FLAGS= $(BIN)/python -m pytest -q -n auto --dist worksteal -m "slow or not slow"
	@$(BIN)/python -m pytest -q --nbmake --nbmake-timeout=120 notebooks
	@echo "All tests passed, the slow ones included."

check: .venv/check
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright --pythonpath $(BIN)/python
	@echo "ruff and pyright found nothing."

BENCHMARKS := ltc_training_step ltc_long_sequence cfc_training_step streaming_step tanh_floor first_call growth \
	sensing_ahead gpu

bench: .venv/bench
	@for script in $(BENCHMARKS); do echo; echo "benchmarks/$$script.py"; \
		$(BIN)/python benchmarks/$$script.py || exit; done
	@$(BIN)/python benchmarks/tables.py

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra of pyproject.toml: installed again when pyproject.toml changes.
.venv/%: pyproject.toml | .venv/bin/python
	@echo "Installing liquidjax[$*] into .venv; about a minute the first time."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f'liquidjax needs Python >= 3.11, \
	$(PYTHON) is {v[0]}.{v[1]}; name another one: make PYTHON=python3.12 ...')"
	@$(PYTHON) -m venv .venv

.PHONY: help demo test test-all check bench clean
.SECONDARY:
