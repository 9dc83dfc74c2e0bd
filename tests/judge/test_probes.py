"""Which modules are imported to see a library with threads of its own loaded."""

from __future__ import annotations

import pytest

from tests.nativesamples import NATIVE_SAMPLES
from trueup.judge.probes import probes_of


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("one", {"science._opt": ("science.libs/libopenblas-99990000.so",)}),
        (
            "installed",
            {
                "numbers._core": ("numbers.libs/libopenblas-0a1b2c3d.so",),
                "numbers._fft": ("numbers.libs/libopenblas-0a1b2c3d.so",),
                "numbers._linalg": ("numbers.libs/libopenblas-0a1b2c3d.so",),
            },
        ),
        ("hostile", {}),
    ],
)
def test_modules_that_load_blas(sample: str, expected: dict[str, tuple[str, ...]]) -> None:
    (loaded,) = NATIVE_SAMPLES[sample].maps
    assert {probe.module: probe.libraries for probe in probes_of(loaded)} == expected
