//! The codes of what can be wrong outside of the three files, with their pages.

pub use bailiwick_project::codes::Page;

macro_rules! pages {
    ($($name:ident $code:literal $title:literal $text:literal)*) => {
        $(#[doc = concat!("`", $code, "`: ", $title, ".")] pub const $name: &str = $code;)*

        /// All pages of this crate, by code.
        pub static PAGES: &[Page] = &[$(Page { code: $code, title: $title, text: $text }),*];
    };
}

pages! {
NO_PROJECT "E101" "there is no project here"
    "A project is a folder with a bailiwick.toml. It is looked for in the current folder and then in each folder above it; `--project DIR` names one. `bailiwick init DIR` makes one that runs."
UNREADABLE "E102" "a file cannot be read"
    "The file does not exist, or this user may not read it, or it is larger than a file of its kind may be."
NO_PIPELINE "E103" "there is no such pipeline"
    "Pipelines are the files pipelines/NAME.toml of a project. With one pipeline the name may be left out."
NOT_BUILT "E110" "the agent is not built"
    "`component = \"FOLDER\"` means the one component in FOLDER/dist. Opening a project runs none of its code and no compiler, so the agent has to be built before: `bailiwick build FOLDER`, or `--build` with `bailiwick run`."
BAD_COMPONENT "E111" "the file is no agent"
    "A component is a WebAssembly component that exports the contract's `agent` interface in a version that this host speaks. The message says what was found instead. `bailiwick inspect FILE` shows what is in it, without running it."
UNSERVED "E193" "the component speaks a version of the contract that this host does not serve"
    "What a host and an agent say to each other is the contract, and its version stands in the component's imports and exports, as in bailiwick:agent/agent@0.1.0. A host serves every version that was released before it was; `bailiwick --version` lists them. It guesses nothing: 0.1.1 is another version than 0.1.0. Run a component of a later version on a later bailiwick, or build it with the SDK that the message names. Nothing of it was compiled or run."
NO_ONE_VERSION "E194" "the component does not say one version of the contract"
    "Each import and export of the contract ends with its version, and one component speaks one version: its powers, its record and its signature are of one. What names several is mostly put together of parts that were built with different SDKs; what names none was not made by an SDK. Build all of it with the SDK that the message names. Nothing of it was compiled or run."
NO_PROFILE "E112" "the component does not say what it is"
    "An agent's profile (name, version, schemas) is embedded into its file when it is built, so that a host can read it without running the agent. For a component that was made elsewhere, `bailiwick build DIR` embeds it: name the file in DIR/agent.toml as [build] module = \"FILE.wasm\"."
OTHER_PROFILE "E113" "the agent is not what its file says"
    "The profile that is embedded in the file and the one that the agent answers must agree. This file was changed after it was built, or built by something else: build it again."
NOT_ADMITTED "E114" "the sandbox does not load the component"
    "The component could not be compiled or linked. The message names the rule: its size, an import that this host does not offer, an import that no grant covers, or code that is not valid."
OUTSIDE_ROOTS "E115" "the component lies where policy does not allow unsigned ones"
    "policy.toml lists in [sources] roots the folders below which unsigned components may lie. Put the file there, or ask the admin."
BAD_INPUT "E120" "the input is not what the pipeline takes"
    "`--input` is a JSON document that is valid against the pipeline's `input`. The message names each place that is not, as a JSON Pointer."
BAD_FILE "E121" "a file of the input cannot be taken"
    "`{\"$file\": \"PATH\"}` in the input brings a file in. The path is relative to the input file, does not leave its folder, passes no link, and the file has at most 64 MiB."
BAD_FOLDER "E122" "a folder of the project cannot be taken"
    "A collection or asset folder is missing, is reached through a link, or is larger than a folder of its kind may be."
BAD_OVERRIDE "E123" "`--model` cannot be understood"
    "It is ALIAS=PROVIDER:MODEL[@BASE_URL], for example writer=openai:llama-3.3-70b@http://127.0.0.1:8080/v1, or ALIAS=builtin. The alias is one of [models] in bailiwick.toml."
NOT_A_PERSON "E124" "nobody who may decide"
    "decisions.toml, the terminal and commands such as `bailiwick approve` decide as the OS user who runs them; a host that runs is told by the kernel who asks. policy.toml names that user under [people.NAME], with the groups that he is in and what he may: answering takes `may = [\"approve\"]` and one of the groups that the question is put to. While no host drives the runs of a data folder, only its owner decides."
RUN_EXISTS "E125" "there is a run of this id already"
    "Each run has an id of its own in its data folder. Leave `--run-id` out and one is made, or choose another."
BAD_RUN_ID "E126" "not a run id"
    "The id of a run is a folder name and a log column: it matches [a-zA-Z0-9][a-zA-Z0-9._-]* and has at most 64 bytes."
BAD_INJECT "E127" "`--inject` cannot be understood"
    "It makes something go wrong on purpose, for drills: crash-after=FACT:N, crash-before=FACT:N, fail-append=N[..M], full-disk-at=N, slow-sync=MILLIS, provider-unavailable=N[..M], provider-slow=MILLIS, web-unavailable=N[..M], web-lost=N[..M], web-status=CODE:N[..M], web-slow=MILLIS, web-crash-before=N, web-crash-after=N. FACT is a name as `bailiwick run --json` prints it, N counts from 1. docs/drills.md says what each does."
BAD_NAME "E129" "not a name for an agent"
    "The name of a new agent is its folder's and what projects call it: it matches [a-z][a-z0-9_]* and has at most 64 bytes."
HELD "E130" "the data folder is in use"
    "One process at a time writes in a data folder. The message says which one does; `--data DIR` takes another folder."
STORAGE "E131" "the data folder cannot be used"
    "The folder cannot be made, read or written, or was made by a newer version. The message has the system's words."
OUT "E132" "the output cannot be written"
    "`--out DIR` is a folder that does not exist yet, an empty one, or one that an earlier run wrote. Anything else is left as it is."
HOST "E133" "this machine cannot run agents"
    "The engine did not start. `bailiwick doctor` says more."
NO_RUN "E134" "there is no such run"
    "`bailiwick runs` lists the runs of a data folder."
NO_CODE "E135" "there is no such code"
    "Codes are `E` and three digits. Each problem that is shown has one, and each has a page."
NO_QUESTION "E136" "there is no such question"
    "The id of a question is RUN/STEP/CELL/ROUND. `bailiwick approvals` lists those that are open."
NOT_TAKEN "E137" "the answer is not taken"
    "A question is answered once: the same answer again changes nothing and is no error, another one is refused. A question about a cell that has ended, or about a candidate that is another one since, is withdrawn. An answer that names the candidate it is about (`--subject`) counts for that one only. An edit takes one of the judge's `rounds`, must fit the schema of the agent whose output it replaces, and holds no artifact that the candidate had not. Nothing was changed."
BAD_SUBJECT "E138" "`--subject` does not fit"
    "It is the digest of the candidate that somebody was shown, as `bailiwick approvals` prints it, and is said once for each question in the same order, or not at all."
CHANGED "E141" "the run was started with something else"
    "A run goes on with the files and components that it was started with; they are kept in its data folder. A run of an older version kept nothing, so it needs the same files again. `bailiwick resume RUN --repin budgets,grants,components` takes today's on purpose."
ENDED "E142" "the run has ended"
    "What is done, failed or cancelled does not go on. `bailiwick resume RUN --retry-failed` does the cells of a failed run again that failed, and nothing that was finished."
BAD_REPIN "E143" "`--repin` cannot be understood"
    "It is a list of what a run is to take from today's files instead of what it was started with: budgets (the numbers of grants and steps), grants (with the limits), components. An attempt that has a record goes on with its own component."
SERVED "E150" "the host does not serve this"
    "A resident host (`bailiwick serve`) runs the pipelines of the projects that it was started with, each under the name of its folder: `bailiwick submit PROJECT/PIPELINE`. While it shuts down it takes nothing more."
MAY_NOT "E151" "this user may not ask this of the host"
    "A resident host is told by the kernel which OS user asks. policy.toml names people under [people.NAME] with what each may: `submit` starts, pauses, resumes and cancels runs, `approve` answers questions. Whom it does not name may nothing; without a policy.toml only the user who runs the host is somebody."
BAD_SET "E145" "`--set` cannot be understood"
    "It is PATH=VALUE: the path names a member of the input of the older run, item numbers of lists included, with dots between (`brief.locales.0`); the value is JSON, or a text where it is none. The input as it is then must fit the pipeline's `input`. Files cannot be brought in this way."
BAD_FORK "E146" "the run cannot be forked so"
    "`bailiwick fork RUN --from STEP` makes a new run of today's pipeline, which must be the one of that run and have that step. What equals an attempt of the older run above the step is taken from it; the step, its judges and everything that depends on them is done anew."
NOT_EXPORTED "E147" "this user may not export runs"
    "An exported run holds everything that its agents read and wrote. Where policy.toml names people, exporting takes `may = [\"export\"]` of [people.NAME]."
NOT_IMPORTED "E148" "the file is not what was exported"
    "Every byte of an export follows from the run: the links of its entries, the digests of texts and blobs, the form of the archive. The message names the first part that differs. The file was changed, cut off on its way, or is another one; fetch it again. That nothing is missing at the end is only known by who was told the last link elsewhere: `bailiwick export` and `bailiwick import` print it."
NOT_REPLAYED "E144" "there is nothing to replay"
    "`bailiwick replay RUN` executes the ended attempts of a run again on what was written down: on the components that the run keeps in its data folder, or with `--with COMPONENT --step STEP` on another one. A run of an older version kept no components. `bailiwick show RUN` lists steps and cells."
BAD_REVOKE "E170" "no such power to take away"
    "`bailiwick revoke NAME POWER`: the name is an agent's in bailiwick.toml, or PUBLISHER/NAME of a component (`local/…` where it is unsigned) under whatever name; the power is `all`, or a key of grants such as model, knowledge, assets, artifacts, http, kv, or a part of one such as model.writer, knowledge.brand, http.api.example.com, artifacts.put, kv.write. docs/ceiling.md says what it does."
BAD_TRY "E171" "`--try` cannot be understood"
    "`bailiwick check --try REQUEST` judges one request that nobody makes, as the gate would: AGENT model ALIAS, AGENT knowledge NAME, AGENT artifacts put SIZE, AGENT artifacts get, AGENT http METHOD URL, AGENT kv get|list|set|delete [NAMESPACE]. It ends with 0 where it would be let through and with 1 where it would not."
NOT_LOCKED "E176" "the component is not the one of bailiwick.lock"
    "bailiwick.lock says which bytes an agent name means, who signed them, and with which key. What is loaded must be exactly that: a file that was changed, exchanged or signed anew is another component. Where the new one is meant, `bailiwick update NAME` shows it and takes it. Where it is not, put the old one back: nothing was loaded."
BAD_SIGNATURE "E177" "the signature does not hold"
    "NAME.wasm.minisig is made over the bytes of NAME.wasm and over a statement of its publisher, name, version, digest, size, contract and date. It counts where a key of that publisher in policy.toml made it, within the days of that key; a key signs for its own publisher alone. `minisign -Vm NAME.wasm -p KEY.pub` checks the same without this program. docs/plugins.md says more."
NO_PUBLISHER "E178" "the publisher is not admitted here"
    "policy.toml names under [publishers.NAME] whose components are admitted on this host, with their keys. A signature by anybody else says nothing here, and what is signed is never taken as though it were not. The admin learns the publisher's key on another way than the component came, and writes it down."
REVOKED "E179" "the key or the component is revoked"
    "policy.toml lists under [revoked] keys and digests that nobody is to use any more. Nothing of them is loaded, runs that were started with them do not go on, and what was running ended at its next call. The publisher ships a new version with another key, or the admin takes the line out."
ASKS_MORE "E180" "the new version asks for more powers"
    "What an author asks for grants nothing, but whoever granted powers to an agent weighed what it asked for then, and who answered for it. `bailiwick update NAME` takes a version that asks for more, that another publisher signed or nobody, or that is another component by name, only with `--accept`, which is written into bailiwick.lock with the person. Nothing was changed."
LOWER_VERSION "E181" "the version is lower than one that was there"
    "bailiwick.lock remembers the highest version that an agent name ever had: an older one may be signed as well as a newer one, and have what the newer one mended. `--downgrade` takes it all the same, and is written into bailiwick.lock with the person. What is no version of three numbers (1.2.0) can only be compared with itself. Nothing was changed."
BAD_KEY "E182" "the key cannot be used for signing"
    "`--key FILE` is a secret key of minisign, as `bailiwick keygen` or `minisign -G` makes it: two lines, readable by its owner alone (chmod 600). One with a password is asked for on the terminal. The publisher stands in agent.toml as [pack] publisher, or is named with --publisher."
NOT_ADDED "E183" "the component is not added, updated or removed"
    "`bailiwick add SOURCE` takes a file, a built folder or oci://REGISTRY/NAME:VERSION, under the name of its profile or under `--name`. An agent name means one component: what is there already is changed by `bailiwick update NAME [--to SOURCE]`. bailiwick.toml and bailiwick.lock are changed together or not at all."
NOT_SUGGESTED "E172" "no smaller grant can be suggested"
    "`bailiwick suggest-grants` computes a smaller grant, writes it into a copy of bailiwick.toml, checks that, and executes the recorded runs again under it. The message says which of these did not come out equal: then nothing is printed as a suggestion, and nothing is written. Where bailiwick.toml has a key in a form that cannot be changed by itself, write it as `bailiwick check` shows it and try again."
CHANGED_MEANWHILE "E173" "bailiwick.toml has changed meanwhile"
    "`bailiwick suggest-grants --write` writes only over the very text that it has read and verified. Somebody has saved the file since: type the command again."
NO_SLOT "E188" "there is no such agent to swap"
    "`bailiwick swap NAME COMPONENT` points the agent NAME of a project at another component. NAME is a name under [agents] of its bailiwick.toml; a host with several projects wants PROJECT/NAME."
NOT_ACCEPTED "E189" "the new component wants more, or does not fit"
    "It imports or wants something that the one before did not, would have more powers under the same grants, is another agent by its own word, or has a schema that does not fit: an input that was taken would be refused, or an output that readers rely on is another one. Nothing has changed. Who wants it all the same says --accept; that is written down with the name."
NOT_EQUAL "E190" "the recorded cells do not come to the same"
    "With --require equal a component is committed only where the last recorded cells of this agent, done again on it with the recorded answers, ask the same and come to the same output. Nothing has changed. Cells that cannot be done again, and none at all, are no proof either."
NO_ROLLBACK "E191" "there is nothing to go back to"
    "`bailiwick swap NAME --rollback` goes back to the component before the last swap. There is none where nobody swapped, where the project's own file was overwritten in place, or where that file was changed since: then the file serves."
HOST_LEFT "E195" "the host ended in the middle of a swap"
    "A swap is committed when that is durable in the host's own stream: a host that ends before leaves the old component, one that ends after it the new one, and nothing between. `bailiwick swap --list` reads which, also while nobody serves the folder; the next host gives up what was only staged and says so in its stream (`bailiwick audit export`). To ask for the same swap again is safe: what serves already is not committed twice."
BAD_REFERENCE "E184" "the reference cannot be understood"
    "A component in a registry is oci://HOST[:PORT]/NAME:TAG, or oci://HOST[:PORT]/NAME@sha256:DIGEST for exactly these bytes. Neither the registry nor the tag is guessed: there is no registry that is meant where none is named, and no `latest`. Host and name are written as they stand in URLs, in lower case, without a port that is the usual one."
NOT_LISTED "E185" "the policy lists no such registry"
    "A host asks only the registries that policy.toml lists under [sources] registries, each with the names below which components are fetched and pushed: { at = \"ghcr.io/acme\" }. Without a policy.toml there is none. docs/registries.md has all keys."
NO_REGISTRY "E186" "the registry gave nothing this time"
    "It cannot be reached, is too slow, broke off, has too much to do or is in trouble of its own. Nothing was changed here, and what was fetched is thrown away. The same may go well another time; where the registry says when, the message does."
NOT_FROM_REGISTRY "E187" "what the registry gave is not taken"
    "It let nobody in, has nothing of that name, sent something else than it announced, or leads somewhere that policy.toml does not list. Nothing was changed here, and what was fetched is thrown away. Trying again changes nothing before somebody else does: the message names the line, where it is one of ours."
NOT_ITS_AGENT "E174" "the project has no agent of this folder"
    "`bailiwick dev FOLDER` builds the agent in FOLDER and runs it in a project: FOLDER/try, or the one of --project DIR. That project has to have an agent whose `component` is the folder, or the file that is built in it: component = \"..\" in try/bailiwick.toml, as `bailiwick new` writes it."
TOO_MANY_SOURCES "E175" "there is too much to watch"
    "`bailiwick dev` looks again and again at what the agent and its project are made of, and stops where that is more files than anybody writes. Folders of things that are made or fetched are left out (dist, target, node_modules, __pycache__, .venv and other hidden ones): what is fetched elsewhere belongs outside of the agent's folder."
NO_HOST "E152" "no host is reached"
    "Runs are submitted to, and paused in, a host that stays: `bailiwick serve --data DIR --project DIR…` with the same data folder, under the same user or with [host] group in policy.toml. Without one, `bailiwick run` runs a pipeline in the foreground."
CONTROL "E153" "the host and this program do not understand each other"
    "The messages on the control socket have a version, and both sides must speak the same one: use the program that serves the data folder, or restart the host with the new one after it has drained."
BUILD "E140" "the agent cannot be built"
    "The message and the compiler's output above say why. `bailiwick doctor` shows which toolchains are found; nothing is installed by itself, the message has the line that does it."
BAD_CASE "E196" "a case cannot be read"
    "An agent's cases are folders: cases/NAME/input.json holds what the agent is given, as a JSON document of at most 4 MiB. For `bailiwick test` something is expected beside it: expected.json, expected.schema.json or failure.json, with answers.json where it matters what the agent is told; or recorded.json, which `--record` makes. The message names the file that is missing or wrong. docs/authors.md has the form of each."
NOT_RECORDED "E197" "no case can be made of the run"
    "`bailiwick test AGENT --record RUN` makes a case of what the agent in that folder did in a run: of the last attempt of one cell, which ended by itself. The agent is known by the name in its profile. Where it did several cells, `--step STEP` and `--cell KEY` name one; `bailiwick show RUN` lists them. A case that is there is not overwritten."
NOT_TOML "E701" "agent.toml is not TOML"
    "`bailiwick build` reads agent.toml beside the agent's sources. The text cannot be read as TOML; all places that are wrong are listed."
WANTS_UNKNOWN_KEY "E702" "agent.toml has an unknown key"
    "agent.toml has [wants] with `model`, `knowledge`, `artifacts` and `http`, each with a reason, [build] with `language` and `entry`, or `module`, and [pack] with `publisher`. A key that nothing reads would look like a wish that somebody weighs."
WANTS_MISSING_KEY "E703" "agent.toml lacks a key"
    "A want names what is wanted and says why, in one sentence: an operator reads it before he grants anything."
WANTS_WRONG_VALUE "E704" "a value of agent.toml has another form than its key asks for"
    "`use` is a list of names, `put` a size such as \"16 MiB\", `reason` a text of at most 256 bytes, `module` and `entry` paths inside the folder, `language` one of \"rust\", \"python\" and \"typescript\"."
NOT_CLEARED "E160" "this user may not see it"
    "A run has labels: how confidential its input, its steps and the whole of it are. Whatever shows it (the terminal, `show`, `logs`, `approvals`, `runs`, `replay`, `--out`, `export`) shows it to somebody who is cleared for it in policy.toml, as clearance of [people.NAME]; nobody else is told more than that it is there. Without a policy.toml, the OS user who runs the host is cleared for everything."
EXISTS "E154" "there is something there already"
    "`bailiwick init` makes a new project, and `bailiwick new` a new agent, in a folder that does not exist yet, or is empty."
}

/// The page of a code of the three files, of `agent.toml` or of this crate.
#[must_use]
pub fn page(code: &str) -> Option<&'static Page> {
    bailiwick_project::codes::page(code).or_else(|| PAGES.iter().find(|page| page.code == code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_agent_toml_has_its_page() {
        use bailiwick_builder as builder;
        for code in
            [builder::NOT_TOML, builder::UNKNOWN_KEY, builder::MISSING_KEY, builder::WRONG_VALUE]
        {
            assert!(page(code).is_some(), "{code}");
        }
    }

    #[test]
    fn no_code_stands_twice() {
        let of_the_files = bailiwick_project::codes::PAGES.iter().map(|page| page.code);
        let mut codes: Vec<_> = PAGES.iter().map(|page| page.code).chain(of_the_files).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
