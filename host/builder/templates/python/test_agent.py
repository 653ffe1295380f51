"""The logic, in plain CPython against a fake host: python3 -m unittest"""

import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "vendor"))

from bailiwick import Failure  # noqa: E402
from bailiwick.fake import Fake  # noqa: E402

import agent  # noqa: E402


class Greet(unittest.TestCase):
    def test_answers_its_case(self):
        case = HERE / "cases" / "greets"
        fake = Fake()
        output = fake.perform(agent.greet, json.loads((case / "input.json").read_text()))
        self.assertEqual(output, json.loads((case / "expected.json").read_text()))
        self.assertEqual(fake.lines[0].message, "greeting Ada")

    def test_refuses_a_blank_name(self):
        with self.assertRaises(Failure) as caught:
            Fake().perform(agent.greet, {"name": " "})
        self.assertEqual(caught.exception, Failure.invalid_input("name: must not be blank"))


if __name__ == "__main__":
    unittest.main()
