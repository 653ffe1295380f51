"""One function as an agent: what it says of itself, what it answers, how it fails."""

import json
import unittest
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from bailiwick import (
    Artifact,
    CallError,
    Denied,
    Exhausted,
    Failed,
    Failure,
    Host,
    Invalid,
    Message,
    Response,
    Tool,
    ToolCall,
    Unavailable,
    agent,
)
from bailiwick.fake import Fake
from bailiwick.guest import agent_in, export


@dataclass
class Brief:
    product: str


@dataclass
class Slogan:
    text: str
    """At most eight words."""


@agent(version="0.1.0")
def slogan(brief: Brief, host: Host) -> Slogan:
    """Writes a slogan in the brand's tone.

    More words that no operator reads.
    """
    if not brief.product:
        raise Failure.invalid_input("product: is empty")
    tone = host.knowledge("brand").search("tone of voice", 3)
    answer = host.model("writer").answer(
        Slogan, brief.product, system="\n".join(one.text for one in tone), max_tokens=200
    )
    host.log.info(f"{answer.model} wrote it")
    return answer.value


def fake() -> Fake:
    return Fake().knowledge("brand", ["Our tone is calm."])


class Agents(unittest.TestCase):
    def test_answers_with_json(self):
        scripted = fake().answer("writer", Slogan("Tea, now."))
        self.assertEqual(scripted.perform(slogan, {"product": "kettle"}), {"text": "Tea, now."})
        self.assertIn("calm", scripted.requests[0].text())
        self.assertIn("At most eight words", scripted.requests[0].output_schema)
        self.assertEqual(scripted.lines[0].message, "fake wrote it")

    def test_stays_an_ordinary_function(self):
        scripted = fake().answer("writer", {"text": "Tea."})
        self.assertEqual(slogan(Brief("kettle"), scripted.host()), Slogan("Tea."))

    def test_host_errors_become_failures_as_documented(self):
        for error, failure in [
            (Denied("model"), Failure.refused("model")),
            (Unavailable(), Failure.retryable("the provider is unavailable")),
            (Exhausted("rate"), Failure.retryable("the limit on rate is spent")),
            (Exhausted("tokens"), Failure.fatal("the limit on tokens is spent")),
            (Invalid("limit: 0"), Failure.fatal("limit: 0")),
            (
                Failed("retryable", "later"),
                Failure.retryable("the agent that was called failed for now: later"),
            ),
            (Failed("broken"), Failure.fatal("the agent that was called broke")),
            (KeyError("x"), Failure.fatal("KeyError: 'x'")),
            (SystemExit(3), Failure.fatal("SystemExit: 3")),
        ]:
            scripted = fake().answer_with("writer", self.raises(error))
            with self.assertRaises(Failure) as caught:
                scripted.perform(slogan, {"product": "kettle"})
            self.assertEqual(caught.exception, failure)

    @staticmethod
    def raises(error):
        def script(_):
            raise error

        return script

    def test_an_unexpected_exception_leaves_its_traceback_in_the_log(self):
        scripted = fake().answer_with("writer", self.raises(KeyError("x")))
        with self.assertRaises(Failure):
            scripted.perform(slogan, {"product": "kettle"})
        self.assertEqual(scripted.lines[-1].level, "error")
        self.assertIn("Traceback", scripted.lines[-1].message)

    def test_texts_of_failures_are_cut_off(self):
        scripted = fake().answer_with("writer", self.raises(KeyError("ü" * 5000)))
        with self.assertRaises(Failure) as caught:
            scripted.perform(slogan, {"product": "kettle"})
        self.assertLessEqual(len(caught.exception.text.encode()), 4096)

    def test_input_that_does_not_fit_is_said_with_its_place(self):
        with self.assertRaises(Failure) as caught:
            fake().perform(slogan, {"product": 7})
        self.assertEqual(caught.exception.kind, "invalid-input")
        self.assertTrue(caught.exception.text.startswith("product: "))

    def test_all_that_is_wrong_with_a_function_is_said_at_once(self):
        with self.assertRaises(TypeError) as caught:

            @agent(version="one")
            async def Odd(task, host: str):
                pass

        for words in ["'Odd'", "'one'", "no docstring", "async", "task has no type", "->"]:
            self.assertIn(words, str(caught.exception))

    def test_a_summary_is_one_paragraph_of_a_kibibyte(self):
        def says(words: str, version: str = "0.1.0"):
            def odd(brief: Brief) -> str:
                return ""

            odd.__doc__ = words
            return agent(version=version)(odd).__bailiwick__.summary

        self.assertEqual(says("Two\nlines.\n\nMore."), "Two lines.")
        self.assertEqual(says("x" * 1024), "x" * 1024)
        with self.assertRaisesRegex(TypeError, "more than 1 KiB"):
            says("x" * 1025)
        with self.assertRaisesRegex(TypeError, "no semantic version"):
            says("Fine.", "٠.١.٠")


