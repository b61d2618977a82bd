"""Bad requests to a server, fewer than in the campaign."""

from campaigns.requests import PROTECTIONS, bad_requests


def test_no_bad_request_is_a_fault_of_the_server():
    result = bad_requests(400, None)
    assert result.wrong == []
    assert result.cases == 400
    assert sum(count for end, count in result.verdicts.items() if end.startswith("4")) > 300


def test_faults_would_be_seen():
    for protection, cases in PROTECTIONS.items():
        assert bad_requests(cases, protection).faults > 0
