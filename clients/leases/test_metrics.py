"""PutMetricData as clients of each age send it, and what the page of metrics makes of it."""

import urllib.request

import botocore.session
import pytest
from botocore.config import Config
from conftest import ENDPOINT, fresh, make_client, refusal


def shown(namespace, gauge="sum"):
    """The lines of a gauge that are of a namespace."""
    with urllib.request.urlopen(f"{ENDPOINT}/metrics") as page:
        lines = page.read().decode().splitlines()
    return [line for line in lines if line.startswith(f"tidewire_put_metric_{gauge}{{") and f'namespace="{namespace}"' in line]


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
@pytest.mark.parametrize("many", [1, 400], ids=["plain", "compressed"])
def test_metrics_of_every_protocol_are_shown(protocol, many):
    client = client_of(protocol)
    assert client.meta.service_model.resolved_protocol == protocol
    headers = []
    client.meta.events.register("before-send.cloudwatch.*", lambda request, **_: headers.append(dict(request.headers)))
    namespace = fresh("app")
    data = [
        {
            "MetricName": f"Time{number}",
            "Dimensions": [{"Name": "Operation", "Value": 'say "hello"'}],
            "Unit": "Milliseconds",
            "StatisticValues": {"SampleCount": 2, "Sum": number + 0.5, "Minimum": 0, "Maximum": number},
        }
        for number in range(many)
    ]
    client.put_metric_data(Namespace=namespace, MetricData=data)
    assert any(name.lower() == "content-encoding" for name in headers[0]) == (many > 1)
    lines = shown(namespace)
    assert len(lines) == many
    labels = 'metric="Time0",dimensions="Operation=say \\"hello\\"",unit="Milliseconds"}'
    assert any(labels in line and line.endswith(" 0.5") for line in lines), lines[0]
    assert len(shown(namespace, "sample_count")) == many


def client_of(protocol):
    """A client whose model was told that its service speaks nothing else: SDKs choose for themselves."""
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    model = loader.load_service_model("cloudwatch", "service-2")
    model["metadata"]["protocol"], model["metadata"]["protocols"] = protocol, [protocol]
    return session.create_client(
        "cloudwatch",
        region_name="us-east-1",
        endpoint_url=ENDPOINT,
        aws_access_key_id="test",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_numbers_that_cannot_be_are_refused_by_the_query_protocols_code():
    client = make_client("cloudwatch")
    both = {"MetricName": "a", "Value": 1.0, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}
    refused = refusal(client.put_metric_data, Namespace="app", MetricData=[both])
    assert refused["Error"]["Code"] == "InvalidParameterCombination"
    assert refused["Error"]["Message"].startswith("The parameters MetricData.member.1.Value and")


def test_what_the_sink_does_not_do_is_refused_by_name():
    refused = refusal(make_client("cloudwatch").list_metrics)
    assert refused["Error"]["Code"] in ("UnknownOperationException", "InvalidAction")
    assert "ListMetrics" in refused["Error"]["Message"]
