"""What stands between clients and service, applied to a local AWS API and read back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edge.build import build
from tests.infra.firewall import Firewall, Request
from tests.infra.local_api import Applied, applied_root, drift_of

pytestmark = pytest.mark.slow
WHERE = "tests/front"
BODY_RULES = frozenset(
    ("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "SQLi_BODY", "SQLiExtendedPatterns_BODY")
)
# What the local API does not store, so that a second plan wants it again; not ours to mend.
DRIFTS: frozenset[str] = frozenset(
    {
        'module.kms.aws_kms_key.this["logs"]',
        "module.edge.aws_cloudfront_distribution.this",
        "module.region.aws_apigatewayv2_api.this",
    }
)


def expect_nothing(applied: Applied) -> None:
    """Fail if a firewall, stream or bucket is left."""
    assert applied.client("wafv2").list_web_acls(Scope="CLOUDFRONT")["WebACLs"] == []
    assert applied.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
    assert applied.client("s3").list_buckets()["Buckets"] == []


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """Apply once for all tests of this file."""
    folder = tmp_path_factory.mktemp("front")
    package = folder / "edge.zip"
    build({"keys": {"1": "00" * 32}}, package)
    with applied_root(folder, WHERE, expect_nothing, {"package": package}) as done:
        yield done


@pytest.fixture(scope="module")
def acl(applied: Applied) -> dict[str, Any]:
    """Return the firewall as the API has it."""
    waf = applied.client("wafv2")
    (found,) = waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    whole: dict[str, Any] = waf.get_web_acl(Name=found["Name"], Id=found["Id"], Scope="CLOUDFRONT")[
        "WebACL"
    ]
    return whole


@pytest.fixture
def firewall(acl: dict[str, Any]) -> Firewall:
    """Return the applied rules with no request seen yet."""
    return Firewall(acl["Rules"])


def test_a_second_plan_changes_only_what_the_local_api_forgets(
    applied: Applied, record_property: Callable[[str, object], None]
) -> None:
    """The drift is the listed one, no more and no less."""
    assert drift_of(applied, DRIFTS, record_property) == DRIFTS


def test_five_minutes_of_blocks_pass(firewall: Firewall) -> None:
    """One client's 100 ms blocks of 8 to 20 kB pass, even where each looks like every attack."""
    sizes = np.random.default_rng(1).integers(8_000, 20_000, 3000, endpoint=True)
    answers = {
        firewall.decide(Request("/anc-process", 0.1 * k, int(size), BODY_RULES))
        for k, size in enumerate(sizes)
    }
    assert answers == {"allow"}


def test_blocks_sent_twice_now_and_then_pass(firewall: Firewall) -> None:
    """A third of the blocks may be sent again before the rate stops the client."""
    answers = [firewall.decide(Request("/anc-process", 0.075 * k)) for k in range(4000)]
    assert set(answers) == {"allow"}


def test_a_flood_of_blocks_is_stopped(firewall: Firewall) -> None:
    """At twice the rate of one client the path's own limit bites, for that address only."""
    answers = [firewall.decide(Request("/anc-process", 0.05 * k)) for k in range(6000)]
    assert answers[:4500] == ["allow"] * 4500
    assert set(answers[4500:]) == {"rate-blocks"}
    other = Request("/anc-process", 300.0, address="192.0.2.2")
    assert firewall.decide(other) == "allow"


def test_the_2001st_request_elsewhere_is_stopped(firewall: Firewall) -> None:
    """2000 requests of one address in five minutes pass, over all other paths together."""
    paths = ("/", "/anc-process/", "/ANC-PROCESS", "/%61nc-process")
    answers = [firewall.decide(Request(paths[k % 4], 0.14 * k)) for k in range(2100)]
    assert answers[:2000] == ["allow"] * 2000
    assert set(answers[2000:]) == {"rate-elsewhere"}
    assert firewall.decide(Request("/anc-process", 294.0)) == "allow"


def test_a_rate_recovers(firewall: Firewall) -> None:
    """Five minutes after a flood the address is let in again."""
    flood = [firewall.decide(Request("/", 0.01 * k)) for k in range(2001)]
    assert flood[-1] == "rate-elsewhere"
    assert firewall.decide(Request("/", 330.0)) == "allow"


@pytest.mark.parametrize("rule", sorted(BODY_RULES))
@pytest.mark.parametrize("path", ["/", "/anc-process/x", "/Anc-Process"])
def test_body_matches_are_blocked_by_their_label_elsewhere(
    firewall: Firewall, rule: str, path: str
) -> None:
    """What /anc-process is excluded from is blocked on every other path."""
    assert firewall.decide(Request(path, hits=frozenset({rule}))) == rule
    assert firewall.decide(Request("/anc-process", hits=frozenset({rule}))) == "allow"


