"""A region's archive: every record arrives in the bucket, whatever is killed or away, under a name that says whose and which it is."""

import json
import re

ROLE = {"AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary", "Token": "token"}


async def test_every_record_reaches_the_bucket_through_kills_and_outages_by_host_source_and_chain(host, s3):
    role = host.folder / "role.json"
    role.write_text(json.dumps(ROLE))
    role.chmod(0o644)
    host.sinks.append({"kind": "s3", "url": s3.url, "region": "eu-central-1", "role_file": str(role)})
    await host.fill(range(3000))
    await host.start()
    await s3.until(lambda: len(s3.events()) >= 1000)
    await host.kill()
    s3.outage = 503
    await host.start()
    refused = s3.refused
    await s3.until(lambda: s3.refused > refused)
    s3.outage = None
    await s3.until(lambda: len(s3.events()) == 3000)
    await host.until(lambda status: all(sink["lag"] == 0 for sink in status["sinks"]))
    assert await host.stop() == 0
    assert set(range(1, 3001)) <= set(s3.sequences("gateway"))
    for path, versions in s3.versions.items():
        source, chain, first, last = re.fullmatch(r"/records/host-a/([a-z]+)/([0-9a-z]+)/(\d{20})-(\d{20})\.jsonl", path).groups()
        records = [json.loads(line) for line in versions[0].splitlines()]
        assert len(set(versions)) == 1, "another version is the same bytes"
        assert [record["sequence"] for record in records] == list(range(int(first), int(last) + 1))
        assert {(record["source"], record["chain"]) for record in records} == {(source, chain)}
