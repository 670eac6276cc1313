"""Keys, network, buckets and tables applied to a local AWS API, read back, used, destroyed."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra import in_use
from tests.infra.local_api import Applied, applied_root, drift_of
from tests.service.running import live

pytestmark = pytest.mark.slow
WHERE = "tests/foundation"
REGION = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
PAIRS = ("rds", "elasticache", "endpoints")
# What the local API does not store, so that a second plan wants it again; not ours to mend.
DRIFTS = {
    "module.kms.aws_kms_key.this": ("data", "logs"),
    "module.vpc.aws_vpc_security_group_ingress_rule.between": tuple(
        f"{origin}-{target}" for origin in ("lambda", "media") for target in PAIRS
    ),
    "module.vpc.aws_vpc_security_group_egress_rule.between": tuple(
        f"{origin}-{target}" for origin in ("lambda", "media") for target in PAIRS
    ),
    "module.s3.module.models.aws_s3_bucket_intelligent_tiering_configuration.this": ("this",),
    "module.s3.module.raw.aws_s3_bucket_notification.this": ("this",),
    "module.rds.aws_db_instance.this": (),
    "module.rds.aws_db_parameter_group.this": (),
    "module.certificate.aws_acm_certificate.this": (),
    "module.certificate.aws_acm_certificate_validation.this": (),
    "module.certificate.aws_route53_record.proof": (
        "live.example.org",
        "us-east-1.live.example.org",
    ),
}
ALLOWED = {
    f'{base}["{name}"]' if name else base
    for base, names in DRIFTS.items()
    for name in names or ("",)
}


def expect_nothing(applied: Applied) -> None:
    """Fail if a bucket, table or network is left."""
    assert applied.client("s3").list_buckets()["Buckets"] == []
    assert applied.client("dynamodb").list_tables()["TableNames"] == []
    own = [{"Name": "is-default", "Values": ["false"]}]
    assert applied.client("ec2").describe_vpcs(Filters=own)["Vpcs"] == []


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """Apply once for all tests of this file; destroy at the end, which must leave nothing."""
    with applied_root(tmp_path_factory.mktemp("foundation"), WHERE, expect_nothing) as done:
        yield done


def test_a_second_plan_changes_only_what_the_local_api_forgets(
    applied: Applied, record_property: Callable[[str, object], None]
) -> None:
    """The drift is the listed one, no more and no less."""
    assert drift_of(applied, ALLOWED, record_property) == ALLOWED


def test_one_zone_more_replaces_nothing(
    applied: Applied, record_property: Callable[[str, object], None]
) -> None:
    """A fourth zone adds its own subnets, routes and NAT; nothing is destroyed for it."""
    zones = json.dumps([*ZONES, "us-east-1d"])
    found = applied.changes("-var", f"availability_zones={zones}")
    gone = [address for address, to in found.items() if to in ("delete", "replace")]
    replaced = [address for address in gone if address not in ALLOWED]
    record_property("replaced_on_new_az", len(replaced))
    assert found['module.vpc.aws_nat_gateway.this["us-east-1d"]'] == "create"
    assert replaced == []


def test_replicas_come_and_go_without_harm_to_the_tables(applied: Applied) -> None:
    """One region more changes the tables where they are; they are neither deleted nor replaced."""
    replicas = json.dumps({"eu-west-1": "arn:aws:kms:eu-west-1:000000000000:key/1"})
    found = applied.changes("-var", f"replicas={replicas}")
    tables = {a: to for a, to in found.items() if a.startswith("module.dynamodb.aws_dynamodb")}
    assert set(tables.values()) == {"update"}
    assert len(tables) == 2


def test_each_zone_leaves_by_its_own_nat(applied: Applied) -> None:
    """A private subnet's default route ends at the NAT gateway in its own zone."""
    ec2 = applied.client("ec2")
    tagged = [{"Name": "tag:Tier", "Values": ["public", "private"]}]
    subnets = {s["SubnetId"]: s for s in ec2.describe_subnets(Filters=tagged)["Subnets"]}
    assert len(subnets) == 6
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets.values())
    nats = {
        n["NatGatewayId"]: subnets[n["SubnetId"]]
        for n in ec2.describe_nat_gateways()["NatGateways"]
    }
    assert {nat["AvailabilityZone"] for nat in nats.values()} == set(ZONES)
    for table in ec2.describe_route_tables()["RouteTables"]:
        outs = [r["NatGatewayId"] for r in table["Routes"] if r.get("NatGatewayId")]
        used = [a["SubnetId"] for a in table["Associations"] if a.get("SubnetId") in subnets]
        for place in used:
            tier = {tag["Key"]: tag["Value"] for tag in subnets[place]["Tags"]}["Tier"]
            zones = [nats[out]["AvailabilityZone"] for out in outs]
            assert zones == ([subnets[place]["AvailabilityZone"]] if tier == "private" else [])


