//! What a fake answers: by script, denied without one, and never beyond the contract's bounds.

#![allow(clippy::unwrap_used, reason = "tests")]

use bailiwick::fake::{Capability, Fake, Reply};
use bailiwick::log::Level;
use bailiwick::model::{Finish, Model, Picture, Request, Tool, Usage};
use bailiwick::{Artifact, Host, HostError, Limit};
use serde_json::json;

fn denied(capability: &str) -> HostError {
    HostError::Denied { capability: capability.into() }
}

fn foreign() -> Artifact {
    serde_json::from_value(json!({ "$artifact": format!("blake3:{}", "0".repeat(64)) })).unwrap()
}

#[test]
fn what_has_no_script_is_denied() {
    let host = Fake::new().host();
    let model = host.model("writer").user("?");
    assert_eq!(model.complete().unwrap_err(), denied("model"));
    assert_eq!(model.embed(&["?"]).unwrap_err(), denied("model"));
    let picture = Picture::new("a kettle", 64, 64);
    assert_eq!(model.generate_images(&picture).unwrap_err(), denied("model"));
    let found = host.knowledge("brand").search("tone", 1);
    assert_eq!(found.unwrap_err(), denied("knowledge"));
    assert_eq!(host.artifacts().get(&foreign()).unwrap_err(), denied("artifacts"));
}

#[test]
fn answers_come_in_order_and_end() {
    let fake = Fake::new()
        .answer("writer", "first")
        .answer("writer", HostError::Unavailable)
        .answer("writer", Reply::text("third").finish(Finish::Length));
    let host = fake.host();
    let ask = || host.model("writer").user("one two three").complete();

    let first = ask().unwrap();
    assert_eq!(
        (first.text.as_str(), first.finish, first.model.as_str()),
        ("first", Finish::Stop, "fake")
    );
    let tokens = Usage { input_tokens: 3, output_tokens: 1 };
    assert_eq!(first.usage, tokens);
    assert_eq!(ask().unwrap_err(), HostError::Unavailable);
    assert_eq!(ask().unwrap().finish, Finish::Length);
    assert_eq!(ask().unwrap_err(), HostError::Exhausted(Limit::Calls));
    assert_eq!(fake.requests().len(), 4);
}

#[test]
fn a_script_follows_the_queue_and_may_call_the_host() {
    let fake = Fake::new().answer("writer", "queued").knowledge("brand", ["calm"]);
    let inner = fake.clone();
    let fake = fake.answer_with("writer", move |request: &Request| {
        let found = inner.host().knowledge("brand").search("calm", 1)?;
        Ok(format!("{} {}", request.text(), found[0].text).into())
    });
    let host = fake.host();
    let ask = || host.model("writer").user("be").complete().unwrap().text;
    assert_eq!([ask(), ask(), ask()], ["queued", "be calm", "be calm"]);
}

