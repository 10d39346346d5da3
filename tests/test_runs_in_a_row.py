"""A run is what it would be alone, whatever was run before it in the same process."""

from __future__ import annotations

import pytest

from shared.certificate.findings import BackendCertificate
from shared.certificate.sampling import sampling
from shared.comparison import compare
from shared.named_problems import problem
from shared.registry import find, load

SHORT = problem("people16").changed(epochs=2)


def certificate(
    dtype: str = "float64", seed: int = 42, one_in: int | None = None
) -> BackendCertificate:
    (found,) = compare(SHORT, seed, [load(find("numpy"))], dtype=dtype, one_in=one_in).certificates
    return found


def test_a_sample_asked_for_once_is_not_that_of_the_next_run() -> None:
    assert sampling(SHORT, 42, one_in=5).one_in == 5
    assert sampling(SHORT, 42).one_in == 1
    assert sampling(SHORT, 42, one_in=3).one_in == 3


@pytest.mark.parametrize(
    "before", [{"one_in": 4}, {"dtype": "float32"}, {"seed": 4}], ids=["sample", "dtype", "seed"]
)
def test_a_run_after_another_is_the_run_alone(before: dict[str, object]) -> None:
    alone = certificate()
    assert certificate(**before) != alone  # type: ignore[arg-type]
    assert certificate() == alone