def test_a_large_body_elsewhere_is_blocked(firewall: Firewall) -> None:
    """8 kB pass on any path, one byte more does not."""
    assert firewall.decide(Request("/upload", body_bytes=8192)) == "allow"
    assert firewall.decide(Request("/upload", body_bytes=8193)) == "SizeRestrictions_BODY"


@pytest.mark.parametrize(
    ("hit", "group"),
    [
        ("SQLi_QUERYARGUMENTS", "sqli"),
        ("Log4JRCE_BODY", "known-bad-inputs"),
        ("GenericLFI_BODY", "common"),
        ("AWSManagedIPReputationList", "ip-reputation"),
    ],
)
def test_other_attacks_are_blocked_on_the_path_of_blocks_too(
    firewall: Firewall, hit: str, group: str
) -> None:
    """The exclusion covers four rules; all else still guards /anc-process."""
    assert firewall.decide(Request("/anc-process", hits=frozenset({hit}))) == group


def test_countries_are_refused(firewall: Firewall) -> None:
    """Listed countries are refused before anything else is asked."""
    assert firewall.decide(Request("/anc-process", country="KP")) == "countries"
    assert firewall.decide(Request("/", country="FR")) == "allow"


def test_rules_are_in_order_and_groups_decide(acl: dict[str, Any]) -> None:
    """Countries, rates, six managed groups, labels; no group is only counted, no number twice."""
    rules = sorted(acl["Rules"], key=lambda rule: int(rule["Priority"]))
    names = [rule["Name"] for rule in rules]
    groups = ["ip-reputation", "known-bad-inputs", "linux", "unix", "common", "sqli"]
    assert names == ["countries", "rate-blocks", "rate-elsewhere", *groups, *sorted(BODY_RULES)]
    assert len({rule["Priority"] for rule in rules}) == len(rules)
    limits = {rule["Name"]: rule["Statement"]["RateBasedStatement"]["Limit"] for rule in rules[1:3]}
    assert limits == {"rate-blocks": 4500, "rate-elsewhere": 2000}
    for rule in rules:
        managed = "ManagedRuleGroupStatement" in rule["Statement"]
        assert ("OverrideAction" in rule) == managed
        assert ("Action" in rule) != managed
        assert rule["VisibilityConfig"]["CloudWatchMetricsEnabled"]


def test_blocked_requests_are_logged_without_secrets(applied: Applied, acl: dict[str, Any]) -> None:
    """The log goes to a compressed stream into the log bucket; tokens and queries are left out."""
    waf, firehose = applied.client("wafv2"), applied.client("firehose")
    log = waf.get_logging_configuration(ResourceArn=acl["ARN"])["LoggingConfiguration"]
    (stream,) = log["LogDestinationConfigs"]
    assert stream.endswith("deliverystream/aws-waf-logs-antiphase-test")
    hidden = [
        part["SingleHeader"]["Name"] for part in log["RedactedFields"] if "SingleHeader" in part
    ]
    assert sorted(hidden) == ["authorization", "cookie", "sec-websocket-protocol"]
    assert {"QueryString": {}} in log["RedactedFields"]
    assert log["LoggingFilter"]["DefaultBehavior"] == "DROP"
    (kept,) = log["LoggingFilter"]["Filters"]
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]
    (name,) = firehose.list_delivery_streams()["DeliveryStreamNames"]
    whole = firehose.describe_delivery_stream(DeliveryStreamName=name)
    (target,) = whole["DeliveryStreamDescription"]["Destinations"]
    s3 = target["ExtendedS3DestinationDescription"]
    assert s3["BucketARN"] == "arn:aws:s3:::antiphase-test-logs-000000000000"
    assert s3["CompressionFormat"] == "GZIP"
    assert s3["Prefix"].startswith("waf/antiphase-test/")


def test_the_log_stream_may_write_nothing_else(applied: Applied) -> None:
    """The stream's role reaches the firewall's folder and its own log, by named actions."""
    iam = applied.client("iam")
    policy = iam.get_role_policy(RoleName="antiphase-test-firewall-delivery", PolicyName="write")
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action
        assert statement["Resource"] != "*"


def test_blocking_raises_alarms(applied: Applied) -> None:
    """A client over its rate and many blocked requests are told of, by CloudFront's dimensions."""
    found = applied.client("cloudwatch").describe_alarms(AlarmNamePrefix="antiphase-test-blocked")[
        "MetricAlarms"
    ]
    watched = {
        alarm["AlarmName"]: {part["Name"]: part["Value"] for part in alarm["Dimensions"]}
        for alarm in found
    }
    assert watched == {
        "antiphase-test-blocked-rate-blocks": {"WebACL": "antiphase-test", "Rule": "rate-blocks"},
        "antiphase-test-blocked-all": {"WebACL": "antiphase-test", "Rule": "ALL"},
    }