class Fakes(unittest.TestCase):
    def test_denies_what_no_script_was_given_for(self):
        host = Fake().host()
        for call in [
            lambda: host.model("writer").complete("x"),
            lambda: host.knowledge("brand").search("x"),
            lambda: host.http.get("https://example.com"),
            lambda: host.kv.get("x"),
            lambda: host.delegate.call("other", 1),
        ]:
            with self.assertRaises(Denied):
                call()

    def test_what_is_no_document_is_invalid(self):
        for body, kind, words in [
            (b"1" + b"0" * 400, float, "body: a number of 64 bits is expected"),
            (b"NaN", Any, "body: NaN is no JSON"),
            (b"[1", Any, "body: "),
            (b"\"x\"", int, "body: an integer is expected, and this is a string"),
        ]:
            with self.assertRaisesRegex(Invalid, f"^{words}"):
                Response(200, {}, body).json(kind)
        self.assertEqual(Response(200, {}, b"1" + b"0" * 400).json(int), 10**400)

    def test_exhausts_after_some_calls(self):
        host = Fake().kv(x=1).exhaust("kv", "calls", after_calls=1).host()
        self.assertEqual(host.kv.get("x"), 1)
        with self.assertRaises(Exhausted):
            host.kv.get("x")

    def test_a_namespace_lists_compares_and_sets(self):
        scripted = Fake().kv(a1=1, a2={"b": [1]}, c=3)
        kv = scripted.host().kv
        self.assertEqual(kv.list("a", after="a1"), ["a2"])
        self.assertTrue(kv.compare_and_set("a2", {"b": [1]}, None))
        self.assertFalse(kv.compare_and_set("c", 4, 5))
        self.assertTrue(kv.compare_and_set("new", None, 5))
        self.assertEqual(scripted.values, {"a1": 1, "c": 3, "new": 5})

    def test_comparing_is_one_call_and_of_documents(self):
        scripted = Fake().kv(n=1, flag=True).exhaust("kv", "calls", after_calls=2)
        kv = scripted.host().kv
        self.assertFalse(kv.compare_and_set("n", True, 2))
        self.assertTrue(kv.compare_and_set("n", 1, 2))
        with self.assertRaises(Exhausted):
            kv.compare_and_set("n", 2, 3)
        kv = Fake().kv(n=1).host().kv
        self.assertFalse(kv.compare_and_set("n", 1.0, 2))
        with self.assertRaisesRegex(Invalid, "^value: "):
            kv.compare_and_set("n", 1, "x" * 256 * 1024)

    def test_a_search_counts_whole_words(self):
        host = Fake().knowledge("brand", ["Teapots are round.", "Tea, calm: our tone!"]).host()
        found = host.knowledge("brand").search("TEA? calm-tone", 5)
        self.assertEqual([(one.text, one.score) for one in found], [("Tea, calm: our tone!", 3.0)])

    def test_text_is_what_a_model_says(self):
        model = Fake().answer("writer", "plain", '"plain"').host().model("writer")
        with self.assertRaisesRegex(Invalid, "^answer: "):
            model.answer(str, "?")
        self.assertEqual(model.answer(str, "?").value, "plain")

    def test_what_this_fake_did_not_mint_is_foreign(self):
        @agent(version="0.1.0")
        def passes(given: Any) -> Any:
            """Passes on what it is given."""
            return given if isinstance(given, list) else Artifact("blake3:" + "0" * 64)

        scripted = Fake().answer_with("eye", lambda _: "yes")
        logo = scripted.artifact(b"x", "image/png")
        own = [{"$artifact": logo.digest}]
        self.assertEqual(scripted.perform(passes, own), own)
        foreign = {"$artifact": "blake3:" + "0" * 64}
        for document in [[foreign], [{"a": [foreign]}], 1]:
            with self.assertRaises(Failure) as caught:
                scripted.perform(passes, document)
            words = f"foreign-artifact: {foreign['$artifact']}"
            self.assertEqual(caught.exception, Failure.fatal(words))
        eye = scripted.host().model("eye")
        self.assertEqual(eye.complete(["what?", logo]).text, "yes")
        with self.assertRaises(Denied) as denied:
            eye.complete(["what?", Artifact(foreign["$artifact"])])
        self.assertEqual(denied.exception.capability, "artifacts")

    def test_holds_to_the_bounds_of_the_contract(self):
        scripted = Fake().answer_with("writer", lambda _: "yes").kv().knowledge("brand", ["x"])
        scripted.embed_with("embedder", lambda _: [1.0]).web("", Response(200))
        host = scripted.draw_with("painter", lambda _: (b"", "image/png")).host()
        model, embedder, painter = map(host.model, ("writer", "embedder", "painter"))
        user = Message("user", ["?"])
        tool = lambda name: Tool(name, "", Brief)
        for good, bad, field in [
            (lambda: model.complete([user] * 256), lambda: model.complete([user] * 257), "messages"),
            (lambda: model.complete(["?"] * 64), lambda: model.complete(["?"] * 65), "parts"),
            (lambda: model.complete("x" * 2**20), lambda: model.complete("ü" * 2**20), "text"),
            (lambda: model.complete("?", temperature=2), lambda: model.complete("?", temperature=2.1), "temperature"),
            (lambda: model.complete("?", max_tokens=1), lambda: model.complete("?", max_tokens=0), "max-tokens"),
            (lambda: model.complete("?", stop=["x"] * 16), lambda: model.complete("?", stop=[""]), "stop"),
            (lambda: model.complete("?", tools=[tool("a-B_1")]), lambda: model.complete("?", tools=[tool("a b")]), "tools"),
            (lambda: embedder.embed(["x"] * 256), lambda: embedder.embed(["x"] * 257), "texts"),
            (
                lambda: painter.generate_images("x", width=64, height=4096),
                lambda: painter.generate_images("x", width=64, height=4097),
                "height",
            ),
            (
                lambda: host.knowledge("brand").search("x" * 1024),
                lambda: host.knowledge("brand").search("x" * 1025),
                "query",
            ),
            (lambda: host.artifacts.put(b"", "a/b"), lambda: host.artifacts.put(b"", "ab"), "media-type"),
            (lambda: host.artifacts.put(b"", "a/b", "n"), lambda: host.artifacts.put(b"", "a/b", "n/m"), "name"),
            (lambda: host.kv.get("k" * 256), lambda: host.kv.get("k\n"), "key"),
            (lambda: host.http.get("https://a/"), lambda: host.http.fetch("LINK", "https://a/"), "method"),
            (
                lambda: host.http.get("https://a/", headers={"x-a": "1"}),
                lambda: host.http.get("https://a/", headers={"x-a": "1", "X-A": "2"}),
                "headers",
            ),
        ]:
            good()
            with self.assertRaisesRegex(Invalid, f"^{field}: out of the contract's bounds"):
                bad()

    def test_the_web_and_artifacts(self):
        scripted = Fake().web("https://a/", Response(201, {"X-A": "b"}, b'{"n":1}'))
        host = scripted.host()
        answer = host.http.post("https://a/x", {"q": 1})
        self.assertEqual((answer.status, answer.headers, answer.json()), (201, {"X-A".lower(): "b"}, {"n": 1}))
        self.assertEqual((answer.is_success(), Response(404).is_success()), (True, False))
        self.assertEqual(scripted.fetched[0].headers, {"content-type": "application/json"})
        kept = host.artifacts.put(b"abc", "text/plain", "a.txt")
        self.assertEqual(host.artifacts.get(kept), b"abc")

    def test_agents_are_called(self):
        scripted = Fake().agent_with("finder", lambda given: [given["product"], "steel"])
        host = scripted.host()
        self.assertEqual(host.delegate.call("finder", Brief("kettle"), list[str]), ["kettle", "steel"])
        self.assertEqual(scripted.called, [("finder", {"product": "kettle"})])
        with self.assertRaisesRegex(Invalid, "^output: "):
            host.delegate.call("finder", Brief("kettle"), Slogan)
        with self.assertRaisesRegex(Invalid, "^agent: "):
            host.delegate.call("x" * 65, 1)
        scripted.agent_with("busy", lambda given: host.delegate.call("busy", given))
        with self.assertRaises(Denied):
            host.delegate.call("busy", 1)

    def test_tools_are_called_and_answered(self):
        call = ToolCall("1", "price", '{"product": "kettle"}')
        scripted = Fake().answer("writer", [call], "12")
        model = scripted.host().model("writer")
        tools = [Tool("price", "The price.", Brief)]
        first = model.complete("how much?", tools=tools)
        self.assertEqual(first.finish, "tools")
        self.assertEqual(first.tool_calls[0].read(Brief), Brief("kettle"))
        again = model.complete([Message("user", ["how much?"]), Message.said(first), Message.answer(call, "12 EUR")])
        self.assertEqual(again.text, "12")


