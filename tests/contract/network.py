"""What network policies let through, for pods of one namespace."""

from tests.contract.manifests import Manifest

NAME = "app.kubernetes.io/name"


def lets_through(policies: list[Manifest], source: str, target: str, port: str) -> bool:
    """Whether `source` may open a connection to the named port of `target`, both by pod name."""
    leaving = [p["spec"] for p in policies if applies(p, source, "Egress")]
    arriving = [p["spec"] for p in policies if applies(p, target, "Ingress")]
    may_leave = not leaving or any(
        peer_matches(rule.get("to"), target) and port_matches(rule, port)
        for spec in leaving
        for rule in spec.get("egress", ())
    )
    may_arrive = not arriving or any(
        peer_matches(rule.get("from"), source) and port_matches(rule, port)
        for spec in arriving
        for rule in spec.get("ingress", ())
    )
    return may_leave and may_arrive


def applies(policy: Manifest, pod: str, direction: str) -> bool:
    """Whether the policy speaks about that pod and direction."""
    spec = policy["spec"]
    return direction in spec["policyTypes"] and selects(spec["podSelector"], pod)


def selects(selector: Manifest, pod: str) -> bool:
    """Whether a selector over the name label takes the pod; an empty one takes all."""
    wanted = selector.get("matchLabels", {})
    named = all(key == NAME and value == pod for key, value in wanted.items())
    listed = all(
        part["key"] == NAME and part["operator"] == "In" and pod in part["values"]
        for part in selector.get("matchExpressions", ())
    )
    return named and listed


def peer_matches(peers: list[Manifest] | None, pod: str) -> bool:
    """Whether a rule's peers take a pod of the same namespace; no peers take everybody."""
    if peers is None:
        return True
    return any(
        "namespaceSelector" not in peer and selects(peer["podSelector"], pod) for peer in peers
    )


def port_matches(rule: Manifest, port: str) -> bool:
    """Whether a rule's ports take that named one; no ports take all."""
    return "ports" not in rule or any(part["port"] == port for part in rule["ports"])
