"""Named checks that every backend has to pass, one's own or the ones in impls/.

`pytest --backend ./mine.py tests/conformance` says what a backend supports and what it breaks,
with `--spec mine.json` on the network and the optimizer of a spec, too; without options the checks
are made on every backend in impls/, on fewer cases.
"""
