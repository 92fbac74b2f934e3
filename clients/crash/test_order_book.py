"""The judge of FIFO queues itself: each kind of broken promise is noticed, and a kept one is not blamed."""

import pytest
from order_book import OrderBook


def a_story():
    """Numbers 0 to 3 of one group acknowledged, 4 unanswered; 0 is deleted, 1 is held until the moment 20."""
    clock = [0]
    book = OrderBook(now=lambda: clock[0])
    book.sent("g", {number: answer(number) for number in book.next_numbers("g", 4)})
    book.next_numbers("g", 1)
    clock[0] = 10
    book.received(9, 11, [shown(0), shown(1)])
    book.deleting([("g", 0)])
    book.deleted([("g", 0)])
    clock[0] = 15
    return book, clock


def answer(number):
    return f"id-{number}", str(number + 1)


def shown(number):
    return ("g", number, *answer(number))


VERDICTS = [
    ("the next come in order after the lease", 21, [1, 2, 3], []),
    ("an unanswered send may be there", 21, [1, 2, 3, 4], []),
    ("one is skipped", 21, [2], ["before 1"]),
    ("two are turned round", 21, [2, 1], ["before 1", "after a later"]),
    ("the held one comes again", 15, [1], ["while it is held"]),
    ("the group of the held one goes on", 15, [2], ["before 1"]),
    ("the deleted one comes again", 21, [0, 1], ["back from the dead"]),
    ("one that nobody sent", 21, [1, 2, 3, 4, 5], ["invented"]),
]


@pytest.mark.parametrize(("fact", "at", "numbers", "expected"), VERDICTS, ids=[fact for fact, *_ in VERDICTS])
def test_the_verdict_when(fact, at, numbers, expected):
    book, clock = a_story()
    clock[0] = at
    book.received(at - 1, 1, [shown(number) for number in numbers])
    assert len(book.broken) == len(expected), book.broken
    assert all(words in story for words, story in zip(expected, book.broken, strict=True)), book.broken


def test_a_repeated_send_must_get_the_same_answer_and_a_new_one_a_higher_number():
    book, _ = a_story()
    book.sent("g", {2: answer(2)})
    assert book.broken == []
    book.sent("g", {2: ("another", "3")})
    book.sent("g", {4: ("id-4", "4")})
    assert [story.split()[0] for story in book.broken] == ["g/2", "g/4"]


def test_what_is_left_of_an_empty_queue_is_lost():
    book, _ = a_story()
    assert book.lost() == [("g", 1), ("g", 2), ("g", 3)]
