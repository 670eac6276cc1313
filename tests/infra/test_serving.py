"""What sessions are served with, applied to a local AWS API and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.infra.local_api import Applied, applied_root, drift_of
from tests.infra.terraform import ROOT

pytestmark = pytest.mark.slow
WHERE = "tests/serving"
NAME = "antiphase-test"
# The local API has no pod identities, and no auto-scaling group behind its node groups.
LACKING = ("aws_autoscaling_attachment", "aws_eks_pod_identity_association")
# What the local API does not store, so that a second plan wants it again; not ours to mend. Rules
# drift that name another group.
PORTS = ("tcp-8443", "tcp-8444", "udp-8443")
PAIRS = [f"{a}-{b}" for a in ("lambda", "media") for b in ("rds", "elasticache", "endpoints")]
NAMED = {
    "module.kms.aws_kms_key.this": ("data", "logs"),
    "module.vpc.aws_vpc_security_group_ingress_rule.between": PAIRS,
    "module.vpc.aws_vpc_security_group_egress_rule.between": PAIRS,
    "module.media.aws_vpc_security_group_ingress_rule.balancer": PORTS,
    "module.media.aws_vpc_security_group_egress_rule.nodes": PORTS,
    "module.sagemaker.aws_sagemaker_model.this": ("champion", "challenger"),
}
DRIFTS = {f'{base}["{name}"]' for base, names in NAMED.items() for name in names} | {
    "module.media.aws_eks_cluster.this",
    "module.media.aws_eks_node_group.this",
    "module.media.aws_launch_template.this",
    "module.media.aws_lb.this",
    "module.observability.aws_prometheus_rule_group_namespace.this",
    "module.observability.aws_prometheus_workspace.this",
    "module.sagemaker.aws_sagemaker_endpoint.this",
    "module.sagemaker.aws_sagemaker_endpoint_configuration.this",
}


def expect_nothing(applied: Applied) -> None:
    """Fail if a repository, cluster, load balancer or endpoint is left."""
    assert applied.client("ecr").describe_repositories()["repositories"] == []
    assert applied.client("eks").list_clusters()["clusters"] == []
    assert applied.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert applied.client("sagemaker").list_endpoints()["Endpoints"] == []


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """Apply once for all tests of this file."""
    folder = tmp_path_factory.mktemp("serving")
    with applied_root(folder, WHERE, expect_nothing, lacking=LACKING) as done:
        yield done


def arn_of(applied: Applied, key: str) -> str:
    """Return the ARN of one of our keys."""
    found = applied.client("kms").describe_key(KeyId=f"alias/{NAME}-{key}")
    arn: str = found["KeyMetadata"]["Arn"]
    return arn


def test_a_second_plan_changes_only_what_the_local_api_forgets(
    applied: Applied, record_property: Callable[[str, object], None]
) -> None:
    """The drift is the listed one, no more and no less."""
    assert drift_of(applied, DRIFTS, record_property) == DRIFTS


def test_images_stay_what_they_were(applied: Applied) -> None:
    """Tags can't be moved, each image is scanned and encrypted with our key, old ones end."""
    ecr = applied.client("ecr")
    (found,) = ecr.describe_repositories()["repositories"]
    assert found["repositoryName"] == NAME
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"]["scanOnPush"]
    assert found["encryptionConfiguration"]["encryptionType"] == "KMS"
    assert found["encryptionConfiguration"]["kmsKey"] == arn_of(applied, "data")
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"])[
        "rules"
    ]
    kept = {rule["selection"]["tagStatus"]: rule["selection"]["countNumber"] for rule in rules}
    assert kept == {"untagged": 14, "tagged": 30}


def test_only_functions_pull_by_the_registrys_policy(applied: Applied) -> None:
    """The repository lets in Lambda for functions of this product, by named actions."""
    text = applied.client("ecr").get_repository_policy(repositoryName=NAME)["policyText"]
    (statement,) = json.loads(text)["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "*" not in "".join(statement["Action"])
    (source,) = statement["Condition"]["ArnLike"].values()
    assert source.endswith(f":function:{NAME}-*")


def test_the_edges_keys_have_a_place_and_no_value(applied: Applied) -> None:
    """The secret is encrypted with our key and empty: no key has been in Terraform's state."""
    secrets = applied.client("secretsmanager")
    found = secrets.describe_secret(SecretId=f"{NAME}-edge")
    assert found["KmsKeyId"] == arn_of(applied, "data")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=f"{NAME}-edge")


