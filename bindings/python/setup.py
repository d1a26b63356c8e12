# SPDX-License-Identifier: MIT
"""Builds the extension module of a source distribution: the library and the wrappers in one."""

from glob import glob

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "snowid._snowid",
            sorted(glob("src/**/*.c", recursive=True)),
            include_dirs=["src", "src/include"],
            define_macros=[("_GNU_SOURCE", None)],
            extra_compile_args=["-std=gnu11", "-fvisibility=hidden", "-pthread"],
            # The module registers a fork handler, so it must not be unloaded, and its calls must
            # not be bound to another libsnowid.
            extra_link_args=["-pthread", "-Wl,-z,nodelete", "-Wl,-Bsymbolic"],
        )
    ]
)
