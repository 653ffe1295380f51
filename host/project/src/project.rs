//! `bailiwick.toml`: what each agent name means, its grants and limits, models and folders. Reads no other file.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::{Currency, Diagnostic, Name, Place};
use bailiwick_policy::grants::{ArtifactsGrant, ModelGrant};
use bailiwick_policy::intersect::{Excess, RequestedLimits};
use bailiwick_policy::{Grants, HttpPower, Policy, Route, Trust};
use toml::Spanned;

use crate::codes;
use crate::delegates::{self, delegate_grant};
use crate::entries::{Entries, as_table};
use crate::findings::{Findings, sort};
use crate::folders::inside;
use crate::keys::{self, FileKind};
use crate::kv::{Namespace, kv_grant, namespaces};
use crate::limits::requested_limits;
use crate::nearest::did_you_mean;
use crate::retention::Retention;
use crate::routes::route;
use crate::run_pin::RunPin;
use crate::web::{Side, rules};

/// The longest part of a dotted key whose place is kept: what keys and names of ours have.
const KEY_MAX: usize = 64;

/// A project, as its operator wrote it.
#[derive(Clone, Debug)]
pub struct Project {
    /// The file as people know it.
    pub file: String,
    /// By the names that pipelines use.
    pub agents: BTreeMap<Name, Agent>,
    /// The routes of each alias, in order.
    pub models: BTreeMap<Name, Vec<Route>>,
    /// Where each route stands.
    route_places: BTreeMap<Name, Vec<Place>>,
    /// The currency of its amounts and where the first one stands, where it has any.
    pub currency: Option<(Currency, Place)>,
    /// Collections.
    pub knowledge: BTreeMap<Name, Folder>,
    /// The model that embeds each collection which is searched by meaning too.
    pub embedders: BTreeMap<Name, Name>,
    /// Asset folders.
    pub assets: BTreeMap<Name, Folder>,
    /// Namespaces of values that last from run to run.
    pub kv: BTreeMap<Name, Namespace>,
    /// How long runs and their values are kept.
    pub retention: Retention,
    /// What a swap means for runs that go.
    pub pin: RunPin,
}

/// What an agent name means.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Folder of a built agent or a file, as written: relative to the project.
    pub component: String,
    /// What it was granted.
    pub grants: Grants,
    /// What it asks of the sandbox.
    pub limits: RequestedLimits,
    /// Where its name stands.
    pub place: Place,
    /// Where its keys stand, as `grants.model.tokens` or `limits.wall`.
    keys: BTreeMap<String, Place>,
}

/// A folder of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Relative to the project, without `.` and `..`, with `/`.
    pub path: String,
    /// Where it is written.
    pub place: Place,
    /// How confidential the operator says it is, in the words of whatever policy holds, and where.
    pub label: Option<(String, Place)>,
    /// Whether others wrote what is in it.
    pub trust: Trust,
}

impl Agent {
    /// Where a key stands, or the nearest table around it that is written down.
    #[must_use]
    pub fn place_of(&self, key: &str) -> &Place {
        let mut key = key.split(' ').next().unwrap_or_default();
        loop {
            match (self.keys.get(key), key.rsplit_once('.')) {
                (Some(place), _) => return place,
                (None, Some((outer, _))) => key = outer,
                (None, None) => return &self.place,
            }
        }
    }
}

