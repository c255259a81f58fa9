"""S6: `domicile key` for an AWS stack hands the value to AWS's own command by standard input, in the stack's account only."""

from datetime import date, timedelta

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domicile.cli.status import _show_dispatcher

KEY = "sk-ant-oat01-canary_0123456789abcdef"
SIGNING = "whsec_" + "canary+/" * 5 + "abc="


@pytest.fixture
def images():
    """What `aws.images` may say."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {**dict.fromkeys(("sandbox", "host", "egress"), "sha256:" + "a" * 64), "signingKey": key.decode()}


@pytest.fixture
def aws(small_project, us_file, tmp_path):
    """A stack of the project, and a command `aws` of the given account that notes what it is told."""

    def command(account):
        program = tmp_path / "bin" / "aws"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\nenv >>{tmp_path}/environment\n'
            f'case "$1" in sts) echo {account};; *) cat >{tmp_path}/value;; esac\n'
        )
        program.chmod(0o755)
        path = f"{program.parent}:{small_project.environment['PATH']}"
        return lambda *arguments, value=KEY: small_project("key", "us", *arguments, stdin=value + "\n", PATH=path)

    return command


def test_the_value_goes_by_standard_input_into_the_stacks_secret(aws, tmp_path):
    ran = aws("123456789012")()
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "value").read_text() == KEY
    arguments = (tmp_path / "arguments").read_text()
    assert "secretsmanager put-secret-value --secret-id domicile-us/environment-key" in arguments
    assert "--region us-east-1" in arguments
    for place in (arguments, (tmp_path / "environment").read_text(), ran.stdout, ran.stderr):
        assert "canary" not in place


def test_credentials_of_another_account_write_nothing(aws, tmp_path):
    ran = aws("999999999999")()
    assert ran.returncode == 2
    assert "123456789012" in ran.stderr
    assert not (tmp_path / "value").exists()


def test_without_awss_command_the_operator_is_told_what_to_install(aws, small_project, tmp_path):
    aws("123456789012")
    ran = small_project("key", "us", stdin=KEY + "\n", PATH=str(tmp_path))
    assert ran.returncode == 2
    assert "no `aws` on PATH" in ran.stderr


def test_the_webhooks_signing_secret_goes_into_its_own_secret_and_only_where_there_is_an_address(aws, small_project, tmp_path, images):
    put = aws("123456789012")
    assert put("--webhook", value=SIGNING).returncode == 2
    file = small_project.project / "stacks" / "Pulumi.us.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["domicile:aws"] |= {"scaling": {"webhook": True}, "images": images}
    file.write_text(yaml.safe_dump(content))
    assert put("--webhook", value=KEY).returncode == 2, "an environment key is none"
    assert not (tmp_path / "value").exists()
    ran = put("--webhook", value=SIGNING)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "value").read_text() == SIGNING
    assert "--secret-id domicile-us/webhook-signing-secret" in (tmp_path / "arguments").read_text()


def test_at_claude_platform_on_aws_there_is_no_environment_key_to_put(aws, us_file, tmp_path):
    content = yaml.safe_load(us_file.read_text())
    content["config"]["domicile:controlPlane"] = {"kind": "aws", "region": "us-east-1", "workspaceId": "wrkspc_01AbCd"}
    expires = str(date.today() + timedelta(days=30))
    exception = {"property": "controlPlane.url", "reason": "it is tried here", "owner": "test", "expires": expires}
    content["config"]["domicile:residency"] = {"exceptions": [exception]}
    us_file.write_text(yaml.safe_dump(content))
    ran = aws("123456789012")()
    assert ran.returncode == 2
    assert "no environment key" in ran.stderr
    assert KEY not in ran.stdout + ran.stderr
    assert not (tmp_path / "arguments").exists()


def test_status_shows_the_role_in_place_of_the_key():
    shown = []
    told = {"environment_id": "env_1", "key": "refused", "identity": "role", "waiting_for": "poll: AWS refuses the role (403)"}
    _show_dispatcher(lambda text, **_: shown.append(text), told)
    assert "environment: env_1, role refused" in shown
    assert "waiting for: poll: AWS refuses the role (403)" in shown
    _show_dispatcher(lambda text, **_: shown.append(text), {**told, "identity": "environment-key"})
    assert "environment: env_1, key refused" in shown


@pytest.mark.parametrize(
    ("arguments", "secret"),
    [
        (("--environment", "payments"), "environments/payments/environment-key"),
        (("--environment", "research", "--credential", "papers"), "environments/research/credentials/papers"),
    ],
)
def test_of_several_environments_the_one_that_is_named_gets_the_value(aws, small_project, tmp_path, arguments, secret):
    several(small_project)
    ran = aws("123456789012")(*arguments)
    assert ran.returncode == 0, ran.stderr
    assert f"--secret-id domicile-us/{secret} " in (tmp_path / "arguments").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--environment, of payments, research"),
        (("--environment", "nobody"), "has payments, research"),
        (("--environment", ""), "has payments, research"),
        (("--environment", "../payments"), "has payments, research"),
        (("--environment", "payments", "--credential", "papers"), "names no credential"),
    ],
)
def test_a_key_goes_to_no_environment_that_wasnt_meant(aws, small_project, tmp_path, arguments, told):
    """Another's credential is no credential of this one."""
    several(small_project)
    ran = aws("123456789012")(*arguments)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert not (tmp_path / "value").exists()


def test_a_stack_that_serves_one_environment_takes_no_name(aws, tmp_path):
    ran = aws("123456789012")("--environment", "payments")
    assert ran.returncode == 2
    assert "leave --environment out" in ran.stderr
    assert not (tmp_path / "value").exists()


def several(small_project):
    file = small_project.project / "stacks" / "Pulumi.us.yaml"
    content = yaml.safe_load(file.read_text())
    del content["config"]["domicile:environment"]
    rule = {"host": "papers.example.com", "mode": "inspect", "http": [{"methods": ["GET"], "paths": ["/"]}]}
    rule["credential"] = {"name": "papers", "header": "authorization"}
    content["config"]["domicile:environments"] = {
        "payments": {"id": "env_1"},
        "research": {"id": "env_2", "egress": {"rules": [rule]}},
    }
    content["config"]["domicile:workerHost"] = {"runtime": "crun"}
    file.write_text(yaml.safe_dump(content))
