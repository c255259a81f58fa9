"""DOM-NET-015: A public API has one named route each, and a throttle."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"

LIMITS = {"throttling_burst_limit": 20, "throttling_rate_limit": 10.0}


def passing(at):
    aws.apigatewayv2.Route(at("route"), api_id="a", route_key="POST /webhook")
    aws.apigatewayv2.Stage(at("stage"), api_id="a", default_route_settings=LIMITS)


def failing(at):
    aws.apigatewayv2.Route(at("route"), api_id="a", route_key="$default")
    aws.apigatewayv2.Stage(at("stage"), api_id="a")


def unknown(at):
    aws.apigatewayv2.Route(at("route"), api_id="a", route_key=at.unknown)