impl Project {
    /// Reads `bailiwick.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it, by place.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(file, text);
        let project = keys::checked(FileKind::Project.keys(), &mut findings)
            .map(|table| Self::of(Entries(table.get_ref()), &mut findings));
        findings.or(project)
    }

    fn of(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> Self {
        let mut project = Self {
            file: findings.file.to_owned(),
            agents: BTreeMap::new(),
            models: BTreeMap::new(),
            route_places: BTreeMap::new(),
            currency: None,
            knowledge: folders(root, "knowledge", findings),
            embedders: BTreeMap::new(),
            assets: folders(root, "assets", findings),
            kv: namespaces(root, findings),
            retention: root.table("retention").map(Retention::of).unwrap_or_default(),
            pin: root.table("run").map(RunPin::of).unwrap_or_default(),
        };
        for (name, _, model) in named(root, "models") {
            let none = model.items("routes").next().is_none();
            let routes = model.items("routes").filter_map(as_table);
            let routes: Vec<_> = routes.filter_map(|table| route(table, findings)).collect();
            if none && let Some(key) = model.key_span("routes") {
                findings.report(
                    codes::BAD_ROUTE,
                    key,
                    format!("`{name}` needs at least one route"),
                );
            }
            let places = model.items("routes").map(|node| findings.place(node.span()));
            project.route_places.insert(name.clone(), places.collect());
            project.models.insert(name, routes);
        }
        project.embedders = project.embedders(root, findings);
        let agents = named(root, "agents");
        let names: Vec<_> = agents.iter().map(|(name, ..)| name.clone()).collect();
        for (name, place, table) in agents {
            let agent = project.agent((&name, &names), place, table, findings);
            project.agents.insert(name, agent);
        }
        delegates::judge(&project.agents).into_iter().for_each(|found| findings.push(found));
        project.currency = findings.stated();
        project
    }

    /// One route only: vectors of two models cannot be compared.
    fn embedders(
        &self,
        root: Entries<'_, '_>,
        findings: &mut Findings<'_>,
    ) -> BTreeMap<Name, Name> {
        let mut embedders = BTreeMap::new();
        for (collection, _, table) in named(root, "knowledge") {
            let Some(alias) = table.name("embed") else { continue };
            match self.models.get(alias.get_ref()) {
                Some(routes) if routes.len() > 1 => {
                    let message = format!(
                        "`{}` embeds a collection and has {} routes",
                        alias.get_ref(),
                        routes.len()
                    );
                    let hint =
                        "vectors of two models cannot be compared: name a model with one route";
                    findings.report_with(codes::BAD_ROUTE, alias.span(), message, hint);
                }
                Some(_) => {
                    embedders.insert(collection, alias.into_inner());
                }
                None => {
                    let known = self.models.keys().map(Name::as_str);
                    let message = format!("there is no [models.{}]", alias.get_ref());
                    let hint = did_you_mean(alias.get_ref().as_str(), known)
                        .unwrap_or_else(|| format!("declare it as [models.{}]", alias.get_ref()));
                    findings.report_with(codes::UNKNOWN_MODEL, alias.span(), message, hint);
                }
            }
        }
        embedders
    }

    fn agent(
        &self,
        (name, agents): (&Name, &[Name]),
        span: std::ops::Range<usize>,
        table: Entries<'_, '_>,
        findings: &mut Findings<'_>,
    ) -> Agent {
        let mut keys = BTreeMap::new();
        places(table, "", &mut keys, findings);
        let grants = match table.table("grants") {
            Some(grants) => self.grants((name, agents), grants, findings),
            None => Grants::none(),
        };
        let limits = match table.table("limits") {
            Some(limits) => requested_limits(limits, findings),
            None => RequestedLimits::default(),
        };
        Agent {
            component: table.text("component").map(Spanned::into_inner).unwrap_or_default(),
            grants,
            limits,
            place: findings.place(span),
            keys,
        }
    }

    fn grants(
        &self,
        (agent, agents): (&Name, &[Name]),
        table: Entries<'_, '_>,
        findings: &mut Findings<'_>,
    ) -> Grants {
        let mut grants = Grants::none();
        if let Some(model) = table.table("model") {
            let known: Vec<_> = self.models.keys().collect();
            let budget = findings.budget(model);
            grants.model = Some(ModelGrant {
                aliases: granted(
                    &model.names("use"),
                    &known,
                    codes::UNKNOWN_MODEL,
                    "models",
                    findings,
                ),
                calls: budget.calls,
                tokens: budget.tokens,
                money: budget.money,
            });
        }
        let known: Vec<_> = self.knowledge.keys().collect();
        grants.knowledge = granted(
            &table.names("knowledge"),
            &known,
            codes::UNKNOWN_COLLECTION,
            "knowledge",
            findings,
        );
        let known: Vec<_> = self.assets.keys().collect();
        grants.assets =
            granted(&table.names("assets"), &known, codes::UNKNOWN_ASSET, "assets", findings);
        grants.http = HttpPower { rules: rules(table, Side::Grant, findings), ..HttpPower::none() };
        grants.artifacts =
            table.table("artifacts").map(|artifacts| ArtifactsGrant { put: artifacts.size("put") });
        grants.delegate = delegate_grant(table, agents, findings);
        grants.kv = table.table("kv").and_then(|kv| kv_grant(agent, kv, &self.kv, findings));
        grants
    }

    /// An amount of the policy in another currency than the project's: an error.
    #[must_use]
    pub fn other_currency(&self, policy: &Policy) -> Option<Diagnostic> {
        let (own, place) = self.currency.as_ref()?;
        let stated = policy.currency.as_ref().filter(|stated| stated.currency != *own)?;
        let message = format!("this is in {own}, and {} is in {}", stated.at, stated.currency);
        let hint = "all amounts of a project and of its policy are in one currency";
        Some(Diagnostic::error(codes::BAD_CURRENCY, message).at(place.clone()).hint(hint))
    }

    /// Takes this route for an alias instead of its own, as `--model` says. A route that
    /// the file names too keeps its price: a command line has no place for one.
    pub fn replace_routes(&mut self, alias: Name, route: Route) {
        let same = |known: &&Route| {
            (known.provider, &known.base, &known.model)
                == (route.provider, &route.base, &route.model)
        };
        let price = self.models.values().flatten().find(same).and_then(|known| known.price);
        self.models.insert(alias, vec![Route { price: route.price.or(price), ..route }]);
    }

    /// Where a route of an alias stands; for one of the command line, the first of the
    /// file that it stands for.
    #[must_use]
    pub fn route_place(&self, alias: &Name, index: usize) -> Option<&Place> {
        let places = self.route_places.get(alias)?;
        places.get(index).or(places.first())
    }

    /// One grant above the ceiling, as an error at the key that grants it.
    #[must_use]
    pub fn excess(&self, agent: &Name, excess: &Excess) -> Diagnostic {
        let Excess { key, granted, allowed, rule } = excess;
        let rule = rule.as_ref().map_or_else(
            || "write a rule for it in policy.toml, or take another component".to_owned(),
            |rule| {
                format!(
                    "[ceiling.{:?}] in policy.toml says so; lower the grant or ask the admin",
                    rule.as_str()
                )
            },
        );
        let message = format!(
            "`{agent}` is granted more than the ceiling: {key} is {granted}; the ceiling: {allowed}"
        );
        let found = Diagnostic::error(codes::ABOVE_CEILING, message).hint(rule);
        match self.agents.get(agent) {
            Some(agent) => found.at(agent.place_of(key).clone()),
            None => found,
        }
    }

    /// Rules for requests that can never let anything through: a warning each.
    #[must_use]
    pub fn idle_rules(&self) -> Vec<Diagnostic> {
        let rules = self.agents.iter().flat_map(|(name, agent)| {
            agent.grants.http.rules.iter().filter_map(move |rule| {
                let why = rule.idle()?;
                let message =
                    format!("a rule of `{name}` for {} lets nothing through: {why}", rule.host);
                let place = agent.place_of("grants.http").clone();
                Some(Diagnostic::warning(codes::BAD_RULE, message).at(place))
            })
        });
        rules.collect()
    }

    /// The imports of an agent's component that no grant covers. `imports` are
    /// interface names of the contract, such as `model`, each with the names or hosts
    /// that the component wants of it; `log` and `types` need no grant.
    #[must_use]
    pub fn uncovered_imports<'i>(
        &self,
        agent: &Name,
        imports: impl IntoIterator<Item = (&'i str, Vec<String>)>,
    ) -> Vec<Diagnostic> {
        let Some(owner) = self.agents.get(agent) else { return Vec::new() };
        let uncovered =
            imports.into_iter().filter(|(import, _)| !owner.grants.covers_import(import));
        let mut found: Vec<_> = uncovered
            .map(|(import, wanted)| {
                let line = grant_line(import, &wanted).unwrap_or_else(|| {
                    format!("nothing grants `{import}`; build the component without it")
                });
                let message =
                    format!("the component of `{agent}` imports `{import}`, which is not granted");
                Diagnostic::error(codes::IMPORT_NOT_GRANTED, message)
                    .at(owner.place.clone())
                    .hint(format!("under [agents.{agent}]: {line}"))
            })
            .collect();
        sort(&mut found);
        found
    }
}

