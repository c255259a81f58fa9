"""DOM-RES-080: Logs are pushed within the jurisdiction."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.LogpushJob(at("one"), account_id=ACCOUNT, dataset="gateway_http", destination_conf="s3://logs/gateway?region=ap-northeast-1")


def failing(at):
    cloudflare.LogpushJob(
        at("abroad"), account_id=ACCOUNT, dataset="gateway_http", destination_conf="https://http-intake.logs.us5.datadoghq.com/api/v2/logs"
    )
    cloudflare.LogpushJob(at("unsaid"), account_id=ACCOUNT, dataset="gateway_http", destination_conf="s3://logs/gateway")


def unknown(at):
    cloudflare.LogpushJob(at("one"), account_id=ACCOUNT, dataset="gateway_http", destination_conf=at.unknown)
