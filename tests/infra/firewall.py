"""The firewall's rules as the API holds them, evaluated on requests.

Written from AWS's documentation, not from the module: a managed group blocks what its rules match
unless a rule or the whole group is overridden to count; a counted match leaves its label; a
rate-based rule blocks an address while its requests of the last window exceed the limit.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Firewall", "Request"]

# What each rule of AWS's groups leaves on a request that it matches, for the rules used here.
_SQL, _CORE = "awswaf:managed:aws:sql-database", "awswaf:managed:aws:core-rule-set"
LABELS = {
    "SizeRestrictions_BODY": f"{_CORE}:SizeRestrictions_Body",
    "CrossSiteScripting_BODY": f"{_CORE}:CrossSiteScripting_Body",
    "GenericLFI_BODY": f"{_CORE}:GenericLFI_Body",
    "SQLi_BODY": f"{_SQL}:SQLi_Body",
    "SQLiExtendedPatterns_BODY": f"{_SQL}:SQLiExtendedPatterns_Body",
    "SQLi_QUERYARGUMENTS": f"{_SQL}:SQLi_QueryArguments",
    "Log4JRCE_BODY": "awswaf:managed:aws:known-bad-inputs:Log4JRCE_Body",
    "AWSManagedIPReputationList": "awswaf:managed:aws:amazon-ip-list:AWSManagedIPReputationList",
}
GROUPS = {
    "SizeRestrictions_BODY": "AWSManagedRulesCommonRuleSet",
    "CrossSiteScripting_BODY": "AWSManagedRulesCommonRuleSet",
    "GenericLFI_BODY": "AWSManagedRulesCommonRuleSet",
    "SQLi_BODY": "AWSManagedRulesSQLiRuleSet",
    "SQLiExtendedPatterns_BODY": "AWSManagedRulesSQLiRuleSet",
    "SQLi_QUERYARGUMENTS": "AWSManagedRulesSQLiRuleSet",
    "Log4JRCE_BODY": "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedIPReputationList": "AWSManagedRulesAmazonIpReputationList",
}
# The common group takes a body above this for an attack.
LARGEST_BODY = 8192


@dataclass(frozen=True)
class Request:
    """One request; `hits` are the managed rules whose patterns its content matches."""

    path: str = "/"
    at: float = 0.0
    body_bytes: int = 0
    hits: frozenset[str] = frozenset()
    address: str = "192.0.2.1"
    country: str = "DE"

    @property
    def matched(self) -> frozenset[str]:
        """Managed rules that match, body size included."""
        large = {"SizeRestrictions_BODY"} if self.body_bytes > LARGEST_BODY else set()
        return self.hits | large


@dataclass
class Firewall:
    """Rules in the form of `GetWebACL`."""

    rules: list[dict[str, Any]]
    _seen: dict[tuple[str, str], deque[float]] = field(
        default_factory=lambda: defaultdict(deque), init=False
    )

    def __post_init__(self) -> None:
        self.rules = sorted(self.rules, key=lambda rule: int(rule["Priority"]))

    def decide(self, request: Request) -> str:
        """Return "allow" or the name of the rule that blocks."""
        labels: set[str] = set()
        for rule in self.rules:
            statement = rule["Statement"]
            if "ManagedRuleGroupStatement" in statement:
                if self._group(rule, request, labels):
                    return str(rule["Name"])
            elif (
                self._match(rule["Name"], statement, request, labels) and "Block" in rule["Action"]
            ):
                return str(rule["Name"])
        return "allow"

    @staticmethod
    def _group(rule: dict[str, Any], request: Request, labels: set[str]) -> bool:
        """Add the labels of a managed group and return whether it blocks."""
        statement = rule["Statement"]["ManagedRuleGroupStatement"]
        counted = {
            override["Name"]
            for override in statement.get("RuleActionOverrides", [])
            if "Count" in override["ActionToUse"]
        }
        hits = {hit for hit in request.matched if GROUPS[hit] == statement["Name"]}
        labels |= {LABELS[hit] for hit in hits}
        return bool(hits - counted) and "None" in rule["OverrideAction"]

    def _match(
        self, name: str, statement: dict[str, Any], request: Request, labels: set[str]
    ) -> bool:
        ((kind, body),) = statement.items()
        if kind == "GeoMatchStatement":
            return request.country in body["CountryCodes"]
        if kind == "LabelMatchStatement":
            assert body["Scope"] == "LABEL"
            return body["Key"] in labels
        if kind == "NotStatement":
            return not self._match(name, body["Statement"], request, labels)
        if kind == "AndStatement":
            return all(self._match(name, part, request, labels) for part in body["Statements"])
        if kind == "ByteMatchStatement":
            assert body["FieldToMatch"] == {"UriPath": {}}
            assert body["PositionalConstraint"] == "EXACTLY"
            assert [step["Type"] for step in body["TextTransformations"]] == ["NONE"]
            return bool(request.path.encode() == body["SearchString"])
        assert kind == "RateBasedStatement", f"no such statement is known here: {kind}"
        return self._rate(name, body, request, labels)

    def _rate(self, name: str, body: dict[str, Any], request: Request, labels: set[str]) -> bool:
        assert body["AggregateKeyType"] == "IP"
        if not self._match(name, body["ScopeDownStatement"], request, labels):
            return False
        seen = self._seen[name, request.address]
        seen.append(request.at)
        while seen[0] <= request.at - body["EvaluationWindowSec"]:
            seen.popleft()
        return len(seen) > int(body["Limit"])
