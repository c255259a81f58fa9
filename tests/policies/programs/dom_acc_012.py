"""DOM-ACC-012: Images, snapshots and layers aren't given away."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "decided"


def passing(at):
    aws.ebs.SnapshotBlockPublicAccess(at("block"), state="block-all-sharing")


def failing(at):
    aws.ec2.AmiLaunchPermission(at("public"), image_id="ami-1", group="all")


def unknown(at):
    aws.rds.Snapshot(at("snapshot"), db_instance_identifier=at.unknown, db_snapshot_identifier="s")