def test_endpoints_reach_every_route_table(applied: Applied) -> None:
    """S3 and DynamoDB are reached without NAT from all four route tables."""
    found = applied.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    gateways = {e["ServiceName"]: e for e in found if e["VpcEndpointType"] == "Gateway"}
    assert set(gateways) == {f"com.amazonaws.{REGION}.{name}" for name in ("s3", "dynamodb")}
    assert all(len(endpoint["RouteTableIds"]) == 4 for endpoint in gateways.values())


def test_groups_let_in_only_what_is_listed(applied: Applied) -> None:
    """Nothing from outside; the data stores only from our own groups."""
    ec2 = applied.client("ec2")
    groups = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["antiphase-test-*"]}]
    )
    by_name = {g["GroupName"].removeprefix("antiphase-test-"): g for g in groups["SecurityGroups"]}
    names = {group["GroupId"]: name for name, group in by_name.items()}
    inward = {
        (name, rule["IpProtocol"], rule["FromPort"], rule["ToPort"], origin)
        for name, group in by_name.items()
        for rule in group["IpPermissions"]
        for origin in [r["CidrIp"] for r in rule["IpRanges"]]
        + [names[pair["GroupId"]] for pair in rule["UserIdGroupPairs"]]
    }
    ports = {"rds": 5432, "elasticache": 6379, "endpoints": 443}
    ours = {(to, "tcp", port, port, of) for to, port in ports.items() for of in ("lambda", "media")}
    assert inward == ours


def test_flow_log_covers_all_traffic_and_is_encrypted(applied: Applied) -> None:
    """All traffic is logged to a group with our key and an end."""
    (log,) = applied.client("ec2").describe_flow_logs()["FlowLogs"]
    assert log["TrafficType"] == "ALL"
    found = applied.client("logs").describe_log_groups(
        logGroupNamePrefix="/antiphase-test/flow-log"
    )
    (group,) = found["logGroups"]
    assert group["kmsKeyId"]
    assert group["retentionInDays"] == 90