def test_listeners_are_tls_1_3_and_media(applied: Applied) -> None:
    """Signalling by TLS 1.3 only; media by UDP and TCP; groups of the same protocol."""
    elb = applied.client("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    assert balancer["Type"] == "network"
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert {(each["Protocol"], each["Port"]) for each in listeners} == {
        ("TLS", 443),
        ("UDP", 8443),
        ("TCP", 8444),
    }
    groups = {g["TargetGroupArn"]: g for g in elb.describe_target_groups()["TargetGroups"]}
    for each in listeners:
        (action,) = each["DefaultActions"]
        assert groups[action["TargetGroupArn"]]["Protocol"] == each["Protocol"]
        if each["Protocol"] == "TLS":
            assert each["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-3-2021-06"
            assert groups[action["TargetGroupArn"]]["HealthCheckPath"] == "/readyz"


def test_media_is_let_in_where_it_is_served(applied: Applied) -> None:
    """Clients reach the load balancer's ports and the nodes' own, and nothing else."""
    ec2 = applied.client("ec2")
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"{NAME}-*"]}])
    opened = {
        (
            group["GroupName"].removeprefix(f"{NAME}-"),
            rule["IpProtocol"],
            rule["FromPort"],
            rule["ToPort"],
        )
        for group in groups["SecurityGroups"]
        for rule in group["IpPermissions"]
        if any(part["CidrIp"] == "0.0.0.0/0" for part in rule["IpRanges"])
    }
    assert opened == {
        ("balancer", "tcp", 443, 443),
        ("balancer", "udp", 8443, 8443),
        ("balancer", "tcp", 8444, 8444),
        ("media", "tcp", 8443, 8443),
        ("media", "udp", 8443, 8443),
        ("media", "tcp", 8444, 8444),
        ("media", "udp", 49160, 49360),
    }


def test_the_cluster_is_closed_and_its_secrets_encrypted(applied: Applied) -> None:
    """Secrets have our key, the API is inside, nodes guard their credentials and disks."""
    eks, ec2 = applied.client("eks"), applied.client("ec2")
    cluster = eks.describe_cluster(name=NAME)["cluster"]
    (encryption,) = cluster["encryptionConfig"]
    assert encryption["resources"] == ["secrets"]
    assert encryption["provider"]["keyArn"] == arn_of(applied, "data")
    assert not cluster["resourcesVpcConfig"]["endpointPublicAccess"]
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    versions = ec2.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
    )
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    (disk,) = data["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"]


def test_nine_in_ten_ask_the_champion(applied: Applied) -> None:
    """Two variants by weight, encrypted, in our subnets, watched each by faults and latency."""
    sagemaker = applied.client("sagemaker")
    (endpoint,) = sagemaker.list_endpoints()["Endpoints"]
    whole = sagemaker.describe_endpoint(EndpointName=endpoint["EndpointName"])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=whole["EndpointConfigName"])
    variants = config["ProductionVariants"]
    shares = {each["VariantName"]: each["InitialVariantWeight"] for each in variants}
    assert shares == {"champion": 90, "challenger": 10}
    assert config["KmsKeyId"] == arn_of(applied, "data")
    for each in variants:
        model = sagemaker.describe_model(ModelName=each["ModelName"])
        assert len(model["VpcConfig"]["Subnets"]) == 2
        assert "@sha256:" in model["PrimaryContainer"]["Image"]
    alarms = applied.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-sagemaker")
    watched = {
        (alarm["MetricName"], part["Value"])
        for alarm in alarms["MetricAlarms"]
        for part in alarm["Dimensions"]
        if part["Name"] == "VariantName"
    }
    assert watched == {(m, v) for m in ("Invocation5XXErrors", "ModelLatency") for v in shares}


def test_alarms_end_at_an_encrypted_topic(applied: Applied) -> None:
    """The topic has our key, refuses plain HTTP and other accounts, and tells the operator."""
    sns = applied.client("sns")
    (topic,) = sns.list_topics()["Topics"]
    attributes = sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
    assert attributes["KmsMasterKeyId"] == arn_of(applied, "data")
    policy: dict[str, Any] = json.loads(attributes["Policy"])
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert by_sid["DenyPlainHttp"]["Effect"] == "Deny"
    assert by_sid["DenyPlainHttp"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert "aws:SourceAccount" in by_sid["AlarmsOfThisAccount"]["Condition"]["StringEquals"]
    (told,) = sns.list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]
    assert told["Endpoint"] == "operator@example.org"
    alarm = applied.client("cloudwatch").describe_alarms(AlarmNames=[f"{NAME}-failing"])
    assert alarm["MetricAlarms"][0]["AlarmActions"] == [topic["TopicArn"]]


def test_prometheus_has_the_rules_that_promtool_checks(applied: Applied) -> None:
    """The workspace holds the rules of deploy/prometheus, and the dashboard its tables."""
    amp = applied.client("amp")
    (workspace,) = amp.list_workspaces()["workspaces"]
    found = amp.describe_rule_groups_namespace(
        workspaceId=workspace["workspaceId"], name="antiphase"
    )
    held = yaml.safe_load(found["ruleGroupsNamespace"]["data"])
    ours = (ROOT.parent / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
    assert held == yaml.safe_load(ours)
    body = applied.client("cloudwatch").get_dashboard(DashboardName=NAME)["DashboardBody"]
    assert "antiphase-test-sessions" in body
    (log,) = applied.client("logs").describe_log_groups(logGroupNamePrefix=f"/{NAME}/service")[
        "logGroups"
    ]
    assert log["retentionInDays"]
    assert log["kmsKeyId"] == arn_of(applied, "logs")


def test_everything_says_whose_it_is(applied: Applied) -> None:
    """What can carry tags names product and environment: costs are counted by them."""
    assert applied.untagged() == []
