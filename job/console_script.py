"""The command `fashion-job`: the same program as `python -m job`."""

from typing import NoReturn

from job.system import isolation, signals


def run() -> NoReturn:
    """Run the job as a program, which ends this process."""
    signals.install()  # before the slow imports
    isolation.isolate()
    from job import __main__

    __main__.run()
