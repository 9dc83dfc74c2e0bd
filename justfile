# One word per recipe. `just` comes with the test extra: .venv/bin/just

set shell := ["bash", "-euo", "pipefail", "-c"]

bin := justfile_directory() / ".venv/bin"

# list the recipes
default:
    @{{ bin }}/just --list --unsorted

# run the tests; arguments go to pytest, as in `just test tests/judge -k merge`
test *arguments:
    {{ bin }}/pytest {{ arguments }}

# style and formatting
lint:
    {{ bin }}/ruff check
    {{ bin }}/ruff format --check

# strict types, source and tests
types:
    {{ bin }}/mypy

# the direction of imports
layers:
    {{ bin }}/lint-imports

# write the generated pages; `just docs --check` fails when one is out of date
docs *arguments:
    {{ bin }}/python -m trueup.interfaces.reference {{ arguments }}

# measurements, printed rather than asserted
bench *arguments:
    {{ bin }}/pytest -m bench -s {{ arguments }}

# what `split` saves and costs, and what `libs` costs, on wheels from the index; printed as tables
bench-split *arguments:
    {{ bin }}/python -m tests.bench.bench_split {{ arguments }}

# what a survey of a whole index costs, with every answer checked; arguments are numbers of rows
bench-survey *arguments:
    {{ bin }}/python -m tests.bench.bench_survey {{ arguments }}

# what a crawl costs its own machine, on a made-up index in another process; the argument is a number of projects
bench-survey-crawl *arguments:
    {{ bin }}/python -m tests.bench.bench_survey_crawl {{ arguments }}

# an environment of 400 distributions: `trueup env` beside `pip check`, `--deep` beside hashlib
bench-env *arguments:
    {{ bin }}/python -m tests.bench.bench_env {{ arguments }}

# pages per second of `trueup serve` beside other index servers; `--install` installs them first
bench-serve *arguments:
    {{ bin }}/python -m tests.bench.compare_servers {{ arguments }}

# the tests that talk to the package index that pip is configured with
live *arguments:
    {{ bin }}/pytest -m live {{ arguments }}

# the live proofs alone: real sdists from the index, built in the sandbox
live-prove *arguments:
    {{ bin }}/pytest -m live tests/live/test_prove.py {{ arguments }}

# `split` and `libs` on published wheels, installed by pip and uv, and computed with
live-split *arguments:
    {{ bin }}/pytest -m live tests/live/test_split_real.py {{ arguments }}

# `trueup serve` for long: 50 kills, ten minutes of traffic on each store, another seed each time
soak *arguments:
    TRUEUP_KILLS=50 TRUEUP_SOAK=600 TRUEUP_SEED="${TRUEUP_SEED:-$RANDOM}" {{ bin }}/pytest -s tests/real/test_serve_faults.py tests/real/test_serve_soak.py {{ arguments }}

# what every locker that is installed makes of the scenarios; `--install` installs them first
compare-lockers *arguments:
    {{ bin }}/python -m tests.scenarios.compare {{ arguments }}

# ask `trueup lock` the scenarios of packse, which is downloaded and built the first time
packse *arguments:
    {{ bin }}/python -m tests.packse.run {{ arguments }}

# what can be repaired by machine
fix:
    {{ bin }}/ruff check --fix
    {{ bin }}/ruff format
    {{ bin }}/python -m trueup.interfaces.reference

# everything that CI runs
ci:
    bash .ci/run
