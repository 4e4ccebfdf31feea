"""The parts of bench/run, bench/check and bench/report. Python's standard library alone, but for
plots.py."""
