//! The keys of `policy.toml`.

use bailiwick_policy::Right;
use bailiwick_policy::labels::ORDER_MAX;
use bailiwick_policy::registry::ORIGINS_MAX;

use super::{BUDGET, COUNT, HTTP_RULES, Key, LIMITS, LINE, NAMES, NETWORK, Shape, WORD, key, must};

/// The most of each kind.
const MOST: usize = 1024;

pub(super) const KEYS: &[Key] = &[
    key("sources", Shape::Table(SOURCES), "Where components may come from."),
    key(
        "publishers",
        Shape::Labelled { of: &Shape::Table(PUBLISHER), most: MOST },
        "Who signs components that are admitted here, by the name that they sign as: `acme` signs \"acme/NAME\" and nothing else.",
    ),
    key("revoked", Shape::Table(REVOKED), "What nobody is to use any more, also what runs."),
    key("labels", Shape::Table(LABELS), "How confidential things are."),
    key(
        "roots",
        Shape::Labelled { of: &Shape::Table(ROOT), most: MOST },
        "Folders (absolute) and the least label of what lies below them.",
    ),
    key(
        "origins",
        Shape::Labelled { of: &Shape::Table(ORIGIN), most: MOST },
        "Origins such as \"http://127.0.0.1:8080\", and what may be sent there. One that is not named is cleared for the lowest label.",
    ),
    key(
        "declassify",
        Shape::List { of: &Shape::Table(DECLASSIFY), most: MOST },
        "Who may lower labels: a judge of people that is always asked and that time does not answer for.",
    ),
    key("host", Shape::Table(HOST), "The host as a service: `bailiwick serve`."),
    key(
        "people",
        Shape::Labelled { of: &Shape::Table(PERSON), most: MOST },
        "Who may do what on this host, by the OS user. Nobody else may anything.",
    ),
    key(
        "credentials",
        Shape::Named { of: &Shape::Table(CREDENTIAL), most: MOST },
        "Secrets by the names that grants use. `openai` and `anthropic` exist without being written down: OPENAI_API_KEY and ANTHROPIC_API_KEY, each for its vendor and this machine's loopback.",
    ),
    key(
        "tls",
        Shape::Labelled { of: &Shape::Table(TLS), most: MOST },
        "By the absolute folder of projects: whom their connections trust besides the system's roots.",
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

const TLS: &[Key] =
    &[must("roots", ROOTS, "Absolute paths of files with root certificates (PEM).")];

const CREDENTIAL: &[Key] = &[
    key("env", WORD, "The variable of the host's environment that has the secret."),
    key("file", LINE, "The absolute path of a file that has it; read at each use."),
    key(
        "command",
        Shape::List { of: &LINE, most: 32 },
        "The absolute path of a program that prints it, and its arguments; asked again every minute. No shell.",
    ),
    must("origin", LINE, "Where it goes, and nowhere else: \"https://api.example.com\"."),
    key(
        "loopback",
        Shape::Flag,
        "Whether it may also go to this machine's loopback. Default false.",
    ),
    key("header", WORD, "The header that it goes out in. Default authorization."),
    key(
        "prefix",
        WORD,
        "What stands before it in the header. Default \"Bearer \" for authorization, else nothing.",
    ),
    key("query", WORD, "The parameter of the query that it goes out in, instead of a header."),
    key(
        "sign",
        Shape::Word(&["standard-webhooks"]),
        "Signs the body with it instead of sending it: `webhook-id`, `webhook-timestamp` and `webhook-signature` as Standard Webhooks says. The secret is \"whsec_\" and 24 to 64 bytes in base64.",
    ),
    key(
        "weak",
        Shape::Flag,
        "Takes a secret of 4 to 15 bytes, which can turn up in ordinary answers: those are thrown away. Default false.",
    ),
];

const ROOTS: Shape = Shape::List { of: &LINE, most: 64 };

const SOURCES: &[Key] = &[
    key(
        "roots",
        ROOTS,
        "Absolute folders below which unsigned components may lie. Unset: anywhere, or nowhere where `publishers` names some.",
    ),
    key(
        "registries",
        Shape::List { of: &Shape::Table(REGISTRY), most: 64 },
        "Registries that components are fetched from and pushed to. The first that covers a name counts. Unset: none.",
    ),
];

const REGISTRY: &[Key] = &[
    must(
        "at",
        LINE,
        "\"ghcr.io\", or \"ghcr.io/acme\" for the names below that; with the port where it is not 443.",
    ),
    key(
        "scheme",
        Shape::Word(&["https", "http"]),
        "How it travels. http only to this machine's loopback. Default https.",
    ),
    key(
        "network",
        NETWORK,
        "Which addresses it may have, as in rules for requests. Default public.",
    ),
    key(
        "credential",
        Shape::Name,
        "The credential that goes along to where it is bound to: the registry, or a realm.",
    ),
    key(
        "realms",
        ORIGINS,
        "Origins such as \"https://auth.example.com\" that tokens may come from, besides the registry itself.",
    ),
    key(
        "blobs",
        ORIGINS,
        "Origins at which it may keep blobs, besides itself: where it redirects to. No credential goes there.",
    ),
];

/// The origins that a registry may send the host to.
const ORIGINS: Shape = Shape::List { of: &LINE, most: ORIGINS_MAX };

const PUBLISHER: &[Key] = &[must(
    "keys",
    Shape::List { of: &Shape::Table(PUBLISHER_KEY), most: 64 },
    "The keys that sign for this publisher, and for no other.",
)];

const PUBLISHER_KEY: &[Key] = &[
    must("key", WORD, "The second line of the .pub file: 56 characters that begin with RW."),
    key(
        "from",
        WORD,
        "The first day of signatures that count, such as \"2026-11-23\". Unset: any.",
    ),
    key(
        "until",
        WORD,
        "The last day of signatures that count, and on which anything signed with it comes in. What was let in before stays until it is revoked. Unset: any.",
    ),
];

const REVOKED: &[Key] = &[
    key(
        "keys",
        Shape::List { of: &WORD, most: MOST },
        "Keys, or their ids: nothing that they signed is loaded, and what runs ends at its next call.",
    ),
    key(
        "digests",
        Shape::List { of: &WORD, most: MOST },
        "Components, signed or not, as \"blake3:…\": the same.",
    ),
];

const HOST: &[Key] = &[key(
    "group",
    LINE,
    "The group of the OS users who reach the host over its control socket, by name or number; what each of them may is said by `people`. Unset: only the user who runs it reaches it.",
)];

const LABELS: &[Key] = &[
    key(
        "order",
        Shape::List { of: &WORD, most: ORDER_MAX },
        "The labels, the lowest first. Unset: public, internal, confidential.",
    ),
    key(
        "unlabelled",
        WORD,
        "The label of collections, assets and inputs that have none. Unset: the highest. What may be sent where nothing is said is the lowest in any case.",
    ),
];

const ROOT: &[Key] = &[must(
    "min-label",
    WORD,
    "What lies below this folder has this label, or its own if that is higher.",
)];

const ORIGIN: &[Key] = &[
    key("clearance", WORD, "The most confidential that may be sent there. Unset: the lowest."),
    key("label", WORD, "The label of what a model there answers. Unset: it has none of its own."),
];

const DECLASSIFY: &[Key] = &[
    must("from", WORD, "The highest label that may be lowered."),
    must("to", WORD, "What it is lowered to."),
    must(
        "by",
        Shape::List { of: &WORD, most: 64 },
        "Groups. A judge lowers where each group that it asks is one of these.",
    ),
    must("pipelines", NAMES, "The pipelines in which it may be done."),
    key(
        "self",
        Shape::Flag,
        "Whether the approval of who submitted the run counts. Unset: it does not.",
    ),
];

const PERSON: &[Key] = &[
    must("uid", Shape::Whole { least: 0, most: u32::MAX as i64 }, "The OS user."),
    must("groups", Shape::List { of: &WORD, most: 64 }, "The groups that questions are put to."),
    must(
        "may",
        Shape::List { of: &Shape::Word(RIGHTS), most: RIGHTS.len() },
        "What this person may: submit runs, approve (answer questions), swap components, revoke powers, export runs. What is not in the list is refused.",
    ),
    key(
        "clearance",
        WORD,
        "The most confidential that this person may be shown. Unset: the lowest label.",
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
    key(
        "http",
        HTTP_RULES,
        "Requests to the web: each grant lies within one of these rules. Left out: none.",
    ),
    key("kv", Shape::Table(KV), "Namespaces. Left out: none."),
    key(
        "delegate",
        Shape::OneOf(&[Shape::Flag, Shape::List { of: &LINE, most: 256 }]),
        "Agents that it may call: true for any of the project, or what their components are, as [\"local/fact_finder\"]. Left out: none.",
    ),
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