class Borders(unittest.TestCase):
    """What the bindings would trap on is an exception, of a fake too."""

    def test_a_value_of_another_type_is_named_with_its_field(self):
        scripted = Fake().answer_with("writer", lambda _: "yes").knowledge("brand", ["x"]).kv()
        scripted.draw_with("painter", lambda _: (b"", "image/png")).web("", Response(200))
        host = scripted.embed_with("embedder", lambda _: [1.0]).host()
        model, painter = host.model("writer"), host.model("painter")
        whole = "a whole number from 0 to 4294967295 is expected, and this is"
        for call, words in [
            (lambda: model.complete("x", max_tokens=0.5 * 400), f"max_tokens: {whole} 200.0"),
            (lambda: model.complete("x", max_tokens=2**32), f"max_tokens: {whole} 4294967296"),
            (lambda: model.complete("x", temperature="1"), "temperature: a number is expected"),
            (lambda: model.complete("x", seed=-1), "seed: a whole number from 0 to 18446744073709551615"),
            (lambda: model.complete("x", stop=[1]), "stop[0]: a string is expected, and this is 1"),
            (lambda: model.complete(["x", None]), "messages[0].parts[1]: a string is expected, and this is null"),
            (lambda: model.complete([Message("robot", [])]), "messages[0].role: one of system, user"),
            (lambda: host.model(None).complete("x"), "alias: a string is expected, and this is null"),
            (lambda: host.model("embedder").embed(["x", b"y"]), "texts[1]: a string is expected"),
            (lambda: painter.generate_images("x", width=64.0, height=64), f"width: {whole} 64.0"),
            (lambda: host.knowledge("brand").search("x", 2.5), f"limit: {whole} 2.5"),
            (lambda: host.knowledge("brand").search("x", True), f"limit: {whole} a boolean"),
            (lambda: host.artifacts.put(b"x", None), "media_type: a string is expected, and this is null"),
            (lambda: host.artifacts.put("x", "text/plain"), "content: bytes is expected, and this is a string"),
            (lambda: host.artifacts.get("x"), "artifact: an Artifact is expected, and this is a string"),
            (lambda: host.kv.get(None), "key: a string is expected, and this is null"),
            (lambda: host.kv.list(after=1), "after: a string is expected, and this is 1"),
            (lambda: host.http.get("https://a/", headers={"X-A": 1}), "headers['X-A']: a string is expected"),
            (lambda: host.http.fetch("POST", "https://a/", body=7), "body: bytes is expected, and this is 7"),
            (lambda: host.delegate.call(b"x", 1), "agent: a string is expected"),
            (lambda: host.log.progress("half"), "fraction: a number is expected"),
        ]:
            with self.assertRaises(TypeError) as caught:
                call()
            self.assertTrue(str(caught.exception).startswith(words), str(caught.exception))
        self.assertEqual((scripted.requests, scripted.fetched), ([], []))

    def test_half_an_emoji_leaves_as_a_text(self):
        half, whole = "tea \ud83d", "tea \ufffd"
        scripted = Fake().answer_with("writer", lambda _: "yes").kv().web("", Response(200))
        scripted.agent_with("other", lambda given: given)

        @agent(version="0.1.0")
        def cuts(brief: Brief, host: Host) -> dict[str, str]:
            """Cuts texts through letters."""
            host.log.info(half)
            host.log.progress(0.5, half)
            host.model("writer").complete(half, system="\U0001f375 " + half)
            host.kv.set(half, {half: [half]})
            host.http.post("https://a/", {"text": half}, headers={"x-note": half})
            host.http.fetch("POST", "https://a/", body=half)
            host.delegate.call("other", half)
            return {half: half}

        self.assertEqual(scripted.perform(cuts, {"product": "x"}), {whole: whole})
        self.assertEqual(scripted.lines[0].message, whole)
        self.assertEqual(scripted.progress, [(0.5, whole)])
        self.assertEqual(scripted.requests[0].text(), f"\U0001f375 {whole}\n{whole}")
        self.assertEqual(scripted.values, {whole: {whole: [whole]}})
        self.assertEqual(scripted.fetched[0].body.decode(), f'{{"text": "{whole}"}}')
        self.assertEqual(scripted.fetched[0].headers["x-note"], whole)
        self.assertEqual(scripted.fetched[1].body.decode(), whole)
        self.assertEqual(scripted.called, [("other", whole)])

        @agent(version="0.1.0")
        def fails(brief: Brief) -> str:
            """Fails in half a letter."""
            raise Failure.invalid_input(half)

        with self.assertRaises(Failure) as caught:
            fake().perform(fails, {"product": "x"})
        self.assertEqual(caught.exception, Failure.invalid_input(whole))

    def test_nobody_repeats_it(self):
        scripted = fake().answer("writer", "x")

        @agent(version="0.1.0")
        def asks(brief: Brief, host: Host) -> str:
            """Asks for half a token."""
            return host.model("writer").complete("x", max_tokens=0.5).text

        with self.assertRaises(Failure) as caught:
            scripted.perform(asks, {"product": "kettle"})
        self.assertEqual(caught.exception.kind, "fatal")
        self.assertTrue(caught.exception.text.startswith("TypeError: max_tokens: "))

    def test_a_refusal_of_anything_is_a_failure(self):
        @agent(version="0.1.0")
        def refuses(brief: Brief) -> str:
            """Refuses something that is no name."""
            raise Failure.refused(7)

        with self.assertRaises(Failure) as caught:
            fake().perform(refuses, {"product": "kettle"})
        self.assertEqual(caught.exception, Failure.refused("7"))


