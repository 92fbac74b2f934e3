"""The oracle itself: each kind of broken promise is noticed, and a kept one is not blamed.

A judge that never convicts would let every crash test pass, so its verdicts are fixed here as a table.
"""

import pytest
from ledger import Ledger


def a_story():
    """Sent and acknowledged: kept, going, gone. Sent without an answer: unsure."""
    ledger = Ledger()
    ledger.attempting(["kept", "going", "gone", "unsure"])
    ledger.acknowledged({"kept": "id-kept", "going": "id-going", "gone": "id-gone"})
    ledger.attempting_delete(["going", "gone"])
    ledger.deleted(["gone"])
    return ledger


def messages(*bodies):
    return [{"Body": body, "MessageId": f"id-{body}"} for body in bodies]


VERDICTS = [
    ("what is kept is there", messages("kept"), []),
    ("an unanswered send may be there", messages("kept", "unsure"), []),
    ("an unanswered delete may not have happened", messages("kept", "going"), []),
    ("an acknowledged message is missing", messages("going"), ["lost"]),
    ("a deleted message is back", messages("kept", "gone"), ["back"]),
    ("a message that nobody sent", messages("kept", "other"), ["invented"]),
    ("a message under another id", [{"Body": "kept", "MessageId": "id-new"}], ["with"]),
    ("everything at once", messages("gone", "other"), ["lost", "back", "invented"]),
]


@pytest.mark.parametrize(("fact", "found", "expected"), VERDICTS, ids=[fact for fact, *_ in VERDICTS])
def test_the_verdict_when(fact, found, expected):
    assert [promise.split()[1].rstrip(":") for promise in a_story().broken_promises(found)] == expected