#[test]
fn an_answer_of_another_shape_is_invalid_with_its_path() {
    let fake = Fake::new().answer("writer", json!([1, 2, "x"]));
    let answered = fake.host().model("writer").user("?").answer::<Vec<u8>>();
    let Err(HostError::Invalid(text)) = answered else { panic!("{answered:?}") };
    assert!(text.starts_with("answer: [2]: "), "{text}");
    let schema = fake.requests()[0].output_schema.clone().unwrap();
    assert!(schema.contains(r#""type":"array""#), "{schema}");
}

#[test]
fn each_capability_can_be_taken_away_after_some_calls() {
    type Call = fn(&Host) -> Option<HostError>;
    let calls: [(Capability, &str, Call); 3] = [
        (Capability::Model, "model", |host| host.model("writer").user("?").complete().err()),
        (Capability::Knowledge, "knowledge", |host| host.knowledge("brand").search("x", 1).err()),
        (Capability::Artifacts, "artifacts", |host| {
            host.artifacts().put("x", "text/plain", None).err()
        }),
    ];
    let granted =
        || Fake::new().answer_with("writer", |_| Ok("yes".into())).knowledge("brand", ["x"]);
    for (capability, name, call) in calls {
        assert_eq!(call(&granted().host()), None, "{name}");
        assert_eq!(call(&granted().deny(capability).host()), Some(denied(name)));
        let host = granted().exhaust(capability, 1, Limit::Tokens).host();
        assert_eq!(call(&host), None, "{name}");
        assert_eq!(call(&host), Some(HostError::Exhausted(Limit::Tokens)), "{name}");
        let host = granted().unavailable(capability, 0).host();
        assert_eq!(call(&host), Some(HostError::Unavailable), "{name}");
    }
}

#[test]
fn requests_are_held_to_the_contract() {
    type Change = for<'h> fn(Model<'h>) -> Model<'h>;
    let tool = |name: &str| Tool {
        name: name.into(),
        description: String::new(),
        parameters: "{}".into(),
    };
    let many = |count: usize, model: Model<'_>| -> Option<HostError> {
        (0..count).fold(model, |model, _| model.user("?")).complete().err()
    };
    let fake = Fake::new().answer_with("writer", |_| Ok("yes".into()));
    let host = fake.host();
    let out =
        |field: &str| Some(HostError::Invalid(format!("{field}: out of the contract's bounds")));

    assert_eq!(many(0, host.model("writer")), out("messages"));
    assert_eq!(many(256, host.model("writer")), None);
    assert_eq!(many(257, host.model("writer")), out("messages"));

    let cases: [(&str, Change, Change); 5] = [
        ("text", |m| m.user("x".repeat(1 << 20)), |m| m.user("x".repeat((1 << 20) + 1))),
        ("temperature", |m| m.temperature(2.0), |m| m.temperature(2.01)),
        ("temperature", |m| m.temperature(0.0), |m| m.temperature(f32::NAN)),
        ("max-tokens", |m| m.max_tokens(1), |m| m.max_tokens(0)),
        ("stop", |m| m.stop(["x"; 16]), |m| m.stop(["x"; 17])),
    ];
    for (field, good, bad) in cases {
        let asked = |change: Change| change(host.model("writer").user("?")).complete().err();
        assert_eq!(asked(good), None, "{field}");
        assert_eq!(asked(bad), out(field));
    }
    let offered = |tools: Vec<Tool>| host.model("writer").user("?").tools(tools).complete().err();
    assert_eq!(offered(vec![tool("sum"); 32]), None);
    assert_eq!(offered(vec![tool("sum"); 33]), out("tools"));
    assert_eq!(offered(vec![tool("sum up")]), out("tools"));
    assert_eq!(offered(vec![tool("")]), out("tools"));
}

#[test]
fn a_model_sees_only_images_that_the_agent_may_read() {
    let fake = Fake::new().answer_with("eye", |_| Ok("yes".into()));
    let logo = fake.artifact([0_u8; 4], "image/png", "logo.png");
    let host = fake.host();
    let look =
        |artifact: &Artifact| host.model("eye").user("What is it?").image(artifact).complete();
    assert_eq!(look(&logo).unwrap().text, "yes");
    assert_eq!(fake.requests()[0].messages.len(), 1);
    assert_eq!(look(&foreign()).unwrap_err(), denied("artifacts"));
}

#[test]
fn texts_are_embedded_and_images_drawn_by_script() {
    let fake = Fake::new()
        .embed_with("embedder", |text| vec![text.len() as f32])
        .draw_with("painter", |picture| (picture.prompt.clone().into_bytes(), "image/png"));
    let host = fake.host();

    let embedding = host.model("embedder").embed(&["a", "bcd"]).unwrap();
    assert_eq!(embedding.vectors, [[1.0], [3.0]]);
    let many = vec!["x"; 257];
    assert!(host.model("embedder").embed(&many[..256]).is_ok());
    assert!(matches!(host.model("embedder").embed(&many), Err(HostError::Invalid(_))));

    let picture = Picture::new("a kettle", 64, 4_096);
    let images = host.model("painter").generate_images(&picture).unwrap();
    assert_eq!(images[0].media_type(), "image/png");
    assert_eq!(host.artifacts().get(&images[0]).unwrap(), b"a kettle");
    for picture in [
        Picture::new("", 63, 64),
        Picture::new("", 64, 4_097),
        Picture::new("x".repeat(32 * 1024 + 1), 64, 64),
        Picture { count: 5, ..picture },
    ] {
        let drawn = host.model("painter").generate_images(&picture);
        assert!(matches!(drawn, Err(HostError::Invalid(_))), "{picture:?}");
    }
}

#[test]
fn passages_with_more_of_the_words_come_first() {
    let fake = Fake::new().knowledge(
        "brand",
        [
            ("logo.md", "The logo is blue."),
            ("tone.md", "Our tone of voice is calm."),
            ("voice.md", "Voice actors are paid."),
        ],
    );
    let host = fake.host();
    let search = |query: &str, limit| host.knowledge("brand").search(query, limit);
    let found = search("VOICE, tone!", 50).unwrap();
    let documents: Vec<&str> = found.iter().map(|passage| passage.document.as_str()).collect();
    assert_eq!(documents, ["tone.md", "voice.md"]);
    assert_eq!(search("voice", 1).unwrap().len(), 1);
    for bad in [search("voice", 0), search("voice", 51), search(&"x".repeat(1025), 1)] {
        assert!(matches!(bad, Err(HostError::Invalid(_))));
    }
}