def test_the_edge_runs_the_built_package(applied: Applied) -> None:
    """The function's package is the built one, published, without environment, in us-east-1."""
    function = applied.client("lambda")
    (version,) = [
        found
        for found in function.list_versions_by_function(FunctionName="antiphase-test-edge")[
            "Versions"
        ]
        if found["Version"] != "$LATEST"
    ]
    package = (applied.terraform.infra.parent / "edge.zip").read_bytes()
    digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
    assert version["CodeSha256"] == digest
    assert version["Version"] == "1"
    assert version["Runtime"] == "python3.13"
    assert version["Handler"] == "edge.handler.lambda_handler"
    assert version["MemorySize"] == 531
    assert not version.get("Environment", {}).get("Variables")
    assert not version.get("VpcConfig", {}).get("SubnetIds")
    elsewhere = applied.client("lambda", "eu-west-1").list_functions()["Functions"]
    assert {found["FunctionName"] for found in elsewhere} == {"antiphase-test-region"}


def test_the_distribution_is_encrypted_and_guarded(applied: Applied, acl: dict[str, Any]) -> None:
    """HTTPS only, to viewers and to the region; blocks are posted and never cached."""
    (found,) = applied.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    assert found["WebACLId"] == acl["ARN"]
    assert found["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    (blocks,) = found["CacheBehaviors"]["Items"]
    assert blocks["PathPattern"] == "/anc-process"
    assert blocks["ViewerProtocolPolicy"] == "https-only"
    assert "POST" in blocks["AllowedMethods"]["Items"]
    (origin,) = found["Origins"]["Items"]
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert origin["CustomOriginConfig"]["OriginSslProtocols"]["Items"] == ["TLSv1.2"]


def test_a_failing_edge_raises_alarms(applied: Applied) -> None:
    """Errors to viewers, a breaking function and answers that CloudFront refuses are told of."""
    found = applied.client("cloudwatch").describe_alarms(AlarmNamePrefix="antiphase-test-edge")
    names = {alarm["MetricName"] for alarm in found["MetricAlarms"]}
    assert names == {"5xxErrorRate", "LambdaExecutionError", "LambdaValidationError"}


def test_the_region_is_capped_and_traced(applied: Applied) -> None:
    """The image by digest, its entry point, one version behind `live`, no state in a password."""
    function = applied.client("lambda", "eu-west-1")
    found = function.get_function(FunctionName="antiphase-test-region")
    assert found["Configuration"]["PackageType"] == "Image"
    assert "@sha256:" in found["Code"]["ImageUri"]
    command = found["Configuration"]["ImageConfigResponse"]["ImageConfig"]
    assert command["EntryPoint"] == ["python3", "-m", "awslambdaric"]
    assert command["Command"] == ["antiphase.region.function.handler"]
    assert found["Configuration"]["TracingConfig"] == {"Mode": "Active"}
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 100
    variables = found["Configuration"]["Environment"]["Variables"]
    assert set(variables) == {"ANTIPHASE_EDGE_CONFIG"}
    alias = function.get_alias(FunctionName="antiphase-test-region", Name="live")
    assert alias["FunctionVersion"] == "1"


def test_the_regions_api_is_throttled_and_logged(applied: Applied) -> None:
    """Two routes, both to the function; a rate; a log that ends."""
    api = applied.client("apigatewayv2", "eu-west-1")
    (found,) = api.get_apis()["Items"]
    routes = {route["RouteKey"] for route in api.get_routes(ApiId=found["ApiId"])["Items"]}
    assert routes == {"POST /anc-process", "OPTIONS /anc-process"}
    (stage,) = api.get_stages(ApiId=found["ApiId"])["Items"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 500
    (log,) = applied.client("logs", "eu-west-1").describe_log_groups(
        logGroupNamePrefix="/antiphase-test/"
    )["logGroups"]
    assert log["retentionInDays"] == 90
    assert log["kmsKeyId"]


def test_a_failing_region_raises_alarms(applied: Applied) -> None:
    """Errors, refusals and slow blocks of the function, and the API's own errors."""
    found = applied.client("cloudwatch", "eu-west-1").describe_alarms()["MetricAlarms"]
    names = {(alarm["Namespace"], alarm["MetricName"]) for alarm in found}
    function = {("AWS/Lambda", metric) for metric in ("Errors", "Throttles", "Duration")}
    assert names == function | {("AWS/ApiGateway", "5xx")}


def test_everything_says_whose_it_is(applied: Applied) -> None:
    """What can carry tags names product and environment: costs are counted by them."""
    assert applied.untagged() == []
