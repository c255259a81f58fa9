"""`domicile drill` where no host answers, and in a region: by what its hosts reported to CloudWatch, and never passed without a report."""

import json

import pytest


@pytest.fixture
def region(small_project, us_file, tmp_path):
    """The verb for a stack whose hosts reported this many drills."""

    def drill(passed, failed):
        program = tmp_path / "bin" / "aws"
        program.parent.mkdir()
        points = {name: json.dumps({"Datapoints": [{"Sum": float(count)}] if count is not None else []}) for name, count in
                  (("DrillPassed", passed), ("DrillFailed", failed))}  # fmt: skip
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$@" >>{tmp_path}/arguments\n'
            f"case \"$*\" in sts*) echo 123456789012;; *DrillPassed*) echo '{points['DrillPassed']}';; "
            f"*DrillFailed*) echo '{points['DrillFailed']}';; *) exit 9;; esac\n"
        )
        program.chmod(0o755)
        path = f"{program.parent}:{small_project.environment['PATH']}"
        return small_project("drill", "us", "--json", PATH=path)

    return drill


@pytest.mark.parametrize(("passed", "failed", "code"), [(3, 0, 0), (3, 1, 1), (0, 0, 1), (None, None, 1)])
def test_a_region_has_passed_only_by_reports_of_which_none_failed(region, tmp_path, passed, failed, code):
    ran = region(passed, failed)
    assert ran.returncode == code, ran.stderr
    assert json.loads(ran.stdout)["passed"] is (code == 0)
    assert "--namespace Domicile" in (tmp_path / "arguments").read_text()
    assert "Name=Stack,Value=us" in (tmp_path / "arguments").read_text()


def test_a_stack_that_is_not_up_has_failed_its_drill(small_project):
    ran = small_project("drill", "local", "--json")
    assert ran.returncode == 1
    report = json.loads(ran.stdout)
    assert not report["passed"]
    assert "is the stack up?" in report["problem"]