/// The line of `bailiwick.toml` that grants an interface of the contract, with the
/// names, or hosts, that the component wants of it; where it does not say, words to be
/// replaced.
#[must_use]
pub fn grant_line(interface: &str, wanted: &[String]) -> Option<String> {
    let names = |else_: &str| match wanted {
        [] => format!("[{else_:?}]"),
        names => format!("{names:?}"),
    };
    match interface {
        "model" => Some(format!("grants.model = {{ use = {} }}", names("ALIAS"))),
        "knowledge" => Some(format!("grants.knowledge = {}", names("COLLECTION"))),
        "http" => {
            let rule = |host: &str| {
                format!("{{ host = {host:?}, methods = [\"GET\"], paths = [\"/v1/*\"] }}")
            };
            let rules: Vec<_> = match wanted {
                [] => vec![rule("api.example.com")],
                hosts => hosts.iter().map(|host| rule(host)).collect(),
            };
            Some(format!("grants.http = [{}]", rules.join(", ")))
        }
        "artifacts" => Some("grants.artifacts = { put = \"64 MiB\" }".to_owned()),
        "kv" => Some("grants.kv = { namespace = \"NAMESPACE\" }".to_owned()),
        "delegate" => Some(format!("grants.delegate = {}", names("AGENT"))),
        _ => None,
    }
}

