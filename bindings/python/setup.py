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
            # Its handler of forks stays registered; its calls are never those of another libsnowid.
            extra_link_args=["-pthread", "-Wl,-z,nodelete", "-Wl,-Bsymbolic"],
        )
    ]
)
