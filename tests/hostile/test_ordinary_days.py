import pytest
from hostile_world import RENDER, Case, World, check_outcome, run_case

DONE = r"accuracy \d"

CASES = (
    Case(what="nothing", status=0, line=DONE),
    Case(what="nothing, render", status=0, line=DONE, arguments=RENDER),
    Case(what="an unknown option", status=64, line="did you mean --epochs", arguments=("--epoch", "1")),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_job_ends_as_documented(case: Case, world: World) -> None:
    """Status and line are the documented ones, an earlier report survives a failure, and nothing is left."""
    check_outcome(case, run_case(case, world))
    case.check(world)
