# `make demo` and `make test` are each complete: they make .venv, install, and do their job.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint docs bench fuzz soak schema clean

demo: .venv/core.done
	@echo '$$ $(BIN)/python tools/train.py models/digits.json'
	@$(BIN)/python tools/train.py models/digits.json
	@echo '$$ $(BIN)/python tools/infer.py digits.msgpack examples/digits/seven_on_paper.png'
	@$(BIN)/python tools/infer.py digits.msgpack examples/digits/seven_on_paper.png
	@echo '$$ $(BIN)/python tools/infer.py digits.msgpack examples/digits'
	@$(BIN)/python tools/infer.py digits.msgpack examples/digits

# A process for each of up to four cores; the tests of a file share what they set up.
test: .venv/test.done
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: .venv/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict graphnet

# The manual, into docs/_build; some seconds, and nothing is fetched.
docs: .venv/docs.done
	$(BIN)/python -m sphinx -W -n --keep-going -q docs docs/_build
	@echo 'open docs/_build/index.html'

# Half an hour on two cores; on Linux PIP_EXTRA_INDEX_URL can name PyTorch's CPU wheels.
bench: .venv/bench.done
	$(BIN)/python -m benchmarks

# What hostile files, full disks and killed processes do to it: ten minutes, and ten more.
fuzz: .venv/fuzz.done
	$(BIN)/python -m campaigns fuzz

soak: .venv/test.done
	$(BIN)/python -m campaigns soak

schema: .venv/core.done
	$(BIN)/python -c "from graphnet.spec.schema import write; write()"

clean:
	rm -rf .venv build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "graphnet needs Python 3.11 or newer, this is " + sys.version.split()[0] + \
	  "; name another: make PYTHON=python3.12 demo")'
	@echo 'making .venv (once)'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/%.done: .venv/made pyproject.toml
	@echo 'installing graphnet into .venv ($*)'
	@$(PIP) install --editable .$(if $(filter core,$*),,[$*])
	@touch $@
