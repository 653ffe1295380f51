//! Every code that a diagnostic of the three files can have, with its page. Knows no file.

/// What `bailiwick explain CODE` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// `E` and three digits. A code never changes its meaning.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// Why it is an error, and how it is mended.
    pub text: &'static str,
}

/// The page of a code.
#[must_use]
pub fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

/// One line for each code: its constant, the code, its title and its page, so that
/// neither can be without the other.
macro_rules! pages {
    ($($name:ident $code:literal $title:literal $text:literal)*) => {
        $(#[doc = concat!("`", $code, "`: ", $title, ".")] pub const $name: &str = $code;)*

        /// All pages, by code.
        pub static PAGES: &[Page] = &[$(Page { code: $code, title: $title, text: $text }),*];
    };
}

pages! {
// The text of a file.
SYNTAX "E001" "the file is not TOML"
    "The text cannot be read as TOML 1.1. All places that are wrong are listed; what could be read besides is not judged, because half a file would only give errors that are none."
UNKNOWN_KEY "E002" "unknown key"
    "A key exists only where something enforces it. A key that nothing reads would look like a limit or a rule and be none, so every unknown key is an error. The hint names the nearest key, if there is one; `bailiwick schema` prints all of them for your editor."
WRONG_VALUE "E003" "the value has another form than the key asks for"
    "Each key has one form: a text, a number within bounds, a size such as \"64 MiB\", a duration such as \"30 s\", a share such as \"10%\", a list, a table. The message says which one."
MISSING_KEY "E004" "a key is missing"
    "The table cannot mean anything without this key. Nothing is guessed: write it down."
TOO_MUCH "E005" "more than this file may hold"
    "Files are written by people and read by people. A file of more than 1 MiB, or with more steps, axes or rules than a run can use, is an error of whatever generated it."
BAD_NAME "E006" "not a name"
    "Names of steps, axes, agents, models, collections and assets match [a-z][a-z0-9_]* and have at most 64 bytes: they stand in expressions, in paths and in logs."
RESERVED_NAME "E007" "the name is taken by the language of expressions"
    "A step is a name in expressions, so it can be none of those that are there already (`input`, `axis`, `round`, `feedback`, `subject`, `assets`, `run`) and no reserved word of CEL (`package`, `import`, `loop`, `in`, `true`…)."
DUPLICATE "E008" "the same thing twice"
    "A list that names something twice is a slip: one of the two was meant to be another."

// Names that must stand somewhere else.
UNKNOWN_AGENT "E020" "no such agent"
    "The agent of a step, and those of `grants.delegate`, are names from bailiwick.toml, where the operator says which component it means and what it may reach."
UNKNOWN_STEP "E021" "no such step"
    "`judges`, `needs` and the rules of decisions.toml name steps of the pipeline."
UNKNOWN_AXIS "E022" "no such axis"
    "Axes are declared once, in [axes] of the pipeline. `over`, `collect`, [matrix] and `where` name them."
UNKNOWN_MODEL "E023" "no such model"
    "`grants.model.use` names aliases of [models] in bailiwick.toml."
UNKNOWN_COLLECTION "E024" "no such collection"
    "`grants.knowledge` names collections of [knowledge] in bailiwick.toml."
UNKNOWN_ASSET "E025" "no such asset folder"
    "`grants.assets` and `${assets.NAME}` name folders of [assets] in bailiwick.toml."
UNKNOWN_GROUP "E026" "nobody in this group may answer"
    "A question to people is put to groups. Which groups there are, says the admin in policy.toml ([people.NAME] groups), and which of their members may answer ([people.NAME] may = [\"approve\"]); a question that nobody may answer would wait for ever."
QUORUM_OUT_OF_REACH "E027" "fewer people than the quorum"
    "`quorum` is how many different people must approve. policy.toml names fewer who are in one of the groups and may approve, so no question of this step could ever be approved. Without a policy.toml there is one person: the OS user who runs the host."
UNKNOWN_NAMESPACE "E028" "no such namespace"
    "`grants.kv` names a namespace of [kv] in bailiwick.toml, which says who reads it, who writes it and how much it may hold."
NOT_NAMED_THERE "E029" "the namespace does not name the agent"
    "A namespace has named readers and writers, so that one table says who can see what is in it. An agent that is granted it must be one of them; a writer reads, too."

// How steps hang together.
CYCLE "E030" "steps wait for each other"
    "A step waits for what it reads, for what it needs and for the sources of its axes; and its readers wait for its judges, and so for all that those read. Here these lead in a circle, which the message names in full."
AXIS_NEITHER "E031" "an axis of a step that is read stands neither in `over` nor in `collect`"
    "Step T reads step S, and S has an axis that T does not mention. It could mean two things: T has a cell for each of its values too (`over`), or one cell of T reads all of them as a list (`collect`). Guessing would silently turn one item into a list, so both are asked for."
BAD_COLLECT "E032" "nothing can be collected along this axis"
    "`collect` names axes that some step that is read has, and that this step does not have itself. `min` is about collected lists only."
AXIS_READS_AXES "E033" "the source of an axis has axes itself"
    "An axis may read `input` and steps without axes, because its values are fixed once, by one fact, before any of its cells exist."
NEEDS_JUDGE "E034" "`needs` names a judge"
    "A judge has no end of its own. Whoever needs the judged step waits for its judges anyway: name the judged step."
CALLS_ITSELF "E035" "an agent calls itself"
    "`grants.delegate` names the agents that an agent may call. An agent that is called works for its caller and ends before it, so no agent calls itself, nor another one that calls it back."
CALLS_TOO_DEEP "E036" "agents call agents too deep"
    "An agent may call another one, and that one others, at most four deep. What goes deeper is a pipeline: steps show what is done, and can be judged, retried and reused one by one."

// Kinds of steps.
NO_ACTOR "E040" "nobody does this step"
    "A step is done by an agent (`agent = \"…\"`); a judge is an agent or people (`people = { groups = [\"…\"] }`). Exactly one of the two stands in each step."
JUDGE_OF_JUDGE "E041" "a judge of a judge"
    "Judges of one step run in file order on the same candidate, and each can stop the chain. To check a judge, let the next judge of the same step read it by name."
KEY_NOT_HERE "E042" "the key does not belong to this kind of step"
    "`rounds` belongs to judges, `show` to people, `input`, `retry` and `concurrency` to agents. A judge has exactly the axes of the step that it judges, so it has neither `over` nor `collect`; and it judges each candidate, so it has no `cache`. Nor has a step whose agent is granted `http`, `kv` or `delegate`: what it reads there is not in its input, and what it changes would not be changed."
FEEDBACK_UNREAD "E043" "revisions without feedback"
    "A judge with `rounds` sends a candidate back with its reasons. A step that does not read `${feedback}` would do the same thing again, and be paid again."
READS_JUDGE "E044" "a judge is read from outside its chain"
    "What a judge says is read by later judges of the same step, by name, and by nobody else. Everybody else sees released cells only."
READS_OWN_SUBJECT "E045" "a judge reads the step that it judges by name"
    "By name it would read the released cell, which cannot exist before it has judged. The candidate is `${subject}`."
BAD_ASKING "E046" "the times of a question do not fit together"
    "`timeout` says how long a question to people stays open, `on-timeout` what is decided then, `remind` how often it is told of again meanwhile. So `on-timeout` needs a `timeout`, `remind` is shorter than `timeout`, and neither is less than a second."

// Expressions.
EXPRESSION_SYNTAX "E050" "the expression cannot be read"
    "`${…}` holds an expression in CEL, the Common Expression Language. A text that shall hold these characters writes `$${`."
EXPRESSION_BOUND "E051" "the expression is too large"
    "An expression has at most 1 KiB, its brackets are at most 32 deep, and `map`, `filter`, `all`, `exists` and `exists_one` do not stand inside one another. These bounds keep its time bounded; what needs more is work for an agent."
UNKNOWN_NAME "E052" "the expression names something that is not there"
    "In scope are `input`, the steps by name, `axis`, `round`, `feedback`, `subject` (in judges), `assets` and `run.id`. Axes and [matrix] see less: `input`, and steps without axes."
UNKNOWN_FUNCTION "E053" "no such function"
    "Expressions have `size`, `contains`, `startsWith`, `endsWith`, `string`, `int`, `double`, `bool`, `has`, and the macros `map`, `filter`, `all`, `exists`, `exists_one`. There is none for time or chance: the same input gives the same result, so that a run can be replayed."
UNKNOWN_FIELD "E054" "no such field"
    "The value has a schema (of the pipeline's input, or of an agent's output), and that schema has no such field. An expression would fail for each cell at run time."
NOT_AN_EXPRESSION "E055" "this key takes one expression"
    "`when` is exactly one `${…}` that gives a boolean; the source of an axis is a list or exactly one `${…}` that gives one."
FORGED_ARTIFACT "E056" "artifact references cannot be written down"
    "Only the host mints references (`{\"$artifact\": …}`). A pipeline passes on those that steps give, and names files as `${assets.NAME[\"FILE\"]}`."

// Schemas.
SCHEMA_REFUSED "E060" "the schema is not admitted"
    "A JSON Schema (draft 2020-12) has at most 64 KiB, is at most 32 deep, refers only to itself, and has at most 10 000 nodes when each reference is expanded."
SCHEMA_UNREADABLE "E061" "the schema cannot be read"
    "`input` of a pipeline is the path of a JSON Schema beside the pipeline's file, without leaving the project, or an inline table such as { subject = \"string\", locales = [\"string\"] }. Its types are string, integer, number, boolean, object and any; a list is [type], a table is an object; a name that ends in `?` is optional."
INPUT_MISMATCH "E062" "what the step gives is not what the agent takes"
    "The agent's profile says in its input schema which fields it needs, and often that it takes no others. A step that gives something else would fail in each cell."
NO_VERDICT "E063" "a judge that cannot judge"
    "An agent judge answers { verdict: \"pass\" | \"revise\" | \"veto\", score: 0 to 1, reasons: [{ rule, message, fix }] }. The output schema of this agent has no verdict, so each of its answers would count as a veto."

// Powers.
ASSET_NOT_GRANTED "E070" "an asset in the input of an agent that is not granted it"
    "A file of an asset folder reaches an agent only if the operator grants the folder to that agent, in bailiwick.toml: the pipeline grants nothing. The hint has the line."
IMPORT_NOT_GRANTED "E071" "the component imports what it was not granted"
    "The imports of a component are the list of what it could ever ask for. One that no grant covers is refused before any of its code runs."
ABOVE_CEILING "E072" "a grant above the ceiling"
    "What an agent may do is what its operator grants, within what the admin of this host allows in policy.toml. A grant above that is an error here, and would be denied there."
BAD_ROUTE "E073" "the route cannot be used"
    "A route is a provider (builtin, openai, anthropic), a model and, if it is not the vendor's own, a base URL: http or https, a host, no user, no password, no query, no fragment. `builtin` has neither base nor model."
BAD_FOLDER "E074" "the folder or root cannot be used"
    "Folders of a project are relative to it and stay inside it; roots in policy.toml are absolute. Neither has `.` or `..` in it."
BAD_CURRENCY "E075" "amounts in two currencies"
    "All prices and budgets of a project, and those of the policy it runs under, are in one currency: amounts are added and compared, and no host knows a rate. The message names both places."
UNPRICED_ROUTE "E076" "money is bounded and a route has no price"
    "A budget in money (`grants.model.money`, the `money` of a ceiling, of a step's `budget` or of `per-day`) can be kept only where each call has a price. Write what the provider charges beside the route, for a million tokens and for a picture: price = { input = \"3 USD\", output = \"15 USD\", image = \"0.04 USD\" }. `builtin` and models on this machine cost nothing unless they are given a price."
BAD_RULE "E077" "the rule for requests cannot be used"
    "A rule of `http` names one host (or all names below one that is somebody's own, as \"*.example.com\"), paths such as \"/v1/*\", methods, headers, sizes and the network that the host is in. Hosts and paths are written as they stand in URLs: lower case, punycode, without dots at their end, without `..`. A registry of [sources] registries is written the same way, and travels by https unless it is at this machine's loopback."
BAD_CREDENTIAL "E078" "the credential cannot be used"
    "A credential is defined in policy.toml: one of `env`, `file` and `command`, the `origin` that it is bound to, and the `header` or the parameter of the `query` that it goes out in, or `sign` where it signs what is sent. A grant names it and its very origin; it is sent nowhere else."

// Decisions.
BAD_DECISION "E080" "the rule decides nothing"
    "A rule of decisions.toml says approve, reject or edit; only edit has a `value`, and it must have one: the new output of the judged step."
NOT_ASKED "E081" "nobody is asked there"
    "A rule answers a question to people: its `step` is a judge with `people`, and `where` names axes of the step that it judges."

// Labels and origin.
UNKNOWN_LABEL "E090" "no such label"
    "Labels are public < internal < confidential unless policy.toml names others: [labels] order = [\"…\"], the lowest first. bailiwick.toml, the other keys of policy.toml and `--label` use those names."
BAD_LABELS "E091" "the labels do not fit together"
    "An order has 1 to 16 labels, each once. A rule of [[declassify]] lowers: `to` stands below `from`; it names at least one group that may do it (`by`) and one pipeline in which it may (`pipelines`). Each origin and each root is named once."
NOT_CLEARED "E092" "what a step may know may not go where it can send"
    "A step's label is the join of the labels of all it may read: its inputs, its axes, its `when`, and everything that its grants let it read, used or not. Every place that its grants let it send to must be cleared for that label, whatever the agent does at run time, so that nothing it is told can talk it into sending. Three things change it: raise the clearance of the place in policy.toml (the admin's), grant the agent less to read, or let people release what it reads, under a [[declassify]] rule. `bailiwick check --labels` shows the way of each label."
OUTSIDE_CHANGES "E093" "what outsiders wrote steers something that changes things"
    "What comes from outside (collections with trust = \"outside\", answers of the web, namespaces whose writers may be steered, and whatever read them) may hold instructions to the agent. A step that reads it may not hold a power that changes anything outside of the run (a rule of http with a method besides GET and HEAD, a namespace that it writes, an agent that it may call and that holds one), unless the grant says even-if = \"outside\". A judge of people that is always asked, and that no timeout answers for, makes what it releases trusted."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        for pair in PAGES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} {}", pair[0].code, pair[1].code);
        }
        assert_eq!(page("E031").map(|page| page.code), Some("E031"));
        assert_eq!(page("E999"), None);
    }

    #[test]
    fn pages_say_more_than_their_title() {
        for page in PAGES {
            assert!(
                page.text.len() > page.title.len() && page.text.ends_with('.'),
                "{}",
                page.code
            );
            assert!(!page.title.ends_with('.'), "{}", page.code);
        }
    }
}
