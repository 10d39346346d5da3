"""Named checks that every backend has to pass, one's own or the ones in impls/.

`pytest --backend ./mine.py tests/conformance` says what a backend supports and what it breaks;
without the option the checks are made on every backend in impls/, on fewer cases.
"""
