"""The logic in plain CPython: PYTHONPATH=sdk/python python3 -m unittest discover -s examples/08-languages/agents/verse"""

import unittest

from bailiwick import Failure
from bailiwick.fake import Fake

import agent


class Verse(unittest.TestCase):
    def test_wraps_and_counts(self):
        fake = Fake().answer("writer", {"text": "The kettle is on, and there is time until noon."})
        made = fake.perform(agent.verse, {"greeting": "Hello, Ada!"})
        self.assertEqual(
            made["lines"], ["Hello, Ada! The kettle is on, and there", "is time until noon."]
        )
        self.assertEqual(made["words"], {"count": 12, "mean_letters": 3.7})
        self.assertIn("calmly", fake.requests[0].text())

    def test_a_loud_one_is_loud(self):
        fake = Fake().answer("writer", {"text": "Tea."})
        made = fake.perform(agent.verse, {"greeting": "Hello!", "mood": "loud"})
        self.assertEqual(made["lines"], ["HELLO! TEA."])

    def test_needs_the_model_and_a_greeting(self):
        for document, failure in [
            ({"greeting": "Hello!"}, Failure.refused("model")),
            ({"greeting": " "}, Failure.invalid_input("greeting: must not be blank")),
        ]:
            with self.assertRaises(Failure) as caught:
                Fake().perform(agent.verse, document)
            self.assertEqual(caught.exception, failure)


if __name__ == "__main__":
    unittest.main()