@pytest.mark.parametrize(
    ("role", "versions", "algorithm"),
    [
        ("raw", "Enabled", "aws:kms"),
        ("processed", "Suspended", "aws:kms"),
        ("models", "Enabled", "aws:kms"),
        ("logs", "Suspended", "AES256"),
    ],
)
def test_buckets_are_closed_and_encrypted(
    applied: Applied, role: str, versions: str, algorithm: str
) -> None:
    """Encryption, versioning, public access block, and a policy that refuses plain HTTP."""
    s3, name = applied.client("s3"), f"antiphase-test-{role}-000000000000"
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == versions
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    by_sid = {statement["Sid"]: statement for statement in statements}
    plain = by_sid["DenyPlainHttp"]
    assert plain["Effect"] == "Deny"
    assert plain["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ours = {"DenyOtherEncryption", "DenyOtherKeys"}
    assert (ours <= set(by_sid)) == (algorithm == "aws:kms")


def test_buckets_grow_cheaper_with_age(applied: Applied) -> None:
    """Recordings go to Glacier at 90 days, processed audio ends at 30."""
    s3 = applied.client("s3")

    def rule(role: str) -> dict[str, Any]:
        name = f"antiphase-test-{role}-000000000000"
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        found: dict[str, Any] = rules[0]
        return found

    moves = {m["StorageClass"]: m["Days"] for m in rule("raw")["Transitions"]}
    assert moves == {"INTELLIGENT_TIERING": 0, "GLACIER": 90}
    assert rule("processed")["Expiration"]["Days"] == 30


def test_browsers_upload_from_listed_origins(applied: Applied) -> None:
    """Recordings are put by pages of the listed origins, and by no others."""
    found = applied.client("s3").get_bucket_cors(Bucket="antiphase-test-raw-000000000000")
    (rule,) = found["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://app.example.org"]
    assert "PUT" in rule["AllowedMethods"]
    assert rule["AllowedHeaders"] == ["content-type", "content-md5", "x-amz-*"]


@pytest.mark.parametrize(
    ("role", "key", "index", "columns"),
    [
        ("sessions", "session_id", "by_worker", ["worker", "created_at"]),
        ("connections", "connection_id", "by_session", ["session_id", "joined_at"]),
    ],
)
def test_tables_are_what_the_service_needs(
    applied: Applied, role: str, key: str, index: str, columns: list[str]
) -> None:
    """Key, index, on-demand billing, TTL, recovery, encryption and stream of each table."""
    dynamodb, name = applied.client("dynamodb"), f"antiphase-test-{role}"
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert [part["AttributeName"] for part in table["KeySchema"]] == [key]
    (found,) = table["GlobalSecondaryIndexes"]
    assert found["IndexName"] == index
    assert [part["AttributeName"] for part in found["KeySchema"]] == columns
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSEDescription"]["SSEType"] == "KMS"
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_throttling_raises_an_alarm(applied: Applied) -> None:
    """Reads and writes of both tables and both indexes are watched."""
    found = applied.client("cloudwatch").describe_alarms()["MetricAlarms"]
    alarms = [alarm for alarm in found if alarm["Namespace"] == "AWS/DynamoDB"]
    assert len(alarms) == 8
    assert {alarm["MetricName"] for alarm in alarms} == {
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    }


@pytest.mark.parametrize("check", in_use.REGISTRY, ids=lambda check: check.__name__)
def test_the_registry_keeps_its_contract(applied: Applied, check: Callable[..., None]) -> None:
    """Each check of the registry's contract holds on the tables that Terraform made."""
    with in_use.registry(applied) as given:
        check(**{name: given[name] for name in inspect.signature(check).parameters})


@pytest.mark.parametrize("check", in_use.OBJECTS, ids=lambda check: check.__name__)
def test_the_objects_keep_their_contract(
    applied: Applied, check: Callable[..., None], tmp_path: Path
) -> None:
    """Each check of the objects' contract holds on the buckets that Terraform made."""
    with in_use.objects(applied) as store:
        given = {**store, "tmp_path": tmp_path}
        check(**{name: given[name] for name in inspect.signature(check).parameters})


def test_a_live_session_runs_on_these_stores(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A talker is heard over WebRTC in a session whose rows are in the tables."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", applied.url)
    sessions, connections = in_use.tables()
    url = f"dynamodb://{REGION}/{sessions}/{connections}"
    buckets = "raw=antiphase-test-raw-000000000000&processed=antiphase-test-processed-000000000000"
    with live(sessions_url=url, objects_url=f"s3://{REGION}?{buckets}") as server:
        session_id, heard = in_use.call_through(server)
        key = {"session_id": {"S": session_id}}
        row = applied.client("dynamodb").get_item(TableName=sessions, Key=key)["Item"]
        assert heard >= 20
        assert row["name"] == {"S": "terraform"}
        assert int(row["expires_at"]["N"]) > time.time()


def test_keys_rotate(applied: Applied) -> None:
    """Both keys are rotated by the platform."""
    kms = applied.client("kms")
    aliases = kms.list_aliases()["Aliases"]
    ours = [a for a in aliases if a["AliasName"].startswith("alias/antiphase-test-")]
    assert len(ours) == 2
    for alias in ours:
        assert kms.get_key_rotation_status(KeyId=alias["TargetKeyId"])["KeyRotationEnabled"]


def test_history_is_encrypted_and_hard_to_reach(applied: Applied) -> None:
    """The database has our key, a standby, backups, its own secret, and no way in from outside."""
    rds = applied.client("rds")
    (base,) = rds.describe_db_instances()["DBInstances"]
    assert base["StorageEncrypted"]
    assert base["KmsKeyId"]
    assert base["MultiAZ"]
    assert not base["PubliclyAccessible"]
    assert base["BackupRetentionPeriod"] == 14
    assert base["IAMDatabaseAuthenticationEnabled"]
    assert base["CopyTagsToSnapshot"]
    assert base["AutoMinorVersionUpgrade"]
    assert set(base["EnabledCloudwatchLogsExports"]) == {"postgresql", "upgrade"}
    assert base["DBParameterGroups"][0]["DBParameterGroupName"] == "antiphase-test-postgres17"
    (group,) = rds.describe_db_subnet_groups()["DBSubnetGroups"]
    zones = {subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]}
    assert zones == set(ZONES)