/// The named tables under a key, with where each name stands, in file order.
pub(crate) fn named<'n, 't>(
    root: Entries<'n, 't>,
    key: &str,
) -> Vec<(Name, std::ops::Range<usize>, Entries<'n, 't>)> {
    let Some(tables) = root.table(key) else { return Vec::new() };
    let all = tables.in_order().into_iter();
    all.filter_map(|(name, node)| {
        Some((Name::new(name.get_ref()).ok()?, name.span(), as_table(node)?))
    })
    .collect()
}

fn folders(
    root: Entries<'_, '_>,
    key: &str,
    findings: &mut Findings<'_>,
) -> BTreeMap<Name, Folder> {
    let mut found = BTreeMap::new();
    for (name, _, table) in named(root, key) {
        let Some(folder) = table.text("folder") else { continue };
        let path = inside("", folder.get_ref());
        if path.is_none() {
            let message = format!("{:?} is no folder inside the project", folder.get_ref());
            let hint = "write it relative to this file, without `..`";
            findings.report_with(codes::BAD_FOLDER, folder.span(), message, hint);
        }
        let label = table.text("label").map(|label| {
            let place = findings.place(label.span());
            (label.into_inner(), place)
        });
        let outside = table.text("trust").is_some();
        let trust = if outside { Trust::Outside } else { Trust::Trusted };
        // Known even where its path is wrong: who names it is not wrong too.
        let path = path.unwrap_or_default();
        let place = findings.place(folder.span());
        found.insert(name, Folder { path, place, label, trust });
    }
    found
}

fn granted(
    names: &[Spanned<Name>],
    known: &[&Name],
    code: &'static str,
    table: &str,
    findings: &mut Findings<'_>,
) -> BTreeSet<Name> {
    let mut granted = BTreeSet::new();
    for name in names {
        if !known.contains(&name.get_ref()) {
            let message = format!("there is no [{table}.{}]", name.get_ref());
            let hint = did_you_mean(name.get_ref().as_str(), known.iter().map(|n| n.as_str()))
                .unwrap_or_else(|| format!("declare it as [{table}.{}]", name.get_ref()));
            findings.report_with(code, name.span(), message, hint);
        }
        if !granted.insert(name.get_ref().clone()) {
            findings.report(
                codes::DUPLICATE,
                name.span(),
                format!("`{}` stands twice", name.get_ref()),
            );
        }
    }
    granted
}

/// Where each key below an agent stands, by its dotted name.
fn places(
    table: Entries<'_, '_>,
    above: &str,
    keys: &mut BTreeMap<String, Place>,
    findings: &Findings<'_>,
) {
    // Of a name that no key has nothing is asked, and each of these is written out whole.
    for (key, node) in
        table.in_order().into_iter().filter(|(key, _)| key.get_ref().len() <= KEY_MAX)
    {
        let dotted = if above.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{above}.{}", key.get_ref())
        };
        if let Some(inner) = as_table(node) {
            places(inner, &dotted, keys, findings);
        }
        keys.insert(dotted, findings.place(key.span()));
    }
}
