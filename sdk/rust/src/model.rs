//! Asking the models behind the operator's aliases; knows neither providers nor how a
//! call travels.

mod request;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::artifact::Artifact;
use crate::failure::HostError;
use crate::host::Host;
use crate::powers::Powers;
use crate::schema;
pub use request::{
    Answered, Completion, Embedding, Finish, Message, Part, Picture, Request, Role, Tool, ToolCall,
    Usage,
};

/// One conversation with the model behind an alias, put together call by call.
///
/// ```
/// use bailiwick::{Failure, Host};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Headline {
///     /// At most eight words.
///     headline: String,
/// }
///
/// fn headline(host: &Host) -> Result<String, Failure> {
///     let answered = host
///         .model("writer")
///         .system("You write for people in a hurry.")
///         .user("Our new kettle boils in 40 seconds.")
///         .max_tokens(200)
///         .answer::<Headline>()?;
///     Ok(answered.value.headline)
/// }
///
/// let fake = Host::fake().answer("writer", serde_json::json!({ "headline": "Tea, now." }));
/// assert_eq!(headline(&fake.host())?, "Tea, now.");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is asked before `complete`, `answer`, `embed` or `generate_images`"]
pub struct Model<'h> {
    host: &'h Host,
    request: Request,
}

impl<'h> Model<'h> {
    pub(crate) fn new(host: &'h Host, alias: &str) -> Self {
        let request = Request { alias: alias.to_owned(), ..Request::default() };
        Self { host, request }
    }

    /// The rules of the conversation.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.says(Role::System, Part::Text(text.into()))
    }

    /// What the agent says. At most 1 MiB.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.says(Role::User, Part::Text(text.into()))
    }

    /// What the model is to believe it said, for examples.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.says(Role::Assistant, Part::Text(text.into()))
    }

    /// Shows an image that the agent may read: beside what the agent said last, or by itself.
    pub fn image(mut self, artifact: &Artifact) -> Self {
        let part = Part::Artifact(artifact.clone());
        match self.request.messages.last_mut() {
            Some(last) if last.role == Role::User => {
                last.parts.push(part);
                self
            }
            _ => self.says(Role::User, part),
        }
    }

    /// The most tokens that the answer may have; they are reserved before the call.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.request.max_tokens = Some(tokens);
        self
    }

    /// How freely the model picks its words, 0.0 to 2.0.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.request.temperature = Some(temperature);
        self
    }

    /// For models that answer the same seed with the same words.
    pub fn seed(mut self, seed: u64) -> Self {
        self.request.seed = Some(seed);
        self
    }

    /// Words that end the answer. At most 16 of at most 256 bytes.
    pub fn stop(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.request.stop.extend(words.into_iter().map(Into::into));
        self
    }

    /// Offers tools with schemas of the agent's own making. At most 32.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.request.tools.extend(tools);
        self
    }

    /// Offers one tool whose arguments are an `A`. The agent answers its calls itself:
    ///
    /// ```
    /// # use bailiwick::{Failure, Host, fake::Reply};
    /// # use schemars::JsonSchema;
    /// # use serde::Deserialize;
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Sum { a: u32, b: u32 }
    ///
    /// fn ask(host: &Host) -> Result<String, Failure> {
    ///     let mut chat = host.model("writer").user("2 + 3?").tool::<Sum>("sum", "Adds.");
    ///     for _ in 0..4 {
    ///         let said = chat.complete()?;
    ///         if said.tool_calls.is_empty() {
    ///             return Ok(said.text);
    ///         }
    ///         chat = chat.said(&said);
    ///         for call in &said.tool_calls {
    ///             let sum: Sum = call.read()?;
    ///             chat = chat.tool_answer(call, (sum.a + sum.b).to_string());
    ///         }
    ///     }
    ///     Err(Failure::retryable("the model does not come to an end"))
    /// }
    ///
    /// let fake = Host::fake()
    ///     .answer("writer", Reply::call("sum", serde_json::json!({ "a": 2, "b": 3 })))
    ///     .answer_with("writer", |request| Ok(request.text().into()));
    /// assert_eq!(ask(&fake.host())?, "2 + 3?\n5");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn tool<A: JsonSchema>(self, name: &str, description: &str) -> Self {
        self.tools([Tool {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: schema::of_input::<A>(),
        }])
    }

    /// Goes on after an answer: what the model said and called becomes part of the talk.
    pub fn said(mut self, completion: &Completion) -> Self {
        let text = (!completion.text.is_empty()).then(|| Part::Text(completion.text.clone()));
        self.request.messages.push(Message {
            role: Role::Assistant,
            parts: text.into_iter().collect(),
            tool_calls: completion.tool_calls.clone(),
            answers: None,
        });
        self
    }

    /// The agent's answer to a tool call of the model.
    pub fn tool_answer(mut self, call: &ToolCall, text: impl Into<String>) -> Self {
        self.request.messages.push(Message {
            role: Role::Tool,
            parts: vec![Part::Text(text.into())],
            tool_calls: Vec::new(),
            answers: Some(call.id.clone()),
        });
        self
    }

    /// Asks for words or tool calls.
    ///
    /// # Errors
    /// Every [`HostError`]; `Invalid` where the request is out of its bounds.
    pub fn complete(&self) -> Result<Completion, HostError> {
        self.host.reach().complete(&self.request)
    }

    /// Asks for a `T`: its JSON Schema goes with the request, the host checks the answer
    /// against it and asks once more where it does not fit. Doc comments on `T` and its
    /// fields are in the schema, so the model reads them.
    ///
    /// # Errors
    /// Every [`HostError`]; `Invalid` where the answer is still no `T`.
    pub fn answer<T: DeserializeOwned + JsonSchema>(&self) -> Result<Answered<T>, HostError> {
        let request =
            Request { output_schema: Some(schema::of_input::<T>()), ..self.request.clone() };
        let completion = self.host.reach().complete(&request)?;
        let value = schema::decode(&completion.text)
            .map_err(|error| HostError::Invalid(["answer: ", &error].concat()))?;
        Ok(Answered { value, usage: completion.usage, model: completion.model })
    }

    /// One vector for each text. At most 256 texts of at most 64 KiB. Of the conversation,
    /// only the alias counts.
    ///
    /// # Errors
    /// Every [`HostError`].
    pub fn embed(&self, texts: &[&str]) -> Result<Embedding, HostError> {
        self.host.reach().embed(&self.request.alias, texts)
    }

    /// Generates images, which the agent may then read. Of the conversation, only the
    /// alias counts.
    ///
    /// # Errors
    /// Every [`HostError`].
    pub fn generate_images(&self, picture: &Picture) -> Result<Vec<Artifact>, HostError> {
        self.host.reach().generate_images(&self.request.alias, picture)
    }

    fn says(mut self, role: Role, part: Part) -> Self {
        self.request.messages.push(Message {
            role,
            parts: vec![part],
            tool_calls: Vec::new(),
            answers: None,
        });
        self
    }
}

impl ToolCall {
    /// The arguments as an `A`.
    ///
    /// # Errors
    /// `Invalid` with the path of what is wrong: a model may break the tool's schema.
    pub fn read<A: DeserializeOwned>(&self) -> Result<A, HostError> {
        schema::decode(&self.arguments)
            .map_err(|error| HostError::Invalid([self.name.as_str(), ": ", &error].concat()))
    }
}
