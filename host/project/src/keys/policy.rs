//! The keys of `policy.toml`.

use bailiwick_policy::Right;

use super::{BUDGET, COUNT, Key, LIMITS, LINE, Shape, WORD, key, must};

/// The most of each kind.
const MOST: usize = 1024;

pub(super) const KEYS: &[Key] = &[
    key("sources", Shape::Table(SOURCES), "Where components may come from."),
    key("host", Shape::Table(HOST), "The host as a service: `bailiwick serve`."),
    key(
        "people",
        Shape::Labelled { of: &Shape::Table(PERSON), most: MOST },
        "Who may do what on this host, by the OS user. Nobody else may anything.",
    ),
    key(
        "per-day",
        Shape::Table(BUDGET),
        "What all runs of one project may spend together in a day, which begins at midnight UTC.",
    ),
    key(
        "ceiling",
        Shape::Labelled { of: &Shape::Table(CEILING), most: MOST },
        "The most of each power, by \"PUBLISHER/NAME\" or \"PUBLISHER/*\" (`local` for unsigned components). The minimum of all rules that match holds; without one nothing is allowed.",
    ),
];

const ROOTS: Shape = Shape::List { of: &LINE, most: 64 };

const SOURCES: &[Key] = &[key(
    "roots",
    ROOTS,
    "Absolute folders below which unsigned components may lie. Unset: anywhere.",
)];

const HOST: &[Key] = &[key(
    "group",
    LINE,
    "The group of the OS users who reach the host over its control socket, by name or number; what each of them may is said by `people`. Unset: only the user who runs it reaches it.",
)];

const PERSON: &[Key] = &[
    must("uid", Shape::Whole { least: 0, most: u32::MAX as i64 }, "The OS user."),
    must("groups", Shape::List { of: &WORD, most: 64 }, "The groups that questions are put to."),
    must(
        "may",
        Shape::List { of: &Shape::Word(RIGHTS), most: RIGHTS.len() },
        "What this person may: submit runs, approve (answer questions), swap components, revoke powers, export runs. What is not in the list is refused.",
    ),
];

/// The words of the rights, in their order.
const RIGHTS: &[&str] = &[
    Right::Submit.as_str(),
    Right::Approve.as_str(),
    Right::Swap.as_str(),
    Right::Revoke.as_str(),
    Right::Export.as_str(),
];

const CEILING: &[Key] = &[
    key("model", Shape::Table(MODEL), "Models. Left out: none."),
    key("knowledge", Shape::Table(FOLDERS), "Collections. Left out: none."),
    key("assets", Shape::Table(FOLDERS), "Asset folders. Left out: none."),
    key("artifacts", Shape::Table(ARTIFACTS), "Artifacts. Left out: none."),
    key("kv", Shape::Table(KV), "Namespaces. Left out: none."),
    key("limits", Shape::Table(LIMITS), "The most of each limit. Left out: the defaults."),
];

const MODEL: &[Key] = &[
    key("calls", COUNT, "Requests of one agent in one run. Unset: no bound here."),
    key("tokens", COUNT, "Tokens of one agent in one run. Unset: no bound here."),
    key(
        "money",
        Shape::Money,
        "Money of one agent in one run, such as \"20 USD\". Unset: no bound here.",
    ),
    key(
        "origins",
        Shape::List { of: &LINE, most: 256 },
        "Origins that routes may have, such as \"http://127.0.0.1:8080\". Unset: any named host by https, and this machine's loopback.",
    ),
];

const FOLDERS: &[Key] =
    &[key("roots", ROOTS, "Absolute folders below which they must lie. Unset: anywhere.")];

const ARTIFACTS: &[Key] = &[key(
    "put",
    Shape::Size,
    "Bytes that one attempt may put. Unset: no bound here beyond the limits.",
)];

const KV: &[Key] = &[
    key(
        "quota",
        Shape::Size,
        "What a namespace may hold for an agent to write into it. Unset: what the host can keep, 256 MiB.",
    ),
    key("write", Shape::Flag, "Whether agents may write. Unset: yes."),
];
