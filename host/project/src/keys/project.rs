//! The keys of `bailiwick.toml`.

use super::{
    COUNT, DELEGATE, EVEN_IF, HTTP_RULES, Key, LIMITS, LINE, NAMES, Shape, WORD, key, must,
};

/// The most of each kind: more is a project that nobody oversees.
const MOST: usize = 256;

pub(super) const KEYS: &[Key] = &[
    key(
        "agents",
        Shape::Named { of: &Shape::Table(AGENT), most: MOST },
        "What each agent name means and what it may reach.",
    ),
    key("models", Shape::Named { of: &Shape::Table(MODEL), most: MOST }, "Aliases of models."),
    key(
        "knowledge",
        Shape::Named { of: &Shape::Table(COLLECTION), most: MOST },
        "Collections that agents can be granted to search.",
    ),
    key(
        "assets",
        Shape::Named { of: &Shape::Table(FOLDER), most: MOST },
        "Folders whose files the inputs of agents can name.",
    ),
    key(
        "kv",
        Shape::Named { of: &Shape::Table(NAMESPACE), most: MOST },
        "Namespaces of values that last from run to run.",
    ),
    key("run", Shape::Table(RUN), "How runs of this project go."),
    key("retention", Shape::Table(RETENTION), "What `bailiwick gc` deletes. Unset: nothing."),
];

const RUN: &[Key] = &[key(
    "pin",
    Shape::Word(&["run", "step"]),
    "What a `bailiwick swap` means for runs that go: \"run\", they keep the components that they began with; \"step\", their next cells take the new one where it fits. Default run.",
)];

const RETENTION: &[Key] = &[
    key(
        "runs",
        Shape::Days,
        "How long after its end a run is kept, such as \"90 days\". Unset: for ever.",
    ),
    key(
        "values",
        Shape::Days,
        "How long after its end its inputs, outputs, answers and artifacts are kept; its facts stay. Unset: as long as the run.",
    ),
];

const AGENT: &[Key] = &[
    must("component", LINE, "The folder of a built agent, or a file.wasm; relative to this file."),
    key("grants", Shape::Table(GRANTS), "What it may reach. What is not said is not granted."),
    key("limits", Shape::Table(LIMITS), "What one attempt may use of the host."),
];

const GRANTS: &[Key] = &[
    key("model", Shape::Table(MODEL_GRANT), "Models."),
    key("knowledge", NAMES, "Collections of [knowledge] that it may search."),
    key("assets", NAMES, "Folders of [assets] whose files its inputs may name."),
    key("http", HTTP_RULES, "Requests to the web. The first rule that lets one through counts."),
    key(
        "artifacts",
        Shape::Table(ARTIFACTS_GRANT),
        "Artifacts: {} to read what its input names, { put = \"64 MiB\" } to put some too.",
    ),
    key(
        "kv",
        Shape::Table(KV_GRANT),
        "The namespace of [kv] that it reads, and writes where it is one of the writers.",
    ),
    key(
        "delegate",
        DELEGATE,
        "Agents of [agents] that it may call, each under its own grants; at most four deep, and none of them calls back.",
    ),
];

const MODEL_GRANT: &[Key] = &[
    must("use", NAMES, "Aliases of [models]."),
    key(
        "calls",
        COUNT,
        "Requests that leave the host, each run. Unset: as many as the ceiling allows.",
    ),
    key(
        "tokens",
        COUNT,
        "Input and output tokens, each run. Unset: as many as the ceiling allows.",
    ),
    key(
        "money",
        Shape::Money,
        "At the prices of the routes, each run, such as \"1.00 USD\". Unset: as much as the ceiling allows.",
    ),
];

const ARTIFACTS_GRANT: &[Key] =
    &[key("put", Shape::Size, "Bytes that one attempt may put, in sum. Unset: it only reads.")];

const KV_GRANT: &[Key] = &[
    must("namespace", Shape::Name, "A namespace of [kv]."),
    key("even-if", Shape::Word(&["outside"]), EVEN_IF),
];

const NAMESPACE: &[Key] = &[
    key(
        "label",
        WORD,
        "How confidential its values are: who reads them knows that much, who writes them may know no more. Unset: what the policy says of sources without one.",
    ),
    key("readers", NAMES, "Agents that may read it, where they are granted it."),
    key("writers", NAMES, "Agents that may read and write it, where they are granted it."),
    key(
        "quota",
        Shape::Size,
        "What it may hold, keys and values, at most 256 MiB. Unset: 16 MiB. The ceiling may say less.",
    ),
];

const MODEL: &[Key] = &[must(
    "routes",
    Shape::List { of: &Shape::Table(ROUTE), most: 16 },
    "Ways to answer, in the order in which they are tried.",
)];

const ROUTE: &[Key] = &[
    must(
        "provider",
        Shape::Word(&["builtin", "openai", "anthropic"]),
        "Who speaks which protocol.",
    ),
    key("base", LINE, "The base URL. Unset: the vendor's own."),
    key(
        "model",
        Shape::Text { most: 256 },
        "What the provider calls the model; none for `builtin`.",
    ),
    key(
        "price",
        Shape::Table(PRICE),
        "What it costs. Where money is bounded, every route has one but `builtin` and those on this machine.",
    ),
];

const PRICE: &[Key] = &[
    key("input", Shape::Money, "A million tokens of prompts, such as \"3 USD\"."),
    key("output", Shape::Money, "A million tokens of answers, such as \"15 USD\"."),
    key(
        "image",
        Shape::Money,
        "One generated picture, such as \"0.04 USD\", besides the tokens that the server counts for it.",
    ),
];

const COLLECTION: &[Key] = &[
    must("folder", LINE, "Relative to this file, inside the project."),
    key(
        "embed",
        LINE,
        "The model of [models], with one route, whose vectors find passages by meaning too.",
    ),
    LABEL,
    key(
        "trust",
        Shape::Word(&["outside"]),
        "\"outside\": what it holds was written by others, and may steer nothing that changes anything. Unset: it is trusted.",
    ),
];

const FOLDER: &[Key] = &[must("folder", LINE, "Relative to this file, inside the project."), LABEL];

const LABEL: Key = key(
    "label",
    WORD,
    "How confidential it is, by a label of policy.toml (public, internal, confidential unless that says others). Unset: what policy.toml says of what has none.",
);