def test_the_name_leads_to_each_region(applied: Applied) -> None:
    """One latency record for each region, tied to a check of that region's own name."""
    route53 = applied.client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    nearest = {r["Region"]: r for r in records if "Region" in r}
    assert set(nearest) == {"us-east-1", "eu-west-1"}
    checks = {c["Id"]: c["HealthCheckConfig"] for c in route53.list_health_checks()["HealthChecks"]}
    for region, record in nearest.items():
        assert record["Name"].rstrip(".") == "live.example.org"
        assert record["AliasTarget"]["EvaluateTargetHealth"]
        check = checks[record["HealthCheckId"]]
        assert check["FullyQualifiedDomainName"] == f"{region}.live.example.org"
        assert check["Type"] == "HTTPS"
        assert check["RequestInterval"] == 10
        assert check["FailureThreshold"] == 3
    own = {r["Name"].rstrip(".") for r in records if r["Type"] == "A" and "Region" not in r}
    assert own == {f"{region}.live.example.org" for region in nearest}


def test_a_certificate_covers_both_names(applied: Applied) -> None:
    """The certificate names the common host and the region's own."""
    acm = applied.client("acm")
    (found,) = acm.list_certificates()["CertificateSummaryList"]
    whole = acm.describe_certificate(CertificateArn=found["CertificateArn"])["Certificate"]
    assert set(whole["SubjectAlternativeNames"]) == {
        "live.example.org",
        "us-east-1.live.example.org",
    }


def test_jobs_can_do_nothing_but_run(applied: Applied) -> None:
    """A job's root is read-only, its capabilities are dropped, its role allows nothing."""
    ecs, iam = applied.client("ecs"), applied.client("iam")
    (arn,) = ecs.list_task_definitions()["taskDefinitionArns"]
    task = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    (container,) = task["containerDefinitions"]
    assert (task["cpu"], task["memory"]) == ("2048", "4096")
    assert task["networkMode"] == "awsvpc"
    assert container["readonlyRootFilesystem"]
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert iam.list_role_policies(RoleName="antiphase-test-jobs")["PolicyNames"] == []


def test_no_role_allows_by_wildcard(applied: Applied) -> None:
    """Each action of each role is named, and each role is for one service of this account."""
    iam = applied.client("iam")
    roles = [r for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("antiphase-test")]
    assert len(roles) >= 4
    for role in roles:
        trust = role["AssumeRolePolicyDocument"]["Statement"][0]
        assert trust["Principal"]["Service"].endswith(".amazonaws.com")
        assert "StringEquals" in trust["Condition"]
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            found = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)
            for statement in found["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                assert "*" not in "".join([actions] if isinstance(actions, str) else actions)


def test_everything_says_whose_it_is(applied: Applied) -> None:
    """What can carry tags names product and environment: costs are counted by them."""
    assert applied.untagged() == []