class Guests(unittest.TestCase):
    """The side of the sandbox, with bindings as componentize-py makes them."""

    class Err(Exception):
        def __init__(self, value):
            self.value = value

    def exported(self, function, **interfaces):
        lines = []
        log = SimpleNamespace(
            Level={"INFO": "info", "ERROR": "error", "WARN": "warn"},
            write=lambda level, text: lines.append((level, text)),
        )
        case = lambda name: lambda text: (name, text)
        contract = SimpleNamespace(
            About=SimpleNamespace,
            Failure_Refused=case("refused"),
            Failure_InvalidInput=case("invalid-input"),
            Failure_Retryable=case("retryable"),
            Failure_Fatal=case("fatal"),
        )
        imports = {"log": log, "types": SimpleNamespace(Denial=case("denial")), **interfaces}
        runtime = SimpleNamespace(Err=self.Err)
        made = export(function.__bailiwick__, object, contract, runtime, imports)()
        return made, lines

    def test_says_its_profile(self):
        made, _ = self.exported(slogan)
        about = made.profile()
        self.assertEqual((about.name, about.version), ("slogan", "0.1.0"))
        self.assertEqual(about.summary, "Writes a slogan in the brand's tone.")
        self.assertEqual(json.loads(about.input_schema)["required"], ["product"])

    def test_an_interface_that_is_not_in_its_world_is_denied(self):
        made, lines = self.exported(slogan)
        task = SimpleNamespace(step="s", cell="-", round=0, input='{"product": "kettle"}')
        with self.assertRaises(self.Err) as caught:
            made.perform(task)
        self.assertEqual(caught.exception.value, ("refused", ("denial", "knowledge")))
        self.assertIn("agent.toml does not want knowledge", lines[0][1])

    def test_errors_of_the_host_are_typed(self):
        class Error_Exhausted:
            value = SimpleNamespace(name="RATE")

        def search(*_):
            raise self.Err(Error_Exhausted())

        made, _ = self.exported(slogan, knowledge=SimpleNamespace(search=search))
        task = SimpleNamespace(step="s", cell="-", round=0, input='{"product": "kettle"}')
        with self.assertRaises(self.Err) as caught:
            made.perform(task)
        self.assertEqual(caught.exception.value, ("retryable", "the limit on rate is spent"))

    def test_how_an_agent_that_was_called_failed_is_typed(self):
        @agent(version="0.1.0")
        def caller(brief: Brief, host: Host) -> list[str]:
            """Asks another."""
            try:
                return host.delegate.call("finder", brief, list[str])
            except Failed as failed:
                return [failed.kind, failed.text]

        case = lambda name, **value: type(name, (), value)()
        denied = case("Error_Denied", value=SimpleNamespace(capability="delegate"))
        for thrown, expected in [
            (case("CallError_Failed", value=case("Failure_InvalidInput", value="no")), ["invalid-input", "no"]),
            (case("CallError_Failed", value=case("Failure_Retryable", value="later")), ["retryable", "later"]),
            (case("CallError_Failed", value=case("Failure_Fatal", value="never")), ["fatal", "never"]),
            (case("CallError_Failed", value=case("Failure_Refused")), ["refused", ""]),
            (case("CallError_Failed", value=case("Failure_Limit")), ["limit", ""]),
            (case("CallError_Failed", value=case("Failure_Broken")), ["broken", ""]),
            (case("CallError_Host", value=denied), ("refused", ("denial", "delegate"))),
        ]:
            made, _ = self.exported(caller, delegate=SimpleNamespace(call=self.throws(thrown)))
            task = SimpleNamespace(step="s", cell="-", round=0, input='{"product": "kettle"}')
            try:
                got = json.loads(made.perform(task))
            except self.Err as error:
                got = error.value
            self.assertEqual(got, expected)

    def throws(self, value):
        def call(*_):
            raise self.Err(value)

        return call

    def test_a_module_has_one_agent(self):
        module = ModuleType("mine")
        with self.assertRaisesRegex(TypeError, "mine has to define one @agent function, and has none"):
            agent_in(module)


class Errors(unittest.TestCase):
    def test_every_call_error_can_be_caught_as_one(self):
        for error in (Denied("kv"), Exhausted("rate"), Unavailable(), Invalid("x"), Failed("limit")):
            self.assertIsInstance(error, CallError)


if __name__ == "__main__":
    unittest.main()
