# Two commands set up everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --constraint lock.txt
UV ?= uv

.PHONY: run test long thorough faults fuzz soak typecheck check bench docs wheel index lock clean

run: $(STAMP)
	$(BIN)/nashpath train examples/digits.toml

# Rewritten test files and modules are kept, whatever the shell says: without, each worker makes them again, for seconds.
test long: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP)
	$(BIN)/pytest -n 2 --dist worksteal -m "not thorough and not long"

# What takes a second and more: studies, diagnoses, every command of the pages. .ci/run has them, too, and so has a bare pytest.
long: $(STAMP)
	$(BIN)/pytest -n 2 --dist worksteal -m "long and not thorough"

# More seeds, sizes and processes of what `make test` looks at, too.
thorough: $(STAMP)
	$(BIN)/pytest -n 2 --dist worksteal -m thorough

# A bounded part of these is among the tests: 3 kills and 12 damages. NASHPATH_FAULTS_SEED chooses others.
faults: $(STAMP)
	NASHPATH_FAULTS=240 $(BIN)/pytest tests/faults/test_kills.py
	NASHPATH_FAULTS=600 $(BIN)/pytest tests/faults/test_damage.py

typecheck: $(STAMP)
	$(BIN)/python tests/typecheck.py --all -n 2 --dist worksteal

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# FUZZ=N: how many settings, files, commands, arrays, pictures and modules to try, all of them random.
FUZZ ?= 50000
fuzz: $(STAMP)
	NASHPATH_FUZZ=$(FUZZ) $(BIN)/pytest tests/fuzz -n 2 --dist worksteal

# SOAK=N: seconds of training with evaluation, diagnosis and checkpoints on, after which memory and handles are judged.
SOAK ?= 3600
soak: $(STAMP)
	$(BIN)/python scripts/soak.py --seconds $(SOAK)

# Keeps a record under benchmarks/records/ and writes docs/speed.md. JAX is raced where it is there: pip install --group bench
bench: $(STAMP)
	$(BIN)/python benchmarks/record.py --page docs/speed.md

# The pages as a site, in build/docs; a warning is an error.
docs: $(STAMP)
	$(INSTALL) --group docs
	$(BIN)/sphinx-build -q -W --keep-going docs build/docs

wheel: $(STAMP)
	$(BIN)/python -m build --no-isolation

# What `nashpath list`, `nashpath explain` and refusals of names say without importing PyTorch; again after a change of a
# table, of a setting, of the first line of a method, or of a page that the glossary quotes.
index:
	$(BIN)/python -c "import json; from nashpath.cli.index import INDEX; from nashpath.cli.list_methods import described; \
	INDEX.write_text(json.dumps(described(), indent=1, ensure_ascii=False) + '\n', encoding='utf-8')"
	$(BIN)/python scripts/named.py
	$(BIN)/python scripts/glossary.py

# Renews lock.txt: the newest versions of every dependency, extra and group, for every Python from 3.11 on. constraints.txt
# pins torch; what torch needs of CUDA differs from build to build and is torch's own to say.
LOCKED = $(foreach extra,export flows hub ray search tensorboard,--extra $(extra))

lock:
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--constraint constraints.txt $(LOCKED) --group dev --group metrics-oracles --group games-oracles --group docs pyproject.toml \
		--upgrade --output-file lock.txt
	echo '# Made by "make lock": what "make" installs, but torch, which constraints.txt pins.' > lock.txt.new
	grep -Ev '^(#|torch=|triton=|cuda-|nvidia-)' lock.txt >> lock.txt.new
	mv lock.txt.new lock.txt

# The venv's own pip may be too old for dependency groups. torch comes first and alone, so that nothing else chooses it.
$(STAMP): pyproject.toml constraints.txt lock.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade pip
	$(INSTALL) torch
	$(INSTALL) --build-constraint lock.txt --group dev --editable .
	touch $@

clean:
	rm -rf $(VENV) build dist
