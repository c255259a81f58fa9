"""`domicile pending`: lists what is in doubt in an exported state, and settles it there."""

import json

import pytest

URN = "urn:pulumi:tokyo::domicile::domicile:index:Perimeter$aws:ec2/vpc:Vpc::network"
RULE = "urn:pulumi:tokyo::domicile::aws:iam/role:Role::worker"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc:def"}


def creating(urn, **inputs):
    type_ = urn.split("::")[2].rpartition("$")[2]
    return {"type": "creating", "resource": {"urn": urn, "custom": True, "type": type_, "inputs": inputs}}


@pytest.fixture
def exported(tmp_path):
    file = tmp_path / "state.json"
    pending = [creating(URN, cidrBlock="10.64.0.0/16", token=SECRET, tags={"Name": "x"}), creating(RULE, name="worker")]
    file.write_text(json.dumps({"version": 3, "deployment": {"manifest": {"time": "t"}, "resources": [], "pending_operations": pending}}))
    return file


def deployment(file):
    return json.loads(file.read_text())["deployment"]


def test_it_lists_what_is_in_doubt_and_what_helps_to_find_it(domicile, exported):
    before = exported.read_bytes()
    ran = domicile("pending", str(exported))
    assert ran.returncode == 0 and exported.read_bytes() == before
    assert "2 creates in doubt" in ran.stdout
    assert "aws:ec2/vpc:Vpc::network\n      cidrBlock: 10.64.0.0/16\n" in ran.stdout
    assert "v1:abc" not in ran.stdout
    listed = json.loads(domicile("pending", str(exported), "--json").stdout)
    assert [(each["urn"], each["inputs"]) for each in listed] == [(URN, {"cidrBlock": "10.64.0.0/16"}), (RULE, {"name": "worker"})]


def test_it_takes_in_what_is_there_and_forgets_the_rest(domicile, exported):
    ran = domicile("pending", str(exported), "--made", "aws:ec2/vpc:Vpc::network=vpc-0a1", "--others-not-made")
    assert ran.returncode == 0, ran.stderr
    assert "1 taken in, 1 forgotten, 0 still in doubt" in ran.stdout and "pulumi up --refresh" in ran.stdout
    after = deployment(exported)
    assert after["manifest"] == {"time": "t"} and after["pending_operations"] == []
    (entry,) = after["resources"]
    assert (entry["urn"], entry["id"], entry["inputs"]["token"]) == (URN, "vpc-0a1", SECRET)


def test_what_nothing_is_said_of_stays_in_doubt(domicile, exported):
    ran = domicile("pending", str(exported), "--made", f"{RULE}=worker", "--json")
    assert json.loads(ran.stdout) == {"taken_in": [RULE], "forgotten": [], "in_doubt": [URN]}
    assert [operation["resource"]["urn"] for operation in deployment(exported)["pending_operations"]] == [URN]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--made", "aws:ec2/vpc:Vpc::network"], "no id in it; write --made 'TYPE::NAME=ID'"),
        (["--made", "aws:ec2/vpc:Vpc::network="], "its id is empty"),
        (["--made", "aws:ec2/vpc:Vpc::other=vpc-1"], "in doubt is aws:ec2/vpc:Vpc::network, aws:iam/role:Role::worker"),
        (["--made", f"{RULE}=a", "--made", "aws:iam/role:Role::worker=b"], "given twice, as 'a' and 'b'"),
    ],
)
def test_a_wrong_option_is_refused_and_changes_nothing(domicile, exported, arguments, said):
    before = exported.read_bytes()
    ran = domicile("pending", str(exported), *arguments)
    assert ran.returncode == 2 and said in ran.stderr
    assert exported.read_bytes() == before


def test_a_file_that_is_no_exported_state_is_refused(domicile, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    ran = domicile("pending", str(tmp_path / "other.json"))
    assert ran.returncode == 2 and "give what `stack export` wrote" in ran.stderr
    ran = domicile("pending", str(tmp_path / "missing.json"))
    assert ran.returncode == 1 and "missing.json" in ran.stderr