#[test]
fn names_and_media_types_are_held_to_the_contract() {
    let fake = Fake::new();
    let host = fake.host();
    let put = |media_type: &str, name: &str| host.artifacts().put("x", media_type, name);
    let kept = put("text/plain", &"n".repeat(255)).unwrap();
    assert_eq!((kept.bytes(), kept.digest().len()), (1, "blake3:".len() + 64));
    for (media_type, name) in [
        ("text/plain", "a/b"),
        ("text/plain", ""),
        ("text/plain", "n".repeat(256).as_str()),
        ("plain", "a"),
        (format!("text/{}", "x".repeat(123)).as_str(), "a"),
    ] {
        let put = put(media_type, name);
        assert!(matches!(put, Err(HostError::Invalid(_))), "{media_type} {name}");
    }
    assert_eq!(fake.kept(), [kept]);
}

#[test]
fn the_log_keeps_what_the_contract_allows() {
    let fake = Fake::new();
    let host = fake.host();
    host.log().warn("ä".repeat(4_096));
    host.log().progress(0.5, "n".repeat(300));
    for _ in 0..1_000 {
        host.log().debug("again");
    }
    let lines = fake.lines();
    assert_eq!((lines.len(), lines[0].level, lines[0].message.len()), (1_000, Level::Warn, 4_096));
    assert_eq!(fake.progress(), [(0.5, "n".repeat(256))]);
}

#[test]
fn the_web_is_what_has_a_script() {
    use bailiwick::http::Response;
    let fake = Fake::new()
        .web("https://api.example.com/v1/", Response::new(200, "application/json", r#"{"n": 7}"#))
        .web_with("https://hooks.example.com/", |request| {
            assert_eq!(request.header("Content-Type"), Some("application/json"));
            Ok(Response::new(202, "text/plain", request.body.clone()))
        });
    let host = fake.host();
    let answer = host.http().get("https://api.example.com/v1/n").send().unwrap();
    assert_eq!(answer.json::<serde_json::Value>().unwrap(), json!({"n": 7}));
    let told = host.http().post("https://hooks.example.com/x").json(&json!([1])).send().unwrap();
    assert_eq!((told.status, told.text().unwrap(), told.is_success()), (202, "[1]", true));
    let elsewhere = host.http().get("https://evil.example/").send();
    assert_eq!(elsewhere.unwrap_err(), denied("http"));
    let body = host.http().get("https://api.example.com/v1/n").body("x").send();
    assert!(matches!(body, Err(HostError::Invalid(_))));
    assert_eq!(fake.fetched().len(), 2);
    let gone = fake.unavailable(Capability::Http, 0).host();
    let answer = gone.http().get("https://api.example.com/v1/n").send();
    assert_eq!(answer.unwrap_err(), HostError::Unavailable);
}

#[test]
fn each_header_stands_once() {
    use bailiwick::http::Response;
    let fake = Fake::new().web("https://a/", Response::new(200, "text/plain", ""));
    let host = fake.host();
    let post = || host.http().post("https://a/");
    let own = "application/merge-patch+json";
    post().json(&1).send().unwrap();
    post().header("Content-Type", own).json(&1).send().unwrap();
    post().json(&1).header("Content-Type", own).send().unwrap();
    let sent = fake.fetched();
    let types: Vec<_> = sent.iter().map(|request| request.header("content-type")).collect();
    assert_eq!(types, [Some("application/json"), Some(own), Some(own)]);
    assert!(sent.iter().all(|request| request.headers.len() == 1), "{sent:?}");
    assert_eq!(sent[1].headers[0].0, "Content-Type");
}

#[test]
fn a_number_that_json_has_no_form_for_leaves_as_an_error() {
    let fake = Fake::new().kv([]).agent_with("other", |input| Ok(input.clone()));
    let host = fake.host();
    let invalid = |text: &str| Some(HostError::Invalid(text.into()));
    let kept = host.kv().set("mean", &f64::NAN).err();
    assert_eq!(kept, invalid("value: NaN is no number in JSON"));
    let sent = host.http().post("https://a/").json(&[f64::INFINITY]).send().err();
    assert_eq!(sent, invalid("body: [0]: inf is no number in JSON"));
    let called = host.delegate().call::<f64>("other", &f64::NAN).unwrap_err();
    assert_eq!(called.to_string(), "input: NaN is no number in JSON");
    assert!(fake.values().is_empty() && fake.called().is_empty());
}
