"""Type hints as JSON Schema, and values by them."""

import unittest
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, Optional

from bailiwick import Artifact, Failure
from bailiwick.schema import decode, encode, schema_of


class Tone(Enum):
    """How it sounds."""

    CALM = "calm"
    LOUD = "loud"


@dataclass
class Line:
    text: str
    """One sentence."""
    weight: float = 1.0


@dataclass
class Draft:
    """Copy for one channel."""

    lines: list[Line]
    tone: Tone
    kind: Literal["ad", "post"]
    count: int
    notes: dict[str, str] = field(default_factory=dict)
    hero: Optional[Artifact] = None
    title: Annotated[str | None, "For people."] = None


@dataclass
class Tree:
    children: "list[Tree]"


class Schemas(unittest.TestCase):
    def test_a_dataclass_is_an_object_with_its_words(self):
        schema = schema_of(Draft)
        self.assertEqual(schema["description"], "Copy for one channel.")
        self.assertEqual(schema["required"], ["lines", "tone", "kind", "count"])
        properties = schema["properties"]
        self.assertEqual(properties["lines"]["items"], {"$ref": "#/$defs/Line"})
        self.assertEqual(
            properties["tone"], {"description": "How it sounds.", "enum": ["calm", "loud"]}
        )
        self.assertEqual(properties["kind"], {"enum": ["ad", "post"]})
        self.assertEqual(properties["count"], {"type": "integer"})
        self.assertEqual(properties["title"]["description"], "For people.")
        line = schema["$defs"]["Line"]
        self.assertEqual(
            line["properties"]["text"], {"type": "string", "description": "One sentence."}
        )
        self.assertNotIn("description", line)

    def test_a_dataclass_within_itself_ends(self):
        schema = schema_of(Tree)
        self.assertEqual(schema["$ref"], "#/$defs/Tree")
        items = schema["$defs"]["Tree"]["properties"]["children"]["items"]
        self.assertEqual(items, {"$ref": "#/$defs/Tree"})

    def test_what_has_no_form_in_json_is_named_with_its_place(self):
        @dataclass
        class Odd:
            when: set

        with self.assertRaisesRegex(TypeError, r"Odd\.when: <class 'set'> has no form in JSON"):
            schema_of(Odd)
        with self.assertRaisesRegex(TypeError, "keys of a JSON object are str"):
            schema_of(dict[int, str])


class Values(unittest.TestCase):
    DOCUMENT = {
        "lines": [{"text": "Tea.", "weight": 2}],
        "tone": "loud",
        "kind": "ad",
        "count": 3.0,
        "hero": {"$artifact": "blake3:00", "media_type": "image/png", "bytes": 3},
        "unknown": 1,
    }

    def test_round_trips(self):
        draft = decode(Draft, self.DOCUMENT)
        self.assertEqual(draft.lines, [Line("Tea.", 2.0)])
        self.assertIs(draft.tone, Tone.LOUD)
        self.assertEqual((draft.count, type(draft.count)), (3, int))
        again = encode(draft)
        self.assertEqual(again["hero"], self.DOCUMENT["hero"])
        self.assertEqual(again["notes"], {})
        self.assertEqual(decode(Draft, again), draft)

    def test_says_where_it_is_wrong(self):
        for change, words in [
            ({"lines": [{}]}, "lines[0].text: is missing"),
            ({"lines": {}}, "lines: a list is expected, and this is an object"),
            ({"tone": "shrill"}, "tone: one of 'calm', 'loud' is expected"),
            ({"kind": 1}, "kind: one of 'ad', 'post' is expected"),
            ({"count": True}, "count: an integer is expected, and this is a boolean"),
            ({"count": 1.5}, "count: an integer is expected, and this is a number"),
            ({"notes": {"a": 1}}, "notes.a: a string is expected, and this is an integer"),
            ({"hero": {}}, "hero: an artifact is expected"),
        ]:
            with self.assertRaises(Failure) as caught:
                decode(Draft, {**self.DOCUMENT, **change})
            self.assertEqual(caught.exception.kind, "invalid-input")
            self.assertTrue(caught.exception.text.startswith(words), caught.exception.text)

    def test_what_is_no_json_is_named_with_its_place(self):
        for value, words in [
            ({"a": [object()]}, r"a\[0\]: object has no form"),
            (float("nan"), "value: nan is no number"),
            ([2**64], r"\[0\]: 18446744073709551616 has no 64 bits; large ids travel as text"),
            (-(2**63) - 1, "value: -9223372036854775809 has no 64 bits"),
            ({1: 2}, "keys of a JSON object are str"),
        ]:
            with self.assertRaisesRegex(TypeError, words):
                encode(value)

    def test_whole_numbers_of_64_bits_stay_as_they_are(self):
        for number in (2**64 - 1, -(2**63), 9007199254740993):
            self.assertEqual(encode(number), number)
            self.assertEqual(decode(int, number), number)

    def test_a_union_takes_what_fits(self):
        self.assertEqual(type(decode(float | int, 1)), int)
        self.assertEqual(decode(Any, {"x": [1]}), {"x": [1]})


if __name__ == "__main__":
    unittest.main()
