//! Files in which somebody grants more than there is to grant: refused by `check`, before anything runs.

use super::super::{Files, Refusal, Row};
use super::files;

const NOTHING: Files = Files { policy: "", agent: "", operators: "", pipeline: "" };

/// Every power without a bound.
macro_rules! ceiling {
    () => {
        "[ceiling.\"local/*\"]\nmodel = {}\nknowledge = {}\nassets = {}\nartifacts = {}\nkv = {}\nhttp = [{ host = \"*\", port = \"*\", methods = [\"GET\", \"HEAD\", \"POST\"], paths = [\"/**\"] }, { scheme = \"http\", host = \"*\", port = \"*\", paths = [\"/**\"], network = \"loopback\" }, { scheme = \"http\", host = \"*\", port = \"*\", paths = [\"/**\"], network = \"loopback\", credential = \"vendor\" }]\n"
    };
}

/// Every power with each bound that it can have.
macro_rules! tight {
    () => {
        "[credentials.vendor]\nfile = \"{folder}/secret\"\norigin = \"https://api.example\"\n[ceiling.\"local/*\"]\nmodel = { origins = [\"https://models.example\"] }\nknowledge = { roots = [\"/srv/knowledge\"] }\nassets = { roots = [\"/srv/assets\"] }\nartifacts = { put = \"1 MiB\" }\nkv = { write = false }\nhttp = [{ host = \"api.example\", paths = [\"/v1/*\"], request = \"1 MiB\", response = \"1 MiB\" }]\n"
    };
}

/// What the admin says besides, over every power without a bound.
macro_rules! policy {
    ($more:literal) => {
        concat!("labels = { unlabelled = \"public\" }\n", $more, ceiling!())
    };
}

pub(super) const ROWS: &[Row] = &[
    files(
        (
            "label_collection",
            "reading what is confidential with a way to a public host",
            &["project knowledge.*.label"],
        ),
        Files {
            agent: "grants.knowledge = [\"open\", \"secret\"]",
            operators: "[knowledge.secret]\nfolder = \"shut\"\nlabel = \"confidential\"\n",
            ..NOTHING
        },
        Refusal::Refused("E092", "the collection `secret`"),
    ),
    files(
        (
            "label_assets",
            "files that are confidential with a way to a public host",
            &["project assets.*.label"],
        ),
        Files {
            agent: "grants.assets = [\"secret\"]",
            operators: "[assets.secret]\nfolder = \"files\"\nlabel = \"confidential\"\n",
            ..NOTHING
        },
        Refusal::Refused("E092", "the assets `secret`"),
    ),
    files(
        (
            "label_values",
            "values that are confidential with a way to a public host",
            &["project kv.*.label"],
        ),
        Files {
            agent: "grants.kv = { namespace = \"secret\" }\n[kv.secret]\nreaders = [\"one\"]\nlabel = \"confidential\"",
            ..NOTHING
        },
        Refusal::Refused("E092", "the namespace `secret`"),
    ),
    files(
        ("label_root", "a folder that the admin calls confidential", &["policy roots.*.min-label"]),
        Files {
            policy: policy!("[roots.\"{folder}/project/open\"]\nmin-label = \"confidential\"\n"),
            ..NOTHING
        },
        Refusal::Refused("E092", "the collection `open`"),
    ),
    files(
        (
            "label_unlabelled",
            "sources without a label where the policy gives them none",
            &["policy labels.unlabelled"],
        ),
        Files { policy: concat!("labels = {}\n", ceiling!()), ..NOTHING },
        Refusal::Refused("E092", "the collection `open`"),
    ),
    files(
        ("label_order", "a label that the admin put above another", &["policy labels.order"]),
        Files {
            policy: concat!(
                "labels = { order = [\"low\", \"high\"], unlabelled = \"low\" }\n",
                ceiling!()
            ),
            agent: "grants.knowledge = [\"open\", \"secret\"]",
            operators: "[knowledge.secret]\nfolder = \"shut\"\nlabel = \"high\"\n",
            ..NOTHING
        },
        Refusal::Refused("E092", "`one` may know what is high"),
    ),
    files(
        ("label_unknown", "a label that nobody knows", &["policy labels.order"]),
        Files {
            agent: "grants.knowledge = [\"open\", \"secret\"]",
            operators: "[knowledge.secret]\nfolder = \"shut\"\nlabel = \"cosmic\"\n",
            ..NOTHING
        },
        Refusal::Refused("E090", "there is no label"),
    ),
    files(
        (
            "clearance_model",
            "what is confidential to a model that is cleared for less",
            &["policy origins.*.clearance"],
        ),
        Files {
            policy: policy!("[origins.\"http://127.0.0.1:{port}\"]\nclearance = \"internal\"\n"),
            agent: "grants.model = { use = [\"far\"] }\ngrants.knowledge = [\"open\", \"secret\"]",
            operators: "[knowledge.secret]\nfolder = \"shut\"\nlabel = \"confidential\"\n",
            ..NOTHING
        },
        Refusal::Refused("E092", "cleared for internal"),
    ),
    files(
        (
            "label_answers",
            "a model whose answers the admin calls confidential",
            &["policy origins.*.label"],
        ),
        Files {
            policy: policy!(
                "[origins.\"http://127.0.0.1:{port}\"]\nclearance = \"confidential\"\nlabel = \"confidential\"\n"
            ),
            agent: "grants.model = { use = [\"far\"] }",
            ..NOTHING
        },
        Refusal::Refused("E092", "the answers of the model `far`"),
    ),
    files(
        (
            "outside_collection",
            "what outsiders wrote, and a namespace to write to",
            &["project knowledge.*.trust"],
        ),
        Files {
            agent: "grants.knowledge = [\"open\", \"metrics\"]\ngrants.kv = { namespace = \"one\" }",
            operators: "[knowledge.metrics]\nfolder = \"shut\"\ntrust = \"outside\"\n",
            ..NOTHING
        },
        Refusal::Refused("E093", "the collection `metrics`"),
    ),
    files(
        (
            "outside_values",
            "a namespace that answers of the web could steer",
            &["project agents.*.grants.kv.even-if"],
        ),
        Files { agent: "grants.kv = { namespace = \"one\" }", ..NOTHING },
        Refusal::Refused("E093", "the namespace `one`"),
    ),
    files(
        (
            "outside_web",
            "a request that changes something, steered by another host",
            &["project agents.*.grants.http.even-if"],
        ),
        Files {
            agent: "grants.http = [{ host = \"a.example\", paths = [\"/\"] }, { host = \"b.example\", paths = [\"/\"], methods = [\"POST\"] }]",
            ..NOTHING
        },
        Refusal::Refused("E093", "POST"),
    ),
    files(
        (
            "other_namespace",
            "a namespace that names somebody else",
            &["project agents.*.grants.kv.namespace"],
        ),
        Files { agent: "grants.kv = { namespace = \"theirs\" }\n[kv.theirs]", ..NOTHING },
        Refusal::Refused("E029", "names `one` neither as a reader nor as a writer"),
    ),
    files(
        (
            "ungranted_assets",
            "a file in the input of an agent that is not granted it",
            &["project agents.*.grants.assets"],
        ),
        Files {
            pipeline: "[step.one]\nagent = \"one\"\ninput = { attack = \"answer\", file = '${assets.files[\"logo.txt\"]}' }\n[output]\none = \"${one}\"\n",
            ..NOTHING
        },
        Refusal::Refused("E070", ""),
    ),
    files(
        ("cached", "a cached step of an agent that changes things", &["pipeline step.*.cache"]),
        Files {
            pipeline: "[step.one]\nagent = \"one\"\ninput = { attack = \"answer\" }\ncache = true\n[output]\none = \"${one}\"\n",
            ..NOTHING
        },
        Refusal::Refused("E042", "cache"),
    ),
    files(
        (
            "unpriced",
            "a route without a price where money is bounded",
            &["project agents.*.grants.model.money"],
        ),
        Files {
            agent: "grants.model = { use = [\"wide\"], money = \"1 USD\" }",
            operators: "[models.wide]\nroutes = [{ provider = \"openai\", base = \"https://models.example/v1\", model = \"m\" }]\n",
            ..NOTHING
        },
        Refusal::Refused("E076", ""),
    ),
    files(
        (
            "source",
            "a component from a folder that the admin does not know",
            &["policy sources.roots"],
        ),
        Files { policy: policy!("sources = { roots = [\"/srv/agents\"] }\n"), ..NOTHING },
        Refusal::Refused("E115", "lies outside of the folders for unsigned components"),
    ),
    files(
        ("nobody", "an agent that no ceiling knows", &["policy ceiling.*.http.host"]),
        Files {
            policy: "labels = { unlabelled = \"public\" }\n[ceiling.\"local/somebody_else\"]\n",
            ..NOTHING
        },
        Refusal::Refused("E072", ""),
    ),
    files(
        (
            "above_origins",
            "a model behind an origin above the ceiling",
            &["policy ceiling.*.model.origins"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.model = { use = [\"far\"] }",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.model.use far is openai:far"),
    ),
    files(
        (
            "above_embedder",
            "having a collection sent to a model behind an origin above the ceiling",
            &["project knowledge.*.embed", "policy ceiling.*.model.origins"],
        ),
        Files {
            policy: "labels = { unlabelled = \"public\" }\n[ceiling.\"local/*\"]\nmodel = { origins = [] }\nknowledge = {}\nartifacts = {}\nkv = {}\nhttp = [{ host = \"*\", port = \"*\", paths = [\"/**\"] }]\n",
            agent: "grants.knowledge = [\"near\"]",
            operators: "[knowledge.near]\nfolder = \"open\"\nembed = \"far\"\n",
            ..NOTHING
        },
        Refusal::Refused(
            "E072",
            "grants.knowledge near is embedded by the model `far`, openai:far",
        ),
    ),
    files(
        (
            "above_knowledge",
            "a collection outside of the folders of the ceiling",
            &["policy ceiling.*.knowledge.roots"],
        ),
        Files { policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()), ..NOTHING },
        Refusal::Refused("E072", "grants.knowledge open is"),
    ),
    files(
        (
            "above_assets",
            "files outside of the folders of the ceiling",
            &["policy ceiling.*.assets.roots"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.assets = [\"files\"]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.assets files is"),
    ),
    files(
        (
            "no_writing",
            "writing values where the ceiling lets nobody",
            &["policy ceiling.*.kv.write"],
        ),
        Files { policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()), ..NOTHING },
        Refusal::Refused("E072", "grants.kv is a writer of one; the ceiling: read only"),
    ),
    files(
        ("above_put", "more artifacts than the ceiling has", &["policy ceiling.*.artifacts.put"]),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.artifacts = { put = \"2 MiB\" }",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.artifacts.put is"),
    ),
    files(
        ("above_scheme", "another scheme than the ceiling has", &["policy ceiling.*.http.scheme"]),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], scheme = \"http\", port = 443 }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        ("above_host", "another host than the ceiling has", &["policy ceiling.*.http.host"]),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"other.example\", paths = [\"/v1/x\"] }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http other.example is"),
    ),
    files(
        ("above_port", "another port than the ceiling has", &["policy ceiling.*.http.port"]),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], port = 8443 }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        (
            "above_methods",
            "another method than the ceiling has",
            &["policy ceiling.*.http.methods"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], methods = [\"DELETE\"], even-if = \"outside\" }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        ("above_paths", "another path than the ceiling has", &["policy ceiling.*.http.paths"]),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/**\"] }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        (
            "above_headers",
            "another header than the ceiling has",
            &["policy ceiling.*.http.headers"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], headers = [\"cookie\"] }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        ("above_request", "a larger body than the ceiling has", &["policy ceiling.*.http.request"]),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], request = \"4 MiB\" }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        (
            "above_response",
            "a larger answer than the ceiling has",
            &["policy ceiling.*.http.response"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], response = \"4 MiB\" }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        (
            "above_credential",
            "a credential that the ceiling does not have",
            &["policy ceiling.*.http.credential"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], credential = \"vendor\" }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        (
            "above_network",
            "another network than the ceiling has",
            &["policy ceiling.*.http.network"],
        ),
        Files {
            policy: concat!("labels = { unlabelled = \"public\" }\n", tight!()),
            agent: "grants.http = [{ host = \"api.example\", paths = [\"/v1/x\"], network = \"private\" }]",
            ..NOTHING
        },
        Refusal::Refused("E072", "grants.http api.example is"),
    ),
    files(
        (
            "credential_origin",
            "a credential for another origin than its own",
            &["policy credentials.*.origin"],
        ),
        Files {
            agent: "grants.http = [{ host = \"other.example\", paths = [\"/\"], credential = \"token\" }]",
            ..NOTHING
        },
        Refusal::Refused("E078", ""),
    ),
    files(
        (
            "credential_loopback",
            "a credential of a vendor for this machine",
            &["policy credentials.*.loopback"],
        ),
        Files {
            policy: policy!(
                "[credentials.vendor]\nfile = \"{folder}/secret\"\norigin = \"https://api.example\"\n"
            ),
            agent: "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/\"], credential = \"vendor\", network = \"loopback\" }]",
            ..NOTHING
        },
        Refusal::Refused("E078", ""),
    ),
    files(
        (
            "credential_clear",
            "a credential that would travel in the clear",
            &["policy credentials.*.origin"],
        ),
        Files {
            policy: policy!(
                "[credentials.vendor]\nfile = \"{folder}/secret\"\norigin = \"http://api.example\"\n"
            ),
            ..NOTHING
        },
        Refusal::Refused("E078", "in the clear"),
    ),
];
